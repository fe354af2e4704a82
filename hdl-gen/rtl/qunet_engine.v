`default_nettype none
// The accelerator: one time-multiplexed convolution engine run by descriptors; its memories hold
// all there is, or with EXTERNAL the rows and weights that a DMA brings from external memory.
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
    parameter BIAS = 32,             // bits of a bias, 1..32
    parameter SCALED = 1,            // 1: multiplier in the requantizer, 0: M is +1 or -1
    parameter HOST_BUS = 0,          // bus of the build for CAPS, 0: Wishbone, 1: AXI4-Lite
    parameter FEATURE_DEPTH = 4096,  // words of TP*TN*TA bits, 2 and up
    parameter WEIGHT_DEPTH = 4096,   // words of TN*TM*D bits, 2 and up
    parameter PARAM_DEPTH = 512,     // words of 48 bits (B, M), 2 and up
    parameter DESC_DEPTH = 512,      // words of 32 bits, 32 and up
    parameter EXTERNAL = 0,          // 1: tensors and weights in external memory
    parameter COMMAND_DEPTH = 16,    // words of 32 bits, 2 and up: commands of the engine,
    parameter TRANSFER_DEPTH = 16,   // of the DMA,
    parameter CHANNEL_DEPTH = 16,    // and the table of its channels
    parameter POOL_DEPTH = 16,       // words of the fused max-pool's half row, 2 and up, 0: none
    parameter PREFETCH = 1,          // 0: descriptors are fetched one after the other
    parameter WEIGHT_FILE = "",      // $readmemh images, or "" for undefined contents
    parameter PARAM_FILE = "",
    parameter DESC_FILE = "",
    parameter COMMAND_FILE = "",
    parameter TRANSFER_FILE = "",
    parameter CHANNEL_FILE = "",
    parameter [31:0] EXTERNAL_LENGTH = 0, // bytes of external memory
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
    output wire        irq,
    output wire [31:0]  m_axi_araddr,    // AXI4, 128 bits, incrementing bursts of 16-byte beats
    output wire [7:0]   m_axi_arlen,
    output wire         m_axi_arvalid,
    input  wire         m_axi_arready,
    input  wire [127:0] m_axi_rdata,
    input  wire [1:0]   m_axi_rresp,
    input  wire         m_axi_rvalid,
    output wire         m_axi_rready,
    output wire [31:0]  m_axi_awaddr,
    output wire [7:0]   m_axi_awlen,
    output wire         m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [127:0] m_axi_wdata,
    output wire [15:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    output wire         m_axi_wvalid,
    input  wire         m_axi_wready,
    input  wire [1:0]   m_axi_bresp,
    input  wire         m_axi_bvalid,
    output wire         m_axi_bready
);
    localparam AW = $clog2(FEATURE_DEPTH);
    localparam WAW = $clog2(WEIGHT_DEPTH);
    localparam PAW = $clog2(PARAM_DEPTH);
    localparam DAW = $clog2(DESC_DEPTH);
    localparam BW = TN * TA;
    localparam BLOCKS = TP / RQ;
    localparam ONE_BLOCK = BLOCKS == 1;
    localparam ONE_LANE = TN == 1;
    localparam SPLIT = TP > 1;
    localparam RW = TP > 1 ? $clog2(TP) : 1;
    localparam NW = TN > 1 ? $clog2(TN) : 1;
    localparam SBW = BLOCKS > 1 ? $clog2(BLOCKS) : 1;
    localparam [31:0] CAPS = ((EXTERNAL != 0 ? 1 : 0) << 25) | ((HOST_BUS != 0 ? 1 : 0) << 24)
                           | (CELL << 21) | ((SCALED != 0 ? 1 : 0) << 20) | (TA << 16) | (D << 12)
                           | ($clog2(TP) << 8) | ($clog2(TM) << 4) | $clog2(TN);

    // host
    wire        go, single, stop, busy, paused, finished, stepped, bad, issue, stall;
    wire [15:0] layer;
    wire        running;      // the sequencer, not yet counting the DMA
    wire        stall_input, stall_weights, stall_output, beat_read, beat_written, bus_error;
    wire [31:0] external_base;
    wire        window_write, window_read, window_done;
    wire [2:0]  window_select;
    wire [31:0] window_address, window_wdata, window_rdata;
    register_block #(
        .MODEL_HASH(MODEL_HASH), .CAPS(CAPS), .INPUT_BASE(INPUT_BASE),
        .INPUT_LENGTH(INPUT_LENGTH), .WATCHDOG(WATCHDOG), .FEATURE_DEPTH(FEATURE_DEPTH),
        .WEIGHT_DEPTH(WEIGHT_DEPTH), .PARAM_DEPTH(PARAM_DEPTH), .DESC_DEPTH(DESC_DEPTH),
        .EXTERNAL_LENGTH(EXTERNAL_LENGTH)
    ) u_register_block (
        .clk(clk), .rst(rst),
        .wb_cyc_i(wb_cyc_i), .wb_stb_i(wb_stb_i), .wb_we_i(wb_we_i), .wb_adr_i(wb_adr_i),
        .wb_dat_i(wb_dat_i), .wb_dat_o(wb_dat_o), .wb_ack_o(wb_ack_o), .irq(irq),
        .go(go), .single(single), .stop(stop), .busy(busy), .paused(paused),
        .finished(finished), .stepped(stepped), .bad(bad), .layer(layer),
        .issue(issue), .stall(stall), .stall_input(stall_input),
        .stall_weights(stall_weights), .stall_output(stall_output), .beat_read(beat_read),
        .beat_written(beat_written), .bus_error(bus_error), .external_base(external_base),
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
    wire [31:0]      program_address, program_wdata;
    wire [3:0]       program_re, program_we;   // descriptors, commands, transfers, channels
    wire [TP*BW-1:0] feature_rdata;
    wire [TM*TN*D-1:0] weight_rdata;
    wire [47:0]      param_rdata;
    wire [31:0]      desc_rdata, commands_rdata, transfers_rdata, channels_rdata;
    wire [31:0]      program_rdata = ~window_select[2] ? desc_rdata
                                   : window_select[1:0] == 2'd1 ? commands_rdata
                                   : window_select[1:0] == 2'd2 ? transfers_rdata
                                                                : channels_rdata;
    memory_window #(
        .TP(TP), .FBW(BW), .WBW(TM*TN*D), .PBW(48), .FEATURE_DEPTH(FEATURE_DEPTH),
        .WEIGHT_DEPTH(WEIGHT_DEPTH), .PARAM_DEPTH(PARAM_DEPTH), .DESC_DEPTH(DESC_DEPTH),
        .COMMAND_DEPTH(EXTERNAL != 0 ? COMMAND_DEPTH : 0),
        .TRANSFER_DEPTH(EXTERNAL != 0 ? TRANSFER_DEPTH : 0),
        .CHANNEL_DEPTH(EXTERNAL != 0 ? CHANNEL_DEPTH : 0),
        .AW(AW), .WAW(WAW), .PAW(PAW)
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
        .program_address(program_address), .program_re(program_re),
        .program_rdata(program_rdata), .program_we(program_we), .program_wdata(program_wdata)
    );

    // control
    wire clear = rst | stop;
    // a transposed word is written in two cycles, and a pooled word in the one after: where a
    // word may hold one channel, channels must not come every cycle
    wire slow_drain = ONE_BLOCK & (SPLIT & phases | pool_fused) & (ONE_LANE | last_lanes[0]);
    wire start, done, fetch, save;
    wire [DAW-1:0] fetch_address, save_address;
    wire [31:0]    save_data;
    wire           restart, command_valid, command_may_start, command_ended, command_first;
    wire           command_take, waiting, transfers_ended;
    wire [15:0]    command_index;
    wire [7:0]     command_rows;
    wire [11:0]    next_row, next_ring_a, next_ring_b, next_ring_out, first_row, rows_m1;
    wire [11:0]    ring_at_a, ring_at_b, ring_at_out, ring_at_pool;
    wire [11:0]    ring_m1_a, ring_m1_b, ring_m1_out, ring_m1_pool, next_ring_pool;
    wire [AW-1:0]  next_start_a, next_start_b, next_out, next_pool;
    wire [AW-1:0]  wrap_a, wrap_b, wrap_out, wrap_pool, pitch_pool;
    wire           pool, second_source, upsample_a, upsample_b, signed_a, signed_b, one_bit, phases;
    wire           pool_fused;
    wire [1:0]     head_kind;
    wire [3:0]     digits_m1;
    wire [2:0]     pad_h, pad_w;
    wire [11:0]    width_m1, height_m1, groups_a_m1, groups_b_m1;
    wire [11:0]    out_groups_m1, out_step_m1, out_width_m1;
    wire [3:0]     kernel_h_m1, kernel_w_m1;
    wire [4:0]     shift_by;
    wire [7:0]     last_lanes;
    wire [AW-1:0]  start_a, start_b, out_base, pitch_out, pitch_a, pitch_b;
    wire [AW-1:0]  pool_base;
    wire [WAW-1:0] weight_base;
    wire [PAW-1:0] param_base;
    wire [15:0]    clamp_high, clamp_low, threshold;
    sequencer #(
        .TM(TM), .D(D), .AW(AW), .WAW(WAW), .PAW(PAW), .DAW(DAW), .DEPTH(DESC_DEPTH),
        .PREFETCH(PREFETCH), .FUSED(POOL_DEPTH != 0), .EXTERNAL(EXTERNAL)
    ) u_sequencer (
        .clk(clk), .rst(rst), .stop(stop), .go(go), .single(single), .busy(running),
        .paused(paused), .finished(finished), .stepped(stepped), .bad(bad), .layer(layer),
        .fetch(fetch), .fetch_address(fetch_address), .fetch_data(desc_rdata),
        .save(save), .save_address(save_address), .save_data(save_data),
        .start(start), .done(done), .restart(restart), .command_valid(command_valid),
        .command_may_start(command_may_start), .command_ended(command_ended),
        .others_ended(transfers_ended), .command_index(command_index),
        .command_rows(command_rows), .command_first(command_first),
        .command_take(command_take), .waiting(waiting), .next_row(next_row),
        .next_ring_a(next_ring_a), .next_ring_b(next_ring_b), .next_ring_out(next_ring_out),
        .next_start_a(next_start_a), .next_start_b(next_start_b), .next_out(next_out),
        .next_ring_pool(next_ring_pool), .next_pool(next_pool),
        .pool(pool), .second_source(second_source), .upsample_a(upsample_a),
        .upsample_b(upsample_b), .signed_a(signed_a), .signed_b(signed_b), .one_bit(one_bit),
        .phases(phases), .head(head_kind), .digits_m1(digits_m1),
        .pool_fused(pool_fused), .width_m1(width_m1), .height_m1(height_m1),
        .kernel_h_m1(kernel_h_m1), .kernel_w_m1(kernel_w_m1), .pad_h(pad_h), .pad_w(pad_w),
        .shift(shift_by), .last_lanes(last_lanes), .groups_a_m1(groups_a_m1),
        .groups_b_m1(groups_b_m1), .start_a(start_a), .start_b(start_b), .out_base(out_base),
        .pitch_out(pitch_out), .pitch_a(pitch_a), .pitch_b(pitch_b),
        .pool_base(pool_base), .weight_base(weight_base), .param_base(param_base),
        .clamp_high(clamp_high), .clamp_low(clamp_low), .threshold(threshold),
        .out_groups_m1(out_groups_m1), .out_step_m1(out_step_m1),
        .out_width_m1(out_width_m1), .first_row(first_row), .rows_m1(rows_m1),
        .ring_at_a(ring_at_a), .ring_at_b(ring_at_b), .ring_at_out(ring_at_out),
        .ring_m1_a(ring_m1_a), .ring_m1_b(ring_m1_b), .ring_m1_out(ring_m1_out),
        .wrap_a(wrap_a), .wrap_b(wrap_b), .wrap_out(wrap_out), .ring_at_pool(ring_at_pool),
        .ring_m1_pool(ring_m1_pool), .wrap_pool(wrap_pool), .pitch_pool(pitch_pool)
    );

    wire           hold;      // a store has the read port of the feature memory
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
        .TP(TP), .TM(TM), .BLOCKS(BLOCKS), .AW(AW), .WAW(WAW), .RW(RW), .RINGS(EXTERNAL)
    ) u_address_generator (
        .clk(clk), .rst(clear), .start(start), .pool(pool), .second_source(second_source),
        .upsample_a(upsample_a), .upsample_b(upsample_b), .signed_a(signed_a),
        .signed_b(signed_b), .phases(phases), .slow(slow_drain), .digits_m1(digits_m1),
        .width_m1(width_m1), .height_m1(height_m1), .kernel_h_m1(kernel_h_m1),
        .kernel_w_m1(kernel_w_m1), .pad_h(pad_h), .pad_w(pad_w),
        .last_lanes(last_lanes), .groups_a_m1(groups_a_m1), .groups_b_m1(groups_b_m1),
        .first_row(first_row), .rows_m1(rows_m1), .ring_at_a(ring_at_a), .ring_at_b(ring_at_b),
        .ring_m1_a(ring_m1_a), .ring_m1_b(ring_m1_b), .wrap_a(wrap_a), .wrap_b(wrap_b),
        .hold(hold), .next_row(next_row), .next_start_a(next_start_a),
        .next_start_b(next_start_b), .next_ring_a(next_ring_a), .next_ring_b(next_ring_b),
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
    wire             load, stored;        // the DMA writes a word, reads one
    wire [AW-1:0]    load_address, store_address;
    wire [TP*BW-1:0] load_data;
    wire             load_weight;
    wire [WAW-1:0]   load_weight_address;
    wire [TM*TN*D-1:0] load_weight_data;
    wire             granted;
    wire [TP-1:0]    write_we;
    wire [AW-1:0]    write_address;
    wire [TP*BW-1:0] write_data;
    write_arbiter #(.TP(TP), .BW(BW), .AW(AW)) u_write_arbiter (
        .engine_we(out_we), .engine_address(out_address), .engine_data(out_wdata),
        .load(load), .load_address(load_address), .load_data(load_data), .granted(granted),
        .we(write_we), .address(write_address), .data(write_data)
    );
    feature_memory #(.TP(TP), .BW(BW), .DEPTH(FEATURE_DEPTH), .AW(AW), .RW(RW)) u_features (
        .clk(clk), .re(busy ? valid | stored : host_feature_re),
        .raddr(stored ? store_address : busy ? raddr : host_feature_address),
        .raddr_next(busy ? raddr_next : host_feature_address),
        .rotation(stored ? {RW{1'b0}} : rotation),
        .rdata(feature_rdata), .we(busy ? write_we : host_feature_we),
        .waddr(busy ? write_address : host_feature_address),
        .wdata(busy ? write_data : {TP{host_feature_wdata}})
    );
    ram_1r1w #(
        .WIDTH(TM*TN*D), .DEPTH(WEIGHT_DEPTH), .AW(WAW), .INIT_FILE(WEIGHT_FILE)
    ) u_weights (
        .clk(clk), .we(busy ? load_weight : host_weight_we),
        .waddr(busy ? load_weight_address : host_weight_address),
        .wdata(busy ? load_weight_data : host_weight_wdata),
        .re(busy ? valid : host_weight_re),
        .raddr(busy ? weight_address : host_weight_address), .rdata(weight_rdata)
    );
    ram_1r1w #(.WIDTH(48), .DEPTH(PARAM_DEPTH), .AW(PAW), .INIT_FILE(PARAM_FILE)) u_params (
        .clk(clk), .we(host_param_we), .waddr(host_param_address), .wdata(host_param_wdata),
        .re(busy ? param_re : host_param_re),
        .raddr(busy ? param_address : host_param_address), .rdata(param_rdata)
    );
    ram_1r1w #(.WIDTH(32), .DEPTH(DESC_DEPTH), .AW(DAW), .INIT_FILE(DESC_FILE)) u_descriptors (
        .clk(clk), .we(busy ? save : program_we[0]),
        .waddr(busy ? save_address : program_address[DAW-1:0]),
        .wdata(busy ? save_data : program_wdata),
        .re(busy ? fetch : program_re[0]),
        .raddr(busy ? fetch_address : program_address[DAW-1:0]), .rdata(desc_rdata)
    );

    // external memory
    generate
        if (EXTERNAL != 0) begin : gen_external
            wire       quiet, steal;
            wire [1:0] waits_for;
            external_memory #(
                .K(TP*BW), .KW(TM*TN*D), .AW(AW), .WAW(WAW), .COMMAND_DEPTH(COMMAND_DEPTH),
                .TRANSFER_DEPTH(TRANSFER_DEPTH), .CHANNEL_DEPTH(CHANNEL_DEPTH),
                .COMMAND_FILE(COMMAND_FILE), .TRANSFER_FILE(TRANSFER_FILE),
                .CHANNEL_FILE(CHANNEL_FILE)
            ) u_external_memory (
                .clk(clk), .rst(rst), .stop(stop), .restart(restart),
                .external_base(external_base), .host(~busy), .host_address(program_address),
                .host_re(program_re[3:1]), .host_we(program_we[3:1]),
                .host_wdata(program_wdata), .commands_rdata(commands_rdata),
                .transfers_rdata(transfers_rdata), .channels_rdata(channels_rdata),
                .engine_done(done), .command_take(command_take),
                .command_valid(command_valid), .command_may_start(command_may_start),
                .command_ended(command_ended), .command_index(command_index),
                .command_rows(command_rows), .command_first(command_first),
                .ended(transfers_ended), .quiet(quiet), .error(bus_error),
                .waits_for(waits_for), .beat_read(beat_read), .beat_written(beat_written),
                .feature_write(load), .feature_grant(granted), .feature_waddr(load_address),
                .feature_wdata(load_data), .steal(steal), .feature_raddr(store_address),
                .feature_rdata(feature_rdata), .weight_write(load_weight),
                .weight_waddr(load_weight_address), .weight_wdata(load_weight_data),
                .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen),
                .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready),
                .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
                .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready),
                .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen),
                .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready),
                .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb),
                .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid),
                .m_axi_wready(m_axi_wready), .m_axi_bresp(m_axi_bresp),
                .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready)
            );
            reg stealing;
            always @(posedge clk) stealing <= steal & ~clear;
            assign hold = steal;
            assign stored = stealing;
            assign busy = running | ~quiet;
            assign stall_input = waiting & waits_for == 2'd0;
            assign stall_output = (waiting & waits_for == 2'd1) | (steal & running);
            assign stall_weights = waiting & waits_for == 2'd2;
        end else begin : gen_chip
            assign {commands_rdata, transfers_rdata, channels_rdata} = 96'd0;
            assign {command_valid, command_may_start, command_ended, command_first} = 4'd0;
            assign command_index = 16'd0;
            assign command_rows = 8'd0;
            assign {transfers_ended, bus_error, beat_read, beat_written} = 4'd0;
            assign {stall_input, stall_weights, stall_output} = 3'd0;
            assign {hold, stored, load, load_weight} = 4'd0;
            assign busy = running;
            assign load_address = {AW{1'b0}};
            assign store_address = {AW{1'b0}};
            assign load_data = {TP*BW{1'b0}};
            assign load_weight_address = host_weight_address;
            assign load_weight_data = host_weight_wdata;
            assign m_axi_araddr = 32'd0;
            assign m_axi_arlen = 8'd0;
            assign m_axi_awaddr = 32'd0;
            assign m_axi_awlen = 8'd0;
            assign m_axi_wdata = 128'd0;
            assign m_axi_wstrb = 16'd0;
            assign {m_axi_arvalid, m_axi_rready, m_axi_awvalid, m_axi_wlast, m_axi_wvalid,
                    m_axi_bready} = 6'd0;
            wire unused_axi = &{1'b0, m_axi_arready, m_axi_rdata, m_axi_rresp, m_axi_rvalid,
                m_axi_awready, m_axi_wready, m_axi_bresp, m_axi_bvalid, external_base, restart,
                command_take, waiting, program_re, program_we, granted};
        end
    endgenerate
    wire unused_program = &{1'b0, program_address};

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

    // requantize: two cycles for the parameter word, as reading takes most of one (the array takes
    // one of them); four for the arithmetic
    wire [RQ*ACC-1:0] drained_q;
    wire [47:0]       param;
    delay #(.WIDTH(RQ*ACC), .STAGES(1)) u_drained (
        .clk(clk), .rst(1'b0), .din(drained), .dout(drained_q)
    );
    delay #(.WIDTH(48), .STAGES(1)) u_param (
        .clk(clk), .rst(1'b0), .din(param_rdata), .dout(param)
    );
    wire [RQ*16-1:0] results;
    genvar r;
    generate
        for (r = 0; r < RQ; r = r + 1) begin : gen_requantize
            requantize #(.ACC(ACC), .BIAS(BIAS), .SCALED(SCALED)) u_requantize (
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

    wire             write_done;
    wire [TP-1:0]    map_we;
    wire [AW-1:0]    map_address;
    wire [TP*BW-1:0] map_wdata;
    output_writer #(.TP(TP), .BW(BW), .AW(AW), .RINGS(EXTERNAL)) u_output_writer (
        .clk(clk), .rst(clear), .start(start), .phases(phases), .pool(pool),
        .out_base(out_base), .out_pitch(pitch_out), .out_step(wide_step_out[AW-1:0]),
        .ring_at(ring_at_out), .ring_m1(ring_m1_out), .wrap(wrap_out), .next_base(next_out),
        .next_ring(next_ring_out), .out_width_m1(out_width_m1),
        .word_valid(pool ? word_valid_pool : word_valid_conv),
        .word(pool ? word_pool : word_conv),
        .group_end(pool ? end_group_pool : group_end_conv),
        .ends(pool ? ends_pool : ends_conv),
        .we(map_we), .waddr(map_address), .wdata(map_wdata), .done(write_done)
    );

    // the pooled map, written in the cycle after the word that completes it
    generate
        if (POOL_DEPTH != 0) begin : gen_pool_writer
            wire             write_done_late, pooling;
            wire [TP-1:0]    pooled_we;
            wire [AW-1:0]    pooled_address;
            wire [TP*BW-1:0] pooled_wdata;
            pool_writer #(
                .TP(TP), .TN(TN), .TA(TA), .AW(AW), .DEPTH(POOL_DEPTH), .RINGS(EXTERNAL)
            ) u_pool_writer (
                .clk(clk), .rst(clear), .start(start), .is_signed(clamp_low[15]),
                .pool_base(pool_base), .first_odd(first_row[0]), .pitch(pitch_pool),
                .step(wide_step_out[AW-1:0]), .ring_at(ring_at_pool), .ring_m1(ring_m1_pool),
                .wrap(wrap_pool), .next_base(next_pool), .next_ring(next_ring_pool),
                .width_m1(out_width_m1),
                .word_valid(word_valid_conv & pool_fused), .word(word_conv),
                .group_end(group_end_conv), .row_last(ends_conv[1]), .active(pooling),
                .we(pooled_we), .waddr(pooled_address), .wdata(pooled_wdata)
            );
            delay #(.WIDTH(1), .STAGES(1)) u_done (
                .clk(clk), .rst(clear), .din(write_done & pool_fused), .dout(write_done_late)
            );
            assign out_we = pooling ? pooled_we : map_we;
            assign out_address = pooling ? pooled_address : map_address;
            assign out_wdata = pooling ? pooled_wdata : map_wdata;
            assign done = pool_fused ? write_done_late : write_done;
        end else begin : gen_no_pool_writer
            wire unused_pool = &{1'b0, pool_base, pitch_pool, ring_at_pool, ring_m1_pool,
                                 wrap_pool};
            assign next_pool = {AW{1'b0}};
            assign next_ring_pool = 12'd0;
            assign out_we = map_we;
            assign out_address = map_address;
            assign out_wdata = map_wdata;
            assign done = write_done;
        end
    endgenerate
endmodule
`default_nettype wire
