`default_nettype none
// One requantizing lane.
//
// Contract: equals network::requantize: clamp((acc*M + B) >> S, low, high), arithmetic shift,
// nothing lost in between; B fits BIAS bits. With SCALED = 0 there is no multiplier and M must be
// +1 or -1.
// Latency: four cycles. Throughput: one value a cycle.
module requantize #(
    parameter ACC = 32,    // bits of the accumulator, 8..32
    parameter BIAS = 32,   // bits of the bias that are used, 1..32
    parameter SCALED = 1   // 1: 16-bit multipliers, 0: M is +1 or -1
) (
    input  wire                  clk,
    input  wire signed [ACC-1:0] acc,
    input  wire signed [15:0]    multiplier,
    input  wire signed [31:0]    bias,
    input  wire [4:0]            shift,
    input  wire signed [15:0]    low,
    input  wire signed [15:0]    high,
    output reg  signed [15:0]    value
);
    localparam PW = SCALED != 0 ? ACC + 16 : ACC + 1;
    localparam WIDER = PW > BIAS ? PW : BIAS;
    localparam SW = (WIDER > 16 ? WIDER : 16) + 1;

    reg signed [PW-1:0] product;
    reg signed [BIAS-1:0] bias_q;
    generate
        if (SCALED != 0) begin : gen_scaled
            always @(posedge clk) product <= acc * multiplier;
        end else begin : gen_fixed
            wire unused_ok = &{1'b0, multiplier[14:0]};
            wire signed [PW-1:0] wide = {acc[ACC-1], acc};
            always @(posedge clk) product <= multiplier[15] ? -wide : wide;
        end
    endgenerate
    wire unused_bias = &{1'b0, bias};
    always @(posedge clk) bias_q <= bias[BIAS-1:0];

    reg signed [SW-1:0] biased;
    always @(posedge clk)
        biased <= {{(SW-PW){product[PW-1]}}, product} + {{(SW-BIAS){bias_q[BIAS-1]}}, bias_q};

    wire signed [SW-1:0] shifted = biased >>> shift;
    reg signed [15:0] narrow;
    reg               fits, negative;
    always @(posedge clk) begin
        narrow <= shifted[15:0];
        fits <= shifted[SW-1:15] == {(SW-15){shifted[SW-1]}};
        negative <= shifted[SW-1];
    end

    wire below = fits ? narrow < low : negative;
    wire above = fits ? narrow > high : ~negative;
    always @(posedge clk) value <= below ? low : above ? high : narrow;
endmodule
`default_nettype wire
