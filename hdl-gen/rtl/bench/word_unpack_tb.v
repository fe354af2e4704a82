`default_nettype none
`timescale 1ns / 1ns
// One width of word_unpack_tb: random beats at random times, words against the bits of the stream.
module unpack_words #(
    parameter K = 96
) (
    output reg finished
);
    `include "bench_common.vh"
    localparam UNITS = (K + 31) / 32, BEATS = 24;
    reg          clear = 1, s_valid = 0, m_ready = 0, eager = 0;
    reg  [127:0] s_data = 0;
    wire         s_ready, m_valid;
    wire [K-1:0] m_data;
    word_unpack #(.K(K)) u_dut (
        .clk(clk), .clear(clear), .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
    reg  [128*BEATS-1:0] stream;
    integer run, i, n_in, n_out, n_beats, n_words, cycles, moved_in, moved_out;
    initial begin
        finished = 0;
        for (run = 0; run < 60; run = run + 1) begin
            for (i = 0; i < 4 * BEATS; i = i + 1) begin
                draw; stream[32*i +: 32] = lfsr;
            end
            draw; n_beats = 1 + lfsr[7:0] % BEATS; eager = run % 3 == 0;
            n_words = 4 * n_beats / UNITS;
            clear = 1; s_valid = 0; m_ready = 0;
            @(negedge clk);
            clear = 0; n_in = 0; n_out = 0; cycles = 0;
            while (n_in < n_beats || n_out < n_words) begin
                draw;
                if (!s_valid) s_valid = n_in < n_beats & (eager | lfsr[0]);
                s_data = s_valid ? stream[128*n_in +: 128] : {4{lfsr}};
                m_ready = eager | lfsr[1];
                #2;
                moved_in = s_valid & s_ready; moved_out = m_valid & m_ready;
                if (m_valid) check(m_data !== stream[32*UNITS*n_out +: K], 0, n_out);
                check({63'd0, m_valid & n_out >= n_words}, 0, n_out);
                @(negedge clk);
                cycles = cycles + 1;
                n_in = n_in + moved_in; n_out = n_out + moved_out;
                if (moved_in != 0) s_valid = 0;
                if (cycles > 1000) begin check(0, 1, run); n_in = n_beats; n_out = n_words; end
            end
            // one word, or one beat, a cycle, and what is left over is less than a word
            if (eager) check(cycles <= 2 + (UNITS > 4 ? n_beats : n_words), 1, run);
            check({63'd0, m_valid}, 0, run);
        end
        finished = 1;
    end
endmodule

module word_unpack_tb;
    `include "bench_common.vh"
    wire [6:0] finished;
    unpack_words #(.K(1)) u_1 (.finished(finished[0]));
    unpack_words #(.K(32)) u_32 (.finished(finished[1]));
    unpack_words #(.K(50)) u_50 (.finished(finished[2]));
    unpack_words #(.K(96)) u_96 (.finished(finished[3]));
    unpack_words #(.K(128)) u_128 (.finished(finished[4]));
    unpack_words #(.K(136)) u_136 (.finished(finished[5]));
    unpack_words #(.K(1024)) u_1024 (.finished(finished[6]));
    initial begin
        #10;
        while (finished !== 7'h7f) @(negedge clk);
        n_checks = u_1.n_checks + u_32.n_checks + u_50.n_checks + u_96.n_checks
                 + u_128.n_checks + u_136.n_checks + u_1024.n_checks;
        n_failures = u_1.n_failures + u_32.n_failures + u_50.n_failures + u_96.n_failures
                   + u_128.n_failures + u_136.n_failures + u_1024.n_failures;
        verdict(20000);
    end
endmodule
`default_nettype wire
