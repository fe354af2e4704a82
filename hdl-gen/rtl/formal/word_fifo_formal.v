`default_nettype none
// Proves: if the caller pushes only where there is room, a queue of four loses, doubles and
// reorders nothing; `free` is the room; what it offers stays until taken.
// Depth: 10 cycles.
module word_fifo_formal (
    input wire       clk,
    input wire       clear,
    input wire       push,
    input wire [2:0] s_data,
    input wire       m_ready
);
    wire [2:0] free, m_data;
    wire       m_valid;
    word_fifo #(.WIDTH(3)) u_dut (
        .clk(clk), .clear(clear), .push(push), .s_data(s_data), .free(free), .m_data(m_data),
        .m_valid(m_valid), .m_ready(m_ready)
    );
    (* hierconn *) wire [11:0] \u_dut.words ;

    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    always @* if (!started) assume (clear);

    wire pop = m_valid & m_ready;
    always @* if (free == 3'd0 && !pop) assume (!push);

    // the queue that it must equal
    reg  [2:0] n_held;
    reg  [2:0] first, second, third, fourth;
    wire [2:0] left = n_held - {2'd0, pop};
    always @(posedge clk) begin
        n_held <= left + {2'd0, push};
        if (pop) {first, second, third} <= {second, third, fourth};
        if (push)
            case (left)
                3'd0: first <= s_data;
                3'd1: second <= s_data;
                3'd2: third <= s_data;
                default: fourth <= s_data;
            endcase
        if (clear) n_held <= 3'd0;
    end

    reg       waited, was_full;
    reg [2:0] waited_data;
    always @(posedge clk) begin
        waited <= ~clear & m_valid & ~m_ready;
        waited_data <= m_data;
        was_full <= ~clear & (was_full | n_held == 3'd4);
    end

    always @* if (started) begin
        assert (n_held <= 3'd4);
        assert (free == 3'd4 - n_held);
        assert (m_valid == (n_held != 3'd0));
        if (n_held > 3'd0) assert (m_data == first);
        if (n_held > 3'd1) assert (\u_dut.words [5:3] == second);
        if (n_held > 3'd2) assert (\u_dut.words [8:6] == third);
        if (n_held > 3'd3) assert (\u_dut.words [11:9] == fourth);
        if (waited) assert (m_valid && m_data == waited_data);
        cover (was_full && n_held == 3'd1);
    end
endmodule
`default_nettype wire
