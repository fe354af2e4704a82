`default_nettype none
// The accelerator: one time-multiplexed convolution engine run by descriptors, memories on chip.
//
// Contract: equals network::Network::run_reference on the program in its memories. Wiring only;
// the behaviour is in the modules it instantiates.
// Latency: model in hdl-gen (cycles.rs). Throughput: TN*TM*TP multiply-accumulates a cycle.
module qunet_engine #(
    parameter TN = 2,                // input channel lanes, power of two, 1..64
    parameter TM = 4,                // output channel lanes, power of two, 1..128
    parameter TP = 4,                // pixel lanes, power of two, 1..16
    parameter D = 4,                 // bits of a weight digit: 1, 2, 4 or 8
    parameter TA = 8,                // bits of an activation lane, 1..8
    parameter CELL = 0,              // 0: multiplier, 1: shift and add, 2: two products each
    parameter RQ = 2,                // requantize lanes, divides TP
    parameter ACC = 32,              // bits of an accumulator, 18..32
    parameter SCALED = 1,            // 1: multiplier in the requantizer, 0: M is +1 or -1
    parameter FEATURE_DEPTH = 4096,  // words of TP*TN*TA bits, 2 and up
    parameter WEIGHT_DEPTH = 4096,   // words of TN*TM*D bits, 2 and up
    parameter PARAM_DEPTH = 512,     // words of 48 bits (B, M), 2 and up
    parameter DESC_DEPTH = 512,      // words of 32 bits, 16 and up
    parameter WEIGHT_FILE = "",      // $readmemh images, or "" for undefined contents
    parameter PARAM_FILE = "",
    parameter DESC_FILE = "",
    parameter [31:0] MODEL_HASH = 0,   // CRC-32 of the model file
    parameter [31:0] INPUT_BASE = 0,   // window address of the input
    parameter [31:0] INPUT_LENGTH = 0, // window words of the input
    parameter [31:0] WATCHDOG = 0      // cycle limit of a frame at reset, 0 = off
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        wb_cyc_i,
    input  wire        wb_stb_i,
    input  wire        wb_we_i,
    input  wire [7:0]  wb_adr_i,
    input  wire [31:0] wb_dat_i,
    output wire [31:0] wb_dat_o,
    output wire        wb_ack_o,
    output wire        irq
);
    localparam AW = $clog2(FEATURE_DEPTH);
    localparam WAW = $clog2(WEIGHT_DEPTH);
    localparam PAW = $clog2(PARAM_DEPTH);
    localparam DAW = $clog2(DESC_DEPTH);
    localparam BW = TN * TA;
    localparam BLOCKS = TP / RQ;
    localparam SLOW_PHASES = BLOCKS == 1 && TP > 1;
    localparam RW = TP > 1 ? $clog2(TP) : 1;
    localparam NW = TN > 1 ? $clog2(TN) : 1;
    localparam SBW = BLOCKS > 1 ? $clog2(BLOCKS) : 1;
    localparam [31:0] CAPS = ((SCALED != 0 ? 1 : 0) << 20) | (TA << 16) | (D << 12)
                           | ($clog2(TP) << 8) | ($clog2(TM) << 4) | $clog2(TN);

    // host
    wire        go, single, stop, busy, paused, finished, stepped, bad, issue, stall;
    wire [15:0] layer;
    wire        window_write, window_read, window_done;
    wire [1:0]  window_select;
    wire [31:0] window_address, window_wdata, window_rdata;
    register_block #(
        .MODEL_HASH(MODEL_HASH), .CAPS(CAPS), .INPUT_BASE(INPUT_BASE),
        .INPUT_LENGTH(INPUT_LENGTH), .WATCHDOG(WATCHDOG), .FEATURE_DEPTH(FEATURE_DEPTH),
        .WEIGHT_DEPTH(WEIGHT_DEPTH), .PARAM_DEPTH(PARAM_DEPTH), .DESC_DEPTH(DESC_DEPTH)
    ) u_register_block (
        .clk(clk), .rst(rst),
        .wb_cyc_i(wb_cyc_i), .wb_stb_i(wb_stb_i), .wb_we_i(wb_we_i), .wb_adr_i(wb_adr_i),
        .wb_dat_i(wb_dat_i), .wb_dat_o(wb_dat_o), .wb_ack_o(wb_ack_o), .irq(irq),
        .go(go), .single(single), .stop(stop), .busy(busy), .paused(paused),
        .finished(finished), .stepped(stepped), .bad(bad), .layer(layer),
        .issue(issue), .stall(stall),
        .window_write(window_write), .window_read(window_read),
        .window_select(window_select), .window_address(window_address),
        .window_wdata(window_wdata), .window_rdata(window_rdata), .window_done(window_done)
    );

    wire [AW-1:0]    host_feature_address;
    wire             host_feature_re;
    wire [TP-1:0]    host_feature_we;
    wire [BW-1:0]    host_feature_wdata;
    wire [WAW-1:0]   host_weight_address;
    wire             host_weight_re, host_weight_we;
    wire [TM*TN*D-1:0] host_weight_wdata;
    wire [PAW-1:0]   host_param_address;
    wire             host_param_re, host_param_we;
    wire [47:0]      host_param_wdata;
    wire [DAW-1:0]   host_desc_address;
    wire             host_desc_re, host_desc_we;
    wire [31:0]      host_desc_wdata;
    wire [TP*BW-1:0] feature_rdata;
    wire [TM*TN*D-1:0] weight_rdata;
    wire [47:0]      param_rdata;
    wire [31:0]      desc_rdata;
    memory_window #(
        .TP(TP), .FBW(BW), .WBW(TM*TN*D), .PBW(48), .FEATURE_DEPTH(FEATURE_DEPTH),
        .WEIGHT_DEPTH(WEIGHT_DEPTH), .PARAM_DEPTH(PARAM_DEPTH), .DESC_DEPTH(DESC_DEPTH),
        .AW(AW), .WAW(WAW), .PAW(PAW), .DAW(DAW)
    ) u_memory_window (
        .clk(clk), .rst(rst), .write(window_write), .read(window_read), .select(window_select),
        .address(window_address), .wdata(window_wdata), .rdata(window_rdata), .done(window_done),
        .feature_address(host_feature_address), .feature_re(host_feature_re),
        .feature_rdata(feature_rdata), .feature_we(host_feature_we),
        .feature_wdata(host_feature_wdata),
        .weight_address(host_weight_address), .weight_re(host_weight_re),
        .weight_rdata(weight_rdata), .weight_we(host_weight_we),
        .weight_wdata(host_weight_wdata),
        .param_address(host_param_address), .param_re(host_param_re),
        .param_rdata(param_rdata), .param_we(host_param_we), .param_wdata(host_param_wdata),
        .desc_address(host_desc_address), .desc_re(host_desc_re), .desc_rdata(desc_rdata),
        .desc_we(host_desc_we), .desc_wdata(host_desc_wdata)
    );

    // control
    wire clear = rst | stop;
    // a transposed word is written in two cycles, so its channels must not come faster
    wire slow_drain = SLOW_PHASES & phases;
    wire start, done, fetch;
    wire [DAW-1:0] fetch_address;
    wire           pool, second_source, upsample_a, upsample_b, signed_a, signed_b, one_bit, phases;
    wire [1:0]     head_kind;
    wire [2:0]     digits_m1, pad;
    wire [11:0]    width_m1, height_m1, groups_a_m1, groups_b_m1;
    wire [11:0]    out_groups_m1, out_step_m1, out_width_m1;
    wire [3:0]     kernel_h_m1, kernel_w_m1;
    wire [4:0]     shift_by;
    wire [7:0]     last_lanes;
    wire [AW-1:0]  start_a, start_b, out_base, pitch_out, pitch_a, pitch_b;
    wire [WAW-1:0] weight_base;
    wire [PAW-1:0] param_base;
    wire [15:0]    clamp_high, clamp_low, threshold;
    sequencer #(
        .TM(TM), .D(D), .AW(AW), .WAW(WAW), .PAW(PAW), .DAW(DAW), .DEPTH(DESC_DEPTH)
    ) u_sequencer (
        .clk(clk), .rst(rst), .stop(stop), .go(go), .single(single), .busy(busy),
        .paused(paused), .finished(finished), .stepped(stepped), .bad(bad), .layer(layer),
        .fetch(fetch), .fetch_address(fetch_address), .fetch_data(desc_rdata),
        .start(start), .done(done),
        .pool(pool), .second_source(second_source), .upsample_a(upsample_a),
        .upsample_b(upsample_b), .signed_a(signed_a), .signed_b(signed_b), .one_bit(one_bit),
        .phases(phases), .head(head_kind), .digits_m1(digits_m1), .width_m1(width_m1),
        .height_m1(height_m1), .kernel_h_m1(kernel_h_m1), .kernel_w_m1(kernel_w_m1), .pad(pad),
        .shift(shift_by), .last_lanes(last_lanes), .groups_a_m1(groups_a_m1),
        .groups_b_m1(groups_b_m1), .start_a(start_a), .start_b(start_b), .out_base(out_base),
        .pitch_out(pitch_out), .pitch_a(pitch_a), .pitch_b(pitch_b), .weight_base(weight_base),
        .param_base(param_base), .clamp_high(clamp_high), .clamp_low(clamp_low),
        .threshold(threshold), .out_groups_m1(out_groups_m1), .out_step_m1(out_step_m1),
        .out_width_m1(out_width_m1)
    );

    wire           valid, upsample, parity, is_signed, first, shift, last, top_digit, end_group;
    wire [AW-1:0]  raddr, raddr_next;
    wire [RW-1:0]  rotation;
    wire [TP-1:0]  mask;
    wire [WAW-1:0] weight_address;
    wire [2:0]     ends;
    wire [AW+11:0] wide_step_a = {{AW{1'b0}}, groups_a_m1} + 1'b1;
    wire [AW+11:0] wide_step_b = {{AW{1'b0}}, groups_b_m1} + 1'b1;
    wire [AW+11:0] wide_step_out = {{AW{1'b0}}, out_step_m1} + 1'b1;
    wire unused_steps = &{1'b0, wide_step_a[AW+11:AW], wide_step_b[AW+11:AW],
                          wide_step_out[AW+11:AW]};
    address_generator #(
        .TP(TP), .TM(TM), .BLOCKS(BLOCKS), .AW(AW), .WAW(WAW), .RW(RW)
    ) u_address_generator (
        .clk(clk), .rst(clear), .start(start), .pool(pool), .second_source(second_source),
        .upsample_a(upsample_a), .upsample_b(upsample_b), .signed_a(signed_a),
        .signed_b(signed_b), .phases(phases), .slow(slow_drain), .digits_m1(digits_m1),
        .width_m1(width_m1), .height_m1(height_m1), .kernel_h_m1(kernel_h_m1),
        .kernel_w_m1(kernel_w_m1), .pad(pad),
        .last_lanes(last_lanes), .groups_a_m1(groups_a_m1), .groups_b_m1(groups_b_m1),
        .start_a(start_a), .start_b(start_b), .step_a(wide_step_a[AW-1:0]),
        .step_b(wide_step_b[AW-1:0]), .pitch_a(pitch_a), .pitch_b(pitch_b),
        .weight_base(weight_base), .out_groups_m1(out_groups_m1),
        .issue(issue), .stall(stall), .valid(valid), .raddr(raddr), .raddr_next(raddr_next),
        .rotation(rotation), .upsample(upsample), .parity(parity), .is_signed(is_signed),
        .mask(mask), .weight_address(weight_address), .first(first), .shift(shift),
        .last(last), .top_digit(top_digit), .end_group(end_group), .ends(ends)
    );

    // memories; the host has them while the engine is idle
    wire             param_re;
    wire [PAW-1:0]   param_address;
    wire [TP-1:0]    out_we;
    wire [AW-1:0]    out_address;
    wire [TP*BW-1:0] out_wdata;
    feature_memory #(.TP(TP), .BW(BW), .DEPTH(FEATURE_DEPTH), .AW(AW), .RW(RW)) u_features (
        .clk(clk), .re(busy ? valid : host_feature_re),
        .raddr(busy ? raddr : host_feature_address),
        .raddr_next(busy ? raddr_next : host_feature_address), .rotation(rotation),
        .rdata(feature_rdata), .we(busy ? out_we : host_feature_we),
        .waddr(busy ? out_address : host_feature_address),
        .wdata(busy ? out_wdata : {TP{host_feature_wdata}})
    );
    ram_1r1w #(
        .WIDTH(TM*TN*D), .DEPTH(WEIGHT_DEPTH), .AW(WAW), .INIT_FILE(WEIGHT_FILE)
    ) u_weights (
        .clk(clk), .we(host_weight_we), .waddr(host_weight_address), .wdata(host_weight_wdata),
        .re(busy ? valid : host_weight_re),
        .raddr(busy ? weight_address : host_weight_address), .rdata(weight_rdata)
    );
    ram_1r1w #(.WIDTH(48), .DEPTH(PARAM_DEPTH), .AW(PAW), .INIT_FILE(PARAM_FILE)) u_params (
        .clk(clk), .we(host_param_we), .waddr(host_param_address), .wdata(host_param_wdata),
        .re(busy ? param_re : host_param_re),
        .raddr(busy ? param_address : host_param_address), .rdata(param_rdata)
    );
    ram_1r1w #(.WIDTH(32), .DEPTH(DESC_DEPTH), .AW(DAW), .INIT_FILE(DESC_FILE)) u_descriptors (
        .clk(clk), .we(host_desc_we), .waddr(host_desc_address), .wdata(host_desc_wdata),
        .re(busy ? fetch : host_desc_re),
        .raddr(busy ? fetch_address : host_desc_address), .rdata(desc_rdata)
    );

    // operands: read, align
    wire [RW-1:0] rotation_read;
    wire [TP-1:0] mask_read;
    wire          upsample_read, parity_read, is_signed_read;
    delay #(.WIDTH(RW+TP+3), .STAGES(1)) u_read_control (
        .clk(clk), .rst(clear), .din({rotation, mask, upsample, parity, is_signed}),
        .dout({rotation_read, mask_read, upsample_read, parity_read, is_signed_read})
    );
    wire [TP*TN*(TA+1)-1:0] pixels;
    pixel_align #(.TP(TP), .TN(TN), .TA(TA), .RW(RW)) u_pixel_align (
        .clk(clk), .banks(feature_rdata), .rotation(rotation_read), .upsample(upsample_read),
        .parity(parity_read), .is_signed(is_signed_read), .mask(mask_read), .pixels(pixels)
    );
    wire [TM*TN*D-1:0] weights;
    delay #(.WIDTH(TM*TN*D), .STAGES(1)) u_weight_align (
        .clk(clk), .rst(1'b0), .din(weight_rdata), .dout(weights)
    );
    wire valid_op, first_op, shift_op, last_op, top_digit_op, is_signed_op;
    delay #(.WIDTH(6), .STAGES(2)) u_operand_control (
        .clk(clk), .rst(clear), .din({valid, first, shift, last, top_digit, is_signed}),
        .dout({valid_op, first_op, shift_op, last_op, top_digit_op, is_signed_op})
    );

    // array and its drain
    wire              captured, drain;
    wire [RQ*ACC-1:0] drained;
    mac_array #(
        .TN(TN), .TM(TM), .TP(TP), .D(D), .TA(TA), .CELL(CELL), .ACC(ACC), .RQ(RQ)
    ) u_mac_array (
        .clk(clk), .rst(clear), .valid(valid_op & ~pool), .first(first_op), .shift(shift_op),
        .last(last_op), .top_digit(top_digit_op), .one_bit(one_bit),
        .is_signed(is_signed_op), .weights(weights), .pixels(pixels), .captured(captured),
        .drain(drain), .drained(drained)
    );
    wire       end_group_pool, end_group_acc;
    wire [2:0] ends_pool, ends_acc;
    delay #(.WIDTH(4), .STAGES(3)) u_ends_pool (
        .clk(clk), .rst(clear), .din({end_group, ends}), .dout({end_group_pool, ends_pool})
    );
    delay #(.WIDTH(4), .STAGES(1)) u_ends_acc (
        .clk(clk), .rst(clear), .din({end_group_pool, ends_pool}),
        .dout({end_group_acc, ends_acc})
    );
    wire [SBW-1:0] block;
    wire [NW-1:0]  lane;
    wire           first_channel, last_channel, word_last;
    wire [2:0]     drain_ends;
    assign param_re = drain;
    drain_control #(
        .TN(TN), .TM(TM), .BLOCKS(BLOCKS), .NW(NW), .SBW(SBW), .PAW(PAW)
    ) u_drain_control (
        .clk(clk), .rst(clear), .start(start), .slow(slow_drain), .param_base(param_base),
        .last_lanes(last_lanes), .captured(captured), .end_group(end_group_acc),
        .ends(ends_acc), .drain(drain), .param_address(param_address), .block(block),
        .lane(lane), .first_channel(first_channel), .last_channel(last_channel),
        .word_last(word_last), .drain_ends(drain_ends)
    );

    // requantize: two cycles for the parameter word, as reading takes most of one; four for the
    // arithmetic
    wire [RQ*ACC-1:0] drained_q;
    wire [47:0]       param;
    delay #(.WIDTH(RQ*ACC), .STAGES(2)) u_drained (
        .clk(clk), .rst(1'b0), .din(drained), .dout(drained_q)
    );
    delay #(.WIDTH(48), .STAGES(1)) u_param (
        .clk(clk), .rst(1'b0), .din(param_rdata), .dout(param)
    );
    wire [RQ*16-1:0] results;
    genvar r;
    generate
        for (r = 0; r < RQ; r = r + 1) begin : gen_requantize
            requantize #(.ACC(ACC), .SCALED(SCALED)) u_requantize (
                .clk(clk), .acc(drained_q[r*ACC +: ACC]), .multiplier(param[47:32]),
                .bias(param[31:0]), .shift(shift_by), .low(clamp_low),
                .high(clamp_high), .value(results[r*16 +: 16])
            );
        end
    endgenerate
    wire           valid_rq, first_channel_rq, last_channel_rq, word_last_rq;
    wire [SBW-1:0] block_rq;
    wire [NW-1:0]  lane_rq;
    wire [2:0]     ends_rq;
    delay #(.WIDTH(7+SBW+NW), .STAGES(6)) u_drain_tag (
        .clk(clk), .rst(clear),
        .din({drain, first_channel, last_channel, word_last, block, lane, drain_ends}),
        .dout({valid_rq, first_channel_rq, last_channel_rq, word_last_rq, block_rq, lane_rq,
               ends_rq})
    );

    // head, pack
    wire [RQ*TA-1:0] values;
    head #(.TP(TP), .RQ(RQ), .TA(TA), .SBW(SBW)) u_head (
        .clk(clk), .valid(valid_rq), .kind(head_kind), .threshold(threshold), .block(block_rq),
        .first_channel(first_channel_rq), .logits(results), .values(values)
    );
    wire is_head = head_kind != 2'd0;
    wire valid_pack, word_last_pack, last_channel_pack;
    wire [SBW-1:0] block_pack;
    wire [NW-1:0]  lane_pack;
    wire [2:0]     ends_pack;
    delay #(.WIDTH(6+SBW+NW), .STAGES(1)) u_pack_tag (
        .clk(clk), .rst(clear),
        .din({valid_rq & (~is_head | last_channel_rq), word_last_rq, last_channel_rq, block_rq,
              lane_rq & {NW{~is_head}}, ends_rq}),
        .dout({valid_pack, word_last_pack, last_channel_pack, block_pack, lane_pack, ends_pack})
    );
    wire             word_valid_conv;
    wire [TP*BW-1:0] word_conv;
    channel_pack #(.TP(TP), .TN(TN), .TA(TA), .RQ(RQ), .NW(NW), .SBW(SBW)) u_channel_pack (
        .clk(clk), .rst(clear), .valid(valid_pack), .word_last(word_last_pack),
        .block(block_pack), .lane(lane_pack), .values(values), .word_valid(word_valid_conv),
        .word(word_conv)
    );
    wire       group_end_conv;
    wire [2:0] ends_conv;
    delay #(.WIDTH(4), .STAGES(1)) u_word_tag (
        .clk(clk), .rst(clear), .din({last_channel_pack, ends_pack}),
        .dout({group_end_conv, ends_conv})
    );

    // max-pool beside the array
    wire             word_valid_pool;
    wire [TP*BW-1:0] word_pool;
    max_pool2d #(.TP(TP), .TN(TN), .TA(TA)) u_max_pool2d (
        .clk(clk), .rst(clear), .valid(valid_op & pool), .first(first_op), .last(last_op),
        .pixels(pixels), .word_valid(word_valid_pool), .word(word_pool)
    );

    output_writer #(.TP(TP), .BW(BW), .AW(AW)) u_output_writer (
        .clk(clk), .rst(clear), .start(start), .phases(phases), .pool(pool),
        .out_base(out_base), .out_pitch(pitch_out), .out_step(wide_step_out[AW-1:0]),
        .out_width_m1(out_width_m1), .word_valid(pool ? word_valid_pool : word_valid_conv),
        .word(pool ? word_pool : word_conv),
        .group_end(pool ? end_group_pool : group_end_conv),
        .ends(pool ? ends_pool : ends_conv),
        .we(out_we), .waddr(out_address), .wdata(out_wdata), .done(done)
    );
endmodule
`default_nettype wire
