`default_nettype none
`timescale 1ns / 1ns
// One build of sequencer_tb: random programs with random run times, in one go and by steps, with a
// bad word somewhere, stopped anywhere. With EXTERNAL, a queue of random commands interrupts and
// resumes the descriptors.
module sequencer_runs #(
    parameter EXTERNAL = 0
) (
    output reg finished_all
);
    `include "bench_common.vh"
    `include "qunet_defs.vh"
    reg         rst = 1, stop = 0, go = 0, single = 0, done = 0;
    wire        busy, paused, finished, stepped, bad, fetch, start, save;
    wire [15:0] layer;
    wire [7:0]  fetch_address, save_address;
    wire [31:0] save_data;
    reg  [31:0] fetch_data = 0;
    reg  [31:0] words [0:255];
    always @(posedge clk) begin
        if (fetch) fetch_data <= words[fetch_address];
        if (save) words[save_address] <= save_data;
    end
    wire        restart, command_take, waiting;
    reg         command_valid = 0, may_start = 0, command_ended = 0, others_ended = 0;
    reg  [15:0] command_index = 0;
    reg  [7:0]  command_rows = 0;
    reg         command_first = 0;
    reg  [11:0] next_row = 0, next_ring_a = 0, next_ring_b = 0, next_ring_out = 0;
    reg  [11:0] next_ring_pool = 0;
    reg  [9:0]  next_start_a = 0, next_start_b = 0, next_out = 0, next_pool = 0;
    wire        pool, second, ups_a, ups_b, sgn_a, sgn_b, one_bit, phases, pool_fused;
    wire [1:0]  head;
    wire [3:0]  digits_m1, kh, kw;
    wire [2:0]  pad_h, pad_w;
    wire [9:0]  pool_base, start_a, start_b, out_base, pitch_out, pitch_a, pitch_b, weight_base;
    wire [9:0]  wrap_a, wrap_b, wrap_out, wrap_pool, pitch_pool;
    wire [11:0] width_m1, height_m1, groups_a, groups_b, out_groups, out_step, out_width;
    wire [11:0] first_row, rows_m1, at_a, at_b, at_out, at_pool;
    wire [11:0] ring_a, ring_b, ring_out, ring_pool;
    wire [4:0]  shift;
    wire [7:0]  lanes, param_base;
    wire [15:0] high, low, threshold;
    sequencer #(
        .TM(4), .D(4), .AW(10), .WAW(10), .PAW(8), .DAW(8), .DEPTH(256), .EXTERNAL(EXTERNAL)
    ) u_dut (
        .clk(clk), .rst(rst), .stop(stop), .go(go), .single(single), .busy(busy),
        .paused(paused), .finished(finished), .stepped(stepped), .bad(bad), .layer(layer),
        .fetch(fetch), .fetch_address(fetch_address), .fetch_data(fetch_data), .save(save),
        .save_address(save_address), .save_data(save_data), .start(start), .done(done),
        .restart(restart), .command_valid(command_valid), .command_may_start(may_start),
        .command_ended(command_ended), .others_ended(others_ended),
        .command_index(command_index), .command_rows(command_rows),
        .command_first(command_first), .command_take(command_take), .waiting(waiting),
        .next_row(next_row), .next_ring_a(next_ring_a), .next_ring_b(next_ring_b),
        .next_ring_out(next_ring_out), .next_ring_pool(next_ring_pool),
        .next_start_a(next_start_a), .next_start_b(next_start_b), .next_out(next_out),
        .next_pool(next_pool), .pool(pool), .second_source(second), .upsample_a(ups_a),
        .upsample_b(ups_b), .signed_a(sgn_a), .signed_b(sgn_b), .one_bit(one_bit),
        .phases(phases), .head(head), .digits_m1(digits_m1), .pool_fused(pool_fused),
        .width_m1(width_m1), .height_m1(height_m1), .kernel_h_m1(kh), .kernel_w_m1(kw),
        .pad_h(pad_h), .pad_w(pad_w), .pool_base(pool_base), .shift(shift),
        .last_lanes(lanes), .groups_a_m1(groups_a), .groups_b_m1(groups_b), .start_a(start_a),
        .start_b(start_b), .out_base(out_base), .pitch_out(pitch_out), .pitch_a(pitch_a),
        .pitch_b(pitch_b), .weight_base(weight_base), .param_base(param_base),
        .clamp_high(high), .clamp_low(low), .threshold(threshold), .out_groups_m1(out_groups),
        .out_step_m1(out_step), .out_width_m1(out_width), .first_row(first_row),
        .rows_m1(rows_m1), .ring_at_a(at_a), .ring_at_b(at_b), .ring_at_out(at_out),
        .ring_at_pool(at_pool), .ring_m1_a(ring_a), .ring_m1_b(ring_b), .ring_m1_out(ring_out),
        .ring_m1_pool(ring_pool), .wrap_a(wrap_a), .wrap_b(wrap_b), .wrap_out(wrap_out),
        .wrap_pool(wrap_pool), .pitch_pool(pitch_pool)
    );

    // the commands, and where each descriptor stands: row and {ring, address} of the four maps
    integer n_commands = 0, command_at = 0, command_wait = 0;
    reg eager = 0;
    reg  [15:0] list_index [0:31];
    reg  [7:0]  list_rows [0:31];
    reg         list_first [0:31];
    reg  [11:0] saved_row [0:7];
    reg  [87:0] saved_maps [0:7];
    reg  [31:0] draws = 77;
    always @(posedge clk) if (EXTERNAL != 0) begin
        if (command_take || restart) begin
            if (command_take) check({63'd0, command_valid & may_start}, 1, command_at);
            command_at = restart ? 0 : command_at + 1;
            command_wait = eager ? 2 : 2 + draws[4:0];
            command_valid <= 0;
            may_start <= 0;
            command_ended <= 0;
            others_ended <= 0;
        end else if (command_wait > 0) command_wait = command_wait - 1;
        else if (command_at < n_commands) begin
            command_index <= list_index[command_at];
            command_rows <= list_rows[command_at];
            command_first <= list_first[command_at];
            command_valid <= 1;
            // once it may start, that stays
            may_start <= may_start | eager | draws[8:5] == 0;
        end else begin
            command_ended <= 1;
            others_ended <= others_ended | draws[7:5] == 0;
        end
        draws = draws ^ (draws << 13);
        draws = draws ^ (draws >> 17);
        draws = draws ^ (draws << 5);
    end

    // the engine: compares the fields, then takes a random time; its state stands until the start
    integer n_starts = 0, n_finished = 0, n_stepped = 0, n_bad = 0, visit = 0, left = 0, at, i, w;
    integer now = 0, started = -1000, ended = -1000, length = 0, in_time = 0, descriptor;
    reg was_stopped = 0;
    always @(posedge clk) begin
        now = now + 1;
        was_stopped <= stop;
        if (finished) begin
            n_finished = n_finished + 1;
            check(left, 0, layer);
            if (EXTERNAL != 0) check({62'd0, command_ended, others_ended}, 3, layer);
        end
        if (stepped) begin
            n_stepped = n_stepped + 1;
            check(left, 0, layer);
        end
        if (bad) begin
            n_bad = n_bad + 1;
            check(left, 0, layer);
        end
        // the host has the memories while it is not busy
        if (!busy && save) check(1, 0, layer);
        if (waiting && (left != 0 || !command_valid || may_start)) check(2, 0, layer);
    end
    task fields;
        begin
            descriptor = EXTERNAL != 0 ? list_index[visit] : visit; at = 32 * descriptor;
            check({48'd0, layer}, descriptor, visit);
            check({62'd0, pool, busy}, words[at][3:0] == 2 ? 3 : 1, layer);
            check({58'd0, phases, one_bit, sgn_b, sgn_a, ups_b, ups_a}, words[at][10:5], layer);
            check({56'd0, pool_fused, digits_m1, head, second},
                  {56'd0, words[at][17:11], words[at][4]}, layer);
            check({40'd0, height_m1, width_m1}, {40'd0, words[at+1][23:0]}, layer);
            check({37'd0, pad_w, lanes, shift, pad_h, kw, kh}, {37'd0, words[at+2][26:0]}, layer);
            check({40'd0, groups_b, groups_a}, {40'd0, words[at+3][23:0]}, layer);
            check({54'd0, pitch_out}, {54'd0, words[at+7][9:0]}, layer);
            check({44'd0, pitch_b, pitch_a}, {44'd0, words[at+9][9:0], words[at+8][9:0]}, layer);
            check({46'd0, param_base, weight_base},
                  {46'd0, words[at+11][7:0], words[at+10][9:0]}, layer);
            check({32'd0, low, high}, {32'd0, words[at+12]}, layer);
            check({48'd0, threshold}, {48'd0, words[at+13][15:0]}, layer);
            check({40'd0, out_step, out_groups}, {40'd0, words[at+14][23:0]}, layer);
            check({52'd0, out_width}, {52'd0, words[at+15][11:0]}, layer);
        end
    endtask
    task where_it_begins;
        if (EXTERNAL == 0) begin
            check({40'd0, first_row, rows_m1}, {52'd0, words[at+1][23:12]}, layer);
            check({24'd0, pool_base, out_base, start_b, start_a},
                  {24'd0, words[at+15][21:12], words[at+6][9:0], words[at+5][9:0],
                   words[at+4][9:0]}, layer);
        end else begin
            if (list_first[visit]) begin
                saved_row[descriptor] = 0;
                saved_maps[descriptor] = {12'd0, words[at+15][21:12], 12'd0, words[at+6][9:0],
                    words[at+16][23:12], words[at+5][9:0], words[at+16][11:0], words[at+4][9:0]};
            end
            check({40'd0, first_row, rows_m1},
                  {40'd0, saved_row[descriptor], 4'd0, list_rows[visit]} - 1, visit);
            check({20'd0, at_pool, pool_base, at_out, out_base},
                  {20'd0, saved_maps[descriptor][87:44]}, visit);
            check({20'd0, at_b, start_b, at_a, start_a},
                  {20'd0, saved_maps[descriptor][43:0]}, visit);
            check({16'd0, ring_pool, ring_out, ring_b, ring_a},
                  {16'd0, words[at+23][23:0], words[at+22][23:0]}, layer);
            check({14'd0, pitch_pool, wrap_pool, wrap_out, wrap_b, wrap_a},
                  {14'd0, words[at+17][9:0], words[at+21][9:0], words[at+20][9:0],
                   words[at+19][9:0], words[at+18][9:0]}, layer);
        end
    endtask
    always @(negedge clk) begin
        if (was_stopped) begin
            left = 0; done = 0;
        end else if (start) begin
            done = 0;
            fields;
            where_it_begins;
            check(left, 0, visit);
            // fetched in 20 cycles, or while the one before ran
            if (EXTERNAL == 0 && in_time) check(now - started, length > 20 ? length : 20, visit);
            if (EXTERNAL != 0 && in_time && eager && length > 40)
                check(now - ended, list_first[visit] ? 7 : 14, visit);
            in_time = 0; started = now; n_starts = n_starts + 1; visit = visit + 1;
            draw; left = lfsr[6] ? 1 + lfsr[2:0] : 1 + lfsr[5:0]; length = left + 1;
        end else if (left > 0) begin
            draw;
            {next_row, next_ring_a, next_ring_b} = {lfsr, lfsr[7:4]};
            {next_start_a, next_start_b, next_out} = lfsr[31:2];
            draw;
            {next_ring_out, next_ring_pool, next_pool} = {2'd0, lfsr};
            left = left - 1;
            done = left == 0;
            if (done) begin
                if (EXTERNAL != 0) begin
                    saved_row[descriptor] = next_row;
                    saved_maps[descriptor] = {next_ring_pool, next_pool, next_ring_out, next_out,
                        next_ring_b, next_start_b, next_ring_a, next_start_a};
                end
                ended = now; in_time = 1;
            end
        end else done = 0;
    end

    integer n, bad_at, n_before, finished_before, stepped_before, bad_before;
    task build;   // n descriptors that are legal, and commands for them
        begin
            draw; n = 1 + lfsr[7:0] % 7;
            for (i = 0; i < n; i = i + 1) begin
                for (w = 0; w < 24; w = w + 1) begin
                    draw; words[32*i+w] = lfsr & ~RESERVED_BITS[32*w +: 32];
                end
                words[32*i][3:0] = lfsr[0] ? OP_CONV : OP_POOL;
                words[32*i][12:9] = 0; words[32*i][17] = 0;
                words[32*i+2][23:16] = 1 + lfsr[4:3];
                case (lfsr[2:1])
                    2'd0: begin words[32*i][10] = 1; words[32*i+2][7:0] = 0; end
                    2'd1: words[32*i][12:11] = lfsr[5] ? 1 : 2;
                    2'd2: words[32*i][17] = lfsr[0];
                    default: ;
                endcase
            end
            for (w = 0; w < 16 && EXTERNAL == 0; w = w + 1) words[32*n+w] = 0;
            draw; n_commands = EXTERNAL == 0 ? n : 1 + lfsr[9:5];
            for (i = 0; i < n_commands; i = i + 1) begin
                draw; list_index[i] = lfsr[15:0] % n; list_rows[i] = 1 + lfsr[23:16] % 255;
                list_first[i] = lfsr[26:24] == 0;
                // never resumed before it has begun
                at = 0;
                for (w = 0; w < i; w = w + 1) if (list_index[w] == list_index[i]) at = 1;
                if (at == 0) list_first[i] = 1;
            end
            draw; eager = lfsr[3];
        end
    endtask
    task spoil;   // makes descriptor bad_at one that the engine must refuse
        begin
            draw; at = 32 * bad_at;
            case (lfsr[11:8] % 12)
                0: words[at+1][24] = 1;
                1: words[at][3:0] = 3 + lfsr[3:0] % 13;
                2: begin words[at][3:0] = OP_CONV; words[at+2][23:16] = 0; end
                3: begin words[at][3:0] = OP_CONV; words[at+2][23:16] = 5; end
                4: begin words[at][3:0] = OP_CONV; words[at][9] = 1; end
                5: begin
                    words[at][3:0] = OP_CONV; words[at][12:10] = 3'b011; words[at+2][7:0] = 0;
                end
                6: begin words[at][3:0] = OP_CONV; words[at][10] = 1; words[at+2][3:0] = 1; end
                7: begin words[at][3:0] = OP_CONV; words[at][17] = 1; words[at][12:10] = 3'b010; end
                8: begin words[at][3:0] = OP_CONV; words[at][17] = 1; words[at][12:10] = 3'b001;
                         words[at+2][7:0] = 0; end
                9: begin words[at][3:0] = OP_POOL; words[at][17] = 1; end
                10: begin
                    words[at][3:0] = OP_CONV; words[at][12:10] = 3'b110; words[at][17] = 0;
                end
                default: if (EXTERNAL == 0) words[at+15-14][31] = 1;
                         else if (lfsr[12]) words[at+23][31] = 1;
                         else words[at][3:0] = OP_END;
            endcase
        end
    endtask
    task command(input is_single);   // starts, and waits until it is not busy
        begin
            in_time = 0;
            go = 1; single = is_single;
            @(negedge clk);
            go = 0; single = ~is_single;
            @(negedge clk);
            while (busy) @(negedge clk);
            @(negedge clk);
        end
    endtask
    task remember;
        begin
            n_before = n_starts; finished_before = n_finished; stepped_before = n_stepped;
            bad_before = n_bad; visit = 0;
        end
    endtask
    task happened(input integer starts, input integer finishes, input integer steps,
                  input integer bads);
        begin
            check(n_starts - n_before, starts, visit);
            check(n_finished - finished_before, finishes, visit);
            check(n_stepped - stepped_before, steps, visit);
            check(n_bad - bad_before, bads, visit);
        end
    endtask
    integer test, k;
    initial begin
        finished_all = 0;
        repeat (3) @(negedge clk);
        rst = 0;
        @(negedge clk);
        for (test = 0; test < 40; test = test + 1) begin
            build; remember; command(0);
            happened(n_commands, 1, 0, 0);
            // by steps; the state is saved when the step has ended
            build; remember;
            for (k = 0; k < n_commands; k = k + 1) begin
                command(1);
                happened(k + 1, 0, k + 1, 0);
                check({62'd0, paused, busy}, 2, k);
                if (EXTERNAL != 0) begin
                    at = 32 * list_index[k] + 24;
                    check({52'd0, words[at][11:0]}, saved_row[list_index[k]], k);
                    for (w = 0; w < 4; w = w + 1)
                        check({42'd0, words[at+1+w][31:20], words[at+1+w][9:0]},
                              saved_maps[list_index[k]][22*w +: 22], k);
                end else check({48'd0, layer}, k + 1, k);
                draw; repeat (lfsr[3:0]) @(negedge clk);
            end
            command(1);
            happened(n_commands, 1, n_commands, 0);
            check({63'd0, paused}, 0, k);
            // stopped anywhere, in one go or in a step, then a clean run
            build; remember; draw; single = lfsr[12:10] == 0; go = 1;
            @(negedge clk);
            go = 0; in_time = 0;
            repeat (lfsr[9:0] % 300) @(negedge clk);
            stop = 1;
            @(negedge clk);
            stop = 0; remember;
            repeat (4) begin
                check({61'd0, busy, paused, save}, 0, test);
                @(negedge clk);
            end
            happened(0, 0, 0, 0);
            remember; command(0);
            happened(n_commands, 1, 0, 0);
            // a bad descriptor: those before it run, in one go or by steps
            build; bad_at = EXTERNAL != 0 ? list_index[n_commands-1] : lfsr[15:8] % n;
            spoil; remember;
            k = EXTERNAL == 0 ? bad_at : 0;
            while (EXTERNAL != 0 && list_index[k] != bad_at) k = k + 1;
            if (test % 2 == 0) begin
                command(0);
                happened(k, 0, 0, 1);
            end else begin
                repeat (k + 1) command(1);
                happened(k, 0, k, 1);
            end
            check({62'd0, paused, busy}, 0, test);
            check({48'd0, layer}, bad_at, test);
        end
        // a program that does not end in its memory, or a command for a descriptor outside it
        build;
        while (n != 7) build;
        for (w = 0; w < 24; w = w + 1) words[224+w] = words[w];
        if (EXTERNAL != 0) begin list_index[n_commands-1] = 8; list_first[n_commands-1] = 1; end
        remember; command(0);
        happened(EXTERNAL != 0 ? n_commands - 1 : 8, 0, 0, 1);
        check({48'd0, layer}, 8, 1);
        finished_all = 1;
    end
endmodule

// Without and with external memory.
module sequencer_tb;
    `include "bench_common.vh"
    wire [1:0] finished;
    sequencer_runs #(.EXTERNAL(0)) u_chip (.finished_all(finished[0]));
    sequencer_runs #(.EXTERNAL(1)) u_external (.finished_all(finished[1]));
    initial begin
        #10;
        while (finished !== 2'b11) @(negedge clk);
        n_checks = u_chip.n_checks + u_external.n_checks;
        n_failures = u_chip.n_failures + u_external.n_failures;
        verdict(30000);
    end
endmodule
`default_nettype wire
