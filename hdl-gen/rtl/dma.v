`default_nettype none
// Moves rows of words between external memory and the memories on chip, command by command.
//
// Contract: a command names a channel (network::channel) and how many of its rows move now, from
// row 0 if `first`, else on from where the channel stands. A row is beats*16 bytes outside, and
// runs of words inside; row y lies at base + (y mod ring)*pitch. `done` pulses when the data of a
// command are in place: words written, or the response to the writes received. Writes on chip
// wait for `feature_grant`; reads take the engine's port in cycles of `steal`, the word being
// `feature_rdata` two cycles later. `stop` gives up; `busy` ends when the bus is quiet.
// Latency: 14 cycles a command and 3 a row beside the memory's. Throughput: one word a cycle.
module dma #(
    parameter K = 96,    // bits of a feature word
    parameter KW = 32,   // bits of a weight word
    parameter AW = 10,   // bits of a feature address
    parameter WAW = 10,  // bits of a weight address
    parameter CAW = 8    // bits of a channel table address
) (
    input  wire           clk,
    input  wire           rst,
    input  wire           stop,
    input  wire [31:0]    external_base,
    input  wire           may_start,
    input  wire [15:0]    index,
    input  wire [7:0]     rows,
    input  wire           first,
    output wire           done,
    output wire           busy,
    output wire           error,
    output wire [1:0]     kind,
    output wire           fetch,
    output wire [CAW-1:0] table_address,
    input  wire [31:0]    fetch_data,
    output wire           save,
    output wire [31:0]    save_data,
    output wire           feature_write,
    input  wire           feature_grant,
    output wire [AW-1:0]  feature_waddr,
    output wire [K-1:0]   feature_wdata,
    output wire           steal,
    output reg  [AW-1:0]  feature_raddr,
    input  wire [K-1:0]   feature_rdata,
    output wire           weight_write,
    output wire [WAW-1:0] weight_waddr,
    output wire [KW-1:0]  weight_wdata,
    output wire [31:0]    m_axi_araddr,
    output wire [7:0]     m_axi_arlen,
    output wire           m_axi_arvalid,
    input  wire           m_axi_arready,
    input  wire [127:0]   m_axi_rdata,
    input  wire [1:0]     m_axi_rresp,
    input  wire           m_axi_rvalid,
    output wire           m_axi_rready,
    output wire [31:0]    m_axi_awaddr,
    output wire [7:0]     m_axi_awlen,
    output wire           m_axi_awvalid,
    input  wire           m_axi_awready,
    output wire [127:0]   m_axi_wdata,
    output wire [15:0]    m_axi_wstrb,
    output wire           m_axi_wlast,
    output wire           m_axi_wvalid,
    input  wire           m_axi_wready,
    input  wire [1:0]     m_axi_bresp,
    input  wire           m_axi_bvalid,
    output wire           m_axi_bready
);
    `include "qunet_defs.vh"
    localparam PW = AW > WAW ? AW : WAW;
    localparam [2:0] S_IDLE = 3'd0, S_FETCH = 3'd1, S_BEGIN = 3'd2, S_ROW = 3'd3, S_MOVE = 3'd4,
                     S_SAVE = 3'd5, S_DONE = 3'd6, S_FLUSH = 3'd7;

    // the channel
    reg  [2:0]   state;
    reg  [3:0]   word;        // of the table, 8 when all are asked for
    reg          arriving;
    reg  [2:0]   arrived;
    reg  [255:0] channel;
    wire [11:0]  ring_m1 = channel[32*C_RING_M1_WORD + C_RING_M1_LSB +: 12];
    wire [15:0]  beats = channel[32*C_BEATS_WORD + C_BEATS_LSB +: 16];
    wire [31:0]  external = channel[32*C_EXTERNAL_WORD +: 32];
    wire [31:0]  base = channel[32*C_BASE_WORD +: 32];
    wire [31:0]  pitch = channel[32*C_PITCH_WORD +: 32];
    wire [15:0]  run_m1 = channel[32*C_RUN_M1_WORD + C_RUN_M1_LSB +: 16];
    wire [15:0]  runs_m1 = channel[32*C_RUNS_M1_WORD + C_RUNS_M1_LSB +: 16];
    wire [31:0]  stride = channel[32*C_STRIDE_WORD +: 32];
    wire [31:0]  at_external = channel[32*C_AT_EXTERNAL_WORD +: 32];
    wire [31:0]  at_row = channel[32*C_AT_ROW_WORD +: 32];
    assign kind = channel[32*C_KIND_WORD + C_KIND_LSB +: 2];
    wire is_store = kind == KIND_STORE_FEATURES;
    wire is_weights = kind == KIND_LOAD_WEIGHTS;
    assign fetch = state == S_FETCH & ~word[3];
    wire [18:0] table_word = {index, state == S_SAVE ? 3'd6 : state == S_DONE ? 3'd7 : word[2:0]};
    assign table_address = table_word[CAW-1:0];
    assign busy = state != S_IDLE;

    // the row
    reg  [7:0]    rows_left;
    reg  [31:0]   row_external;
    reg  [PW-1:0] row_address, run_address, address;
    reg  [11:0]   ring;
    reg  [15:0]   run_left, runs_left;
    reg           walked;      // all words of the row have been asked for or written
    wire          ring_ends = ring == ring_m1;
    wire          read_busy, write_busy, read_error, write_error;
    wire          row_done = state == S_MOVE & walked & ~read_busy & ~write_busy;
    wire          begin_row = state == S_ROW & ~stop;
    wire          step;        // one word of the row
    wire          last_step = run_left == 16'd0 & runs_left == 16'd0;
    wire [PW-1:0] next_run = run_address + stride[PW-1:0];
    assign error = read_error | write_error;
    wire [PW+19:0] wide_address = {20'd0, row_address};
    assign save = state == S_SAVE | state == S_DONE;
    assign save_data = state == S_SAVE ? row_external
                     : {ring, wide_address[19:0]};
    assign done = state == S_DONE & ~stop;
    wire unused_ok = &{1'b0, base[31:PW], pitch[31:PW], stride[31:PW], table_word, channel,
                       wide_address};

    always @(posedge clk) begin
        arriving <= fetch;
        arrived <= word[2:0];
        if (fetch) word <= word + 4'd1;
        if (arriving) channel[{arrived, 5'd0} +: 32] <= fetch_data;
        case (state)
            S_IDLE: begin
                word <= 4'd0;
                if (may_start & ~stop) state <= S_FETCH;
            end
            S_FETCH: if (arriving & arrived == 3'd7) state <= S_BEGIN;
            S_BEGIN: begin
                rows_left <= rows;
                row_external <= first ? external + external_base : at_external;
                row_address <= first ? base[PW-1:0] : at_row[PW-1:0];
                ring <= first ? 12'd0 : at_row[31:20];
                state <= S_ROW;
            end
            S_ROW: begin
                rows_left <= rows_left - 8'd1;
                run_address <= row_address;
                address <= row_address;
                run_left <= run_m1;
                runs_left <= runs_m1;
                walked <= 1'b0;
                state <= S_MOVE;
            end
            S_MOVE: begin
                if (step) begin
                    walked <= last_step;
                    run_left <= run_left == 16'd0 ? run_m1 : run_left - 16'd1;
                    address <= run_left == 16'd0 ? next_run : address + 1'b1;
                    if (run_left == 16'd0) begin
                        run_address <= next_run;
                        runs_left <= runs_left - 16'd1;
                    end
                end
                if (row_done) begin
                    row_external <= row_external + {12'd0, beats, 4'd0};
                    row_address <= ring_ends ? base[PW-1:0] : row_address + pitch[PW-1:0];
                    ring <= ring_ends ? 12'd0 : ring + 12'd1;
                    state <= rows_left == 8'd0 ? S_SAVE : S_ROW;
                end
            end
            S_SAVE: state <= S_DONE;
            S_DONE: state <= S_IDLE;
            default: if (~read_busy & ~write_busy) state <= S_IDLE;
        endcase
        // `stop` may last: the watchdog's lasts until nothing is busy
        if (stop & state != S_IDLE & state != S_FLUSH) state <= S_FLUSH;
        if (rst) begin
            state <= S_IDLE;
            arriving <= 1'b0;
            channel <= 256'd0;
        end
    end

    // loads: beats, words, memory
    wire [127:0]  beat;
    wire          beat_valid, feature_beat_ready, weight_beat_ready, feature_valid, weight_valid;
    wire          moving = state == S_MOVE & ~walked;
    axi_read u_axi_read (
        .clk(clk), .rst(rst), .start(begin_row & ~is_store), .flush(stop),
        .address(row_external), .beats(beats), .busy(read_busy), .error(read_error),
        .data(beat), .data_valid(beat_valid),
        .data_ready(is_weights ? weight_beat_ready : feature_beat_ready),
        .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen), .m_axi_arvalid(m_axi_arvalid),
        .m_axi_arready(m_axi_arready), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready)
    );
    word_unpack #(.K(K)) u_features (
        .clk(clk), .clear(begin_row | rst), .s_data(beat), .s_valid(beat_valid & ~is_weights),
        .s_ready(feature_beat_ready), .m_data(feature_wdata), .m_valid(feature_valid),
        .m_ready(feature_grant & moving)
    );
    word_unpack #(.K(KW)) u_weights (
        .clk(clk), .clear(begin_row | rst), .s_data(beat), .s_valid(beat_valid & is_weights),
        .s_ready(weight_beat_ready), .m_data(weight_wdata), .m_valid(weight_valid),
        .m_ready(moving)
    );
    assign feature_write = feature_valid & moving & kind == KIND_LOAD_FEATURES;
    assign weight_write = weight_valid & moving & is_weights;
    assign feature_waddr = address[AW-1:0];
    assign weight_waddr = address[WAW-1:0];

    // stores: memory, queue, beats
    wire [2:0]   free;
    reg  [1:0]   reading;      // a word comes in one cycle, in two
    reg  [1:0]   reading_last;
    wire         word_valid, word_ready, store_valid, store_ready;
    wire [K:0]   word_out;
    wire [127:0] store_beat;
    wire [2:0]   under_way = {2'd0, reading[0]} + {2'd0, reading[1]};
    assign steal = moving & is_store & free > under_way;
    always @(posedge clk) begin
        feature_raddr <= address[AW-1:0];
        reading <= {reading[0], steal} & {2{~rst & ~stop}};
        reading_last <= {reading_last[0], last_step};
    end
    word_fifo #(.WIDTH(K+1)) u_words (
        .clk(clk), .clear(begin_row | rst), .push(reading[1]),
        .s_data({reading_last[1], feature_rdata}), .free(free), .m_data(word_out),
        .m_valid(word_valid), .m_ready(word_ready)
    );
    word_pack #(.K(K)) u_pack (
        .clk(clk), .clear(begin_row | rst), .s_data(word_out[K-1:0]), .s_last(word_out[K]),
        .s_valid(word_valid), .s_ready(word_ready), .m_data(store_beat), .m_valid(store_valid),
        .m_ready(store_ready)
    );
    axi_write u_axi_write (
        .clk(clk), .rst(rst), .start(begin_row & is_store), .flush(stop),
        .address(row_external), .beats(beats), .busy(write_busy), .error(write_error),
        .data(store_beat), .data_valid(store_valid), .data_ready(store_ready),
        .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen), .m_axi_awvalid(m_axi_awvalid),
        .m_axi_awready(m_axi_awready), .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb),
        .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready),
        .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready)
    );

    assign step = is_store ? steal : is_weights ? weight_write : feature_write & feature_grant;
endmodule
`default_nettype wire
