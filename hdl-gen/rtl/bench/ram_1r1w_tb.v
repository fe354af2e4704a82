`default_nettype none
`timescale 1ns / 1ns
// Random writes and reads against an array; the read data holds while re is low.
module ram_1r1w_tb;
    `include "bench_common.vh"
    reg         we = 0, re = 0;
    reg  [4:0]  waddr = 0, raddr = 0;
    reg  [12:0] wdata = 0, expected = 0;
    wire [12:0] rdata;
    reg  [12:0] model [0:19];
    reg  [19:0] written = 0;
    reg         known = 0;
    ram_1r1w #(.WIDTH(13), .DEPTH(20), .AW(5)) u_dut (
        .clk(clk), .we(we), .waddr(waddr), .wdata(wdata), .re(re), .raddr(raddr), .rdata(rdata)
    );
    integer i;
    initial begin
        for (i = 0; i < 4000; i = i + 1) begin
            @(negedge clk);
            if (known) check({51'd0, rdata}, {51'd0, expected}, i);
            draw; we = lfsr[0]; waddr = lfsr[9:5] % 20; wdata = lfsr[25:13];
            draw; re = lfsr[1]; raddr = lfsr[9:5] % 20;
            if (we && raddr == waddr) re = 0;
            if (re && written[raddr]) begin expected = model[raddr]; known = 1; end
            else if (re) known = 0;
            if (we) begin model[waddr] = wdata; written[waddr] = 1; end
        end
        verdict(1000);
    end
endmodule
`default_nettype wire
