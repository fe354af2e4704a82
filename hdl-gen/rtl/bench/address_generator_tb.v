`default_nettype none
`timescale 1ns / 1ns
// One build of address_generator_tb: random layers and max-pools, each iteration against products
// of coordinates. With RINGS, sources lie in rings of any number of rows, a layer runs in visits
// of random length, and the state after one starts the next.
module generator_layers #(
    parameter TP = 4,
    parameter RINGS = 0,
    parameter LAYERS = 60
) (
    output reg finished
);
    `include "bench_common.vh"
    localparam TM = 4, BLOCKS = 2, AW = 12, RW = TP > 1 ? $clog2(TP) : 1;
    reg          rst = 1, start = 0, second = 0, ups_a = 0, ups_b = 0, phases = 0, pool = 0;
    reg          hold = 0, holds = 0, held = 0;
    reg  [3:0]   digits_m1 = 0;
    reg  [2:0]   pad_h = 0, pad_w = 0;
    reg  [3:0]   kernel_h_m1 = 0, kernel_w_m1 = 0;
    reg  [11:0]  width_m1 = 0, height_m1 = 0, groups_a_m1 = 0, groups_b_m1 = 0, out_m1 = 0;
    reg  [11:0]  first_row = 0, rows_m1 = 0, at_a = 0, at_b = 0, ring_m1_a = 0, ring_m1_b = 0;
    reg  [7:0]   last_lanes = 1;
    reg  [AW-1:0] start_a = 0, start_b = 0, pitch_a = 0, pitch_b = 0;
    wire         issue, stall, valid, upsample, parity, is_signed;
    wire         first, shift, last, top, end_group;
    wire [AW-1:0] raddr, raddr_next, weight_address, next_start_a, next_start_b;
    wire [11:0]  next_row, next_ring_a, next_ring_b;
    wire [RW-1:0] rotation;
    wire [TP-1:0] mask;
    wire [2:0]   ends;
    address_generator #(
        .TP(TP), .TM(TM), .BLOCKS(BLOCKS), .AW(AW), .WAW(AW), .RW(RW), .RINGS(RINGS)
    ) u_dut (
        .clk(clk), .rst(rst), .start(start), .pool(pool), .second_source(second),
        .upsample_a(ups_a), .upsample_b(ups_b), .signed_a(1'b0), .signed_b(1'b1),
        .phases(phases), .slow(1'b0), .digits_m1(digits_m1), .width_m1(width_m1),
        .height_m1(height_m1), .kernel_h_m1(kernel_h_m1), .kernel_w_m1(kernel_w_m1),
        .pad_h(pad_h), .pad_w(pad_w), .last_lanes(last_lanes), .groups_a_m1(groups_a_m1),
        .groups_b_m1(groups_b_m1), .first_row(first_row), .rows_m1(rows_m1), .start_a(start_a),
        .start_b(start_b), .ring_at_a(at_a), .ring_at_b(at_b), .ring_m1_a(ring_m1_a),
        .ring_m1_b(ring_m1_b), .wrap_a(pitch_a * ring_m1_a), .wrap_b(pitch_b * ring_m1_b),
        .step_a(groups_a_m1 + 12'd1), .step_b(groups_b_m1 + 12'd1), .pitch_a(pitch_a),
        .pitch_b(pitch_b), .weight_base(12'd5), .out_groups_m1(out_m1), .hold(hold),
        .issue(issue), .stall(stall), .next_row(next_row), .next_start_a(next_start_a),
        .next_start_b(next_start_b), .next_ring_a(next_ring_a), .next_ring_b(next_ring_b),
        .valid(valid), .raddr(raddr), .raddr_next(raddr_next), .rotation(rotation),
        .upsample(upsample), .parity(parity), .is_signed(is_signed), .mask(mask),
        .weight_address(weight_address), .first(first), .shift(shift), .last(last),
        .top_digit(top), .end_group(end_group), .ends(ends)
    );
    integer now = 0, last_pass = -100000, last_drain = 0;
    always @(posedge clk) begin
        now = now + 1;
        held <= hold;
    end
    always @(negedge clk) begin
        draw;
        hold = holds & (lfsr[3:0] < 4'd6);
    end
    function integer down(input integer v, input integer by);   // floor of v / by
        down = v >= 0 ? v / by : -((by - 1 - v) / by);
    endfunction
    // row v of a ring of n rows, or v itself where the rows are not a ring
    function integer in_ring(input integer v, input integer n);
        in_ring = RINGS == 0 ? v : v - n * down(v, n);
    endfunction
    integer i, y, xg, ph, mg, d, s, g, ky, kx, j, n_xg, weight, begins, digit_begins, visit_end;
    integer row, column, r, c, cell_group, groups, pitch, base, up, expect_mask, rows, top_a, top_b;
    task one;   // compares the next valid iteration
        begin
            @(negedge clk);
            while (!valid) @(negedge clk);
            check({63'd0, held}, 0, i);
            up = s == 1 ? ups_b : ups_a;
            groups = 1 + (s == 1 ? groups_b_m1 : groups_a_m1);
            pitch = s == 1 ? pitch_b : pitch_a;
            base = s == 1 ? 200 : 100;
            rows = 1 + (s == 1 ? ring_m1_b : ring_m1_a);
            row = pool ? 2 * y + ky : y + ky - pad_h;
            column = pool && TP == 1 ? 2 * xg + kx : xg * TP + kx - pad_w;
            r = up ? down(row, 2) : row; c = up ? down(column, 2) : column;
            r = in_ring(r, rows);
            cell_group = down(c, TP);
            check({52'd0, raddr},
                  12'hfff & (base + r * pitch + cell_group * groups + (pool ? mg : g)), i);
            check({52'd0, raddr_next},
                  12'hfff & (base + r * pitch + (cell_group + 1) * groups + (pool ? mg : g)), i);
            check({{64-RW{1'b0}}, rotation}, c & (TP - 1), i);
            check({62'd0, upsample, is_signed}, up * 2 + s, i);
            if (up) check({63'd0, parity}, column & 1, i);
            expect_mask = 0;
            for (j = 0; j < TP; j = j + 1)
                if (pool || (row >= 0 && row <= height_m1 && column + j >= 0
                             && column + j <= width_m1))
                    expect_mask = expect_mask | (1 << j);
            check({{64-TP{1'b0}}, mask}, expect_mask, i);
            if (!pool) begin
                check({52'd0, weight_address}, weight, i);
                check({61'd0, first, shift, top},
                      (begins ? 4 : 0) + (digit_begins && !begins ? 2 : 0) + (d == 0 ? 1 : 0), i);
            end else check({63'd0, first}, begins, i);
            begins = 0; digit_begins = 0; weight = weight + 1;
        end
    endtask
    task shape;   // a random layer
        begin
            draw; pool = lfsr[29:28] == 0;
            phases = !pool && lfsr[1:0] == 0; second = lfsr[2] & !pool;
            ups_a = lfsr[3] & !pool; ups_b = lfsr[4] & !pool;
            kernel_w_m1 = phases ? 0 : pool ? 1 : 2 * (lfsr[6:5] % 3);
            pad_w = pool ? 0 : kernel_w_m1 / 2;
            kernel_h_m1 = pool ? 1 : lfsr[23] ? 0 : kernel_w_m1; pad_h = pool ? 0 : kernel_h_m1 / 2;
            digits_m1 = pool ? 0 : lfsr[26:24] == 0 ? 11 : lfsr[8:7];
            width_m1 = lfsr[12:9]; height_m1 = lfsr[14:13];
            groups_a_m1 = lfsr[16:15]; groups_b_m1 = lfsr[18:17];
            out_m1 = pool ? groups_a_m1 : lfsr[20:19];
            last_lanes = 1 + lfsr[22:21]; pitch_a = 30; pitch_b = 41;
            draw; draw; ring_m1_a = lfsr[30:20] % 7; draw; draw; ring_m1_b = lfsr[30:20] % 8;
            // two sources and a window of several rows, as often as not
            if (i % 2 == 0 && !pool && !phases) begin
                second = 1; kernel_h_m1 = kernel_w_m1 == 0 ? 2 : kernel_w_m1;
                pad_h = kernel_h_m1 / 2;
            end
            draw; draw;
            if (pool) ring_m1_a[0] = 1;
            if (RINGS != 0) height_m1 = lfsr[11:8] % 12;
            holds = lfsr[12];
            top_a = down(-pad_h, ups_a ? 2 : 1); top_b = down(-pad_h, ups_b ? 2 : 1);
            start_a = 100 + in_ring(top_a, ring_m1_a + 1) * 30
                    + down(down(-pad_w, ups_a ? 2 : 1), TP) * (groups_a_m1 + 1);
            start_b = 200 + in_ring(top_b, ring_m1_b + 1) * 41
                    + down(down(-pad_w, ups_b ? 2 : 1), TP) * (groups_b_m1 + 1);
            at_a = in_ring(top_a, ring_m1_a + 1); at_b = in_ring(top_b, ring_m1_b + 1);
            n_xg = pool && TP == 1 ? (width_m1 + 1) : (width_m1 + TP) / TP;
            first_row = 0;
        end
    endtask
    task visit;   // rows first_row and up, rows_m1 + 1 of them
        begin
            @(negedge clk);
            start = 1;
            @(negedge clk);
            start = 0; last_pass = -100000; visit_end = first_row + rows_m1;
            // what comes between two starts must not matter
            for (y = first_row; y <= visit_end; y = y + 1)
            for (xg = 0; xg < n_xg; xg = xg + 1) begin
                weight = 5;
                for (ph = 0; ph < (phases ? 4 : 1); ph = ph + 1)
                for (mg = 0; mg <= out_m1; mg = mg + 1) begin
                    begins = 1;
                    for (d = 0; d <= digits_m1; d = d + 1) begin
                        digit_begins = 1;
                        for (s = 0; s <= second; s = s + 1)
                        for (g = 0; g <= (pool ? 0 : s == 1 ? groups_b_m1 : groups_a_m1); g = g + 1)
                        for (ky = 0; ky <= kernel_h_m1; ky = ky + 1)
                        for (kx = 0; kx <= kernel_w_m1; kx = kx + 1) one;
                    end
                    check({63'd0, last}, 1, i);
                    check({63'd0, end_group}, mg == out_m1, i);
                    check({61'd0, ends}, (y == visit_end ? 4 : 0) + (xg == n_xg - 1 ? 2 : 0)
                          + (!phases || ph == 3 ? 1 : 0), i);
                    if (!pool) check(now - last_pass >= last_drain, 1, i);
                    last_pass = now;
                    last_drain = BLOCKS * (mg == out_m1 ? last_lanes : TM);
                end
            end
            repeat (5) begin
                @(negedge clk);
                check({63'd0, valid}, 0, i);
            end
        end
    endtask
    initial begin
        finished = 0;
        repeat (3) @(negedge clk);
        rst = 0;
        for (i = 0; i < LAYERS; i = i + 1) begin
            shape;
            while (first_row <= height_m1) begin
                draw; rows_m1 = RINGS == 0 || lfsr[4] ? height_m1 - first_row : lfsr[1:0];
                if (first_row + rows_m1 > height_m1) rows_m1 = height_m1 - first_row;
                visit;
                if (RINGS != 0) check({52'd0, next_row}, first_row + rows_m1 + 1, i);
                start_a = next_start_a; start_b = next_start_b;
                at_a = next_ring_a; at_b = next_ring_b;
                first_row = first_row + rows_m1 + 1;
            end
        end
        finished = 1;
    end
endmodule

// Whole layers without rings; visits with rings; one pixel lane.
module address_generator_tb;
    `include "bench_common.vh"
    wire [2:0] finished;
    generator_layers #(.TP(4), .RINGS(0), .LAYERS(25)) u_layers (.finished(finished[0]));
    generator_layers #(.TP(4), .RINGS(1), .LAYERS(30)) u_rings (.finished(finished[1]));
    generator_layers #(.TP(1), .RINGS(1), .LAYERS(12)) u_narrow (.finished(finished[2]));
    initial begin
        #10;
        while (finished !== 3'b111) @(negedge clk);
        n_checks = u_layers.n_checks + u_rings.n_checks + u_narrow.n_checks;
        n_failures = u_layers.n_failures + u_rings.n_failures + u_narrow.n_failures;
        verdict(300000);
    end
endmodule
`default_nettype wire
