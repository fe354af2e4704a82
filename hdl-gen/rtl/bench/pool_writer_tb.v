`default_nettype none
`timescale 1ns / 1ns
// One shape of pool_writer_tb: random layers of every small width and height, words at the
// shortest and at random distances, against integer maxima; every pixel is written once. With
// RINGS, pooled rows lie in rings of any size, and a layer comes in visits that begin anywhere.
module pool_layers #(
    parameter TP = 4,
    parameter TN = 2,
    parameter TA = 4,
    parameter RINGS = 0
) (
    input  wire       clk,
    output reg        finished,
    output reg [31:0] n_checks,
    output reg [31:0] n_failures
);
    localparam AW = 9, BASE = 30, MOST = 14;
    reg                rst = 1, start = 0, sgn = 0, word_valid = 0, group_end = 0, row_last = 0;
    reg                first_odd = 0;
    reg  [11:0]        width_m1 = 0, ring_at = 0, ring_m1 = 0;
    reg  [AW-1:0]      pool_base = BASE, pitch = 0, step = 0;
    wire [AW-1:0]      next_base;
    wire [11:0]        next_ring;
    reg  [TP*TN*TA-1:0] word = 0;
    wire               active;
    wire [TP-1:0]      we;
    wire [AW-1:0]      waddr;
    wire [TP*TN*TA-1:0] wdata;
    pool_writer #(.TP(TP), .TN(TN), .TA(TA), .AW(AW), .DEPTH(3 * MOST), .RINGS(RINGS)) u_dut (
        .clk(clk), .rst(rst), .start(start), .is_signed(sgn), .pool_base(pool_base),
        .first_odd(first_odd), .pitch(pitch), .step(step), .ring_at(ring_at), .ring_m1(ring_m1),
        .wrap(pitch * ring_m1[AW-1:0]), .next_base(next_base), .next_ring(next_ring),
        .width_m1(width_m1), .word_valid(word_valid), .word(word), .group_end(group_end),
        .row_last(row_last), .active(active), .we(we), .waddr(waddr), .wdata(wdata)
    );
    reg  [TN*TA-1:0] memory [0:512*TP-1];
    integer          count [0:512*TP-1];
    integer          n_written = 0, b;
    reg              active_before = 0;
    always @(posedge clk) begin
        for (b = 0; b < TP; b = b + 1)
            if (we[b]) begin
                memory[waddr*TP+b] <= wdata[b*TN*TA +: TN*TA];
                count[waddr*TP+b] <= count[waddr*TP+b] + 1;
                n_written = n_written + 1;
            end
        // the full map is written one cycle after each word: these cycles stay free
        if (word_valid) active_before <= 1;
        else active_before <= 0;
        if (active_before && active) n_failures = n_failures + 1;
    end
    reg [31:0] random = 32'h2545_f491;
    task draw;
        begin
            random = random ^ (random << 13);
            random = random ^ (random >> 17);
            random = random ^ (random << 5);
        end
    endtask
    task check(input [31:0] found, input [31:0] expected);
        begin
            n_checks = n_checks + 1;
            if (found !== expected) begin
                n_failures = n_failures + 1;
                if (n_failures < 4)
                    $display("TP %0d, width %0d: expected %h, found %h", TP, width_m1 + 1,
                             expected, found);
            end
        end
    endtask
    integer value [0:MOST*MOST*16-1];
    integer layer, width, height, groups, n_xg, y, x, xg, g, n, p, dy, dx, best, at, v;
    integer row, rows, n_right;
    // the pooled row of loop rows 2*row and 2*row + 1; how often its pixels have been written
    task check_row(input integer times);
        for (x = 0; x < width / 2; x = x + 1)
            for (g = 0; g < groups; g = g + 1) begin
                at = RINGS == 0 ? row : row % (ring_m1 + 1);
                at = (BASE + at * pitch + x / TP * step + g) * TP + x % TP;
                check(count[at], times);
                for (n = 0; n < TN; n = n + 1) begin
                    best = -1000;
                    for (dy = 0; dy < 2; dy = dy + 1)
                        for (dx = 0; dx < 2; dx = dx + 1) begin
                            v = value[((2*row+dy)*MOST + 2*x+dx) * 16 + g * TN + n];
                            if (v > best) best = v;
                        end
                    check({{(32-TA){1'b0}}, memory[at][n*TA +: TA]}, best & ((1 << TA) - 1));
                end
            end
    endtask
    task visit;   // rows rows from y on
        begin
            @(negedge clk);
            start = 1;
            @(negedge clk);
            start = 0; pool_base = random[AW-1:0]; ring_at = random[20:9]; first_odd = random[21];
            repeat (rows) begin
                for (xg = 0; xg < n_xg; xg = xg + 1)
                    for (g = 0; g < groups; g = g + 1) begin
                        for (p = 0; p < TP; p = p + 1)
                            for (n = 0; n < TN; n = n + 1) begin
                                draw; v = random[TA-1:0]; x = xg * TP + p;
                                word[(p*TN+n)*TA +: TA] = random[TA-1:0];
                                if (sgn && random[TA-1]) v = v - (1 << TA);
                                if (x < width) value[((y * MOST) + x) * 16 + g * TN + n] = v;
                            end
                        word_valid = 1; group_end = g == groups - 1; row_last = xg == n_xg - 1;
                        @(negedge clk);
                        draw; word_valid = 0; group_end = random[0]; row_last = random[1];
                        @(negedge clk);
                        repeat (random[2] ? 0 : random[4:3]) @(negedge clk);
                    end
                y = y + 1;
            end
            repeat (4) @(negedge clk);
        end
    endtask
    initial begin
        finished = 0; n_checks = 0; n_failures = 0;
        repeat (3) @(negedge clk);
        rst = 0;
        for (layer = 0; layer < 60; layer = layer + 1) begin
            draw; sgn = random[0]; groups = 1 + random[2:1] % 3;
            width = 2 + random[10:3] % (MOST - 1);
            height = 2 + random[18:11] % (RINGS == 0 ? 5 : 13);
            width_m1 = width - 1; n_xg = (width + TP - 1) / TP;
            draw; ring_m1 = random[1:0];
            step = groups + (RINGS == 0 ? 0 : random[2]);
            pitch = (width / 2 + TP - 1) / TP * step + (RINGS == 0 ? 0 : random[4:3]);
            for (at = 0; at < 512 * TP; at = at + 1) count[at] = 0;
            n_written = 0; y = 0; n_right = 0;
            pool_base = BASE; ring_at = 0; first_odd = 0;
            while (y < height) begin
                draw; rows = RINGS == 0 ? height : 1 + random[1:0];
                if (y + rows > height) rows = height - y;
                visit;
                n_right = (width / 2) * (y / 2) * groups;
                check(n_written, n_right);
                // a ring row keeps the newest of its rows
                for (row = 0; row < y / 2; row = row + 1)
                    if (RINGS == 0) check_row(1);
                    else if (row + ring_m1 + 1 >= y / 2) check_row(row / (ring_m1 + 1) + 1);
                pool_base = next_base; ring_at = next_ring; first_odd = y % 2;
            end
        end
        finished = 1;
    end
endmodule

// Three shapes, with and without rings: a pair of columns in one word, several, and one column a
// word.
module pool_writer_tb;
    `include "bench_common.vh"
    wire [5:0]   finished;
    wire [191:0] checks, failures;
    genvar rings;
    generate
        for (rings = 0; rings < 2; rings = rings + 1) begin : gen_build
            pool_layers #(.TP(4), .TN(2), .TA(4), .RINGS(rings)) u_four (
                .clk(clk), .finished(finished[3*rings]), .n_checks(checks[96*rings +: 32]),
                .n_failures(failures[96*rings +: 32])
            );
            pool_layers #(.TP(2), .TN(1), .TA(1), .RINGS(rings)) u_two (
                .clk(clk), .finished(finished[3*rings+1]), .n_checks(checks[96*rings+32 +: 32]),
                .n_failures(failures[96*rings+32 +: 32])
            );
            pool_layers #(.TP(1), .TN(4), .TA(6), .RINGS(rings)) u_one (
                .clk(clk), .finished(finished[3*rings+2]), .n_checks(checks[96*rings+64 +: 32]),
                .n_failures(failures[96*rings+64 +: 32])
            );
        end
    endgenerate
    integer i;
    initial begin
        #10;
        while (finished !== 6'b111111) @(negedge clk);
        for (i = 0; i < 6; i = i + 1) begin
            n_checks = n_checks + checks[32*i +: 32];
            n_failures = n_failures + failures[32*i +: 32];
        end
        verdict(20000);
    end
endmodule
`default_nettype wire
