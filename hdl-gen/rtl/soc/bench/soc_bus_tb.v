`default_nettype none
`timescale 1ns / 1ns
// Every region and its edges, whole words and bytes: who is selected, what comes back, when.
module soc_bus_tb;
    `include "bench_common.vh"
    reg         mem_valid = 0, mem_la_read = 0, mem_la_write = 0;
    reg  [31:0] mem_addr = 0, mem_wdata = 0, mem_la_addr = 0, mem_la_wdata = 0;
    reg  [3:0]  mem_wstrb = 0, mem_la_wstrb = 0;
    wire        mem_ready, ram_re, host_select, accelerator_select, write, fault;
    wire [31:0] mem_rdata, ram_wdata, wdata;
    wire [3:0]  ram_we;
    wire [7:0]  ram_address, address;
    reg         host_ready = 0, accelerator_ready = 0;
    soc_bus #(.RAM_BYTES(1000), .RAW(8)) u_dut (
        .mem_valid(mem_valid), .mem_addr(mem_addr), .mem_wdata(mem_wdata),
        .mem_wstrb(mem_wstrb), .mem_ready(mem_ready), .mem_rdata(mem_rdata),
        .mem_la_read(mem_la_read), .mem_la_write(mem_la_write), .mem_la_addr(mem_la_addr),
        .mem_la_wdata(mem_la_wdata), .mem_la_wstrb(mem_la_wstrb), .ram_re(ram_re),
        .ram_we(ram_we), .ram_address(ram_address), .ram_wdata(ram_wdata),
        .ram_rdata(32'haaaa_0001), .host_select(host_select),
        .accelerator_select(accelerator_select), .write(write), .address(address),
        .wdata(wdata), .host_rdata(32'hbbbb_0002), .host_ready(host_ready),
        .accelerator_rdata(32'hcccc_0003), .accelerator_ready(accelerator_ready),
        .fault(fault)
    );
    integer i;
    reg  in_ram, at_host, at_accelerator, whole, nothing;
    reg  [31:0] expected;
    initial begin
        for (i = 0; i < 20000; i = i + 1) begin
            draw;
            // near the edges of the regions, and anywhere
            case (lfsr[2:0])
                3'd0: mem_addr = {22'd0, lfsr[12:3]};
                3'd1: mem_addr = 992 + lfsr[6:3];
                3'd2: mem_addr = 32'h1000_0000 + lfsr[11:3] - 100;
                3'd3: mem_addr = 32'h1000_0000 + lfsr[10:3];
                3'd4: mem_addr = 32'h2000_0000 + lfsr[11:3] - 100;
                3'd5: mem_addr = 32'h2000_0000 + lfsr[10:3];
                default: mem_addr = {lfsr[31:3], 3'd0};
            endcase
            draw;
            mem_wstrb = lfsr[0] ? 4'd0 : lfsr[1] ? 4'hf : lfsr[7:4];
            mem_valid = lfsr[8];
            {host_ready, accelerator_ready} = lfsr[10:9];
            draw;
            mem_wdata = lfsr;
            mem_la_addr = lfsr[0] ? mem_addr : {20'd0, lfsr[12:1]};
            mem_la_read = lfsr[13];
            mem_la_write = ~lfsr[13] & lfsr[14];
            mem_la_wstrb = lfsr[18:15];
            mem_la_wdata = ~lfsr;
            #1;
            // the memory, one cycle ahead
            check({63'd0, ram_re}, mem_la_read && mem_la_addr < 1000, i);
            check({60'd0, ram_we},
                  mem_la_write && mem_la_addr < 1000 ? mem_la_wstrb : 4'd0, i);
            check({56'd0, ram_address}, mem_la_addr[9:2], i);
            check({32'd0, ram_wdata}, mem_la_wdata, i);
            // the rest
            in_ram = mem_addr < 1000;
            whole = mem_wstrb == 4'd0 || mem_wstrb == 4'hf;
            at_host = mem_addr >= 32'h1000_0000 && mem_addr < 32'h1000_0100 && whole;
            at_accelerator = mem_addr >= 32'h2000_0000 && mem_addr < 32'h2000_0100 && whole;
            nothing = !in_ram && !at_host && !at_accelerator;
            expected = in_ram ? 32'haaaa_0001 : at_host ? 32'hbbbb_0002
                     : at_accelerator ? 32'hcccc_0003 : 32'hffff_ffff;
            check({63'd0, host_select}, mem_valid && at_host, i);
            check({63'd0, accelerator_select}, mem_valid && at_accelerator, i);
            check({63'd0, fault}, mem_valid && nothing, i);
            check({63'd0, mem_ready}, mem_valid && (in_ram || nothing || (at_host && host_ready)
                  || (at_accelerator && accelerator_ready)), i);
            if (mem_valid) check({32'd0, mem_rdata}, expected, i);
            check({63'd0, write}, mem_wstrb != 0, i);
            check({56'd0, address}, {mem_addr[7:2], 2'd0}, i);
            check({32'd0, wdata}, mem_wdata, i);
            #1;
        end
        verdict(200000);
    end
endmodule
`default_nettype wire
