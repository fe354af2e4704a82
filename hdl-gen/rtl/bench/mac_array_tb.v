`default_nettype none
`timescale 1ns / 1ns
// Back-to-back passes of random length, by each cell: drained sums in order, nothing overwritten.
module mac_array_tb;
    `include "bench_common.vh"
    localparam TN = 2, TM = 2, TP = 2, D = 2, TA = 4, RQ = 1, N = TM * TP;
    reg                      rst = 1, valid = 0, first = 0, shift = 0, last = 0, top_digit = 0;
    reg                      is_signed = 0;
    reg  [TM*TN*D-1:0]       weights = 0;
    reg  [TP*TN*(TA+1)-1:0]  pixels = 0;
    wire                     captured;
    reg                      drain = 0;
    wire [RQ*32-1:0]         drained;
    mac_array #(.TN(TN), .TM(TM), .TP(TP), .D(D), .TA(TA), .ACC(32), .RQ(RQ)) u_dut (
        .clk(clk), .rst(rst), .valid(valid), .first(first), .shift(shift), .last(last),
        .top_digit(top_digit), .one_bit(1'b0), .is_signed(is_signed), .weights(weights),
        .pixels(pixels), .captured(captured), .drain(drain), .drained(drained)
    );
    wire [1:0]               captured_other;
    wire [2*RQ*32-1:0]       drained_other;
    genvar c;
    generate
        for (c = 1; c < 3; c = c + 1) begin : gen_cell
            mac_array #(
                .TN(TN), .TM(TM), .TP(TP), .D(D), .TA(TA), .CELL(c), .ACC(32), .RQ(RQ)
            ) u_other (
                .clk(clk), .rst(rst), .valid(valid), .first(first), .shift(shift), .last(last),
                .top_digit(top_digit), .one_bit(1'b0), .is_signed(is_signed), .weights(weights),
                .pixels(pixels), .captured(captured_other[c-1]), .drain(drain),
                .drained(drained_other[(c-1)*RQ*32 +: RQ*32])
            );
        end
    endgenerate
    integer expected [0:4095];
    integer sums [0:N-1];
    integer n_expected = 0, n_found = 0, left = 0;
    integer i, t, m, p, n, w, a, n_terms, digit;
    always @(negedge clk) begin
        drain = left > 0;
        if (drain) begin
            check({32'd0, drained}, {32'd0, expected[n_found][31:0]}, n_found);
            check(drained_other, {2{expected[n_found][31:0]}}, n_found);
            check({62'd0, captured_other}, {62'd0, {2{captured}}}, n_found);
            n_found = n_found + 1;
            left = left - 1;
        end
        // the shadow is valid from the cycle after captured
        if (captured) left = N;
    end
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (i = 0; i < 500; i = i + 1) begin
            draw; n_terms = 4 + lfsr[2:0];
            for (m = 0; m < N; m = m + 1) sums[m] = 0;
            for (digit = 0; digit < 2; digit = digit + 1)
                for (t = 0; t < n_terms; t = t + 1) begin
                    @(posedge clk);
                    #1;
                    draw; weights = lfsr[TM*TN*D-1:0];
                    draw; pixels = lfsr[TP*TN*(TA+1)-1:0]; is_signed = lfsr[30];
                    for (n = 0; n < TP * TN; n = n + 1)
                        pixels[n*(TA+1)+TA] = is_signed & pixels[n*(TA+1)+TA-1];
                    valid = 1; top_digit = digit == 0; first = digit == 0 && t == 0;
                    shift = digit == 1 && t == 0; last = digit == 1 && t == n_terms - 1;
                    for (m = 0; m < TM; m = m + 1)
                        for (p = 0; p < TP; p = p + 1) begin
                            if (shift) sums[m*TP+p] = sums[m*TP+p] * 4;
                            for (n = 0; n < TN; n = n + 1) begin
                                w = weights[(m*TN+n)*D +: D];
                                if (top_digit && w >= 2) w = w - 4;
                                a = pixels[(p*TN+n)*(TA+1) +: TA+1];
                                if (a >= 16) a = a - 32;
                                sums[m*TP+p] = sums[m*TP+p] + w * a;
                            end
                        end
                end
            for (m = 0; m < N; m = m + 1) expected[n_expected+m] = sums[m];
            n_expected = n_expected + N;
        end
        @(posedge clk);
        #1 valid = 0;
        repeat (20) @(negedge clk);
        check(n_found, n_expected, 0);
        verdict(6000);
    end
endmodule
`default_nettype wire
