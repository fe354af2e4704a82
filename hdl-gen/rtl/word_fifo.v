`default_nettype none
// A queue of four words in registers.
//
// Contract: words leave in the order they came; `free` is the number of places. A word pushed into
// a full queue is lost, so the caller counts.
// Latency: one cycle. Throughput: one word a cycle.
module word_fifo #(
    parameter WIDTH = 8   // bits of a word
) (
    input  wire             clk,
    input  wire             clear,
    input  wire             push,
    input  wire [WIDTH-1:0] s_data,
    output wire [2:0]       free,
    output wire [WIDTH-1:0] m_data,
    output wire             m_valid,
    input  wire             m_ready
);
    reg  [4*WIDTH-1:0] words;   // the oldest lowest
    reg  [2:0]         count;
    wire               pop = m_valid & m_ready;
    wire [2:0]         kept = pop ? count - 3'd1 : count;
    assign free = 3'd4 - count;
    assign m_data = words[WIDTH-1:0];
    assign m_valid = count != 3'd0;

    integer i;
    always @(posedge clk) begin
        if (pop) words <= {{WIDTH{1'b0}}, words[4*WIDTH-1:WIDTH]};
        if (push)
            for (i = 0; i < 4; i = i + 1)
                if ({29'd0, kept} == i) words[i*WIDTH +: WIDTH] <= s_data;
        count <= kept + {2'd0, push};
        if (clear) count <= 3'd0;
    end
endmodule
`default_nettype wire
