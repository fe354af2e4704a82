`default_nettype none
`timescale 1ns / 1ns
// One width of word_pack_tb: random words at random times, beats against the bits of the stream.
module pack_words #(
    parameter K = 96
) (
    output reg finished
);
    `include "bench_common.vh"
    localparam UNITS = (K + 31) / 32, WORDS = 40;
    localparam [31:0] TOP = 32'hffff_ffff >> (32 * UNITS - K);   // bits of the highest unit
    reg          clear = 1, s_valid = 0, s_last = 0, m_ready = 0, eager = 0, stays = 0;
    reg  [K-1:0] s_data = 0;
    reg  [127:0] stayed = 0;
    wire         s_ready, m_valid;
    wire [127:0] m_data;
    word_pack #(.K(K)) u_dut (
        .clk(clk), .clear(clear), .s_data(s_data), .s_last(s_last), .s_valid(s_valid),
        .s_ready(s_ready), .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
    reg  [32*UNITS*WORDS+127:0] stream;
    integer run, i, n_in, n_out, n_beats, n_words, cycles, moved_in, moved_out;
    initial begin
        finished = 0;
        for (run = 0; run < 60; run = run + 1) begin
            draw; n_words = 1 + lfsr[7:0] % WORDS; eager = run % 3 == 0;
            n_beats = (n_words * UNITS + 3) / 4; stream = 0;
            for (i = 0; i < n_words * UNITS; i = i + 1) begin
                draw; stream[32*i +: 32] = i % UNITS == UNITS - 1 ? lfsr & TOP : lfsr;
            end
            clear = 1; s_valid = 0; m_ready = 0; stays = 0;
            @(negedge clk);
            clear = 0; n_in = 0; n_out = 0; cycles = 0;
            while (n_in < n_words || n_out < n_beats) begin
                draw;
                if (!s_valid) s_valid = n_in < n_words & (eager | lfsr[0]);
                s_data = s_valid ? stream[32*UNITS*n_in +: K] : {UNITS{lfsr}};
                s_last = s_valid ? n_in == n_words - 1 : lfsr[9];
                m_ready = eager | lfsr[1];
                #2;
                moved_in = s_valid & s_ready; moved_out = m_valid & m_ready;
                if (m_valid) check(m_data !== stream[128*n_out +: 128], 0, n_out);
                check({63'd0, m_valid & n_out >= n_beats}, 0, n_out);
                // what is offered stays
                if (stays) check({63'd0, m_valid && m_data === stayed}, 1, n_out);
                stays = m_valid & ~m_ready; stayed = m_data;
                @(negedge clk);
                cycles = cycles + 1;
                n_in = n_in + moved_in; n_out = n_out + moved_out;
                if (moved_in != 0) s_valid = 0;
                if (cycles > 5000) begin check(0, 1, run); n_in = n_words; n_out = n_beats; end
            end
            // one word, or one beat, a cycle; nothing after the last
            if (eager) check(cycles <= 2 + (UNITS > 4 ? n_beats : n_words), 1, run);
            check({63'd0, m_valid}, 0, run);
        end
        finished = 1;
    end
endmodule

module word_pack_tb;
    `include "bench_common.vh"
    wire [6:0] finished;
    pack_words #(.K(1)) u_1 (.finished(finished[0]));
    pack_words #(.K(32)) u_32 (.finished(finished[1]));
    pack_words #(.K(50)) u_50 (.finished(finished[2]));
    pack_words #(.K(96)) u_96 (.finished(finished[3]));
    pack_words #(.K(128)) u_128 (.finished(finished[4]));
    pack_words #(.K(136)) u_136 (.finished(finished[5]));
    pack_words #(.K(1024)) u_1024 (.finished(finished[6]));
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
