`default_nettype none
`timescale 1ns / 1ns
// A plain, a transposed and a pooled layer: every pixel lands where it should, once.
module output_writer_tb;
    `include "bench_common.vh"
    localparam TP = 4, BW = 16, AW = 9;
    reg              rst = 1, start = 0, phases = 0, pool = 0, word_valid = 0, group_end = 0;
    reg  [2:0]       ends = 0;
    reg  [AW-1:0]    out_pitch = 0;
    reg  [11:0]      out_width_m1 = 0;
    reg  [TP*BW-1:0] word = 0;
    wire [TP-1:0]    we;
    wire [AW-1:0]    waddr;
    wire [TP*BW-1:0] wdata;
    wire             done;
    localparam BASE = 40, GROUPS = 2, HEIGHT = 3, WIDTH = 7;
    output_writer #(.TP(TP), .BW(BW), .AW(AW)) u_dut (
        .clk(clk), .rst(rst), .start(start), .phases(phases), .pool(pool), .out_base(9'd40),
        .out_pitch(out_pitch), .out_step(9'd2), .out_width_m1(out_width_m1),
        .word_valid(word_valid), .word(word), .group_end(group_end), .ends(ends),
        .we(we), .waddr(waddr), .wdata(wdata), .done(done)
    );
    // what was written, and how often
    reg  [BW-1:0] memory [0:512*TP-1];
    integer       count [0:512*TP-1];
    integer       n_done = 0, n_written = 0, b;
    always @(posedge clk) begin
        for (b = 0; b < TP; b = b + 1)
            if (we[b]) begin
                memory[waddr*TP+b] <= wdata[b*BW +: BW];
                count[waddr*TP+b] <= count[waddr*TP+b] + 1;
                n_written = n_written + 1;
            end
        if (done) n_done = n_done + 1;
    end
    integer kind, i, y, x, xg, n_xg, phase, n_phases, g, p, out_width, out_height, at, expected;
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (kind = 0; kind < 3; kind = kind + 1) begin
            for (i = 0; i < 512 * TP; i = i + 1) count[i] = 0;
            phases = kind == 1; pool = kind == 2; n_done = 0; n_written = 0;
            out_width = kind == 1 ? 2 * WIDTH : kind == 2 ? WIDTH : WIDTH;
            out_height = kind == 1 ? 2 * HEIGHT : HEIGHT;
            n_xg = kind == 2 ? (2 * WIDTH + TP - 1) / TP : (WIDTH + TP - 1) / TP;
            n_phases = phases ? 4 : 1;
            out_width_m1 = out_width - 1; out_pitch = (out_width + TP - 1) / TP * GROUPS;
            start = 1;
            @(negedge clk);
            start = 0;
            for (y = 0; y < HEIGHT; y = y + 1)
                for (xg = 0; xg < n_xg; xg = xg + 1)
                    for (phase = 0; phase < n_phases; phase = phase + 1)
                        for (g = 0; g < GROUPS; g = g + 1) begin
                            // value = row, column of the pixel in the loop, phase, group
                            for (p = 0; p < TP; p = p + 1) begin
                                x = kind == 2 ? xg * TP / 2 + p % (TP / 2) : xg * TP + p;
                                word[p*BW +: BW] = y * 1024 + x * 16 + phase * 4 + g;
                            end
                            word_valid = 1; group_end = g == GROUPS - 1;
                            ends = {y == HEIGHT - 1, xg == n_xg - 1, phase == n_phases - 1};
                            @(negedge clk);
                            word_valid = 0; group_end = lfsr[0]; ends = lfsr[3:1];
                            draw;
                            repeat ((phases ? 1 : 0) + (lfsr[4] ? 0 : lfsr[6:5])) @(negedge clk);
                        end
            repeat (4) @(negedge clk);
            for (y = 0; y < out_height; y = y + 1)
                for (x = 0; x < out_width; x = x + 1)
                    for (g = 0; g < GROUPS; g = g + 1) begin
                        at = (BASE + y * out_pitch + x / TP * GROUPS + g) * TP + x % TP;
                        expected = kind == 1
                            ? (y / 2) * 1024 + (x / 2) * 16 + ((y % 2) * 2 + x % 2) * 4 + g
                            : y * 1024 + x * 16 + g;
                        check({48'd0, memory[at]}, expected, at);
                        check(count[at], 1, at);
                    end
            check(n_done, 1, kind);
            check(n_written, out_width * out_height * GROUPS, kind);
        end
        verdict(400);
    end
endmodule
`default_nettype wire
