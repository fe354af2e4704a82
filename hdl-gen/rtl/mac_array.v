`default_nettype none
// The array: TM x TP output-stationary accumulators, each fed by a tree of TN products, and the
// shadow register that drains, RQ accumulators a cycle, while the next pass computes.
//
// Contract: operands with `valid` belong to one pass from `first` to `last`; `captured` pulses
// when the accumulators hold the pass, and from the next cycle on the shadow holds it: channel by
// channel, pixels inside. `drain` moves on by RQ; what it takes is `drained` a cycle later. The
// caller spaces passes so that nothing is overwritten, and keeps `one_bit` over the drain.
// With D = 1 the trees know no sign: a channel of its own sums what each pixel has too much, as
// one_bit_dot_product says, and is taken off on draining. Sums wrap at ACC bits; the result fits.
// Latency: operand to captured 2 cycles. Throughput: TN*TM*TP multiply-accumulates a cycle.
module mac_array #(
    parameter TN = 2,    // input channel lanes, power of two
    parameter TM = 4,    // output channel lanes, power of two
    parameter TP = 4,    // pixel lanes, power of two
    parameter D = 4,     // bits of a weight digit: 1, 2, 4 or 8
    parameter TA = 6,    // bits of an activation lane, 1..8
    parameter CELL = 0,  // 0: multiplier, 1: shift and add, 2: two products a multiplier
    parameter ACC = 32,  // bits of an accumulator
    parameter RQ = 2     // accumulators drained a cycle, divides TP
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    valid,
    input  wire                    first,
    input  wire                    shift,
    input  wire                    last,
    input  wire                    top_digit,
    input  wire                    one_bit,
    input  wire                    is_signed,
    input  wire [TM*TN*D-1:0]      weights,
    input  wire [TP*TN*(TA+1)-1:0] pixels,
    output wire                    captured,
    input  wire                    drain,
    output wire [RQ*ACC-1:0]       drained
);
    localparam ONE = D == 1;
    localparam SW = (ONE ? TA + 1 : D + TA + 3) + $clog2(TN);
    localparam N = TM * TP;

    wire valid_sum, first_sum, shift_sum, last_sum, last_acc;
    delay #(.WIDTH(4), .STAGES(1)) u_control (
        .clk(clk), .rst(rst),
        .din({valid, first, shift, valid & last}),
        .dout({valid_sum, first_sum, shift_sum, last_sum})
    );
    delay #(.WIDTH(1), .STAGES(1)) u_last (.clk(clk), .rst(rst), .din(last_sum), .dout(last_acc));
    assign captured = last_acc;

    wire [N*SW-1:0]  sums;
    wire [N*ACC-1:0] accumulators;
    genvar m, p;
    generate
        for (p = 0; p < TP; p = p + 1) begin : gen_pixel
            wire [TN*(TA+1)-1:0] activations = pixels[p*TN*(TA+1) +: TN*(TA+1)];
            if (ONE) begin : gen_one_bit
                for (m = 0; m < TM; m = m + 1) begin : gen_channel
                    one_bit_dot_product #(.TN(TN), .TA(TA), .SW(SW)) u_dot_product (
                        .clk(clk), .top_digit(top_digit), .weights(weights[m*TN +: TN]),
                        .activations(activations), .sum(sums[(m*TP+p)*SW +: SW])
                    );
                end
            end else if (CELL == 2) begin : gen_packed
                for (m = 0; m < TM; m = m + 2) begin : gen_pair
                    packed_dot_product #(.TN(TN), .TA(TA), .D(D), .SW(SW)) u_dot_product (
                        .clk(clk), .top_digit(top_digit), .is_signed(is_signed),
                        .weights(weights[m*TN*D +: 2*TN*D]), .activations(activations),
                        .sums({sums[((m+1)*TP+p)*SW +: SW], sums[(m*TP+p)*SW +: SW]})
                    );
                end
            end else begin : gen_single
                for (m = 0; m < TM; m = m + 1) begin : gen_channel
                    dot_product #(.TN(TN), .TA(TA), .D(D), .CELL(CELL), .SW(SW)) u_dot_product (
                        .clk(clk), .top_digit(top_digit), .weights(weights[m*TN*D +: TN*D]),
                        .activations(activations), .sum(sums[(m*TP+p)*SW +: SW])
                    );
                end
            end
        end
        for (m = 0; m < N; m = m + 1) begin : gen_accumulator
            accumulator #(.SW(SW), .D(D), .ACC(ACC)) u_accumulator (
                .clk(clk), .valid(valid_sum), .first(first_sum), .shift(shift_sum),
                .sum(sums[m*SW +: SW]), .acc(accumulators[m*ACC +: ACC])
            );
        end
        if (ONE | CELL != 2) begin : gen_no_sign
            wire unused_ok = &{1'b0, is_signed};
        end
    endgenerate

    reg [N*ACC-1:0] shadow;
    wire [RQ*ACC-1:0] taken = shadow[RQ*ACC-1:0];
    generate
        if (RQ == N) begin : gen_all
            wire unused_ok = &{1'b0, drain};
            always @(posedge clk) if (last_acc) shadow <= accumulators;
        end else begin : gen_part
            always @(posedge clk) begin
                if (last_acc) shadow <= accumulators;
                else if (drain) shadow <= {{RQ*ACC{1'b0}}, shadow[N*ACC-1:RQ*ACC]};
            end
        end
        if (ONE) begin : gen_excess
            // the pixels of a channel drain in turn, so their excess goes round
            wire [TP*ACC-1:0] excess;
            reg  [TP*ACC-1:0] turning;
            reg  [RQ*ACC-1:0] result;
            for (p = 0; p < TP; p = p + 1) begin : gen_pixel
                wire signed [SW-1:0] sum;
                one_bit_dot_product #(.TN(TN), .TA(TA), .SW(SW)) u_all (
                    .clk(clk), .top_digit(top_digit), .weights({TN{1'b0}}),
                    .activations(pixels[p*TN*(TA+1) +: TN*(TA+1)]), .sum(sum)
                );
                accumulator #(.SW(SW), .D(D), .ACC(ACC)) u_excess (
                    .clk(clk), .valid(valid_sum), .first(first_sum), .shift(shift_sum),
                    .sum(sum), .acc(excess[p*ACC +: ACC])
                );
            end
            if (RQ == TP) begin : gen_still
                always @(posedge clk) if (last_acc) turning <= excess;
            end else begin : gen_turning
                always @(posedge clk) begin
                    if (last_acc) turning <= excess;
                    else if (drain) turning <= {turning[RQ*ACC-1:0], turning[TP*ACC-1:RQ*ACC]};
                end
            end
            for (p = 0; p < RQ; p = p + 1) begin : gen_result
                wire [ACC-1:0] u = taken[p*ACC +: ACC];
                always @(posedge clk)
                    result[p*ACC +: ACC] <= (one_bit ? u << 1 : u) - turning[p*ACC +: ACC];
            end
            assign drained = result;
        end else begin : gen_plain
            wire unused_one_bit = &{1'b0, one_bit};
            reg [RQ*ACC-1:0] result;
            always @(posedge clk) result <= taken;
            assign drained = result;
        end
    endgenerate
endmodule
`default_nettype wire
