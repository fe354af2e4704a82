`default_nettype none
// One output-stationary accumulator with Horner shift between weight digits.
//
// Contract: `first` starts a pass, `shift` multiplies by 2^D before adding (the first operand of
// a digit after the top one); after the last operand acc = sum of w*a, as the kernels' acc.
// Latency: one cycle. Throughput: one sum a cycle.
module accumulator #(
    parameter SW = 14,   // bits of the sum, below ACC
    parameter D = 4,     // bits of a weight digit
    parameter ACC = 32   // bits of the accumulator, enough for the final value
) (
    input  wire                  clk,
    input  wire                  valid,
    input  wire                  first,
    input  wire                  shift,
    input  wire signed [SW-1:0]  sum,
    output reg  signed [ACC-1:0] acc
);
    wire signed [ACC-1:0] previous = first ? {ACC{1'b0}} : shift ? acc <<< D : acc;
    wire signed [ACC-1:0] addend = {{(ACC-SW){sum[SW-1]}}, sum};
    always @(posedge clk) if (valid) acc <= previous + addend;
endmodule
`default_nettype wire
