`default_nettype none
`timescale 1ns / 1ns
// One pair of word widths of dma_tb: random channels of all kinds, commands that go on or begin
// again, memories with random waits, a write port that the engine takes at random; both sides are
// compared as a whole after each command. Errors and stops at any time end it quietly.
module dma_moves #(
    parameter K = 96,
    parameter KW = 32,
    parameter RUNS = 150
) (
    output reg finished
);
    `include "bench_common.vh"
    `include "qunet_defs.vh"
    localparam DEPTH = 1024, WORDS = 512, AW = 9, WAW = 8, CAW = 6, CHANNELS = 6;
    reg            rst = 1, may_start = 0, first = 0, stop_now = 0, grant = 1, host_write = 0;
    reg  [7:0]     host_address = 0;
    reg  [31:0]    host_wdata = 0, external_base = 0;
    reg  [15:0]    index = 0;
    reg  [7:0]     rows = 0;
    wire           done, busy, error, fetch, save, feature_write, steal, weight_write;
    wire [1:0]     kind;
    wire [CAW-1:0] table_address;
    wire [31:0]    save_data;
    wire [AW-1:0]  feature_waddr, feature_raddr;
    wire [WAW-1:0] weight_waddr;
    wire [K-1:0]   feature_wdata;
    wire [KW-1:0]  weight_wdata;
    reg  [31:0]    fetch_data = 0;
    reg  [K-1:0]   feature_rdata = 0;
    // as in the engine: an error stops
    wire           stop = stop_now | error;
    wire [31:0]    araddr, awaddr;
    wire [7:0]     arlen, awlen;
    wire [127:0]   rdata, wdata;
    wire [15:0]    wstrb;
    wire [1:0]     rresp, bresp;
    wire           arvalid, arready, rvalid, rready, awvalid, awready, wvalid, wready, wlast;
    wire           bvalid, bready;
    dma #(.K(K), .KW(KW), .AW(AW), .WAW(WAW), .CAW(CAW)) u_dut (
        .clk(clk), .rst(rst), .stop(stop), .external_base(external_base),
        .may_start(may_start), .index(index), .rows(rows), .first(first), .done(done),
        .busy(busy), .error(error), .kind(kind), .fetch(fetch), .table_address(table_address),
        .fetch_data(fetch_data), .save(save), .save_data(save_data),
        .feature_write(feature_write), .feature_grant(grant), .feature_waddr(feature_waddr),
        .feature_wdata(feature_wdata), .steal(steal), .feature_raddr(feature_raddr),
        .feature_rdata(feature_rdata), .weight_write(weight_write),
        .weight_waddr(weight_waddr), .weight_wdata(weight_wdata), .m_axi_araddr(araddr),
        .m_axi_arlen(arlen), .m_axi_arvalid(arvalid), .m_axi_arready(arready),
        .m_axi_rdata(rdata), .m_axi_rresp(rresp), .m_axi_rvalid(rvalid), .m_axi_rready(rready),
        .m_axi_awaddr(awaddr), .m_axi_awlen(awlen), .m_axi_awvalid(awvalid),
        .m_axi_awready(awready), .m_axi_wdata(wdata), .m_axi_wstrb(wstrb),
        .m_axi_wlast(wlast), .m_axi_wvalid(wvalid), .m_axi_wready(wready),
        .m_axi_bresp(bresp), .m_axi_bvalid(bvalid), .m_axi_bready(bready)
    );
    axi_memory #(.DEPTH(DEPTH)) u_memory (
        .clk(clk), .rst(rst), .host_write(host_write), .host_read(1'b0),
        .host_address(host_address), .host_wdata(host_wdata), .araddr(araddr), .arlen(arlen),
        .arvalid(arvalid), .arready(arready), .rdata(rdata), .rresp(rresp), .rvalid(rvalid),
        .rready(rready), .awaddr(awaddr), .awlen(awlen), .awvalid(awvalid), .awready(awready),
        .wdata(wdata), .wstrb(wstrb), .wlast(wlast), .wvalid(wvalid), .wready(wready),
        .bresp(bresp), .bvalid(bvalid), .bready(bready)
    );
    // the memories on chip and the table, and what they should hold
    reg  [K-1:0]   features [0:WORDS-1];
    reg  [K-1:0]   features_right [0:WORDS-1];
    reg  [KW-1:0]  weights [0:WORDS-1];
    reg  [KW-1:0]  weights_right [0:WORDS-1];
    reg  [127:0]   outside_right [0:DEPTH-1];
    reg  [31:0]    channels [0:63];
    reg            stealing = 0, was_stopped = 0, given_up = 0, was_cut = 0, grants = 0, fires = 0;
    reg            was_fired = 0;
    integer        n_done = 0, n_errors = 0, command = 0;
    always @(posedge clk) begin
        if (feature_write & grant) features[feature_waddr] <= feature_wdata;
        if (weight_write) weights[weight_waddr] <= weight_wdata;
        if (fetch) fetch_data <= channels[table_address];
        if (save) channels[table_address] <= save_data;
        stealing <= steal;
        // a word is there in its cycle only
        feature_rdata <= stealing ? features[feature_raddr] : {(K+31)/32{lfsr}};
        if (done) n_done = n_done + 1;
        if (error) n_errors = n_errors + 1;
        // the queue forgets what was stopped, and shows the next command later
        if (done | stop) may_start <= 0;
        was_stopped <= stop;
        given_up <= (given_up | stop) & busy;
        // nothing moves that was given up
        if (given_up) check({60'd0, done, feature_write, weight_write, steal}, 0, command);
        if (!busy && (arvalid || awvalid || wvalid || u_memory.state != 0)) check(1, 0, command);
    end
    always @(negedge clk) grant = ~grants | u_memory.random[9];
    task host(input [7:0] at, input [31:0] value);
        begin
            host_write = 1; host_address = at; host_wdata = value;
            @(negedge clk);
            host_write = 0;
        end
    endtask

    // the channels as numbers, and how many rows of each have moved
    integer c, r, u, w, i, j, run, units, words, width;
    integer c_kind [0:CHANNELS-1];
    integer c_ring [0:CHANNELS-1];
    integer c_beats [0:CHANNELS-1];
    integer c_external [0:CHANNELS-1];
    integer c_base [0:CHANNELS-1];
    integer c_pitch [0:CHANNELS-1];
    integer c_run [0:CHANNELS-1];
    integer c_runs [0:CHANNELS-1];
    integer c_stride [0:CHANNELS-1];
    integer c_row [0:CHANNELS-1];
    integer c_height [0:CHANNELS-1];
    task channel;   // channel c anew
        begin
            draw; c_kind[c] = lfsr[7:0] % 3; width = c_kind[c] == 2 ? KW : K;
            units = (width + 31) / 32;
            c_run[c] = 1 + lfsr[12:8] % 20; c_runs[c] = lfsr[13] ? 1 : 1 + lfsr[15:14];
            if (lfsr[16]) c_run[c] = 1;
            while (c_run[c] * c_runs[c] * units > 320) c_run[c] = (c_run[c] + 1) / 2;
            draw; c_stride[c] = c_run[c] + lfsr[1:0];
            c_pitch[c] = c_stride[c] * (c_runs[c] - 1) + c_run[c] + lfsr[3:2];
            c_ring[c] = 1 + lfsr[6:4] % 5;
            while (c_ring[c] * c_pitch[c] > 180) c_ring[c] = c_ring[c] - 1;
            c_base[c] = lfsr[15:7] % (200 - c_ring[c] * c_pitch[c]);
            if (c_kind[c] != 2) c_base[c] = c_base[c] + lfsr[16] * 200;
            c_beats[c] = (c_run[c] * c_runs[c] * units + 3) / 4;
            c_height[c] = 1 + lfsr[20:17];
            while (c_height[c] * c_beats[c] > 900) c_height[c] = c_height[c] / 2;
            draw; c_external[c] = lfsr[15:0] % (DEPTH - 64 - c_height[c] * c_beats[c] + 1);
            c_row[c] = 0;
            channels[8*c] = (c_beats[c] << C_BEATS_LSB) | ((c_ring[c] - 1) << C_RING_M1_LSB)
                          | c_kind[c];
            channels[8*c+1] = 16 * c_external[c]; channels[8*c+2] = c_base[c];
            channels[8*c+3] = c_pitch[c];
            channels[8*c+4] = (c_runs[c] - 1) << C_RUNS_M1_LSB | (c_run[c] - 1);
            channels[8*c+5] = c_stride[c];
            channels[8*c+6] = lfsr; channels[8*c+7] = ~lfsr;
        end
    endtask
    reg [KW+K+127:0] value;
    integer at, line, bit_at;
    task move;   // what a command on channel c should do
        begin
            if (first) c_row[c] = 0;
            width = c_kind[c] == 2 ? KW : K; units = (width + 31) / 32;
            for (r = 0; r < rows; r = r + 1) begin
                line = external_base / 16 + c_external[c] + c_row[c] * c_beats[c];
                if (c_kind[c] == 1)
                    for (i = 0; i < c_beats[c]; i = i + 1) outside_right[line + i] = 0;
                j = 0;
                for (u = 0; u < c_runs[c]; u = u + 1)
                    for (w = 0; w < c_run[c]; w = w + 1) begin
                        at = c_base[c] + c_row[c] % c_ring[c] * c_pitch[c] + u * c_stride[c] + w;
                        // of the stream: 32-bit units from 32*units*j on
                        value = features_right[at];
                        for (i = 0; i < units; i = i + 1) begin
                            bit_at = 32 * (units * j + i);
                            if (c_kind[c] == 1)
                                outside_right[line + bit_at / 128][bit_at % 128 +: 32] =
                                    value[32*i +: 32];
                            else
                                value[32*i +: 32] =
                                    outside_right[line + bit_at / 128][bit_at % 128 +: 32];
                        end
                        if (c_kind[c] == 0) features_right[at] = value[K-1:0];
                        if (c_kind[c] == 2) weights_right[at] = value[KW-1:0];
                        j = j + 1;
                    end
                c_row[c] = c_row[c] + 1;
            end
        end
    endtask
    reg  [K-1:0]   features_before [0:WORDS-1];
    reg  [KW-1:0]  weights_before [0:WORDS-1];
    reg  [127:0]   outside_before [0:DEPTH-1];
    integer wrong;
    task compare(input all);   // all: as it should be; else each word as before or as it should be
        begin
            wrong = 0;
            for (i = 0; i < WORDS; i = i + 1) begin
                if (features[i] !== features_right[i]
                    && (all || features[i] !== features_before[i]))
                    wrong = wrong + 1;
                if (weights[i] !== weights_right[i] && (all || weights[i] !== weights_before[i]))
                    wrong = wrong + 1;
            end
            for (i = 0; i < DEPTH; i = i + 1)
                if (u_memory.mem[i] !== outside_right[i]
                    && (all || u_memory.mem[i] !== outside_before[i])) wrong = wrong + 1;
            check(wrong, 0, command);
        end
    endtask
    task keep;   // what there is becomes what there should be
        for (i = 0; i < DEPTH; i = i + 1) begin
            if (i < WORDS) begin
                features_right[i] = features[i]; features_before[i] = features[i];
                weights_right[i] = weights[i]; weights_before[i] = weights[i];
            end
            outside_right[i] = u_memory.mem[i]; outside_before[i] = u_memory.mem[i];
        end
    endtask
    integer waits, cut, cut_at, lasts, cycles, done_before, errors_before, bad, least;
    initial begin
        finished = 0;
        for (i = 0; i < DEPTH; i = i + 1) begin
            for (j = 0; j < 4; j = j + 1) begin
                draw; u_memory.mem[i][32*j +: 32] = lfsr;
            end
            if (i < WORDS) begin
                for (j = 0; j < K; j = j + 1) begin draw; features[i][j] = lfsr[7]; end
                for (j = 0; j < KW; j = j + 1) begin draw; weights[i][j] = lfsr[7]; end
            end
        end
        keep;
        for (c = 0; c < CHANNELS; c = c + 1) channel;
        repeat (3) @(negedge clk);
        rst = 0;
        @(negedge clk);
        check({63'd0, arvalid | awvalid | wvalid | rready === 1'bx}, 0, 0);
        for (command = 0; command < RUNS; command = command + 1) begin
            draw; c = lfsr[15:0] % CHANNELS;
            if (lfsr[19:16] == 0) channel;
            waits = lfsr[20] ? 0 : lfsr[27:21]; host(8, waits); host(12, lfsr[31:28]);
            draw; grants = lfsr[0]; index = c; external_base = external_base & 32'h3f0;
            first = c_row[c] == 0 || c_row[c] == c_height[c] || lfsr[3:1] == 0;
            // from where it stands, the region stays where it is
            rows = 1 + lfsr[6:4];
            if (rows > c_height[c] - (first ? 0 : c_row[c]))
                rows = c_height[c] - (first ? 0 : c_row[c]);
            bad = 0;
            draw; cut = 100000; lasts = lfsr[2];
            // in a command that is cut off no row of a ring changes twice
            if (command % 4 != 0 && rows > c_ring[c]) rows = c_ring[c];
            if (command % 4 == 1 || command % 8 == 2)
                cut = lfsr[4:3] == 0 ? lfsr[8:5] % 3 : lfsr[13:5] % 130;
            else if (command % 8 == 3) begin
                i = external_base / 16 + c_external[c] + (first ? 0 : c_row[c]) * c_beats[c];
                bad = i + lfsr[20:6] % (rows * c_beats[c]);
            end
            host(16, 16 * bad);
            done_before = n_done; errors_before = n_errors;
            move;
            draw; repeat (lfsr[2:0]) @(negedge clk);
            draw; cut_at = lfsr[31:20] % 4; may_start = 1; cycles = 0; was_cut = 0; was_fired = 0;
            while ((may_start || busy) && cycles < 20000) begin
                // at some cycle, or while something is offered on the bus
                draw;
                case (cut_at)
                    0: fires = cycles == cut;
                    1: fires = wvalid & ~wready & lfsr[9:8] == 0;
                    2: fires = (awvalid & ~awready) | (arvalid & ~arready);
                    default: fires = (rvalid | wvalid) & lfsr[9:6] == 0;
                endcase
                fires = fires & cut < 100000 & ~was_fired;
                was_fired = was_fired | fires;
                stop_now = fires | (stop_now & lasts != 0);
                @(negedge clk);
                if (fires) begin may_start = 0; was_cut = n_done == done_before; end
                cycles = cycles + 1;
            end
            stop_now = 0;
            check({63'd0, busy}, 0, command);
            if (cycles > 20000 - 2) command = 100000;
            check({32'd0, u_memory.faults}, 0, command);
            if (bad != 0 || was_cut) begin
                check(n_done - done_before, 0, command);
                if (bad != 0) check(n_errors != errors_before, 1, command);
                compare(0);
                keep;
                for (i = 0; i < CHANNELS; i = i + 1) c_row[i] = 0;
                external_base = 16 * (command % 64);
            end else begin
                check(n_done - done_before, 1, command);
                check(n_errors, errors_before, command);
                compare(1);
                keep;
                // a command, its rows, and the beats or words that they take
                least = rows * (c_beats[c] > c_run[c] * c_runs[c] ? c_beats[c]
                                                                 : c_run[c] * c_runs[c]);
                i = external_base / 16 + c_external[c] + c_row[c] * c_beats[c];
                j = (i - 1) / 256 - (i - rows * c_beats[c]) / 256;   // pages begun
                if (waits == 0 && !grants)
                    check(cycles <= 14 + least + (rows + j) * (12 + u_memory.latency), 1, command);
            end
        end
        finished = 1;
    end
endmodule

// Words of one, of several and of part of a 32-bit unit, narrower and wider than a beat.
module dma_tb;
    `include "bench_common.vh"
    wire [4:0] finished;
    dma_moves #(.K(96), .KW(32)) u_96_32 (.finished(finished[0]));
    dma_moves #(.K(20), .KW(136)) u_20_136 (.finished(finished[1]));
    dma_moves #(.K(44), .KW(8)) u_44_8 (.finished(finished[2]));
    dma_moves #(.K(160), .KW(64)) u_160_64 (.finished(finished[3]));
    dma_moves #(.K(128), .KW(512)) u_128_512 (.finished(finished[4]));
    initial begin
        #10;
        while (finished !== 5'b11111) @(negedge clk);
        n_checks = u_96_32.n_checks + u_20_136.n_checks + u_44_8.n_checks + u_160_64.n_checks
                 + u_128_512.n_checks;
        n_failures = u_96_32.n_failures + u_20_136.n_failures + u_44_8.n_failures
                   + u_160_64.n_failures + u_128_512.n_failures;
        verdict(3000);
    end
endmodule
`default_nettype wire
