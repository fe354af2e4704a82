`default_nettype none
// A processor, its memory and the accelerator: PicoRV32 (RV32IMC) runs a program from RAM_FILE.
//
// Contract: the address space of network::soc; structure only. The host feeds words to s_* and
// takes words from m_*. The accelerator's clock is `clk` too; who knows that no frame runs may
// stop it until `accelerator_used`, which saves power, and time in simulation. `trap` is raised
// where the processor meets an illegal instruction or a misaligned access, and stays.
// Latency: the memory answers without wait; soc_bridge.v for the accelerator. Throughput: one
// access at a time.
module qunet_soc #(
    parameter RAM_BYTES = 1048576,   // a multiple of 4
    parameter RAM_FILE = "firmware.hex",
    parameter WEIGHT_FILE = "weights.hex",  // memory images of the accelerator
    parameter PARAM_FILE = "params.hex",
    parameter DESC_FILE = "descriptors.hex"
) (
    input  wire        clk,
    input  wire        accelerator_clk, // clk, or stopped while the accelerator rests
    input  wire        rst,
    output wire        accelerator_used, // an access is under way
    input  wire [31:0] s_data,
    input  wire        s_valid,
    output wire        s_ready,
    output wire [31:0] m_data,
    output wire        m_valid,
    input  wire        m_ready,
    output wire [7:0]  console_data,
    output wire        console_valid,
    output wire [31:0] exit_code,
    output wire        exit_valid,
    output wire        trap
);
    localparam RAW = $clog2(RAM_BYTES / 4);
    localparam [31:0] RAM_SIZE = RAM_BYTES;

    wire        mem_valid, mem_ready, mem_la_read, mem_la_write;
    wire [31:0] mem_addr, mem_wdata, mem_rdata, mem_la_addr, mem_la_wdata;
    wire [3:0]  mem_wstrb, mem_la_wstrb;
    /* verilator lint_off PINMISSING */ // trace, coprocessor and interrupts are not used
    picorv32 #(
        .BARREL_SHIFTER(1), .COMPRESSED_ISA(1), .ENABLE_MUL(1), .ENABLE_FAST_MUL(1),
        .ENABLE_DIV(1), .PROGADDR_RESET(32'd0)
    ) u_processor (
        .clk(clk), .resetn(~rst), .trap(trap),
        .mem_valid(mem_valid), .mem_ready(mem_ready), .mem_addr(mem_addr),
        .mem_wdata(mem_wdata), .mem_wstrb(mem_wstrb), .mem_rdata(mem_rdata),
        .mem_la_read(mem_la_read), .mem_la_write(mem_la_write), .mem_la_addr(mem_la_addr),
        .mem_la_wdata(mem_la_wdata), .mem_la_wstrb(mem_la_wstrb),
        .pcpi_wr(1'b0), .pcpi_rd(32'd0), .pcpi_wait(1'b0), .pcpi_ready(1'b0), .irq(32'd0)
    );
    /* verilator lint_on PINMISSING */

    wire           ram_re;
    wire [3:0]     ram_we;
    wire [RAW-1:0] ram_address;
    wire [31:0]    ram_wdata, ram_rdata;
    wire           host_select, host_ready, accelerator_select, accelerator_ready;
    wire           write, bus_fault, bridge_fault;
    wire [7:0]     address;
    wire [31:0]    wdata, host_rdata, accelerator_rdata;
    soc_bus #(.RAM_BYTES(RAM_BYTES), .RAW(RAW)) u_bus (
        .mem_valid(mem_valid), .mem_addr(mem_addr), .mem_wdata(mem_wdata),
        .mem_wstrb(mem_wstrb), .mem_ready(mem_ready), .mem_rdata(mem_rdata),
        .mem_la_read(mem_la_read), .mem_la_write(mem_la_write), .mem_la_addr(mem_la_addr),
        .mem_la_wdata(mem_la_wdata), .mem_la_wstrb(mem_la_wstrb),
        .ram_re(ram_re), .ram_we(ram_we), .ram_address(ram_address), .ram_wdata(ram_wdata),
        .ram_rdata(ram_rdata),
        .host_select(host_select), .accelerator_select(accelerator_select), .write(write),
        .address(address), .wdata(wdata), .host_rdata(host_rdata), .host_ready(host_ready),
        .accelerator_rdata(accelerator_rdata), .accelerator_ready(accelerator_ready),
        .fault(bus_fault)
    );

    ram_bytes #(.BYTES(RAM_BYTES), .AW(RAW), .INIT_FILE(RAM_FILE)) u_ram (
        .clk(clk), .re(ram_re), .we(ram_we), .address(ram_address), .wdata(ram_wdata),
        .rdata(ram_rdata)
    );

    wire irq;
    soc_host_port #(.RAM_BYTES(RAM_SIZE)) u_host_port (
        .clk(clk), .rst(rst), .select(host_select), .write(write), .address(address),
        .wdata(wdata), .rdata(host_rdata), .ready(host_ready),
        .fault(bus_fault | bridge_fault), .irq(irq),
        .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready),
        .console_data(console_data), .console_valid(console_valid),
        .exit_code(exit_code), .exit_valid(exit_valid)
    );

    wire        wb_cyc, wb_stb, wb_we, wb_ack;
    wire [7:0]  wb_adr;
    wire [31:0] wb_to, wb_from;
    soc_bridge u_bridge (
        .clk(clk), .rst(rst), .select(accelerator_select), .write(write), .address(address),
        .wdata(wdata), .rdata(accelerator_rdata), .ready(accelerator_ready),
        .fault(bridge_fault),
        .wb_cyc_o(wb_cyc), .wb_stb_o(wb_stb), .wb_we_o(wb_we), .wb_adr_o(wb_adr),
        .wb_dat_o(wb_to), .wb_dat_i(wb_from), .wb_ack_i(wb_ack)
    );

    assign accelerator_used = wb_cyc;
    qunet_top #(
        .WEIGHT_FILE(WEIGHT_FILE), .PARAM_FILE(PARAM_FILE), .DESC_FILE(DESC_FILE)
    ) u_accelerator (
        .clk(accelerator_clk), .rst(rst),
        .wb_cyc_i(wb_cyc), .wb_stb_i(wb_stb), .wb_we_i(wb_we), .wb_adr_i(wb_adr),
        .wb_dat_i(wb_to), .wb_dat_o(wb_from), .wb_ack_o(wb_ack), .irq(irq)
    );
endmodule
`default_nettype wire
