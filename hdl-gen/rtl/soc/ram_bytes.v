`default_nettype none
// The memory of the system: 32-bit words with a write enable for each byte.
//
// Contract: none in `network`; a read gives the word as it was before a write of the same cycle.
// Latency: read data one cycle after `re`; it holds until the next `re`. Throughput: one access.
module ram_bytes #(
    parameter BYTES = 1024,    // a multiple of 4
    parameter AW = 8,          // word address bits, at least log2 (BYTES / 4)
    parameter INIT_FILE = ""   // $readmemh image of words, or "" for undefined contents
) (
    input  wire          clk,
    input  wire          re,
    input  wire [3:0]    we,      // bit b: byte b, little-endian
    input  wire [AW-1:0] address, // of a word
    input  wire [31:0]   wdata,
    output reg  [31:0]   rdata
);
    reg [31:0] mem [0:BYTES/4-1];

    generate
        if (INIT_FILE != "") begin : gen_init
            initial $readmemh(INIT_FILE, mem);
        end
    endgenerate

    always @(posedge clk) begin
        if (we[0]) mem[address][7:0] <= wdata[7:0];
        if (we[1]) mem[address][15:8] <= wdata[15:8];
        if (we[2]) mem[address][23:16] <= wdata[23:16];
        if (we[3]) mem[address][31:24] <= wdata[31:24];
        if (re) rdata <= mem[address];
    end
endmodule
`default_nettype wire
