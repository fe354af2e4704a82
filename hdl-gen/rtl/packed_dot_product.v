`default_nettype none
// Two trees of the array in one: each multiplier makes the products of two output channels.
//
// Contract: sums[0] and sums[1] equal two dot_product trees on the same activations. The operands
// are W = w1*2^S + w0; the sum P of all W*a is 2^S*sum1 + sum0 and is split once, after the tree.
// S bits hold sum0: as two's complement if a weight or an activation may be negative, else
// unsigned. Activations are TA bits, extended by their sign if is_signed, else by zero.
// Latency: one cycle. Throughput: 2*TN products a cycle.
module packed_dot_product #(
    parameter TN = 2,   // input channel lanes, power of two
    parameter TA = 6,   // bits of an activation lane, 1..8
    parameter D = 4,    // bits of a weight digit: 2, 4 or 8
    parameter SW = 14   // bits of a sum: D + TA + 3 + log2 TN
) (
    input  wire                 clk,
    input  wire                 top_digit,
    input  wire                 is_signed,
    input  wire [2*TN*D-1:0]    weights,      // channel 0 in the low half
    input  wire [TN*(TA+1)-1:0] activations,
    output wire [2*SW-1:0]      sums
);
    localparam S = D + TA + $clog2(TN);
    localparam WW = S + D + 1;
    localparam PW = 2 * S + 1;

    wire [TN*PW-1:0] products;
    genvar n, k;
    generate
        for (n = 0; n < TN; n = n + 1) begin : gen_product
            wire [D-1:0] low = weights[n*D +: D];
            wire [D-1:0] high = weights[(TN+n)*D +: D];
            wire below_zero = top_digit & low[D-1];
            // high - below_zero; the borrow in few levels of logic, as the multiplier is slow
            wire [D:0] above;
            assign above[0] = high[0] ^ below_zero;
            for (k = 1; k < D; k = k + 1) begin : gen_borrow
                assign above[k] = high[k] ^ (below_zero & high[k-1:0] == {k{1'b0}});
            end
            assign above[D] = (top_digit & high[D-1]) ^ (below_zero & high == {D{1'b0}});
            wire signed [WW-1:0] w = {above, {(S-D){below_zero}}, low};
            wire signed [TA:0] a = activations[n*(TA+1) +: TA+1];
            assign products[n*PW +: PW] = w * a;
        end
    endgenerate

    integer i;
    reg [PW-1:0] total;
    always @* begin
        total = {PW{1'b0}};
        for (i = 0; i < TN; i = i + 1) total = total + products[i*PW +: PW];
    end

    reg [PW-1:0] sum;
    reg          may_be_negative;
    always @(posedge clk) begin
        sum <= total;
        may_be_negative <= top_digit | is_signed;
    end
    wire negative = may_be_negative & sum[S-1];
    wire [S:0] upper = sum[PW-1:S] + {{S{1'b0}}, negative};
    assign sums = {{(SW-S-1){upper[S]}}, upper, {(SW-S){negative}}, sum[S-1:0]};
endmodule
`default_nettype wire
