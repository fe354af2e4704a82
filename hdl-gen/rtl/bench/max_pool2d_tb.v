`default_nettype none
`timescale 1ns / 1ns
// Random pairs of rows, signed and unsigned, with gaps, against integer maxima.
module max_pool2d_tb;
    `include "bench_common.vh"
    localparam TP = 4, TN = 2, TA = 4, EW = TA + 1;
    reg                  rst = 1, valid = 0, first = 0, last = 0, sgn = 0;
    reg  [TP*TN*EW-1:0]  pixels = 0;
    wire                 word_valid;
    wire [TP*TN*TA-1:0]  word;
    max_pool2d #(.TP(TP), .TN(TN), .TA(TA)) u_dut (
        .clk(clk), .rst(rst), .valid(valid), .first(first), .last(last), .pixels(pixels),
        .word_valid(word_valid), .word(word)
    );
    integer i, k, p, n, v;
    integer best [0:TP*TN-1];
    reg [TA-1:0] code;
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (i = 0; i < 2000; i = i + 1) begin
            draw; sgn = lfsr[9];
            for (p = 0; p < TP * TN; p = p + 1) best[p] = -100;
            for (k = 0; k < 2; k = k + 1) begin
                draw;
                valid = 0; last = 1; first = lfsr[8];
                repeat (lfsr[5] ? 0 : lfsr[7:6]) @(negedge clk);
                for (p = 0; p < TP; p = p + 1)
                    for (n = 0; n < TN; n = n + 1) begin
                        draw; code = lfsr[TA-1:0];
                        pixels[(p*TN+n)*EW +: EW] = {sgn & code[TA-1], code};
                        v = sgn && code[TA-1] ? code - 16 : code;
                        if (v > best[(p/2)*TN+n]) best[(p/2)*TN+n] = v;
                    end
                valid = 1; first = k == 0; last = k == 1;
                @(negedge clk);
                check({63'd0, word_valid}, k == 1, i);
            end
            for (p = 0; p < TP; p = p + 1)
                for (n = 0; n < TN; n = n + 1)
                    check({60'd0, word[(p*TN+n)*TA +: TA]}, best[(p%2)*TN+n] & 15, i * 10 + p);
            valid = 0;
        end
        verdict(10000);
    end
endmodule
`default_nettype wire
