`default_nettype none
`timescale 1ns / 1ns
// A program of three descriptors with random run times, steps, a stop and bad words.
module sequencer_tb;
    `include "bench_common.vh"
    `include "qunet_defs.vh"
    reg         rst = 1, stop = 0, go = 0, single = 0, done = 0;
    wire        busy, paused, finished, stepped, bad, fetch, start;
    wire [15:0] layer;
    wire [5:0]  fetch_address;
    reg  [31:0] fetch_data = 0;
    reg  [31:0] words [0:63];
    always @(posedge clk) if (fetch) fetch_data <= words[fetch_address];
    wire        pool, second, ups_a, ups_b, sgn_a, sgn_b, one_bit, phases;
    wire [1:0]  head;
    wire        pool_fused;
    wire [3:0]  digits_m1;
    wire [2:0]  pad_h, pad_w;
    wire [9:0]  pool_base;
    wire [11:0] width_m1, height_m1, groups_a, groups_b, out_groups, out_step, out_width;
    wire [3:0]  kh, kw;
    wire [4:0]  shift;
    wire [7:0]  lanes;
    wire [9:0]  start_a, start_b, out_base, pitch_out, pitch_a, pitch_b, weight_base;
    wire [7:0]  param_base;
    wire [15:0] high, low, threshold;
    sequencer #(.TM(4), .D(4), .AW(10), .WAW(10), .PAW(8), .DAW(6), .DEPTH(64)) u_dut (
        .clk(clk), .rst(rst), .stop(stop), .go(go), .single(single), .busy(busy),
        .paused(paused), .finished(finished), .stepped(stepped), .bad(bad), .layer(layer),
        .fetch(fetch), .fetch_address(fetch_address), .fetch_data(fetch_data), .start(start),
        .done(done), .pool(pool), .second_source(second), .upsample_a(ups_a),
        .upsample_b(ups_b), .signed_a(sgn_a), .signed_b(sgn_b), .one_bit(one_bit),
        .phases(phases), .head(head), .digits_m1(digits_m1), .pool_fused(pool_fused),
        .width_m1(width_m1), .height_m1(height_m1), .kernel_h_m1(kh), .kernel_w_m1(kw),
        .pad_h(pad_h), .pad_w(pad_w), .pool_base(pool_base), .shift(shift),
        .last_lanes(lanes), .groups_a_m1(groups_a), .groups_b_m1(groups_b), .start_a(start_a),
        .start_b(start_b), .out_base(out_base), .pitch_out(pitch_out), .pitch_a(pitch_a),
        .pitch_b(pitch_b), .weight_base(weight_base), .param_base(param_base),
        .clamp_high(high), .clamp_low(low), .threshold(threshold), .out_groups_m1(out_groups),
        .out_step_m1(out_step), .out_width_m1(out_width)
    );
    integer n_starts = 0, n_finished = 0, n_stepped = 0, n_bad = 0, at, i, w;
    always @(posedge clk) begin
        if (finished) n_finished = n_finished + 1;
        if (stepped) n_stepped = n_stepped + 1;
        if (bad) n_bad = n_bad + 1;
    end
    // the engine: compares the fields, then takes a random time
    always @(negedge clk) if (start) begin
        at = 16 * layer;
        n_starts = n_starts + 1;
        check({62'd0, pool, busy}, words[at][3:0] == 2 ? 3 : 1, layer);
        check({58'd0, phases, one_bit, sgn_b, sgn_a, ups_b, ups_a}, words[at][10:5], layer);
        check({56'd0, pool_fused, digits_m1, head, second},
              {56'd0, words[at][17:11], words[at][4]}, layer);
        check({40'd0, height_m1, width_m1}, {40'd0, words[at+1][23:0]}, layer);
        check({37'd0, pad_w, lanes, shift, pad_h, kw, kh}, {37'd0, words[at+2][26:0]}, layer);
        check({40'd0, groups_b, groups_a}, {40'd0, words[at+3][23:0]}, layer);
        check({44'd0, start_b, start_a}, {44'd0, words[at+5][9:0], words[at+4][9:0]}, layer);
        check({44'd0, pitch_out, out_base}, {44'd0, words[at+7][9:0], words[at+6][9:0]}, layer);
        check({44'd0, pitch_b, pitch_a}, {44'd0, words[at+9][9:0], words[at+8][9:0]}, layer);
        check({46'd0, param_base, weight_base},
              {46'd0, words[at+11][7:0], words[at+10][9:0]}, layer);
        check({32'd0, low, high}, {32'd0, words[at+12]}, layer);
        check({48'd0, threshold}, {48'd0, words[at+13][15:0]}, layer);
        check({40'd0, out_step, out_groups}, {40'd0, words[at+14][23:0]}, layer);
        check({42'd0, pool_base, out_width}, {42'd0, words[at+15][21:0]}, layer);
        draw;
        repeat (1 + lfsr[4:0]) @(negedge clk);
        done = 1;
        @(negedge clk);
        done = 0;
    end
    task command(input is_single);
        begin
            go = 1; single = is_single;
            @(negedge clk);
            go = 0; single = ~is_single;
            @(negedge clk);
            while (busy) @(negedge clk);
            @(negedge clk);
        end
    endtask
    initial begin
        for (i = 0; i < 3; i = i + 1)
            for (w = 0; w < 16; w = w + 1) begin
                draw; words[16*i+w] = lfsr & ~RESERVED_BITS[32*w +: 32];
                if (w == 0) words[16*i] = {14'd0, i == 2, lfsr[16:13], 2'd0, 1'b0, 1'b0, lfsr[8:4],
                                             i == 1 ? OP_POOL : OP_CONV};
                if (w == 2) words[16*i+2][23:16] = 1 + i;
            end
        for (w = 0; w < 16; w = w + 1) words[48+w] = 0;
        repeat (3) @(negedge clk);
        rst = 0;
        @(negedge clk);
        command(0);
        check(n_starts * 10 + n_finished, 31, 0);
        for (i = 0; i < 3; i = i + 1) begin
            command(1);
            check({62'd0, paused, 1'b0}, 2, i);
        end
        command(1);
        check(n_starts * 10 + n_finished, 62, 1);
        check(n_stepped, 3, 1);
        // stop in the fetch, then a clean run
        go = 1; single = 0;
        @(negedge clk);
        go = 0;
        repeat (7) @(negedge clk);
        stop = 1;
        @(negedge clk);
        stop = 0;
        check({63'd0, busy}, 0, 2);
        command(0);
        check(n_starts * 10 + n_finished, 93, 2);
        // a reserved bit, an unknown operation, no lanes, +-1 on digits of four bits
        words[33][31] = 1; command(0); words[33][31] = 0; check(n_bad, 1, 3);
        words[16][3:0] = 7; command(0); words[16][3:0] = 2; check(n_bad, 2, 4);
        words[2][23:16] = 0; command(0); words[2][23:16] = 5; check(n_bad, 3, 5);
        command(0); words[2][23:16] = 1; check(n_bad, 4, 6);
        words[0][9] = 1; command(0); words[0][9] = 0; check(n_bad, 5, 7);
        words[0][17] = 1; words[0][10] = 1; words[2][7:0] = 0; command(0);
        words[0][10] = 0; words[0][12:11] = 1; command(0); words[0][12:11] = 0;
        words[0][17] = 0; words[16][17] = 1; command(0); words[16][17] = 0; check(n_bad, 8, 7);
        words[48][3:0] = 2; words[48+2] = 32'h10000; command(0); check(n_bad, 9, 8);
        check(n_finished, 3, 9);
        verdict(130);
    end
endmodule
`default_nettype wire
