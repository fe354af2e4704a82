`default_nettype none
`timescale 1ns / 1ns
// Random bank writes; unaligned reads take each bank from the right group.
module feature_memory_tb;
    `include "bench_common.vh"
    localparam TP = 4, BW = 6;
    reg              re = 0;
    reg  [3:0]       raddr = 0, raddr_next = 0, waddr = 0;
    reg  [1:0]       rotation = 0;
    reg  [TP-1:0]    we = 0;
    reg  [TP*BW-1:0] wdata = 0, expected = 0;
    wire [TP*BW-1:0] rdata;
    reg  [BW-1:0]    model [0:16*TP-1];
    feature_memory #(.TP(TP), .BW(BW), .DEPTH(16), .AW(4), .RW(2)) u_dut (
        .clk(clk), .re(re), .raddr(raddr), .raddr_next(raddr_next), .rotation(rotation),
        .rdata(rdata), .we(we), .waddr(waddr), .wdata(wdata)
    );
    integer i, b;
    initial begin
        for (i = 0; i < 3000; i = i + 1) begin
            @(negedge clk);
            if (i > 17) check({40'd0, rdata}, {40'd0, expected}, i);
            draw; wdata = lfsr[TP*BW-1:0];
            draw; we = i < 16 ? 4'hf : lfsr[3:0]; waddr = i < 16 ? i[3:0] : lfsr[7:4];
            draw; re = i >= 16; raddr = lfsr[3:0]; raddr_next = lfsr[7:4]; rotation = lfsr[9:8];
            if (raddr == waddr || raddr_next == waddr) we = i < 16 ? 4'hf : 4'h0;
            for (b = 0; b < TP; b = b + 1) begin
                if (re)
                    expected[b*BW +: BW] = model[(b < rotation ? raddr_next : raddr) * TP + b];
                if (we[b]) model[waddr*TP+b] = wdata[b*BW +: BW];
            end
        end
        verdict(2900);
    end
endmodule
`default_nettype wire
