`default_nettype none
// The decision of the last layer on logits that arrive channel by channel, RQ pixels a cycle.
//
// Contract: equals network::kernels::head. Kind 0 passes the value on; kind 1 gives
// logit >= threshold; kind 2 the number of the largest logit, ties to the lowest class.
// For kinds 1 and 2 a result appears with the last channel only, in channel lane 0.
// Latency: one cycle. Throughput: RQ values a cycle.
module head #(
    parameter TP = 4,   // pixel lanes, power of two
    parameter RQ = 2,   // values a cycle, divides TP
    parameter TA = 6,   // bits of an activation lane, 1..8
    parameter SBW = 1   // bits of the block index, max(1, log2 (TP/RQ))
) (
    input  wire               clk,
    input  wire               valid,
    input  wire [1:0]         kind,
    input  wire signed [15:0] threshold,
    input  wire [SBW-1:0]     block,
    input  wire               first_channel,
    input  wire [RQ*16-1:0]   logits,
    output reg  [RQ*TA-1:0]   values
);
    localparam BLOCKS = TP / RQ;
    localparam [31:0] LAST = BLOCKS - 1;

    reg [7:0] channel;
    wire      last_block = block == LAST[SBW-1:0];
    wire [7:0] number = first_channel ? 8'd0 : channel;
    always @(posedge clk) if (valid & last_block) channel <= number + 8'd1;

    integer s;
    genvar r;
    generate
        for (r = 0; r < RQ; r = r + 1) begin : gen_lane
            reg [BLOCKS*16-1:0] bests;
            reg [BLOCKS*8-1:0]  classes;
            wire signed [15:0] best = bests[block*16 +: 16];
            wire        [7:0]  best_class = classes[block*8 +: 8];
            wire signed [15:0] logit = logits[r*16 +: 16];
            wire larger = first_channel | logit > best;
            wire [7:0] winner = larger ? number : best_class;
            wire [7:0] above = {7'd0, logit >= threshold};
            wire [7:0] value = kind == 2'd0 ? logit[7:0] : kind == 2'd1 ? above : winner;
            always @(posedge clk) begin
                for (s = 0; s < BLOCKS; s = s + 1)
                    if (valid & larger && {{(32-SBW){1'b0}}, block} == s) begin
                        bests[s*16 +: 16] <= logit;
                        classes[s*8 +: 8] <= number;
                    end
                values[r*TA +: TA] <= value[TA-1:0];
            end
            if (TA < 8) begin : gen_unused
                wire unused_ok = &{1'b0, value[7:TA]};
            end
        end
    endgenerate
endmodule
`default_nettype wire
