`default_nettype none
// Feature memory: TP pixel banks, so that any TP neighbouring pixels are read in one cycle.
//
// Contract: bank b is read at raddr_next if b < rotation, else at raddr: the banks before the
// rotation belong to the next pixel group. Each bank has its own write enable.
// Latency: one cycle. Throughput: one read and one write a cycle.
module feature_memory #(
    parameter TP = 4,        // pixel lanes (banks), power of two, 1..16
    parameter BW = 12,       // bits of a bank word: TN * TA
    parameter DEPTH = 1024,  // words, 2 and up
    parameter AW = 10,       // address bits
    parameter RW = 2         // bits of the rotation, max(1, log2 TP)
) (
    input  wire             clk,
    input  wire             re,
    input  wire [AW-1:0]    raddr,
    input  wire [AW-1:0]    raddr_next,
    input  wire [RW-1:0]    rotation,
    output wire [TP*BW-1:0] rdata,
    input  wire [TP-1:0]    we,
    input  wire [AW-1:0]    waddr,
    input  wire [TP*BW-1:0] wdata
);
    genvar b;
    generate
        if (TP == 1) begin : gen_unused
            wire unused_ok = &{1'b0, raddr_next, rotation};
        end
        for (b = 0; b < TP; b = b + 1) begin : gen_bank
            wire [AW-1:0] address;
            if (b == TP - 1) begin : gen_last
                assign address = raddr;
            end else begin : gen_before
                localparam [RW-1:0] BANK = b;
                assign address = rotation > BANK ? raddr_next : raddr;
            end
            ram_1r1w #(.WIDTH(BW), .DEPTH(DEPTH), .AW(AW)) u_ram (
                .clk(clk),
                .we(we[b]), .waddr(waddr), .wdata(wdata[b*BW +: BW]),
                .re(re), .raddr(address), .rdata(rdata[b*BW +: BW])
            );
        end
    endgenerate
endmodule
`default_nettype wire
