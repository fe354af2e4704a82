`default_nettype none
`timescale 1ns / 1ns
// One build of output_writer_tb: random plain, transposed and pooled layers; every pixel lands
// where it should, once. With RINGS, rows lie in rings of any size (an even one if transposed), a
// layer comes in visits of random length, and the state after one starts the next.
module writer_layers #(
    parameter TP = 4,
    parameter RINGS = 0
) (
    output reg finished
);
    `include "bench_common.vh"
    localparam BW = 20, AW = 9;
    reg              rst = 1, start = 0, phases = 0, pool = 0, word_valid = 0, group_end = 0;
    reg  [2:0]       ends = 0;
    reg  [AW-1:0]    out_base = 0, out_pitch = 0, out_step = 0;
    reg  [11:0]      out_width_m1 = 0, ring_at = 0, ring_m1 = 0;
    reg  [TP*BW-1:0] word = 0;
    wire [TP-1:0]    we;
    wire [AW-1:0]    waddr, next_base;
    wire [TP*BW-1:0] wdata;
    wire [11:0]      next_ring;
    wire             done;
    output_writer #(.TP(TP), .BW(BW), .AW(AW), .RINGS(RINGS)) u_dut (
        .clk(clk), .rst(rst), .start(start), .phases(phases), .pool(pool), .out_base(out_base),
        .out_pitch(out_pitch), .out_step(out_step), .ring_at(ring_at), .ring_m1(ring_m1),
        .wrap(out_pitch * ring_m1[AW-1:0]), .out_width_m1(out_width_m1),
        .word_valid(word_valid), .word(word), .group_end(group_end), .ends(ends),
        .we(we), .waddr(waddr), .wdata(wdata), .next_base(next_base), .next_ring(next_ring),
        .done(done)
    );
    // what was written and what should have been, and how often
    reg  [BW-1:0] memory [0:512*TP-1];
    reg  [BW-1:0] expected [0:512*TP-1];
    integer       count [0:512*TP-1];
    integer       expected_count [0:512*TP-1];
    integer       n_done = 0, since_word = 0, b;
    always @(posedge clk) begin
        for (b = 0; b < TP; b = b + 1)
            if (we[b]) begin
                memory[waddr*TP+b] = wdata[b*BW +: BW];
                count[waddr*TP+b] = count[waddr*TP+b] + 1;
            end
        if (done) begin
            n_done = n_done + 1;
            // the last write is not before and not long after
            check(since_word, phases && TP > 1 ? 1 : 0, 0);
        end
        since_word = word_valid ? 0 : since_word + 1;
    end
    integer layer, kind, i, y, x, xg, n_xg, phase, n_phases, g, groups, p;
    integer width, height, out_width, row, left, rows, at, value;
    task one_word;   // of row y, pixel group xg
        begin
            // value = row, column of the pixel in the loop, phase, group
            for (p = 0; p < TP; p = p + 1) begin
                x = kind == 2 && TP > 1 ? xg * TP / 2 + p % (TP / 2) : xg * TP + p;
                value = layer * 65536 + y * 2048 + x * 16 + phase * 4 + g;
                word[p*BW +: BW] = value;
                row = phases ? 2 * y + phase / 2 : y;
                if (phases) x = 2 * x + phase % 2;
                if (RINGS != 0) row = row % (ring_m1 + 1);
                at = (40 + row * out_pitch + x / TP * groups + g) * TP + x % TP;
                if (x < out_width && (kind != 2 || TP == 1 || p < TP / 2)) begin
                    expected[at] = value;
                    expected_count[at] = expected_count[at] + 1;
                end
            end
            word_valid = 1; group_end = g == groups - 1;
            ends = {left == 1, xg == n_xg - 1, phase == n_phases - 1};
            @(negedge clk);
            draw;
            word_valid = 0; group_end = lfsr[0]; ends = lfsr[3:1];
            repeat ((phases && TP > 1 ? 1 : 0) + (lfsr[4] ? 0 : lfsr[6:5])) @(negedge clk);
        end
    endtask
    task visit;   // rows rows from y on
        begin
            n_done = 0;
            start = 1;
            @(negedge clk);
            start = 0;
            out_base = lfsr[31:23]; ring_at = lfsr[22:11];   // taken with start only
            for (left = rows; left > 0; left = left - 1) begin
                for (xg = 0; xg < n_xg; xg = xg + 1)
                    for (phase = 0; phase < n_phases; phase = phase + 1)
                        for (g = 0; g < groups; g = g + 1) one_word;
                y = y + 1;
            end
            repeat (4) @(negedge clk);
            check(n_done, 1, layer);
            for (i = 0; i < 512 * TP; i = i + 1) begin
                check(count[i], expected_count[i], i);
                if (expected_count[i] != 0) check(memory[i], expected[i], i);
            end
        end
    endtask
    initial begin
        finished = 0;
        repeat (3) @(negedge clk);
        rst = 0;
        for (layer = 0; layer < 15; layer = layer + 1) begin
            draw; kind = layer % 3; phases = kind == 1; pool = kind == 2;
            groups = 1 + lfsr[1:0] % 3; width = 1 + lfsr[5:2] % 12; height = 1 + lfsr[9:6] % 9;
            ring_m1 = RINGS == 0 ? 0 : lfsr[12:10] % 6;
            if (phases) ring_m1[0] = 1;
            if (RINGS == 0 && height > 4) height = 4;
            out_width = phases ? 2 * width : width;
            n_xg = pool && TP > 1 ? (2 * width + TP - 1) / TP : (width + TP - 1) / TP;
            n_phases = phases ? 4 : 1;
            out_width_m1 = out_width - 1; out_step = groups;
            out_pitch = (out_width + TP - 1) / TP * groups;
            // the rows must fit in the memory of 512 words
            if (RINGS == 0) while ((phases ? 2 : 1) * height * out_pitch > 400) height = height - 1;
            else while ((ring_m1 + 1) * out_pitch > 400) ring_m1 = ring_m1 - 2;
            for (i = 0; i < 512 * TP; i = i + 1) begin count[i] = 0; expected_count[i] = 0; end
            out_base = 40; ring_at = 0; y = 0;
            while (y < height) begin
                draw; rows = RINGS == 0 || lfsr[0] ? height - y : 1 + lfsr[2:1];
                if (y + rows > height) rows = height - y;
                visit;
                out_base = next_base; ring_at = next_ring;
            end
        end
        finished = 1;
    end
endmodule

// Whole layers without rings, visits with rings, and one pixel lane.
module output_writer_tb;
    `include "bench_common.vh"
    wire [3:0] finished;
    writer_layers #(.TP(4), .RINGS(0)) u_layers (.finished(finished[0]));
    writer_layers #(.TP(4), .RINGS(1)) u_rings (.finished(finished[1]));
    writer_layers #(.TP(2), .RINGS(1)) u_two (.finished(finished[2]));
    writer_layers #(.TP(1), .RINGS(1)) u_narrow (.finished(finished[3]));
    initial begin
        #10;
        while (finished !== 4'b1111) @(negedge clk);
        n_checks = u_layers.n_checks + u_rings.n_checks + u_two.n_checks + u_narrow.n_checks;
        n_failures = u_layers.n_failures + u_rings.n_failures + u_two.n_failures
                   + u_narrow.n_failures;
        verdict(50000);
    end
endmodule
`default_nettype wire
