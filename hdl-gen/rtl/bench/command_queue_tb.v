`default_nettype none
`timescale 1ns / 1ns
// Random queues with random completions of the other side: order, waits, the end, and restarts
// anywhere.
module command_queue_tb;
    `include "bench_common.vh"
    reg         rst = 1, restart = 0, other_done = 0, take = 0;
    wire        fetch, valid, may_start, ended, first;
    wire [5:0]  fetch_address;
    reg  [31:0] fetch_data = 0;
    wire [15:0] index;
    wire [7:0]  rows;
    command_queue #(.AW(6)) u_dut (
        .clk(clk), .rst(rst), .restart(restart), .other_done(other_done), .take(take),
        .fetch(fetch), .fetch_address(fetch_address), .fetch_data(fetch_data), .valid(valid),
        .may_start(may_start), .ended(ended), .index(index), .rows(rows), .first(first)
    );
    reg  [31:0] words [0:63];
    // what is read without asking is not a command
    always @(posedge clk) fetch_data <= fetch ? words[fetch_address] : ~words[fetch_address];
    integer run, i, n, at, threshold, completed, cycles, since, most, quiet;
    task skip;   // words that only add to what is waited for
        while (at < n && words[at][22:15] == 0) begin
            threshold = threshold + words[at][31:24];
            at = at + 1; most = most + 2;
        end
    endtask
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (run = 0; run < 100; run = run + 1) begin
            draw; n = lfsr[5:0] % 60;
            for (i = 0; i < n; i = i + 1) begin
                draw; words[i] = lfsr;
                if (lfsr[31:26] != 0) words[i][31:24] = lfsr[26:24] & {3{lfsr[4]}};
                if (lfsr[7:5] == 0) words[i][22:15] = 0;
                else if (words[i][22:15] == 0) words[i][22:15] = 1;
                // no word but the last ends the queue
                if (words[i] == 0) words[i][0] = 1;
            end
            words[n] = 0;
            for (i = n + 1; i < 64; i = i + 1) words[i] = 32'h0000_8001;
            restart = 1; take = 0; other_done = lfsr[6];
            @(negedge clk);
            restart = 0; other_done = 0;
            at = 0; threshold = 0; completed = 0; since = 0; most = 3; quiet = 0;
            skip;
            cycles = lfsr[8:7] == 0 ? lfsr[15:9] : 20000;   // some are cut off
            while (cycles > 0 && quiet < 6) begin
                check({63'd0, ended & valid}, 0, run);
                if (at == n) begin
                    check({63'd0, valid}, 0, at);
                    if (since >= most) check({63'd0, ended}, 1, run);
                    if (ended) quiet = quiet + 1;
                end else begin
                    check({63'd0, ended}, 0, at);
                    // three cycles after the one before, two more for each word between
                    if (since >= most) check({63'd0, valid}, 1, at);
                    if (valid) begin
                        check({39'd0, index, rows, first},
                              {39'd0, 1'b0, words[at][14:0], words[at][22:15], words[at][23]}, at);
                        check({63'd0, may_start}, completed >= threshold + words[at][31:24], at);
                    end else check({63'd0, may_start}, 0, at);
                end
                draw; take = may_start & lfsr[0]; other_done = lfsr[2:1] == 0;
                if (take) begin
                    threshold = threshold + words[at][31:24];
                    at = at + 1; since = -1; most = 2;
                    skip;
                end
                if (other_done) completed = completed + 1;
                since = since + 1; cycles = cycles - 1;
                @(negedge clk);
            end
            take = 0; other_done = 0;
            draw;
            if (lfsr[1:0] == 0) begin
                rst = 1;
                @(negedge clk);
                rst = 0;
                repeat (5) begin
                    check({60'd0, valid, may_start, ended, fetch}, 0, run);
                    @(negedge clk);
                end
            end
        end
        verdict(20000);
    end
endmodule
`default_nettype wire
