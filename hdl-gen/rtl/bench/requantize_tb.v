`default_nettype none
`timescale 1ns / 1ns
// Random and extreme operands against 64-bit arithmetic; M of +-1 without multiplier.
module requantize_tb;
    `include "bench_common.vh"
    reg  signed [31:0] acc = 0;
    reg  signed [15:0] m = 0, low = 0, high = 0;
    reg  signed [31:0] bias = 0;
    reg  [4:0]         shift = 0;
    wire signed [15:0] value, value_fixed, value_narrow;
    wire signed [11:0] acc_narrow = acc[11:0];
    wire signed [9:0]  bias_narrow = bias[9:0];
    wire signed [15:0] unit = m[15] ? -16'sd1 : 16'sd1;
    requantize #(.ACC(32), .SCALED(1)) u_dut (
        .clk(clk), .acc(acc), .multiplier(m), .bias(bias), .shift(shift), .low(low),
        .high(high), .value(value)
    );
    requantize #(.ACC(32), .SCALED(0)) u_fixed (
        .clk(clk), .acc(acc), .multiplier(unit), .bias(bias), .shift(shift), .low(low),
        .high(high), .value(value_fixed)
    );
    requantize #(.ACC(12), .BIAS(10), .SCALED(0)) u_narrow (
        .clk(clk), .acc(acc_narrow), .multiplier(unit), .bias({{22{bias[9]}}, bias_narrow}),
        .shift(shift), .low(low), .high(high), .value(value_narrow)
    );
    function signed [63:0] clamp(input signed [63:0] v);
        clamp = v < low ? low : v > high ? high : v;
    endfunction
    integer i;
    reg signed [63:0] wide, wide_m, wide_b, wide_u, narrow, narrow_b;
    initial begin
        for (i = 0; i < 5000; i = i + 1) begin
            @(negedge clk);
            draw; acc = lfsr[3:0] == 0 ? 32'sh8000_0000 : lfsr[3:0] == 1 ? 32'sh7fff_ffff
                       : $signed(lfsr) >>> lfsr[8:4];
            draw; m = lfsr[3:0] == 0 ? -16'sd32768 : lfsr[3:0] == 1 ? 16'sd32767 : lfsr[31:16];
            draw; bias = lfsr[2:0] == 0 ? 32'sh8000_0000 : lfsr[2:0] == 1 ? 32'sh7fff_ffff : lfsr;
            draw; shift = lfsr[4:0]; low = lfsr[5] ? -16'sd32768 : -{8'd0, lfsr[15:8]};
            high = lfsr[6] ? 16'sd32767 : {8'd0, lfsr[23:16]};
            narrow_b = $signed(bias[9:0]);
            wide = acc; wide_m = m; wide_b = bias; narrow = $signed(acc[11:0]);
            repeat (4) @(negedge clk);
            wide_u = m[15] ? -64'sd1 : 64'sd1;
            check({48'd0, value}, 64'hffff & clamp((wide * wide_m + wide_b) >>> shift), i);
            check({48'd0, value_fixed},
                  64'hffff & clamp((wide * wide_u + wide_b) >>> shift), i);
            check({48'd0, value_narrow},
                  64'hffff & clamp((narrow * wide_u + narrow_b) >>> shift), i);
        end
        verdict(15000);
    end
endmodule
`default_nettype wire
