`default_nettype none
// Gathers values that arrive channel by channel into one feature word of TP pixels.
//
// Contract: value r of block s goes to pixel s*RQ + r, channel lane `lane`; lanes not written
// since the word began (lane 0, block 0) are zero. word_valid follows the value with word_last.
// Latency: one cycle. Throughput: RQ values a cycle.
module channel_pack #(
    parameter TP = 4,   // pixel lanes, power of two
    parameter TN = 2,   // channel lanes, power of two
    parameter TA = 6,   // bits of an activation lane
    parameter RQ = 2,   // values a cycle, divides TP
    parameter NW = 1,   // bits of a channel lane, max(1, log2 TN)
    parameter SBW = 1   // bits of a block, max(1, log2 (TP/RQ))
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                valid,
    input  wire                word_last,
    input  wire [SBW-1:0]      block,
    input  wire [NW-1:0]       lane,
    input  wire [RQ*TA-1:0]    values,
    output reg                 word_valid,
    output reg  [TP*TN*TA-1:0] word
);
    wire begins = lane == {NW{1'b0}} & block == {SBW{1'b0}};

    integer s, r, n;
    always @(posedge clk) begin
        word_valid <= valid & word_last & ~rst;
        if (valid) begin
            if (begins) word <= {TP*TN*TA{1'b0}};
            for (s = 0; s < TP / RQ; s = s + 1)
                for (r = 0; r < RQ; r = r + 1)
                    for (n = 0; n < TN; n = n + 1)
                        if ({{(32-SBW){1'b0}}, block} == s && {{(32-NW){1'b0}}, lane} == n)
                            word[((s*RQ+r)*TN+n)*TA +: TA] <= values[r*TA +: TA];
        end
    end
endmodule
`default_nettype wire
