`default_nettype none
// Turns one banked read into TP pixels in order: rotate, upsample, mask, extend.
//
// Contract: pixel j is bank (rotation + j) mod TP, or with `upsample` bank
// (rotation + ((j + parity) >> 1)) mod TP as network::kernels::upsample2d; zero where mask is 0.
// Latency: one cycle. Throughput: one read a cycle.
module pixel_align #(
    parameter TP = 4,  // pixel lanes, power of two, 1..16
    parameter TN = 2,  // input channel lanes, power of two
    parameter TA = 6,  // bits of an activation lane, 1..8
    parameter RW = 2   // bits of the rotation, max(1, log2 TP)
) (
    input  wire                    clk,
    input  wire [TP*TN*TA-1:0]     banks,
    input  wire [RW-1:0]           rotation,
    input  wire                    upsample,
    input  wire                    parity,
    input  wire                    is_signed,
    input  wire [TP-1:0]           mask,
    output reg  [TP*TN*(TA+1)-1:0] pixels
);
    localparam BW = TN * TA;
    localparam LGTP = $clog2(TP);

    // by 1, 2, 4 ... pixels
    reg [TP*BW-1:0] rotated;
    integer k;
    always @* begin
        rotated = banks;
        for (k = 0; k < LGTP; k = k + 1)
            if (rotation[k])
                rotated = (rotated >> (BW << k)) | (rotated << ((TP - (1 << k)) * BW));
    end

    genvar j, n;
    generate
        if (TP == 1) begin : gen_one
            wire unused_ok = &{1'b0, rotation, upsample, parity};
        end
        for (j = 0; j < TP; j = j + 1) begin : gen_lane
            wire [BW-1:0] chosen;
            if (TP == 1) begin : gen_same
                assign chosen = rotated;
            end else begin : gen_upsample
                assign chosen = !upsample ? rotated[j*BW +: BW]
                              : parity    ? rotated[((j+1)/2)*BW +: BW]
                                          : rotated[(j/2)*BW +: BW];
            end
            for (n = 0; n < TN; n = n + 1) begin : gen_channel
                wire [TA-1:0] value = mask[j] ? chosen[n*TA +: TA] : {TA{1'b0}};
                always @(posedge clk)
                    pixels[(j*TN+n)*(TA+1) +: TA+1] <= {is_signed & value[TA-1], value};
            end
        end
    endgenerate
endmodule
`default_nettype wire
