`default_nettype none
// Cuts a stream of 128-bit beats into memory words, which lie one after another in 32-bit units.
//
// Contract: word i is bits i*32*UNITS and up of the stream since `clear`, its lowest K bits. What
// is left of the last beat is dropped by the next `clear`.
// Latency: one cycle. Throughput: one word a cycle, or 128 bits where a word is wider.
module word_unpack #(
    parameter K = 96   // bits of a word, 1 and up
) (
    input  wire         clk,
    input  wire         clear,
    input  wire [127:0] s_data,
    input  wire         s_valid,
    output wire         s_ready,
    output wire [K-1:0] m_data,
    output wire         m_valid,
    input  wire         m_ready
);
    localparam UNITS = (K + 31) / 32;
    localparam CW = $clog2(UNITS + 5);
    localparam [31:0] WORD = UNITS;
    localparam BITS = 32 * (UNITS + 4);

    reg  [BITS-1:0] held;
    reg  [CW-1:0]   count;
    wire            pop = m_valid & m_ready;
    wire            push = s_valid & s_ready;
    wire [CW-1:0]   kept = pop ? count - WORD[CW-1:0] : count;
    wire [BITS-1:0] rest = pop ? held >> (32 * UNITS) : held;
    wire [BITS-1:0] beat = {{(BITS-128){1'b0}}, s_data};
    assign m_valid = count >= WORD[CW-1:0];
    assign m_data = held[K-1:0];
    assign s_ready = kept <= WORD[CW-1:0];

    always @(posedge clk) begin
        // bits above `kept` units are zero
        held <= push ? rest | (beat << {kept, 5'd0}) : rest;
        count <= push ? kept + 3'd4 : kept;
        if (clear) begin
            held <= {BITS{1'b0}};
            count <= {CW{1'b0}};
        end
    end
endmodule
`default_nettype wire
