`default_nettype none
`timescale 1ns / 1ns
// Random back-pressure at both ends, then none: order, stability, one value a cycle.
module skid_buffer_tb;
    `include "bench_common.vh"
    reg         rst = 1, s_valid = 0, m_ready = 0;
    reg  [15:0] s_data = 0;
    wire        s_ready, m_valid;
    wire [15:0] m_data;
    skid_buffer #(.WIDTH(16)) u_dut (
        .clk(clk), .rst(rst), .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
    reg  [15:0] sent [0:8191];
    integer     n_in = 0, n_out = 0, i, n_start;
    reg         held_valid = 0;
    reg  [15:0] held_data = 0;
    // samples what the clock edge will see
    task edge_now;
        begin
            if (held_valid) check({47'd0, m_valid, m_data}, {47'd0, 1'b1, held_data}, n_out);
            if (s_valid && s_ready) begin sent[n_in] = s_data; n_in = n_in + 1; end
            if (m_valid && m_ready) begin
                check({48'd0, m_data}, {48'd0, sent[n_out]}, n_out);
                n_out = n_out + 1;
            end
            check(n_in - n_out <= 2 && n_in >= n_out, 1, n_out);
            held_valid = m_valid && !m_ready;
            held_data = m_data;
            @(negedge clk);
        end
    endtask
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        check({63'd0, m_valid}, 0, 0);
        for (i = 0; i < 6000; i = i + 1) begin
            draw;
            // a value stays offered until it is taken; the rates of both ends change in phases
            if (!s_valid || s_ready) begin
                s_valid = i[9] ? lfsr[3:0] == 0 : lfsr[0];
                draw; s_data = lfsr[15:0];
            end
            #1 draw;
            m_ready = i[10] ? lfsr[7:4] == 0 : lfsr[4];
            edge_now;
        end
        check(n_out > 500, 1, 1);
        // ready and valid throughout: one value a cycle
        s_valid = 1; m_ready = 1;
        for (i = 0; i < 4; i = i + 1) edge_now;
        n_start = n_out;
        for (i = 0; i < 100; i = i + 1) begin s_data = i[15:0]; edge_now; end
        check(n_out - n_start, 100, 2);
        s_valid = 0;
        for (i = 0; i < 4; i = i + 1) edge_now;
        check(n_out, n_in, 3);
        verdict(7000);
    end
endmodule
`default_nettype wire
