`default_nettype none
// The address space of the processor: memory, host port, accelerator.
//
// Contract: network::soc. The memory is reached in the cycle before `mem_valid`, by PicoRV32's
// look-ahead port, so that it costs no wait. Host port and accelerator take whole words only; an
// access of bytes to them, or of an address that nothing lies at, reads all ones, writes nothing
// and raises `fault` for a cycle.
// Latency: none of its own. Throughput: one access a cycle.
module soc_bus #(
    parameter RAM_BYTES = 1024,  // a multiple of 4
    parameter RAW = 8            // word address bits of the memory
) (
    input  wire           mem_valid,
    input  wire [31:0]    mem_addr,
    input  wire [31:0]    mem_wdata,
    input  wire [3:0]     mem_wstrb,
    output wire           mem_ready,
    output wire [31:0]    mem_rdata,
    input  wire           mem_la_read,
    input  wire           mem_la_write,
    input  wire [31:0]    mem_la_addr,
    input  wire [31:0]    mem_la_wdata,
    input  wire [3:0]     mem_la_wstrb,
    output wire           ram_re,
    output wire [3:0]     ram_we,
    output wire [RAW-1:0] ram_address,
    output wire [31:0]    ram_wdata,
    input  wire [31:0]    ram_rdata,
    output wire           host_select,
    output wire           accelerator_select,
    output wire           write,         // of the selected one
    output wire [7:0]     address,       // of a register
    output wire [31:0]    wdata,
    input  wire [31:0]    host_rdata,
    input  wire           host_ready,
    input  wire [31:0]    accelerator_rdata,
    input  wire           accelerator_ready,
    output wire           fault
);
    `include "qunet_soc_defs.vh"

    localparam [31:0] RAM_END = RAM_BASE + RAM_BYTES;

    wire in_ram_next = mem_la_addr < RAM_END;
    assign ram_re = mem_la_read & in_ram_next;
    assign ram_we = {4{mem_la_write & in_ram_next}} & mem_la_wstrb;
    assign ram_address = mem_la_addr[RAW+1:2];
    assign ram_wdata = mem_la_wdata;

    // registers lie in 256 bytes from the base
    wire in_ram = mem_addr < RAM_END;
    wire at_host = mem_addr[31:8] == HOST_BASE[31:8];
    wire at_accelerator = mem_addr[31:8] == ACCELERATOR_BASE[31:8];
    wire whole = mem_wstrb == 4'b1111 | mem_wstrb == 4'b0000;
    assign host_select = mem_valid & at_host & whole;
    assign accelerator_select = mem_valid & at_accelerator & whole;
    assign write = mem_wstrb != 4'd0;
    assign address = {mem_addr[7:2], 2'd0};
    assign wdata = mem_wdata;

    wire nothing = mem_valid & ~in_ram & ~host_select & ~accelerator_select;
    assign fault = nothing;
    assign mem_ready = (mem_valid & in_ram) | nothing | (host_select & host_ready)
                     | (accelerator_select & accelerator_ready);
    assign mem_rdata = in_ram ? ram_rdata
                     : host_select ? host_rdata
                     : accelerator_select ? accelerator_rdata : 32'hffff_ffff;

    wire unused = &{1'b0, mem_la_addr[1:0], mem_addr[1:0]};
endmodule
`default_nettype wire
