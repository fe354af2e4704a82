`default_nettype none
// One tree of the array for weight digits of one bit: the sum of the activations it selects.
//
// Contract: sum of u*a with u = weight, inverted in the top digit. The array takes the sum of all
// activations off again: w = u - 2^(W-1) for W digits, w = 2*u - 1 for weights of +1 and -1. So no
// tree has a sign, and no multiplier.
// Latency: one cycle. Throughput: TN products a cycle.
module one_bit_dot_product #(
    parameter TN = 4,   // input channel lanes, power of two
    parameter TA = 3,   // bits of an activation lane, 1..8
    parameter SW = 6    // bits of the sum: TA + 1 + log2 TN
) (
    input  wire                 clk,
    input  wire                 top_digit,
    input  wire [TN-1:0]        weights,
    input  wire [TN*(TA+1)-1:0] activations,
    output reg  signed [SW-1:0] sum
);
    wire [TN*(TA+1)-1:0] products;
    genvar n;
    generate
        for (n = 0; n < TN; n = n + 1) begin : gen_product
            wire u = weights[n] ^ top_digit;
            assign products[n*(TA+1) +: TA+1] = activations[n*(TA+1) +: TA+1] & {(TA+1){u}};
        end
    endgenerate

    // a heap: node i adds nodes 2i and 2i + 1, the leaves are the products
    reg [2*TN*SW-1:0] node;
    integer i;
    always @* begin
        node = {2*TN*SW{1'b0}};
        for (i = 0; i < TN; i = i + 1)
            node[(TN+i)*SW +: SW] = {{(SW-TA-1){products[i*(TA+1)+TA]}},
                                     products[i*(TA+1) +: TA+1]};
        for (i = TN - 1; i > 0; i = i - 1)
            node[i*SW +: SW] = node[2*i*SW +: SW] + node[(2*i+1)*SW +: SW];
    end
    always @(posedge clk) sum <= node[SW +: SW];
    wire unused_ok = &{1'b0, node};
endmodule
`default_nettype wire
