`default_nettype none
`timescale 1ns / 1ns
// Random pushes where there is room and random pops against a counter of words; clears anywhere.
module word_fifo_tb;
    `include "bench_common.vh"
    reg         clear = 1, push = 0, m_ready = 0;
    reg  [11:0] s_data = 0;
    wire [2:0]  free;
    wire [11:0] m_data;
    wire        m_valid;
    word_fifo #(.WIDTH(12)) u_dut (
        .clk(clk), .clear(clear), .push(push), .s_data(s_data), .free(free), .m_data(m_data),
        .m_valid(m_valid), .m_ready(m_ready)
    );
    integer i, n_in = 0, n_out = 0, n_full = 0;
    initial begin
        @(negedge clk);
        clear = 0;
        for (i = 0; i < 4000; i = i + 1) begin
            check({61'd0, free}, 4 - (n_in - n_out), i);
            check({63'd0, m_valid}, n_in != n_out, i);
            if (m_valid) check({52'd0, m_data}, 12'hfff & (7 * n_out), i);
            if (free == 0) n_full = n_full + 1;
            draw;
            clear = lfsr[31:24] == 0;
            m_ready = lfsr[0] & (lfsr[1] | i[7]);
            // with a pop there is room for one more
            push = (free != 0 | (m_valid & m_ready)) & (lfsr[2] | ~i[7]);
            s_data = push ? 7 * n_in : lfsr[23:12];
            if (push) n_in = n_in + 1;
            if (m_valid & m_ready) n_out = n_out + 1;
            @(negedge clk);
            if (clear) n_out = n_in;
        end
        check(n_full > 200, 1, 0);
        verdict(8000);
    end
endmodule
`default_nettype wire
