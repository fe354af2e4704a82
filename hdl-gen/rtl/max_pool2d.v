`default_nettype none
// 2x2 max-pool of a stream of aligned reads.
//
// Contract: equals network::kernels::max_pool2d on the TP/2 pixel pairs (TP = 1: one pixel) of
// the reads from `first` to `last`; the result stands in both halves of the word.
// Latency: one cycle after last. Throughput: one read a cycle.
module max_pool2d #(
    parameter TP = 4,  // pixel lanes, power of two
    parameter TN = 2,  // channel lanes, power of two
    parameter TA = 6   // bits of an activation lane
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    valid,
    input  wire                    first,
    input  wire                    last,
    input  wire [TP*TN*(TA+1)-1:0] pixels,
    output reg                     word_valid,
    output reg  [TP*TN*TA-1:0]     word
);
    localparam EW = TA + 1;
    reg  [TP*TN*EW-1:0] running;
    wire [TP*TN*EW-1:0] current;

    genvar i, p, n;
    generate
        for (i = 0; i < TP * TN; i = i + 1) begin : gen_value
            wire signed [EW-1:0] a = pixels[i*EW +: EW];
            wire signed [EW-1:0] b = running[i*EW +: EW];
            assign current[i*EW +: EW] = first | a > b ? a : b;
        end
        for (p = 0; p < TP; p = p + 1) begin : gen_pixel
            for (n = 0; n < TN; n = n + 1) begin : gen_channel
                localparam LEFT = TP == 1 ? 0 : 2 * p % TP;
                localparam RIGHT = TP == 1 ? 0 : LEFT + 1;
                wire signed [EW-1:0] a = current[(LEFT*TN+n)*EW +: EW];
                wire signed [EW-1:0] b = current[(RIGHT*TN+n)*EW +: EW];
                wire [TA-1:0] larger = a > b ? a[TA-1:0] : b[TA-1:0];
                always @(posedge clk)
                    if (valid & last) word[(p*TN+n)*TA +: TA] <= larger;
            end
        end
    endgenerate

    always @(posedge clk) begin
        word_valid <= valid & last & ~rst;
        if (valid) running <= current;
    end
endmodule
`default_nettype wire
