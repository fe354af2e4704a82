`default_nettype none
`timescale 1ns / 1ns
// Digits of 4 bits by both cells against integer sums.
module dot_product_tb;
    `include "bench_common.vh"
    localparam TN = 4, TA = 6, D = 4;
    reg                      top_digit = 0;
    reg  [TN*D-1:0]          weights = 0;
    reg  [TN*(TA+1)-1:0]     activations = 0;
    wire signed [D+TA+4:0]   sum;
    wire signed [D+TA+4:0]   sum_lut;
    dot_product #(.TN(TN), .TA(TA), .D(D), .SW(D+TA+5)) u_dut (
        .clk(clk), .top_digit(top_digit), .weights(weights), .activations(activations), .sum(sum)
    );
    dot_product #(.TN(TN), .TA(TA), .D(D), .CELL(1), .SW(D+TA+5)) u_lut (
        .clk(clk), .top_digit(top_digit), .weights(weights), .activations(activations),
        .sum(sum_lut)
    );
    integer i, n, w, a, total;
    initial begin
        for (i = 0; i < 5000; i = i + 1) begin
            @(negedge clk);
            draw; weights = i < 4 ? {TN*D{i[0]}} : lfsr[TN*D-1:0];
            top_digit = lfsr[20];
            draw; activations = lfsr[TN*(TA+1)-1:0];
            total = 0;
            for (n = 0; n < TN; n = n + 1) begin
                w = weights[n*D +: D];
                if (top_digit && w >= 8) w = w - 16;
                a = activations[n*(TA+1) +: TA+1];
                if (a >= 64) a = a - 128;
                total = total + w * a;
            end
            @(negedge clk);
            check({{32{1'b0}}, {{32-D-TA-5{sum[D+TA+4]}}, sum}}, {32'd0, total[31:0]}, i);
            check({{32{1'b0}}, {{32-D-TA-5{sum_lut[D+TA+4]}}, sum_lut}}, {32'd0, total[31:0]}, i);
        end
        verdict(10000);
    end
endmodule
`default_nettype wire
