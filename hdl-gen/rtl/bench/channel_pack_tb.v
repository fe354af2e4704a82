`default_nettype none
`timescale 1ns / 1ns
// Words of one to TN channels with random gaps; lanes not written are zero.
module channel_pack_tb;
    `include "bench_common.vh"
    localparam TP = 4, TN = 4, TA = 5, RQ = 2;
    reg                 rst = 1, valid = 0, word_last = 0;
    reg  [0:0]          block = 0;
    reg  [1:0]          lane = 0;
    reg  [RQ*TA-1:0]    values = 0;
    wire                word_valid;
    wire [TP*TN*TA-1:0] word;
    channel_pack #(.TP(TP), .TN(TN), .TA(TA), .RQ(RQ), .NW(2), .SBW(1)) u_dut (
        .clk(clk), .rst(rst), .valid(valid), .word_last(word_last), .block(block), .lane(lane),
        .values(values), .word_valid(word_valid), .word(word)
    );
    integer i, n, s, n_lanes;
    reg [TP*TN*TA-1:0] expected;
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (i = 0; i < 800; i = i + 1) begin
            draw; n_lanes = 1 + lfsr[1:0]; expected = 0;
            for (n = 0; n < n_lanes; n = n + 1)
                for (s = 0; s < TP / RQ; s = s + 1) begin
                    draw;
                    while (lfsr[3]) begin
                        valid = 0; values = lfsr[13:4]; lane = lfsr[15:14]; word_last = lfsr[16];
                        @(negedge clk);
                        check({63'd0, word_valid}, 64'd0, i);
                        draw;
                    end
                    valid = 1; lane = n; block = s; values = lfsr[13:4];
                    word_last = n == n_lanes - 1 && s == TP / RQ - 1;
                    expected[((s*RQ)*TN+n)*TA +: TA] = values[TA-1:0];
                    expected[((s*RQ+1)*TN+n)*TA +: TA] = values[2*TA-1:TA];
                    @(negedge clk);
                    check({63'd0, word_valid}, {63'd0, word_last}, i);
                end
            check(word[63:0], expected[63:0], i);
            check({48'd0, word[79:64]}, {48'd0, expected[79:64]}, i);
            valid = 0;
            @(negedge clk);
        end
        verdict(5000);
    end
endmodule
`default_nettype wire
