`default_nettype none
`timescale 1ns / 1ns
// Random layers: each iteration against products of coordinates; drains are respected.
module address_generator_tb;
    `include "bench_common.vh"
    localparam TP = 4, TM = 4, BLOCKS = 2, AW = 12;
    reg          rst = 1, start = 0, second = 0, ups_a = 0, ups_b = 0, phases = 0;
    reg  [3:0]   digits_m1 = 0;
    reg  [2:0]   pad_h = 0, pad_w = 0;
    reg  [3:0]   kernel_h_m1 = 0, kernel_w_m1 = 0;
    reg  [11:0]  width_m1 = 0, height_m1 = 0, groups_a_m1 = 0, groups_b_m1 = 0, out_m1 = 0;
    reg  [7:0]   last_lanes = 1;
    reg  [AW-1:0] start_a = 0, start_b = 0, pitch_a = 0, pitch_b = 0;
    wire         issue, stall, valid, upsample, parity, is_signed;
    wire         first, shift, last, top, end_group;
    wire [AW-1:0] raddr, raddr_next, weight_address;
    wire [1:0]   rotation;
    wire [TP-1:0] mask;
    wire [2:0]   ends;
    address_generator #(.TP(TP), .TM(TM), .BLOCKS(BLOCKS), .AW(AW), .WAW(AW), .RW(2)) u_dut (
        .clk(clk), .rst(rst), .start(start), .pool(1'b0), .second_source(second),
        .upsample_a(ups_a), .upsample_b(ups_b), .signed_a(1'b0), .signed_b(1'b1),
        .phases(phases), .slow(1'b0), .digits_m1(digits_m1), .width_m1(width_m1),
        .height_m1(height_m1), .kernel_h_m1(kernel_h_m1), .kernel_w_m1(kernel_w_m1),
        .pad_h(pad_h), .pad_w(pad_w),
        .last_lanes(last_lanes), .groups_a_m1(groups_a_m1), .groups_b_m1(groups_b_m1),
        .start_a(start_a), .start_b(start_b), .step_a(groups_a_m1 + 12'd1),
        .step_b(groups_b_m1 + 12'd1), .pitch_a(pitch_a), .pitch_b(pitch_b),
        .weight_base(12'd5), .out_groups_m1(out_m1), .issue(issue), .stall(stall),
        .valid(valid), .raddr(raddr), .raddr_next(raddr_next), .rotation(rotation),
        .upsample(upsample), .parity(parity), .is_signed(is_signed), .mask(mask),
        .weight_address(weight_address), .first(first), .shift(shift), .last(last),
        .top_digit(top), .end_group(end_group), .ends(ends)
    );
    integer now = 0, last_pass = -100000, last_drain = 0;
    always @(posedge clk) now = now + 1;
    function integer down(input integer v, input integer by);   // floor of v / by
        down = v >= 0 ? v / by : -((by - 1 - v) / by);
    endfunction
    integer i, y, xg, ph, mg, d, s, g, ky, kx, j, n_xg, weight, begins, digit_begins;
    integer row, column, r, c, cell_group, groups, pitch, base, up, expect_mask;
    task one;   // compares the next valid iteration
        begin
            @(negedge clk);
            while (!valid) @(negedge clk);
            up = s == 1 ? ups_b : ups_a;
            groups = 1 + (s == 1 ? groups_b_m1 : groups_a_m1);
            pitch = s == 1 ? pitch_b : pitch_a;
            base = s == 1 ? 200 : 100;
            row = y + ky - pad_h; column = xg * TP + kx - pad_w;
            r = up ? down(row, 2) : row; c = up ? down(column, 2) : column;
            cell_group = down(c, TP);
            check({52'd0, raddr}, 12'hfff & (base + r * pitch + cell_group * groups + g), i);
            check({52'd0, raddr_next},
                  12'hfff & (base + r * pitch + (cell_group + 1) * groups + g), i);
            check({62'd0, rotation}, c & 3, i);
            check({62'd0, upsample, is_signed}, up * 2 + s, i);
            if (up) check({63'd0, parity}, column & 1, i);
            expect_mask = 0;
            for (j = 0; j < TP; j = j + 1)
                if (row >= 0 && row <= height_m1 && column + j >= 0 && column + j <= width_m1)
                    expect_mask = expect_mask | (1 << j);
            check({60'd0, mask}, expect_mask, i);
            check({52'd0, weight_address}, weight, i);
            check({61'd0, first, shift, top},
                  (begins ? 4 : 0) + (digit_begins && !begins ? 2 : 0) + (d == 0 ? 1 : 0), i);
            begins = 0; digit_begins = 0; weight = weight + 1;
        end
    endtask
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (i = 0; i < 60; i = i + 1) begin
            draw; phases = lfsr[1:0] == 0; second = lfsr[2]; ups_a = lfsr[3]; ups_b = lfsr[4];
            kernel_w_m1 = phases ? 0 : 2 * (lfsr[6:5] % 3); pad_w = kernel_w_m1 / 2;
            kernel_h_m1 = lfsr[23] ? 0 : kernel_w_m1; pad_h = kernel_h_m1 / 2;
            digits_m1 = lfsr[26:24] == 0 ? 11 : lfsr[8:7]; width_m1 = lfsr[12:9]; height_m1 = lfsr[14:13];
            groups_a_m1 = lfsr[16:15]; groups_b_m1 = lfsr[18:17]; out_m1 = lfsr[20:19];
            last_lanes = 1 + lfsr[22:21]; pitch_a = 30; pitch_b = 41;
            start_a = 100 + down(-pad_h, ups_a ? 2 : 1) * 30
                    + down(down(-pad_w, ups_a ? 2 : 1), TP) * (groups_a_m1 + 1);
            start_b = 200 + down(-pad_h, ups_b ? 2 : 1) * 41
                    + down(down(-pad_w, ups_b ? 2 : 1), TP) * (groups_b_m1 + 1);
            @(negedge clk);
            start = 1;
            @(negedge clk);
            start = 0; last_pass = -100000;
            n_xg = (width_m1 + TP) / TP;
            for (y = 0; y <= height_m1; y = y + 1)
            for (xg = 0; xg < n_xg; xg = xg + 1) begin
                weight = 5;
                for (ph = 0; ph < (phases ? 4 : 1); ph = ph + 1)
                for (mg = 0; mg <= out_m1; mg = mg + 1) begin
                    begins = 1;
                    for (d = 0; d <= digits_m1; d = d + 1) begin
                        digit_begins = 1;
                        for (s = 0; s <= second; s = s + 1)
                        for (g = 0; g <= (s == 1 ? groups_b_m1 : groups_a_m1); g = g + 1)
                        for (ky = 0; ky <= kernel_h_m1; ky = ky + 1)
                        for (kx = 0; kx <= kernel_w_m1; kx = kx + 1) one;
                    end
                    check({63'd0, last}, 1, i);
                    check({63'd0, end_group}, mg == out_m1, i);
                    check({61'd0, ends}, (y == height_m1 ? 4 : 0) + (xg == n_xg - 1 ? 2 : 0)
                          + (!phases || ph == 3 ? 1 : 0), i);
                    check(now - last_pass >= last_drain, 1, i);
                    last_pass = now;
                    last_drain = BLOCKS * (mg == out_m1 ? last_lanes : TM);
                end
            end
            repeat (5) begin
                @(negedge clk);
                check({63'd0, valid}, 0, i);
            end
        end
        verdict(50000);
    end
endmodule
`default_nettype wire
