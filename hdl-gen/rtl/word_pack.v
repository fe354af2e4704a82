`default_nettype none
// Packs memory words into a stream of 128-bit beats, one after another in 32-bit units.
//
// Contract: word i is bits i*32*UNITS and up of the stream since `clear`; the beat that holds the
// end of the word with `s_last` is filled up with zeros.
// Latency: one cycle. Throughput: one word a cycle, or 128 bits where a word is wider.
module word_pack #(
    parameter K = 96   // bits of a word, 1 and up
) (
    input  wire         clk,
    input  wire         clear,
    input  wire [K-1:0] s_data,
    input  wire         s_last,
    input  wire         s_valid,
    output wire         s_ready,
    output wire [127:0] m_data,
    output wire         m_valid,
    input  wire         m_ready
);
    localparam UNITS = (K + 31) / 32;
    localparam CW = $clog2(UNITS + 8);
    localparam [31:0] WORD = UNITS;
    localparam BITS = 32 * (UNITS + 3);
    localparam WIDE = BITS > 128 ? BITS : 128;

    reg  [WIDE-1:0] held;
    reg  [CW-1:0]   count;
    reg             ending;
    wire            full = count >= 4;
    wire            pop = m_valid & m_ready;
    wire            push = s_valid & s_ready;
    wire [CW-1:0]   kept = ~pop ? count : full ? count - 3'd4 : {CW{1'b0}};
    wire [WIDE-1:0] rest = pop ? held >> 128 : held;
    wire [WIDE-1:0] word = {{(WIDE-K){1'b0}}, s_data};
    assign m_valid = full | (ending & count != {CW{1'b0}});
    assign m_data = held[127:0];
    assign s_ready = ~ending & kept < 4;

    always @(posedge clk) begin
        held <= push ? rest | (word << {kept, 5'd0}) : rest;
        count <= push ? kept + WORD[CW-1:0] : kept;
        if (push) ending <= s_last;
        if (clear) begin
            held <= {WIDE{1'b0}};
            count <= {CW{1'b0}};
            ending <= 1'b0;
        end
    end
endmodule
`default_nettype wire
