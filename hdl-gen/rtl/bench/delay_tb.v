`default_nettype none
`timescale 1ns / 1ns
// Three stages against the last three inputs, with resets in between.
module delay_tb;
    `include "bench_common.vh"
    reg        rst = 1;
    reg  [6:0] din = 0;
    wire [6:0] dout, dout_one;
    reg  [6:0] a = 0, b = 0, c = 0;
    delay #(.WIDTH(7), .STAGES(3)) u_dut (.clk(clk), .rst(rst), .din(din), .dout(dout));
    delay #(.WIDTH(7), .STAGES(1)) u_one (.clk(clk), .rst(rst), .din(din), .dout(dout_one));
    integer i;
    initial begin
        for (i = 0; i < 2000; i = i + 1) begin
            @(negedge clk);
            if (rst) begin a = 0; b = 0; c = 0; end
            else begin c = b; b = a; a = din; end
            if (i > 0) check({57'd0, dout}, {57'd0, c}, i);
            if (i > 0) check({57'd0, dout_one}, {57'd0, a}, i);
            draw; din = lfsr[6:0]; rst = lfsr[30:27] == 0 || i < 2;
        end
        verdict(3000);
    end
endmodule
`default_nettype wire
