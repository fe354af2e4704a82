`default_nettype none
`timescale 1ns / 1ns
// Trees of one and eight lanes against integer sums.
module one_bit_dot_product_tb;
    `include "bench_common.vh"
    localparam TN = 8, TA = 3;
    reg                   top_digit = 0;
    reg  [TN-1:0]         weights = 0;
    reg  [TN*(TA+1)-1:0]  activations = 0;
    wire signed [TA+3:0]  sum;
    wire signed [TA:0]    sum_single;
    one_bit_dot_product #(.TN(TN), .TA(TA), .SW(TA+4)) u_dut (
        .clk(clk), .top_digit(top_digit), .weights(weights), .activations(activations), .sum(sum)
    );
    one_bit_dot_product #(.TN(1), .TA(TA), .SW(TA+1)) u_single (
        .clk(clk), .top_digit(top_digit), .weights(weights[0]), .activations(activations[TA:0]),
        .sum(sum_single)
    );
    integer i, n, a, total, single;
    initial begin
        for (i = 0; i < 5000; i = i + 1) begin
            @(negedge clk);
            draw; weights = i < 4 ? {TN{i[0]}} : lfsr[TN-1:0]; top_digit = lfsr[20];
            draw; activations = i < 8 ? {TN{i[2], {TA{~i[2]}}}} : lfsr[TN*(TA+1)-1:0];
            total = 0;
            for (n = 0; n < TN; n = n + 1) begin
                a = activations[n*(TA+1) +: TA+1];
                if (a >= 8) a = a - 16;
                if (weights[n] != top_digit) total = total + a;
                if (n == 0) single = total;
            end
            @(negedge clk);
            check({32'd0, {(28-TA){sum[TA+3]}}, sum}, {32'd0, total[31:0]}, i);
            check({32'd0, {(31-TA){sum_single[TA]}}, sum_single}, {32'd0, single[31:0]}, i);
        end
        verdict(10000);
    end
endmodule
`default_nettype wire
