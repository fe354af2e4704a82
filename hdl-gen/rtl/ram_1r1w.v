`default_nettype none
// One memory with one write port and one read port.
//
// Contract: none in `network`; a read of the word written in the same cycle is undefined.
// Latency: read data one cycle after `re`; it holds until the next `re`. Throughput: one each.
module ram_1r1w #(
    parameter WIDTH = 8,       // bits of a word, 1 and up
    parameter DEPTH = 16,      // words, 2 and up
    parameter AW = 4,          // address bits, at least log2 DEPTH
    parameter INIT_FILE = ""   // $readmemh image, or "" for undefined contents
) (
    input  wire             clk,
    input  wire             we,
    input  wire [AW-1:0]    waddr,
    input  wire [WIDTH-1:0] wdata,
    input  wire             re,
    input  wire [AW-1:0]    raddr,
    output reg  [WIDTH-1:0] rdata
);
    // no logic to order a read and a write of the same word
    (* no_rw_check *) reg [WIDTH-1:0] mem [0:DEPTH-1];

    generate
        if (INIT_FILE != "") begin : gen_init
            initial $readmemh(INIT_FILE, mem);
        end
    endgenerate

    always @(posedge clk) begin
        if (we) mem[waddr] <= wdata;
        if (re) rdata <= mem[raddr];
    end
endmodule
`default_nettype wire
