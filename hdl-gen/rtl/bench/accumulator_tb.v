`default_nettype none
`timescale 1ns / 1ns
// Weights in one to four digits, random gaps: Horner gives sum of w*a.
module accumulator_tb;
    `include "bench_common.vh"
    localparam SW = 14, D = 2;
    reg                  valid = 0, first = 0, shift = 0;
    reg  signed [SW-1:0] sum = 0;
    wire signed [31:0]   acc;
    accumulator #(.SW(SW), .D(D), .ACC(32)) u_dut (
        .clk(clk), .valid(valid), .first(first), .shift(shift), .sum(sum), .acc(acc)
    );
    integer i, k, d, n_digits, n_terms, expected, digit;
    integer weights [0:15];
    integer values [0:15];
    initial begin
        for (i = 0; i < 1000; i = i + 1) begin
            draw; n_digits = 1 + lfsr[1:0]; n_terms = 1 + lfsr[5:2]; expected = 0;
            for (k = 0; k < n_terms; k = k + 1) begin
                draw; weights[k] = lfsr[15:0] % (1 << (n_digits * D)) - (1 << (n_digits * D - 1));
                draw; values[k] = lfsr[7:0] - 128;
                expected = expected + weights[k] * values[k];
            end
            for (d = 0; d < n_digits; d = d + 1)
                for (k = 0; k < n_terms; k = k + 1) begin
                    @(negedge clk);
                    draw;
                    while (lfsr[0]) begin
                        valid = 0; first = lfsr[1]; shift = lfsr[2]; sum = lfsr[15:2];
                        @(negedge clk);
                        draw;
                    end
                    digit = weights[k] >>> ((n_digits - 1 - d) * D);
                    if (d > 0) digit = digit & ((1 << D) - 1);
                    sum = digit * values[k];
                    valid = 1; first = d == 0 && k == 0; shift = d > 0 && k == 0;
                end
            @(negedge clk);
            valid = 0;
            check({32'd0, acc}, {32'd0, expected[31:0]}, i);
        end
        verdict(1000);
    end
endmodule
`default_nettype wire
