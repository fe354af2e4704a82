`default_nettype none
// Runs the descriptor program: fetch, check, start the loop nest, wait for its last write.
//
// Contract: `go` starts the program, or after a pause goes on with it; `single` pauses after one
// descriptor. The next descriptor is fetched while one runs, without PREFETCH after it. A
// descriptor that the engine does not know, or a program without an end, gives `bad` once the one
// before has ended, and stops. `stop` stops at once; `layer` keeps its value for the host.
// With EXTERNAL, commands from a queue name the descriptors and how many rows of each run now; a
// descriptor that was interrupted goes on from the state that was saved behind it in memory.
// Latency: one cycle from the end of a descriptor to the start of the next, if it was fetched, and
// with EXTERNAL seven, and seven more to resume one. Without PREFETCH 20 from end to start.
module sequencer #(
    parameter TM = 4,         // output channel lanes, power of two
    parameter D = 4,          // bits of a weight digit
    parameter AW = 10,        // bits of a feature address
    parameter WAW = 10,       // bits of a weight address
    parameter PAW = 8,        // bits of a parameter address
    parameter DAW = 8,        // bits of a descriptor word address
    parameter DEPTH = 256,    // words of the descriptor memory
    parameter PREFETCH = 1,   // 0: one register holds the descriptor fetched and run
    parameter FUSED = 1,      // 0: there is no fused max-pool
    parameter EXTERNAL = 0    // 1: commands from a queue, rings of rows; needs PREFETCH
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
    output wire           save,
    output wire [DAW-1:0] save_address,
    output wire [31:0]    save_data,
    output reg            start,
    input  wire           done,
    // the command queue
    output wire           restart,
    input  wire           command_valid,
    input  wire           command_may_start,
    input  wire           command_ended,
    input  wire           others_ended,
    input  wire [15:0]    command_index,
    input  wire [7:0]     command_rows,
    input  wire           command_first,
    output wire           command_take,
    output wire           waiting,
    // state of the loop nest and the writer after a visit
    input  wire [11:0]    next_row,
    input  wire [11:0]    next_ring_a,
    input  wire [11:0]    next_ring_b,
    input  wire [11:0]    next_ring_out,
    input  wire [11:0]    next_ring_pool,
    input  wire [AW-1:0]  next_start_a,
    input  wire [AW-1:0]  next_start_b,
    input  wire [AW-1:0]  next_out,
    input  wire [AW-1:0]  next_pool,
    // fields
    output wire           pool,
    output wire           second_source,
    output wire           upsample_a,
    output wire           upsample_b,
    output wire           signed_a,
    output wire           signed_b,
    output wire           one_bit,
    output wire           phases,
    output wire [1:0]     head,
    output wire [3:0]     digits_m1,
    output wire           pool_fused,
    output wire [11:0]    width_m1,
    output wire [11:0]    height_m1,
    output wire [3:0]     kernel_h_m1,
    output wire [3:0]     kernel_w_m1,
    output wire [2:0]     pad_h,
    output wire [2:0]     pad_w,
    output wire [4:0]     shift,
    output wire [7:0]     last_lanes,
    output wire [11:0]    groups_a_m1,
    output wire [11:0]    groups_b_m1,
    output wire [AW-1:0]  start_a,
    output wire [AW-1:0]  start_b,
    output wire [AW-1:0]  out_base,
    output wire [AW-1:0]  pitch_out,
    output wire [AW-1:0]  pitch_a,
    output wire [AW-1:0]  pitch_b,
    output wire [AW-1:0]  pool_base,
    output wire [WAW-1:0] weight_base,
    output wire [PAW-1:0] param_base,
    output wire [15:0]    clamp_high,
    output wire [15:0]    clamp_low,
    output wire [15:0]    threshold,
    output wire [11:0]    out_groups_m1,
    output wire [11:0]    out_step_m1,
    output wire [11:0]    out_width_m1,
    output wire [11:0]    first_row,
    output wire [11:0]    rows_m1,
    output wire [11:0]    ring_at_a,
    output wire [11:0]    ring_at_b,
    output wire [11:0]    ring_at_out,
    output wire [11:0]    ring_at_pool,
    output wire [11:0]    ring_m1_a,
    output wire [11:0]    ring_m1_b,
    output wire [11:0]    ring_m1_out,
    output wire [11:0]    ring_m1_pool,
    output wire [AW-1:0]  wrap_a,
    output wire [AW-1:0]  wrap_b,
    output wire [AW-1:0]  wrap_out,
    output wire [AW-1:0]  wrap_pool,
    output wire [AW-1:0]  pitch_pool
);
    `include "qunet_defs.vh"

    localparam [2:0] S_IDLE = 3'd0, S_COMMAND = 3'd1, S_FETCH = 3'd2, S_READY = 3'd3,
                     S_RESUME = 3'd4, S_WAIT = 3'd5, S_PAUSE = 3'd6;
    localparam ONE_BIT_CELL = D == 1;
    localparam POOL_WRITER = FUSED != 0;
    localparam [7:0] LANES = TM;
    localparam [31:0] LAST_START = DEPTH - DESCRIPTOR_STRIDE;
    localparam [4:0] FETCHED = EXTERNAL != 0 ? EXTERNAL_WORDS[4:0] : CHIP_WORDS[4:0];
    localparam [4:0] SAVED = SAVED_WORDS[4:0];
    localparam BITS = 32 * EXTERNAL_WORDS;

    reg  [2:0]      state;
    reg             one_step, running;
    reg  [15:0]     program_index;  // descriptor that is or will be fetched
    reg  [4:0]      index;          // word asked for
    reg             arriving;       // fetch_data holds word `arrived`
    reg  [4:0]      arrived;
    reg             reserved;       // a reserved bit was set
    reg  [BITS-1:0] next;           // the descriptor being fetched
    wire [BITS-1:0] active;         // the descriptor being run

    wire [31:0] program_word = {11'd0, program_index, 5'd0};
    wire outside = program_word > LAST_START;
    wire [31:0] fetch_word = program_word | {27'd0, index};
    wire fetch_more = state == S_FETCH & ~outside & index != FETCHED;
    wire resume_more = state == S_RESUME & index != FETCHED + SAVED;
    assign busy = state != S_IDLE & state != S_PAUSE;
    assign paused = state == S_PAUSE;
    assign fetch = fetch_more | resume_more;
    assign fetch_address = fetch_word[DAW-1:0];

    // what was fetched
    wire [3:0] op = next[32*F_OP_WORD + F_OP_LSB +: 4];
    wire [7:0] lanes = next[32*F_LAST_LANES_WORD + F_LAST_LANES_LSB +: 8];
    wire next_phases = next[32*F_PHASES_WORD + F_PHASES_LSB];
    wire next_fused = next[32*F_POOL_FUSED_WORD + F_POOL_FUSED_LSB];
    wire next_one_bit = next[32*F_ONE_BIT_WORD + F_ONE_BIT_LSB];
    wire [1:0] next_head = next[32*F_HEAD_WORD + F_HEAD_LSB +: 2];
    wire one_tap = next[32*F_KERNEL_H_M1_WORD + F_KERNEL_H_M1_LSB +: 4] == 4'd0
                 & next[32*F_KERNEL_W_M1_WORD + F_KERNEL_W_M1_LSB +: 4] == 4'd0;
    wire conv_ok = lanes != 8'd0 & lanes <= LANES & next_head != 2'd3
                 & ~(next_phases & (next_head != 2'd0 | ~one_tap)) & (ONE_BIT_CELL | ~next_one_bit)
                 & ~(next_fused & (next_phases | next_head != 2'd0 | ~POOL_WRITER));
    wire legal = ~outside & ~reserved & ((op == OP_POOL & ~next_fused) | (op == OP_CONV & conv_ok));

    wire at_end, others_wait, may_start, resume, saving;
    // the state of a visit is saved in the cycles after it
    wire idle = EXTERNAL != 0 ? ~running & ~saving : ~running | done;
    wire ready = state == S_READY & idle;
    wire begins = ready & ~at_end & legal & may_start;
    wire resumed = state == S_RESUME & ~resume_more & ~arriving;
    wire launch = (begins & ~resume) | resumed;

    always @(posedge clk) begin
        start <= launch;
        finished <= 1'b0;
        stepped <= 1'b0;
        bad <= 1'b0;
        arriving <= fetch;
        arrived <= index;
        if (fetch) index <= index + 5'd1;
        running <= (running & ~done) | launch;
        case (state)
            S_IDLE: begin
                one_step <= single;
                index <= 5'd0;
                if (go) begin
                    program_index <= 16'd0;
                    state <= S_COMMAND;
                end
            end
            S_COMMAND: begin
                index <= 5'd0;
                if (EXTERNAL != 0 & command_valid) program_index <= command_index;
                if (EXTERNAL == 0 ? PREFETCH != 0 | idle : command_valid) state <= S_FETCH;
                else if (command_ended) state <= S_READY;
            end
            S_FETCH: if (outside | (index == FETCHED & ~arriving)) state <= S_READY;
            S_READY: if (idle) begin
                layer <= program_index;
                if (at_end) finished <= ~others_wait;
                else bad <= ~legal;
                if (at_end ? ~others_wait : ~legal) state <= S_IDLE;
                else if (begins & resume) state <= S_RESUME;
            end
            S_WAIT: if (EXTERNAL != 0 ? idle : done) begin
                stepped <= 1'b1;
                if (EXTERNAL == 0) layer <= program_index;
                state <= S_PAUSE;
            end
            S_PAUSE: begin
                one_step <= single;
                if (go) state <= S_COMMAND;
            end
            default: ;
        endcase
        if (launch) begin
            if (EXTERNAL == 0) program_index <= program_index + 16'd1;
            state <= one_step ? S_WAIT : S_COMMAND;
        end
        if (rst) layer <= 16'd0;
        if (rst | stop) begin
            state <= S_IDLE;
            running <= 1'b0;
            start <= 1'b0;
            finished <= 1'b0;
            stepped <= 1'b0;
            bad <= 1'b0;
            arriving <= 1'b0;
        end
    end

    generate
        if (PREFETCH != 0) begin : gen_two
            reg [BITS-1:0] run;
            always @(posedge clk) if (launch) run <= next;
            assign active = run;
        end else begin : gen_one
            assign active = next;
        end
    endgenerate

    wire [31:0] reserved_here = RESERVED_BITS[{arrived, 5'd0} +: 32];
    always @(posedge clk) begin
        if (state == S_COMMAND) reserved <= 1'b0;
        else if (arriving & state == S_FETCH & (fetch_data & reserved_here) != 32'd0)
            reserved <= 1'b1;
        if (arriving & state == S_FETCH) next[{arrived, 5'd0} +: 32] <= fetch_data;
    end

    // rows, rings, and the state that outlives a visit
    generate
        if (EXTERNAL != 0) begin : gen_visits
            reg  [32*SAVED_WORDS-1:0] state_in;   // where the visit begins
            reg  [7:0]  visit_rows;
            reg  [4:0]  save_left;
            reg  [15:0] visit_index;
            wire [31:0] save_word = {11'd0, visit_index, 5'd0}
                                  | {27'd0, FETCHED + SAVED - save_left};
            assign at_end = command_ended;
            assign others_wait = ~others_ended;
            assign may_start = command_may_start;
            assign resume = ~command_first;
            assign restart = state == S_IDLE & go;
            assign command_take = launch;
            assign waiting = ready & ~at_end & legal & ~may_start;
            assign saving = save_left != 5'd0;
            assign save = saving;
            assign save_address = save_word[DAW-1:0];
            wire unused_here = &{1'b0, save_word[31:DAW], state_in};
            wire [31:0] first_a = next[32*F_START_A_WORD +: 32];
            wire [31:0] first_b = next[32*F_START_B_WORD +: 32];
            wire [31:0] first_out = next[32*F_OUT_BASE_WORD +: 32];
            wire [19:0] first_pool = next[32*F_POOL_BASE_WORD + F_POOL_BASE_LSB +: 20];
            wire [11:0] first_ring_a = next[32*F_RING_AT_A_WORD + F_RING_AT_A_LSB +: 12];
            wire [11:0] first_ring_b = next[32*F_RING_AT_B_WORD + F_RING_AT_B_LSB +: 12];
            wire unused_first = &{1'b0, first_a[31:20], first_b[31:20], first_out[31:20]};
            always @(posedge clk) begin
                if (begins & ~resume)
                    state_in <= {{12'd0, first_pool}, {12'd0, first_out[19:0]},
                                 {first_ring_b, first_b[19:0]}, {first_ring_a, first_a[19:0]},
                                 32'd0};
                else if (arriving & state == S_RESUME)
                    state_in <= {fetch_data, state_in[32*SAVED_WORDS-1:32]};
                if (launch) begin
                    visit_rows <= command_rows;
                    visit_index <= program_index;
                end
                if (saving) save_left <= save_left - 5'd1;
                else if (running & done) save_left <= SAVED;
                if (rst | stop) save_left <= 5'd0;
            end
            wire [AW+19:0] wide_a = {20'd0, next_start_a};
            wire [AW+19:0] wide_b = {20'd0, next_start_b};
            wire [AW+19:0] wide_out = {20'd0, next_out};
            wire [AW+19:0] wide_pool = {20'd0, next_pool};
            wire unused_wide = &{1'b0, wide_a, wide_b, wide_out, wide_pool};
            assign save_data = save_left == 5'd5 ? {20'd0, next_row}
                             : save_left == 5'd4 ? {next_ring_a, wide_a[19:0]}
                             : save_left == 5'd3 ? {next_ring_b, wide_b[19:0]}
                             : save_left == 5'd2 ? {next_ring_out, wide_out[19:0]}
                                                 : {next_ring_pool, wide_pool[19:0]};
            assign first_row = state_in[11:0];
            assign start_a = state_in[32 +: AW];
            assign ring_at_a = state_in[63:52];
            assign start_b = state_in[64 +: AW];
            assign ring_at_b = state_in[95:84];
            assign out_base = state_in[96 +: AW];
            assign ring_at_out = state_in[127:116];
            assign pool_base = state_in[128 +: AW];
            assign ring_at_pool = state_in[159:148];
            assign rows_m1 = {4'd0, visit_rows} - 12'd1;
            assign ring_m1_a = active[32*F_RING_M1_A_WORD + F_RING_M1_A_LSB +: 12];
            assign ring_m1_b = active[32*F_RING_M1_B_WORD + F_RING_M1_B_LSB +: 12];
            assign ring_m1_out = active[32*F_RING_M1_OUT_WORD + F_RING_M1_OUT_LSB +: 12];
            assign wrap_a = active[32*F_WRAP_A_WORD +: AW];
            assign wrap_b = active[32*F_WRAP_B_WORD +: AW];
            assign wrap_out = active[32*F_WRAP_OUT_WORD +: AW];
            assign ring_m1_pool = active[32*F_RING_M1_POOL_WORD + F_RING_M1_POOL_LSB +: 12];
            assign wrap_pool = active[32*F_WRAP_POOL_WORD +: AW];
            assign pitch_pool = active[32*F_PITCH_POOL_WORD +: AW];
        end else begin : gen_layers
            assign at_end = op == OP_END & ~outside & ~reserved;
            assign others_wait = 1'b0;
            assign may_start = 1'b1;
            assign resume = 1'b0;
            assign restart = 1'b0;
            assign command_take = 1'b0;
            assign waiting = 1'b0;
            assign saving = 1'b0;
            assign save = 1'b0;
            assign save_address = {DAW{1'b0}};
            assign save_data = 32'd0;
            assign first_row = 12'd0;
            assign rows_m1 = height_m1;
            assign start_a = active[32*F_START_A_WORD +: AW];
            assign start_b = active[32*F_START_B_WORD +: AW];
            assign out_base = active[32*F_OUT_BASE_WORD +: AW];
            wire [AW+31:0] pool_word = {{(AW+12){1'b0}},
                                        active[32*F_POOL_BASE_WORD + F_POOL_BASE_LSB +: 20]};
            wire unused_pool = &{1'b0, pool_word};
            assign pool_base = pool_word[AW-1:0];
            assign ring_at_pool = 12'd0;
            assign ring_m1_pool = 12'd0;
            assign wrap_pool = {AW{1'b0}};
            assign pitch_pool = {AW{1'b0}};
            assign ring_at_a = 12'd0;
            assign ring_at_b = 12'd0;
            assign ring_at_out = 12'd0;
            assign ring_m1_a = 12'd0;
            assign ring_m1_b = 12'd0;
            assign ring_m1_out = 12'd0;
            assign wrap_a = {AW{1'b0}};
            assign wrap_b = {AW{1'b0}};
            assign wrap_out = {AW{1'b0}};
            wire unused_here = &{1'b0, command_valid, command_may_start, command_ended,
                others_ended, command_index, command_rows, command_first, next_row, next_ring_a,
                next_ring_b, next_ring_out, next_ring_pool, next_start_a, next_start_b, next_out,
                next_pool};
        end
    endgenerate

    wire unused_ok = &{1'b0, fetch_word[31:DAW], active};
    assign pool = active[32*F_OP_WORD + F_OP_LSB +: 4] == OP_POOL;
    assign second_source = active[32*F_SECOND_SOURCE_WORD + F_SECOND_SOURCE_LSB];
    assign upsample_a = active[32*F_UPSAMPLE_A_WORD + F_UPSAMPLE_A_LSB];
    assign upsample_b = active[32*F_UPSAMPLE_B_WORD + F_UPSAMPLE_B_LSB];
    assign signed_a = active[32*F_SIGNED_A_WORD + F_SIGNED_A_LSB];
    assign signed_b = active[32*F_SIGNED_B_WORD + F_SIGNED_B_LSB];
    assign one_bit = active[32*F_ONE_BIT_WORD + F_ONE_BIT_LSB];
    assign phases = active[32*F_PHASES_WORD + F_PHASES_LSB];
    assign head = active[32*F_HEAD_WORD + F_HEAD_LSB +: F_HEAD_WIDTH];
    assign digits_m1 = active[32*F_DIGITS_M1_WORD + F_DIGITS_M1_LSB +: F_DIGITS_M1_WIDTH];
    assign width_m1 = active[32*F_WIDTH_M1_WORD + F_WIDTH_M1_LSB +: F_WIDTH_M1_WIDTH];
    assign height_m1 = active[32*F_HEIGHT_M1_WORD + F_HEIGHT_M1_LSB +: F_HEIGHT_M1_WIDTH];
    assign kernel_h_m1 = active[32*F_KERNEL_H_M1_WORD + F_KERNEL_H_M1_LSB +: 4];
    assign kernel_w_m1 = active[32*F_KERNEL_W_M1_WORD + F_KERNEL_W_M1_LSB +: 4];
    assign pool_fused = active[32*F_POOL_FUSED_WORD + F_POOL_FUSED_LSB];
    assign pad_h = active[32*F_PAD_H_WORD + F_PAD_H_LSB +: F_PAD_H_WIDTH];
    assign pad_w = active[32*F_PAD_W_WORD + F_PAD_W_LSB +: F_PAD_W_WIDTH];
    assign shift = active[32*F_SHIFT_WORD + F_SHIFT_LSB +: F_SHIFT_WIDTH];
    assign last_lanes = active[32*F_LAST_LANES_WORD + F_LAST_LANES_LSB +: F_LAST_LANES_WIDTH];
    assign groups_a_m1 = active[32*F_GROUPS_A_M1_WORD + F_GROUPS_A_M1_LSB +: 12];
    assign groups_b_m1 = active[32*F_GROUPS_B_M1_WORD + F_GROUPS_B_M1_LSB +: 12];
    assign pitch_out = active[32*F_PITCH_OUT_WORD +: AW];
    assign pitch_a = active[32*F_PITCH_A_WORD +: AW];
    assign pitch_b = active[32*F_PITCH_B_WORD +: AW];
    assign weight_base = active[32*F_WEIGHT_BASE_WORD +: WAW];
    assign param_base = active[32*F_PARAM_BASE_WORD +: PAW];
    assign clamp_high = active[32*F_CLAMP_HIGH_WORD + F_CLAMP_HIGH_LSB +: 16];
    assign clamp_low = active[32*F_CLAMP_LOW_WORD + F_CLAMP_LOW_LSB +: 16];
    assign threshold = active[32*F_THRESHOLD_WORD + F_THRESHOLD_LSB +: F_THRESHOLD_WIDTH];
    assign out_groups_m1 = active[32*F_OUT_GROUPS_M1_WORD + F_OUT_GROUPS_M1_LSB +: 12];
    assign out_step_m1 = active[32*F_OUT_STEP_M1_WORD + F_OUT_STEP_M1_LSB +: 12];
    assign out_width_m1 = active[32*F_OUT_WIDTH_M1_WORD + F_OUT_WIDTH_M1_LSB +: 12];
endmodule
`default_nettype wire
