`default_nettype none
// One tree of the array: the sum of TN products of a weight digit and an activation.
//
// Contract: sum of w*a with w a D-bit digit, two's complement if top_digit, else unsigned; with
// D = 1 and one_bit, w is +1 for bit 0 and -1 for bit 1. No multiplier where D = 1.
// Latency: one cycle. Throughput: TN products a cycle.
module dot_product #(
    parameter TN = 2,   // input channel lanes, power of two
    parameter TA = 6,   // bits of an activation lane, 1..8
    parameter D = 4,    // bits of a weight digit: 1, 2, 4 or 8
    parameter SW = 14   // bits of the sum: D + TA + 3 + log2 TN
) (
    input  wire                 clk,
    input  wire                 top_digit,
    input  wire                 one_bit,
    input  wire [TN*D-1:0]      weights,
    input  wire [TN*(TA+1)-1:0] activations,
    output reg  signed [SW-1:0] sum
);
    localparam PW = D + TA + 2;
    wire [TN*PW-1:0] products;

    genvar n;
    generate
        for (n = 0; n < TN; n = n + 1) begin : gen_product
            wire signed [TA:0] a = activations[n*(TA+1) +: TA+1];
            if (D == 1) begin : gen_add
                wire signed [PW-1:0] wide = {{(PW-TA-1){a[TA]}}, a};
                wire negate = weights[n] & (one_bit | top_digit);
                wire some = weights[n] | one_bit;
                assign products[n*PW +: PW] = !some ? {PW{1'b0}} : negate ? -wide : wide;
            end else begin : gen_multiply
                wire signed [D:0] w = {top_digit & weights[n*D+D-1], weights[n*D +: D]};
                assign products[n*PW +: PW] = w * a;
            end
        end
        if (D != 1) begin : gen_unused
            wire unused_ok = &{1'b0, one_bit};
        end
    endgenerate

    integer i;
    reg signed [SW-1:0] total;
    always @* begin
        total = {SW{1'b0}};
        for (i = 0; i < TN; i = i + 1)
            total = total + {{(SW-PW){products[i*PW+PW-1]}}, products[i*PW +: PW]};
    end
    always @(posedge clk) sum <= total;
endmodule
`default_nettype wire
