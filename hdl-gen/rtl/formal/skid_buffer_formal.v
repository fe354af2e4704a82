`default_nettype none
// Proves: a skid buffer is a queue of two: nothing is lost, doubled or reordered; valid and data
// stay until taken; it is ready whenever it has room.
// Depth: 6 cycles.
module skid_buffer_formal (
    input wire       clk,
    input wire       rst,
    input wire [3:0] s_data,
    input wire       s_valid,
    input wire       m_ready
);
    wire       s_ready, m_valid;
    wire [3:0] m_data;
    skid_buffer #(.WIDTH(4)) u_dut (
        .clk(clk), .rst(rst), .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
    (* hierconn *) wire [3:0] \u_dut.spare ;

    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    always @* if (!started) assume (rst);

    // the queue that it must equal
    wire       push = s_valid & s_ready;
    wire       pop = m_valid & m_ready;
    reg  [1:0] n_held;
    reg  [3:0] first, second;
    always @(posedge clk) begin
        n_held <= n_held + push - pop;
        if (pop) first <= second;
        if (push & (n_held - pop == 2'd0)) first <= s_data;
        if (push) second <= s_data;
        if (rst) n_held <= 2'd0;
    end

    reg       waited, was_full;
    reg [3:0] waited_data;
    always @(posedge clk) begin
        waited <= ~rst & m_valid & ~m_ready;
        waited_data <= m_data;
        was_full <= ~rst & (was_full | n_held == 2'd2);
    end

    always @* if (started) begin
        assert (n_held <= 2'd2);
        assert (m_valid == (n_held != 2'd0));
        assert (s_ready == (n_held != 2'd2));
        if (n_held != 2'd0) assert (m_data == first);
        if (n_held == 2'd2) assert (\u_dut.spare == second);
        if (waited) assert (m_valid && m_data == waited_data);
        cover (was_full && n_held == 2'd0);
    end
endmodule
`default_nettype wire
