`default_nettype none
`timescale 1ns / 1ns
// Random logits with random gaps: pass-through, threshold and argmax with ties.
module head_tb;
    `include "bench_common.vh"
    localparam TP = 4, RQ = 2, TA = 4;
    reg                valid = 0, first_channel = 0;
    reg  [1:0]         kind = 0;
    reg  signed [15:0] threshold = 0;
    reg  [0:0]         block = 0;
    reg  [RQ*16-1:0]   logits = 0;
    wire [RQ*TA-1:0]   values;
    head #(.TP(TP), .RQ(RQ), .TA(TA), .SBW(1)) u_dut (
        .clk(clk), .valid(valid), .kind(kind), .threshold(threshold), .block(block),
        .first_channel(first_channel), .logits(logits), .values(values)
    );
    integer i, c, s, r, n_classes, expected;
    integer best [0:TP-1];
    integer winner [0:TP-1];
    reg signed [15:0] logit;
    initial begin
        for (i = 0; i < 500; i = i + 1) begin
            draw; kind = lfsr[1:0] % 3; n_classes = kind == 1 ? 1 : 1 + lfsr[4:2];
            threshold = lfsr[31:16];
            for (c = 0; c < n_classes; c = c + 1)
                for (s = 0; s < TP / RQ; s = s + 1) begin
                    @(negedge clk);
                    draw;
                    while (lfsr[0]) begin
                        valid = 0; logits = lfsr; block = lfsr[5]; first_channel = lfsr[6];
                        @(negedge clk);
                        draw;
                    end
                    valid = 1; block = s; first_channel = c == 0;
                    for (r = 0; r < RQ; r = r + 1) begin
                        draw;
                        // few different values, so that ties are frequent
                        logit = lfsr[9:8] == 0 ? threshold
                              : lfsr[9:8] == 1 ? {{14{lfsr[4]}}, lfsr[5:4]} : lfsr[31:16];
                        logits[r*16 +: 16] = logit;
                        if (c == 0 || logit > best[s*RQ+r]) begin
                            best[s*RQ+r] = logit;
                            winner[s*RQ+r] = c;
                        end
                    end
                    @(posedge clk);
                    #1 valid = 0;
                    for (r = 0; r < RQ; r = r + 1) begin
                        logit = logits[r*16 +: 16];
                        expected = kind == 0 ? logit : kind == 1 ? logit >= threshold
                                 : winner[s*RQ+r];
                        check({60'd0, values[r*TA +: TA]}, {60'd0, expected[TA-1:0]}, i);
                    end
                end
        end
        verdict(4000);
    end
endmodule
`default_nettype wire
