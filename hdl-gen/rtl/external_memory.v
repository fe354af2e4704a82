`default_nettype none
// What an external-memory build adds to the engine: two command queues and the DMA.
//
// Contract: the queues keep the order in which the plan lets commands start; a command of one
// counts the completed commands of the other, and that is all that holds them back. A program keeps
// the base that it was started with. `quiet` says
// that the DMA moves nothing and will not until the engine has gone on.
// Latency: see command_queue and dma. Throughput: one word a cycle.
module external_memory #(
    parameter K = 96,               // bits of a feature word
    parameter KW = 32,              // bits of a weight word
    parameter AW = 10,              // bits of a feature address
    parameter WAW = 10,             // bits of a weight address
    parameter COMMAND_DEPTH = 16,   // words of each memory, 2 and up
    parameter TRANSFER_DEPTH = 16,
    parameter CHANNEL_DEPTH = 16,
    parameter COMMAND_FILE = "",    // $readmemh images, or ""
    parameter TRANSFER_FILE = "",
    parameter CHANNEL_FILE = ""
) (
    input  wire           clk,
    input  wire           rst,
    input  wire           stop,
    input  wire           restart,
    input  wire [31:0]    external_base,
    // the host's port to the three memories: commands, transfers, channels
    input  wire           host,            // the host has the memories
    input  wire [31:0]    host_address,
    input  wire [2:0]     host_re,
    input  wire [2:0]     host_we,
    input  wire [31:0]    host_wdata,
    output wire [31:0]    commands_rdata,
    output wire [31:0]    transfers_rdata,
    output wire [31:0]    channels_rdata,
    // the engine's queue
    input  wire           engine_done,
    input  wire           command_take,
    output wire           command_valid,
    output wire           command_may_start,
    output wire           command_ended,
    output wire [15:0]    command_index,
    output wire [7:0]     command_rows,
    output wire           command_first,
    // state of the DMA
    output wire           ended,
    output wire           quiet,
    output wire           error,
    output wire [1:0]     waits_for,       // kind of the transfer at the head of the queue
    output wire           beat_read,
    output wire           beat_written,
    // memories of the engine
    output wire           feature_write,
    input  wire           feature_grant,
    output wire [AW-1:0]  feature_waddr,
    output wire [K-1:0]   feature_wdata,
    output wire           steal,
    output wire [AW-1:0]  feature_raddr,
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
    localparam EAW = $clog2(COMMAND_DEPTH);
    localparam TAW = $clog2(TRANSFER_DEPTH);
    localparam CAW = $clog2(CHANNEL_DEPTH);
    wire clear = rst | stop;

    wire           command_fetch, transfer_fetch, channel_fetch, save, dma_done, dma_busy;
    wire [EAW-1:0] command_address;
    wire [TAW-1:0] transfer_address;
    wire [CAW-1:0] channel_address;
    wire [31:0]    save_data;
    ram_1r1w #(
        .WIDTH(32), .DEPTH(COMMAND_DEPTH), .AW(EAW), .INIT_FILE(COMMAND_FILE)
    ) u_commands (
        .clk(clk), .we(host_we[0]), .waddr(host_address[EAW-1:0]), .wdata(host_wdata),
        .re(host ? host_re[0] : command_fetch),
        .raddr(host ? host_address[EAW-1:0] : command_address), .rdata(commands_rdata)
    );
    ram_1r1w #(
        .WIDTH(32), .DEPTH(TRANSFER_DEPTH), .AW(TAW), .INIT_FILE(TRANSFER_FILE)
    ) u_transfers (
        .clk(clk), .we(host_we[1]), .waddr(host_address[TAW-1:0]), .wdata(host_wdata),
        .re(host ? host_re[1] : transfer_fetch),
        .raddr(host ? host_address[TAW-1:0] : transfer_address), .rdata(transfers_rdata)
    );
    ram_1r1w #(
        .WIDTH(32), .DEPTH(CHANNEL_DEPTH), .AW(CAW), .INIT_FILE(CHANNEL_FILE)
    ) u_channels (
        .clk(clk), .we(host ? host_we[2] : save),
        .waddr(host ? host_address[CAW-1:0] : channel_address),
        .wdata(host ? host_wdata : save_data), .re(host ? host_re[2] : channel_fetch),
        .raddr(host ? host_address[CAW-1:0] : channel_address), .rdata(channels_rdata)
    );
    wire unused_ok = &{1'b0, host_address};

    command_queue #(.AW(EAW)) u_engine_queue (
        .clk(clk), .rst(clear), .restart(restart), .other_done(dma_done), .take(command_take),
        .fetch(command_fetch), .fetch_address(command_address), .fetch_data(commands_rdata),
        .valid(command_valid), .may_start(command_may_start), .ended(command_ended),
        .index(command_index), .rows(command_rows), .first(command_first)
    );
    reg  [31:0] base;      // of the program that runs
    always @(posedge clk) if (restart) base <= external_base;
    wire        transfer_valid, transfer_may_start, transfers_ended, transfer_first;
    wire [15:0] transfer_index;
    wire [7:0]  transfer_rows;
    command_queue #(.AW(TAW)) u_dma_queue (
        .clk(clk), .rst(clear), .restart(restart), .other_done(engine_done), .take(dma_done),
        .fetch(transfer_fetch), .fetch_address(transfer_address), .fetch_data(transfers_rdata),
        .valid(transfer_valid), .may_start(transfer_may_start), .ended(transfers_ended),
        .index(transfer_index), .rows(transfer_rows), .first(transfer_first)
    );
    dma #(.K(K), .KW(KW), .AW(AW), .WAW(WAW), .CAW(CAW)) u_dma (
        .clk(clk), .rst(rst), .stop(stop), .external_base(base),
        .may_start(transfer_may_start), .index(transfer_index), .rows(transfer_rows),
        .first(transfer_first), .done(dma_done), .busy(dma_busy), .error(error),
        .kind(waits_for), .fetch(channel_fetch), .table_address(channel_address),
        .fetch_data(channels_rdata), .save(save), .save_data(save_data),
        .feature_write(feature_write), .feature_grant(feature_grant),
        .feature_waddr(feature_waddr), .feature_wdata(feature_wdata), .steal(steal),
        .feature_raddr(feature_raddr), .feature_rdata(feature_rdata),
        .weight_write(weight_write), .weight_waddr(weight_waddr), .weight_wdata(weight_wdata),
        .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen), .m_axi_arvalid(m_axi_arvalid),
        .m_axi_arready(m_axi_arready), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready), .m_axi_awaddr(m_axi_awaddr),
        .m_axi_awlen(m_axi_awlen), .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready),
        .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready), .m_axi_bresp(m_axi_bresp),
        .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready)
    );
    reg idle;      // no program has begun
    always @(posedge clk) begin
        if (clear) idle <= 1'b1;
        else if (restart) idle <= 1'b0;
    end
    assign ended = transfers_ended & ~dma_busy;
    assign quiet = ~dma_busy
                 & (idle | transfers_ended | (transfer_valid & ~transfer_may_start));
    assign beat_read = m_axi_rvalid & m_axi_rready;
    assign beat_written = m_axi_wvalid & m_axi_wready;
endmodule
`default_nettype wire
