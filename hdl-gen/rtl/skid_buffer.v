`default_nettype none
// Register slice: cuts valid, data and ready of a stream.
//
// Contract: s_data in order, each once; m_data and m_valid stay until taken; no path from one
// port to the other without a register. Holds two values.
// Latency: 1 cycle. Throughput: one value a cycle.
module skid_buffer #(
    parameter WIDTH = 8  // bits of a value, 1 and up
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output reg  [WIDTH-1:0] m_data,
    output reg              m_valid,
    input  wire             m_ready
);
    reg [WIDTH-1:0] spare;  // came while m_data was waiting
    reg             full;

    assign s_ready = ~full;

    always @(posedge clk) begin
        if (m_ready | ~m_valid) begin
            m_data <= full ? spare : s_data;
            m_valid <= full | s_valid;
            full <= 1'b0;
        end else if (s_valid & s_ready) begin
            spare <= s_data;
            full <= 1'b1;
        end
        if (rst) begin
            m_valid <= 1'b0;
            full <= 1'b0;
        end
    end
endmodule
`default_nettype wire
