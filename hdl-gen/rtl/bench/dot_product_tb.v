`default_nettype none
`timescale 1ns / 1ns
// Digits of 4 bits by both cells and of 1 bit (with and without +-1) against integer sums.
module dot_product_tb;
    `include "bench_common.vh"
    localparam TN = 4, TA = 6, D = 4;
    reg                      top_digit = 0, one_bit = 0;
    reg  [TN*D-1:0]          weights = 0;
    reg  [TN-1:0]            bits = 0;
    reg  [TN*(TA+1)-1:0]     activations = 0;
    wire signed [D+TA+4:0]   sum;
    wire signed [D+TA+4:0]   sum_lut;
    wire signed [1+TA+4:0]   sum_one;
    dot_product #(.TN(TN), .TA(TA), .D(D), .SW(D+TA+5)) u_dut (
        .clk(clk), .top_digit(top_digit), .one_bit(one_bit), .weights(weights),
        .activations(activations), .sum(sum)
    );
    dot_product #(.TN(TN), .TA(TA), .D(D), .CELL(1), .SW(D+TA+5)) u_lut (
        .clk(clk), .top_digit(top_digit), .one_bit(one_bit), .weights(weights),
        .activations(activations), .sum(sum_lut)
    );
    dot_product #(.TN(TN), .TA(TA), .D(1), .SW(1+TA+5)) u_one (
        .clk(clk), .top_digit(top_digit), .one_bit(one_bit), .weights(bits),
        .activations(activations), .sum(sum_one)
    );
    integer i, n, w, a, total, total_one;
    initial begin
        for (i = 0; i < 5000; i = i + 1) begin
            @(negedge clk);
            draw; weights = i < 4 ? {TN*D{i[0]}} : lfsr[TN*D-1:0]; bits = lfsr[19:16];
            top_digit = lfsr[20]; one_bit = lfsr[21];
            draw; activations = lfsr[TN*(TA+1)-1:0];
            total = 0; total_one = 0;
            for (n = 0; n < TN; n = n + 1) begin
                w = weights[n*D +: D];
                if (top_digit && w >= 8) w = w - 16;
                a = activations[n*(TA+1) +: TA+1];
                if (a >= 64) a = a - 128;
                total = total + w * a;
                if (one_bit) total_one = total_one + (bits[n] ? -a : a);
                else if (bits[n]) total_one = total_one + (top_digit ? -a : a);
            end
            @(negedge clk);
            check({{32{1'b0}}, {{32-D-TA-5{sum[D+TA+4]}}, sum}}, {32'd0, total[31:0]}, i);
            check({{32{1'b0}}, {{32-D-TA-5{sum_lut[D+TA+4]}}, sum_lut}}, {32'd0, total[31:0]}, i);
            check({{32{1'b0}}, {{32-TA-6{sum_one[TA+5]}}, sum_one}}, {32'd0, total_one[31:0]}, i);
        end
        verdict(15000);
    end
endmodule
`default_nettype wire
