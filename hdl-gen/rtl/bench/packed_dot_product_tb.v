`default_nettype none
`timescale 1ns / 1ns
// Every operand of one product of 4 by 4 and 2 by 6 bits; trees of 8 by 6 and 2 by 8 bits, at
// random and at their extremes, against integer sums.
module packed_dot_product_tb;
    `include "bench_common.vh"
    reg top_digit = 0, is_signed = 0;

    // one product, every operand
    reg  [7:0]  weights_a = 0;
    reg  [4:0]  value_a = 0;
    wire [21:0] sums_a;
    packed_dot_product #(.TN(1), .TA(4), .D(4), .SW(11)) u_a (
        .clk(clk), .top_digit(top_digit), .is_signed(is_signed), .weights(weights_a),
        .activations(value_a), .sums(sums_a)
    );
    reg  [3:0]  weights_b = 0;
    reg  [6:0]  value_b = 0;
    wire [21:0] sums_b;
    packed_dot_product #(.TN(1), .TA(6), .D(2), .SW(11)) u_b (
        .clk(clk), .top_digit(top_digit), .is_signed(is_signed), .weights(weights_b),
        .activations(value_b), .sums(sums_b)
    );

    // trees
    localparam NC = 8, SWC = 16, ND = 2, SWD = 16;
    reg  [2*NC*4-1:0] weights_c = 0;
    reg  [NC*7-1:0]   values_c = 0;
    wire [2*SWC-1:0]  sums_c;
    packed_dot_product #(.TN(NC), .TA(6), .D(4), .SW(SWC)) u_c (
        .clk(clk), .top_digit(top_digit), .is_signed(is_signed), .weights(weights_c),
        .activations(values_c), .sums(sums_c)
    );
    reg  [2*ND*4-1:0] weights_d = 0;
    reg  [ND*9-1:0]   values_d = 0;
    wire [2*SWD-1:0]  sums_d;
    packed_dot_product #(.TN(ND), .TA(8), .D(4), .SW(SWD)) u_d (
        .clk(clk), .top_digit(top_digit), .is_signed(is_signed), .weights(weights_d),
        .activations(values_d), .sums(sums_d)
    );

    function integer digit(input integer code, input integer bits);
        digit = top_digit && code >= (1 << (bits - 1)) ? code - (1 << bits) : code;
    endfunction
    function integer activation(input integer code, input integer bits);
        activation = is_signed && code >= (1 << (bits - 1)) ? code - (1 << bits) : code;
    endfunction

    integer i, n, code, low, high, total_c0, total_c1, total_d0, total_d1;
    reg [15:0] expected;
    task compare(input [15:0] found, input integer sum, input integer bits);
        begin
            expected = sum;
            expected = expected & ((1 << bits) - 1);
            check({48'd0, found}, {48'd0, expected}, i);
        end
    endtask

    task one_product;
        begin
            // two bits of signs and twelve or ten of operands
            {top_digit, is_signed, weights_a, code[3:0]} = i[13:0];
            value_a = activation(code[3:0], 4);
            weights_b = i[11:8];
            code = {i[7:4], i[1:0]};
            value_b = activation(code, 6);
            @(negedge clk);
            low = activation(i[3:0], 4) * digit(weights_a[3:0], 4);
            high = activation(i[3:0], 4) * digit(weights_a[7:4], 4);
            compare({5'd0, sums_a[10:0]}, low, 11);
            compare({5'd0, sums_a[21:11]}, high, 11);
            low = activation(code, 6) * digit(weights_b[1:0], 2);
            high = activation(code, 6) * digit(weights_b[3:2], 2);
            compare({5'd0, sums_b[10:0]}, low, 11);
            compare({5'd0, sums_b[21:11]}, high, 11);
        end
    endtask

    // operands of a lane: at random, or for i < 64 all at one end of their range
    task trees;
        begin
            draw;
            {top_digit, is_signed} = i < 64 ? i[5:4] : lfsr[1:0];
            total_c0 = 0; total_c1 = 0; total_d0 = 0; total_d1 = 0;
            for (n = 0; n < NC; n = n + 1) begin
                draw;
                if (i < 64) begin
                    lfsr[3:0] = {4{i[0]}} ^ {top_digit, 3'd0};
                    lfsr[7:4] = {4{i[1]}} ^ {top_digit, 3'd0};
                    lfsr[13:8] = {6{i[2]}} ^ {is_signed, 5'd0};
                    lfsr[21:14] = {8{i[3]}} ^ {is_signed, 7'd0};
                end
                weights_c[4*n +: 4] = lfsr[3:0];
                weights_c[4*(NC+n) +: 4] = lfsr[7:4];
                low = activation(lfsr[13:8], 6);
                values_c[7*n +: 7] = low;
                total_c0 = total_c0 + digit(lfsr[3:0], 4) * low;
                total_c1 = total_c1 + digit(lfsr[7:4], 4) * low;
                if (n < ND) begin
                    weights_d[4*n +: 4] = lfsr[3:0];
                    weights_d[4*(ND+n) +: 4] = lfsr[7:4];
                    low = activation(lfsr[21:14], 8);
                    values_d[9*n +: 9] = low;
                    total_d0 = total_d0 + digit(lfsr[3:0], 4) * low;
                    total_d1 = total_d1 + digit(lfsr[7:4], 4) * low;
                end
            end
            @(negedge clk);
            compare(sums_c[SWC-1:0], total_c0, SWC);
            compare(sums_c[2*SWC-1:SWC], total_c1, SWC);
            compare(sums_d[SWD-1:0], total_d0, SWD);
            compare(sums_d[2*SWD-1:SWD], total_d1, SWD);
        end
    endtask

    initial begin
        @(negedge clk);
        for (i = 0; i < 16384; i = i + 1) begin
            code = 0;
            one_product;
        end
        for (i = 0; i < 4000; i = i + 1) trees;
        verdict(4 * 16384 + 4 * 4000);
    end
endmodule
`default_nettype wire
