`default_nettype none
`timescale 1ns / 1ns
// Random words: each pixel against an index computed pixel by pixel.
module pixel_align_tb;
    `include "bench_common.vh"
    localparam TP = 8, TN = 2, TA = 5;
    reg  [TP*TN*TA-1:0]     banks = 0;
    reg  [2:0]              rotation = 0;
    reg                     upsample = 0, parity = 0, is_signed = 0;
    reg  [TP-1:0]           mask = 0;
    wire [TP*TN*(TA+1)-1:0] pixels;
    pixel_align #(.TP(TP), .TN(TN), .TA(TA), .RW(3)) u_dut (
        .clk(clk), .banks(banks), .rotation(rotation), .upsample(upsample), .parity(parity),
        .is_signed(is_signed), .mask(mask), .pixels(pixels)
    );
    integer i, j, n, from;
    reg [TA-1:0] value;
    initial begin
        for (i = 0; i < 1000; i = i + 1) begin
            @(negedge clk);
            for (j = 0; j < 80; j = j + 1) begin draw; banks = {banks[78:0], lfsr[7]}; end
            draw; rotation = lfsr[2:0]; upsample = lfsr[3]; parity = lfsr[4];
            is_signed = lfsr[5]; mask = lfsr[13:6];
            @(negedge clk);
            for (j = 0; j < TP; j = j + 1)
                for (n = 0; n < TN; n = n + 1) begin
                    from = upsample ? (j + parity) / 2 : j;
                    from = (from + rotation) % TP;
                    value = mask[j] ? banks[(from*TN+n)*TA +: TA] : 0;
                    check({58'd0, pixels[(j*TN+n)*(TA+1) +: TA+1]},
                          {58'd0, is_signed & value[TA-1], value}, i * 100 + j);
                end
        end
        verdict(16000);
    end
endmodule
`default_nettype wire
