`default_nettype none
`timescale 1ns / 1ns
// Back-to-back passes of random length: by each cell with digits of 2 bits, with digits of 1 bit,
// and with weights of +1 and -1 (on the first digit of each pass). Drained sums in order, nothing
// overwritten.
module mac_array_tb;
    `include "bench_common.vh"
    localparam TN = 2, TM = 2, TP = 2, D = 2, TA = 4, RQ = 1, N = TM * TP, ARRAYS = 5;
    reg                      rst = 1, valid = 0, first = 0, shift = 0, last = 0, top_digit = 0;
    reg                      is_signed = 0;
    reg                      last_sign = 0;
    reg  [TM*TN*D-1:0]       weights = 0;
    reg  [TP*TN*(TA+1)-1:0]  pixels = 0;
    wire [ARRAYS-1:0]        captured;
    reg  [ARRAYS-1:0]        drain = 0;
    wire [ARRAYS*32-1:0]     drained;
    genvar c;
    generate
        for (c = 0; c < ARRAYS; c = c + 1) begin : gen_array
            localparam ONE = c > 2, SIGN = c == 4, D_HERE = ONE ? 1 : D;
            mac_array #(
                .TN(TN), .TM(TM), .TP(TP), .D(D_HERE), .TA(TA), .CELL(ONE ? 0 : c), .ACC(32),
                .RQ(RQ)
            ) u_array (
                .clk(clk), .rst(rst), .valid(valid & (~SIGN | top_digit)), .first(first),
                .shift(shift), .last(SIGN ? last_sign : last), .top_digit(top_digit),
                .one_bit(SIGN), .is_signed(is_signed), .weights(weights[TM*TN*D_HERE-1:0]),
                .pixels(pixels), .captured(captured[c]), .drain(drain[c]),
                .drained(drained[c*32 +: 32])
            );
        end
    endgenerate
    // sums of digits of 2 bits, of 1 bit, of signs
    integer expected [0:3*4096-1];
    integer sums [0:3*N-1];
    integer n_expected = 0;
    integer n_found [0:ARRAYS-1];
    integer left [0:ARRAYS-1];
    integer i, t, m, p, n, w, a, k, kind, n_terms, digit;
    initial for (k = 0; k < ARRAYS; k = k + 1) begin n_found[k] = 0; left[k] = 0; end
    always @(negedge clk)
        for (k = 0; k < ARRAYS; k = k + 1) begin
            kind = k < 3 ? 0 : k - 2;
            // what was taken a cycle ago
            if (drain[k]) begin
                check({32'd0, drained[k*32 +: 32]}, {32'd0, expected[3*n_found[k]+kind][31:0]},
                      n_found[k]);
                n_found[k] = n_found[k] + 1;
            end
            drain[k] = left[k] > 0;
            if (drain[k]) left[k] = left[k] - 1;
            // the shadow is valid from the cycle after captured
            if (captured[k]) left[k] = N;
        end
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (i = 0; i < 500; i = i + 1) begin
            draw; n_terms = 5 + lfsr[2:0];
            for (m = 0; m < 3 * N; m = m + 1) sums[m] = 0;
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
                    last_sign = digit == 0 && t == n_terms - 1;
                    for (m = 0; m < N; m = m + 1) begin
                        if (shift) sums[m] = sums[m] * 4;
                        if (shift) sums[N+m] = sums[N+m] * 2;
                        for (n = 0; n < TN; n = n + 1) begin
                            a = pixels[(m%TP*TN+n)*(TA+1) +: TA+1];
                            if (a >= 16) a = a - 32;
                            w = weights[(m/TP*TN+n)*D +: D];
                            if (top_digit && w >= 2) w = w - 4;
                            sums[m] = sums[m] + w * a;
                            w = weights[m/TP*TN+n];
                            sums[N+m] = sums[N+m] + (top_digit ? -w : w) * a;
                            if (top_digit) sums[2*N+m] = sums[2*N+m] + (w == 1 ? -a : a);
                        end
                        // known before the array has the operands
                        for (p = 0; p < 3; p = p + 1) expected[3*(n_expected+m)+p] = sums[p*N+m];
                    end
                end
            n_expected = n_expected + N;
        end
        @(posedge clk);
        #1 valid = 0;
        repeat (20) @(negedge clk);
        for (n = 0; n < ARRAYS; n = n + 1) check(n_found[n], n_expected, n);
        verdict(10005);
    end
endmodule
`default_nettype wire
