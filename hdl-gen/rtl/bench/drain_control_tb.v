`default_nettype none
`timescale 1ns / 1ns
// Captures at the shortest and at random distances: channels, lanes, ends in order.
module drain_control_tb;
    `include "bench_common.vh"
    localparam TN = 2, TM = 4, BLOCKS = 2;
    reg        rst = 1, start = 0, captured = 0, end_group = 0;
    reg  [2:0] ends = 0, last_lanes = 3;
    wire       drain, first_channel, last_channel, word_last;
    wire [7:0] param_address;
    wire [0:0] block, lane;
    wire [2:0] drain_ends;
    drain_control #(.TN(TN), .TM(TM), .BLOCKS(BLOCKS), .NW(1), .SBW(1), .PAW(8)) u_dut (
        .clk(clk), .rst(rst), .start(start), .slow(1'b0), .param_base(8'd17),
        .last_lanes({5'd0, last_lanes}), .captured(captured), .end_group(end_group), .ends(ends),
        .drain(drain), .param_address(param_address), .block(block), .lane(lane),
        .first_channel(first_channel), .last_channel(last_channel), .word_last(word_last),
        .drain_ends(drain_ends)
    );
    integer n_seen = 0, channel = 0, step = 0, total, i, k, n_channels;
    reg [2:0] want_ends = 0;
    // seven channels (two groups of four and three) of two blocks each
    always @(negedge clk) if (drain) begin
        total = 4 + last_lanes;
        check({56'd0, param_address}, 17 + channel, n_seen);
        check({63'd0, block}, step, n_seen);
        check({63'd0, lane}, channel % TN, n_seen);
        check({63'd0, first_channel}, channel == 0, n_seen);
        check({63'd0, last_channel}, channel == total - 1, n_seen);
        check({63'd0, word_last}, step == 1 && (channel % TN == 1 || channel == total - 1), n_seen);
        if (channel >= 4) check({61'd0, drain_ends}, {61'd0, want_ends}, n_seen);
        step = (step + 1) % BLOCKS;
        if (step == 0) channel = (channel + 1) % total;
        n_seen = n_seen + 1;
    end
    initial begin
        repeat (3) @(negedge clk);
        rst = 0; start = 1;
        @(negedge clk);
        start = 0;
        for (i = 0; i < 300; i = i + 1)
            for (k = 0; k < 2; k = k + 1) begin
                captured = 1; end_group = k == 1;
                draw; ends = lfsr[2:0];
                @(posedge clk);
                #1 captured = 0; want_ends = ends; ends = ~ends;
                n_channels = k == 1 ? last_lanes : TM;
                repeat (n_channels * BLOCKS - 1) @(posedge clk);
                draw;
                repeat (lfsr[8] ? 0 : lfsr[11:9]) @(posedge clk);
                #1;
            end
        repeat (20) @(negedge clk);
        check(n_seen, 300 * 7 * BLOCKS, 0);
        verdict(20000);
    end
endmodule
`default_nettype wire
