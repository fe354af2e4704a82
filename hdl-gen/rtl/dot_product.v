`default_nettype none
// One tree of the array: the sum of TN products of a weight digit and an activation.
//
// Contract: sum of w*a with w a D-bit digit, two's complement if top_digit, else unsigned. No
// multiplier where CELL = 1.
// Latency: one cycle. Throughput: TN products a cycle.
module dot_product #(
    parameter TN = 2,   // input channel lanes, power of two
    parameter TA = 6,   // bits of an activation lane, 1..8
    parameter D = 4,    // bits of a weight digit: 2, 4 or 8
    parameter CELL = 0, // 0: multiplier, 1: shift and add
    parameter SW = 14   // bits of the sum: D + TA + 3 + log2 TN
) (
    input  wire                 clk,
    input  wire                 top_digit,
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
            wire signed [PW-1:0] wide = {{(PW-TA-1){a[TA]}}, a};
            if (CELL == 1) begin : gen_shift_add
                // Horner over the bits; the highest counts negative in the top digit
                wire signed [PW-1:0] highest = top_digit ? -wide : wide;
                reg [PW-1:0] product;
                integer k;
                always @* begin
                    product = weights[n*D+D-1] ? highest : {PW{1'b0}};
                    for (k = D - 2; k >= 0; k = k - 1)
                        product = (product << 1) + (weights[n*D+k] ? wide : {PW{1'b0}});
                end
                assign products[n*PW +: PW] = product;
            end else begin : gen_multiply
                wire signed [D:0] w = {top_digit & weights[n*D+D-1], weights[n*D +: D]};
                wire unused_ok = &{1'b0, wide};
                assign products[n*PW +: PW] = w * a;
            end
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
