`default_nettype none
// Runs the descriptor program: fetch, check, start the loop nest, wait for its last write.
//
// Contract: `go` starts at descriptor 0, or after a pause at the next one; `single` pauses after
// one descriptor. A descriptor that the engine does not know, or a program without an end, gives
// `bad` and stops. `stop` stops at once; `layer` keeps its value for the host.
// Latency: 19 cycles from one descriptor to the start of the next. Throughput: not applicable.
module sequencer #(
    parameter TM = 4,         // output channel lanes, power of two
    parameter D = 4,          // bits of a weight digit
    parameter AW = 10,        // bits of a feature address
    parameter WAW = 10,       // bits of a weight address
    parameter PAW = 8,        // bits of a parameter address
    parameter DAW = 8,        // bits of a descriptor word address
    parameter DEPTH = 256     // words of the descriptor memory
) (
    input  wire           clk,
    input  wire           rst,
    input  wire           stop,
    input  wire           go,
    input  wire           single,
    output wire           busy,
    output wire           paused,
    output reg            finished,
    output reg            stepped,
    output reg            bad,
    output reg  [15:0]    layer,
    output wire           fetch,
    output wire [DAW-1:0] fetch_address,
    input  wire [31:0]    fetch_data,
    output reg            start,
    input  wire           done,
    output reg            pool,
    output reg            second_source,
    output reg            upsample_a,
    output reg            upsample_b,
    output reg            signed_a,
    output reg            signed_b,
    output reg            one_bit,
    output reg            phases,
    output reg  [1:0]     head,
    output reg  [3:0]     digits_m1,
    output reg            pool_fused,
    output reg  [11:0]    width_m1,
    output reg  [11:0]    height_m1,
    output reg  [3:0]     kernel_h_m1,
    output reg  [3:0]     kernel_w_m1,
    output reg  [2:0]     pad_h,
    output reg  [2:0]     pad_w,
    output reg  [4:0]     shift,
    output reg  [7:0]     last_lanes,
    output reg  [11:0]    groups_a_m1,
    output reg  [11:0]    groups_b_m1,
    output reg  [AW-1:0]  start_a,
    output reg  [AW-1:0]  start_b,
    output reg  [AW-1:0]  out_base,
    output reg  [AW-1:0]  pitch_out,
    output reg  [AW-1:0]  pitch_a,
    output reg  [AW-1:0]  pitch_b,
    output reg  [AW-1:0]  pool_base,
    output reg  [WAW-1:0] weight_base,
    output reg  [PAW-1:0] param_base,
    output reg  [15:0]    clamp_high,
    output reg  [15:0]    clamp_low,
    output reg  [15:0]    threshold,
    output reg  [11:0]    out_groups_m1,
    output reg  [11:0]    out_step_m1,
    output reg  [11:0]    out_width_m1
);
    `include "qunet_defs.vh"

    localparam [2:0] S_IDLE = 3'd0, S_FETCH = 3'd1, S_CHECK = 3'd2, S_RUN = 3'd3, S_PAUSE = 3'd4;
    localparam ONE_BIT_CELL = D == 1;
    localparam [7:0] LANES = TM;
    localparam [20:0] LAST_START = DEPTH - 16;

    reg  [2:0]  state;
    reg         one_step;
    reg  [4:0]  index;      // word asked for, 16 when all are
    reg         arriving;   // fetch_data holds word `arrived`
    reg  [3:0]  arrived;
    reg  [3:0]  op;
    reg         reserved;   // a reserved bit was set

    wire [20:0] program_word = {1'b0, layer, 4'd0};
    wire outside = program_word > LAST_START;
    assign busy = state != S_IDLE & state != S_PAUSE;
    assign paused = state == S_PAUSE;
    assign fetch = state == S_FETCH & ~index[4];
    wire [20:0] fetch_word = program_word | {17'd0, index[3:0]};
    assign fetch_address = fetch_word[DAW-1:0];
    wire unused_ok = &{1'b0, fetch_word[20:DAW]};

    wire end_of_program = op == OP_END;
    wire known = op == OP_CONV | op == OP_POOL;
    wire conv_ok = last_lanes != 8'd0 & last_lanes <= LANES & head != 2'd3
                 & ~(phases & (head != 2'd0 | kernel_h_m1 != 4'd0 | kernel_w_m1 != 4'd0))
                 & ~(pool_fused & (phases | head != 2'd0))
                 & (ONE_BIT_CELL | ~one_bit);
    wire legal = ~reserved & (end_of_program | known & (op == OP_POOL ? ~pool_fused : conv_ok));

    always @(posedge clk) begin
        start <= 1'b0;
        finished <= 1'b0;
        stepped <= 1'b0;
        bad <= 1'b0;
        arriving <= fetch & ~rst;
        arrived <= index[3:0];
        case (state)
            S_IDLE: begin
                one_step <= single;
                index <= 5'd0;
                if (go) begin
                    layer <= 16'd0;
                    state <= S_FETCH;
                end
            end
            S_FETCH: begin
                if (index == 5'd0 & outside) begin
                    bad <= 1'b1;
                    state <= S_IDLE;
                end else if (~index[4]) index <= index + 5'd1;
                else if (~arriving) state <= S_CHECK;
            end
            S_CHECK: begin
                if (~legal) bad <= 1'b1;
                else if (end_of_program) finished <= 1'b1;
                else start <= 1'b1;
                state <= legal & ~end_of_program ? S_RUN : S_IDLE;
            end
            S_RUN: if (done) begin
                layer <= layer + 16'd1;
                index <= 5'd0;
                stepped <= one_step;
                state <= one_step ? S_PAUSE : S_FETCH;
            end
            S_PAUSE: begin
                one_step <= single;
                if (go) state <= S_FETCH;
            end
            default: state <= S_IDLE;
        endcase
        if (rst) layer <= 16'd0;
        if (rst | stop) begin
            state <= S_IDLE;
            start <= 1'b0;
            finished <= 1'b0;
            stepped <= 1'b0;
            bad <= 1'b0;
        end
    end

    wire [31:0] word = fetch_data;
    wire [AW+31:0] pool_base_word = {{(AW+32-F_POOL_BASE_WIDTH){1'b0}},
                                     word[F_POOL_BASE_LSB +: F_POOL_BASE_WIDTH]};
    wire unused_base = &{1'b0, pool_base_word[AW+31:AW]};
    wire [31:0] reserved_here = RESERVED_BITS[{arrived, 5'd0} +: 32];
    always @(posedge clk) begin
        if (state != S_FETCH & state != S_CHECK) reserved <= 1'b0;
        else if (arriving & (word & reserved_here) != 32'd0) reserved <= 1'b1;
    end

    always @(posedge clk) begin
        if (arriving) begin
            if (arrived == F_OP_WORD) begin
                op <= word[F_OP_LSB +: F_OP_WIDTH];
                pool <= word[F_OP_LSB +: F_OP_WIDTH] == OP_POOL;
            end
            if (arrived == F_SECOND_SOURCE_WORD)
                second_source <= word[F_SECOND_SOURCE_LSB +: F_SECOND_SOURCE_WIDTH];
            if (arrived == F_UPSAMPLE_A_WORD)
                upsample_a <= word[F_UPSAMPLE_A_LSB +: F_UPSAMPLE_A_WIDTH];
            if (arrived == F_UPSAMPLE_B_WORD)
                upsample_b <= word[F_UPSAMPLE_B_LSB +: F_UPSAMPLE_B_WIDTH];
            if (arrived == F_SIGNED_A_WORD) signed_a <= word[F_SIGNED_A_LSB +: F_SIGNED_A_WIDTH];
            if (arrived == F_SIGNED_B_WORD) signed_b <= word[F_SIGNED_B_LSB +: F_SIGNED_B_WIDTH];
            if (arrived == F_ONE_BIT_WORD) one_bit <= word[F_ONE_BIT_LSB +: F_ONE_BIT_WIDTH];
            if (arrived == F_PHASES_WORD) phases <= word[F_PHASES_LSB +: F_PHASES_WIDTH];
            if (arrived == F_HEAD_WORD) head <= word[F_HEAD_LSB +: F_HEAD_WIDTH];
            if (arrived == F_DIGITS_M1_WORD)
                digits_m1 <= word[F_DIGITS_M1_LSB +: F_DIGITS_M1_WIDTH];
            if (arrived == F_POOL_FUSED_WORD)
                pool_fused <= word[F_POOL_FUSED_LSB +: F_POOL_FUSED_WIDTH];
            if (arrived == F_WIDTH_M1_WORD) width_m1 <= word[F_WIDTH_M1_LSB +: F_WIDTH_M1_WIDTH];
            if (arrived == F_HEIGHT_M1_WORD)
                height_m1 <= word[F_HEIGHT_M1_LSB +: F_HEIGHT_M1_WIDTH];
            if (arrived == F_KERNEL_H_M1_WORD)
                kernel_h_m1 <= word[F_KERNEL_H_M1_LSB +: F_KERNEL_H_M1_WIDTH];
            if (arrived == F_KERNEL_W_M1_WORD)
                kernel_w_m1 <= word[F_KERNEL_W_M1_LSB +: F_KERNEL_W_M1_WIDTH];
            if (arrived == F_PAD_H_WORD) pad_h <= word[F_PAD_H_LSB +: F_PAD_H_WIDTH];
            if (arrived == F_PAD_W_WORD) pad_w <= word[F_PAD_W_LSB +: F_PAD_W_WIDTH];
            if (arrived == F_SHIFT_WORD) shift <= word[F_SHIFT_LSB +: F_SHIFT_WIDTH];
            if (arrived == F_LAST_LANES_WORD)
                last_lanes <= word[F_LAST_LANES_LSB +: F_LAST_LANES_WIDTH];
            if (arrived == F_GROUPS_A_M1_WORD)
                groups_a_m1 <= word[F_GROUPS_A_M1_LSB +: F_GROUPS_A_M1_WIDTH];
            if (arrived == F_GROUPS_B_M1_WORD)
                groups_b_m1 <= word[F_GROUPS_B_M1_LSB +: F_GROUPS_B_M1_WIDTH];
            if (arrived == F_START_A_WORD) start_a <= word[F_START_A_LSB +: AW];
            if (arrived == F_START_B_WORD) start_b <= word[F_START_B_LSB +: AW];
            if (arrived == F_OUT_BASE_WORD) out_base <= word[F_OUT_BASE_LSB +: AW];
            if (arrived == F_PITCH_OUT_WORD) pitch_out <= word[F_PITCH_OUT_LSB +: AW];
            if (arrived == F_PITCH_A_WORD) pitch_a <= word[F_PITCH_A_LSB +: AW];
            if (arrived == F_PITCH_B_WORD) pitch_b <= word[F_PITCH_B_LSB +: AW];
            if (arrived == F_POOL_BASE_WORD) pool_base <= pool_base_word[AW-1:0];
            if (arrived == F_WEIGHT_BASE_WORD) weight_base <= word[F_WEIGHT_BASE_LSB +: WAW];
            if (arrived == F_PARAM_BASE_WORD) param_base <= word[F_PARAM_BASE_LSB +: PAW];
            if (arrived == F_CLAMP_HIGH_WORD)
                clamp_high <= word[F_CLAMP_HIGH_LSB +: F_CLAMP_HIGH_WIDTH];
            if (arrived == F_CLAMP_LOW_WORD)
                clamp_low <= word[F_CLAMP_LOW_LSB +: F_CLAMP_LOW_WIDTH];
            if (arrived == F_THRESHOLD_WORD)
                threshold <= word[F_THRESHOLD_LSB +: F_THRESHOLD_WIDTH];
            if (arrived == F_OUT_GROUPS_M1_WORD)
                out_groups_m1 <= word[F_OUT_GROUPS_M1_LSB +: F_OUT_GROUPS_M1_WIDTH];
            if (arrived == F_OUT_STEP_M1_WORD)
                out_step_m1 <= word[F_OUT_STEP_M1_LSB +: F_OUT_STEP_M1_WIDTH];
            if (arrived == F_OUT_WIDTH_M1_WORD)
                out_width_m1 <= word[F_OUT_WIDTH_M1_LSB +: F_OUT_WIDTH_M1_WIDTH];
        end
    end
endmodule
`default_nettype wire
