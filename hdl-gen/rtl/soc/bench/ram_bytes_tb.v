`default_nettype none
`timescale 1ns / 1ns
// Random writes of some bytes and reads against a byte array; a read gives the word as it was.
module ram_bytes_tb;
    `include "bench_common.vh"
    reg         re = 0;
    reg  [3:0]  we = 0;
    reg  [5:0]  address = 0;
    reg  [31:0] wdata = 0;
    wire [31:0] rdata;
    ram_bytes #(.BYTES(200), .AW(6)) u_dut (
        .clk(clk), .re(re), .we(we), .address(address), .wdata(wdata), .rdata(rdata)
    );
    reg  [7:0]  bytes [0:199];
    reg  [31:0] expected = 0;
    integer i, b;
    initial begin
        @(negedge clk);
        for (i = 0; i < 50; i = i + 1) begin
            address = i;
            we = 4'hf;
            draw;
            wdata = lfsr;
            for (b = 0; b < 4; b = b + 1) bytes[4*i+b] = lfsr[8*b +: 8];
            @(negedge clk);
        end
        for (i = 0; i < 4000; i = i + 1) begin
            draw;
            address = lfsr[7:0] % 50;
            we = lfsr[11:8];
            re = lfsr[12] | i == 0;
            draw;
            wdata = lfsr;
            if (re) expected = {bytes[4*address+3], bytes[4*address+2], bytes[4*address+1],
                                bytes[4*address]};
            for (b = 0; b < 4; b = b + 1)
                if (we[b]) bytes[4*address+b] = wdata[8*b +: 8];
            @(negedge clk);
            check({32'd0, rdata}, {32'd0, expected}, i);
        end
        verdict(4000);
    end
endmodule
`default_nettype wire
