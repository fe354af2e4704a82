`default_nettype none
`timescale 1ns / 1ns
// Random runs to a memory with random waits: every beat in its place and none beside, as few
// bursts as pages, errors; given up anywhere, the bus ends quietly, beats that were taken are
// written and no others, and the next run is exact.
module axi_write_tb;
    `include "bench_common.vh"
    localparam DEPTH = 1024;
    reg          rst = 1, start = 0, flush = 0, data_valid = 0, host_write = 0;
    reg  [7:0]   host_address = 0;
    reg  [31:0]  host_wdata = 0, address = 0;
    reg  [15:0]  beats = 0;
    reg  [127:0] data = 0;
    wire         busy, error, data_ready;
    wire [127:0] wdata;
    wire [31:0]  awaddr;
    wire [7:0]   awlen;
    wire [15:0]  wstrb;
    wire         awvalid, awready, wvalid, wready, wlast, bvalid, bready;
    wire [1:0]   bresp;
    axi_write u_dut (
        .clk(clk), .rst(rst), .start(start), .flush(flush), .address(address), .beats(beats),
        .busy(busy), .error(error), .data(data), .data_valid(data_valid),
        .data_ready(data_ready), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen),
        .m_axi_awvalid(awvalid), .m_axi_awready(awready), .m_axi_wdata(wdata),
        .m_axi_wstrb(wstrb), .m_axi_wlast(wlast), .m_axi_wvalid(wvalid), .m_axi_wready(wready),
        .m_axi_bresp(bresp), .m_axi_bvalid(bvalid), .m_axi_bready(bready)
    );
    axi_memory #(.DEPTH(DEPTH)) u_memory (
        .clk(clk), .rst(rst), .host_write(host_write), .host_read(1'b0),
        .host_address(host_address), .host_wdata(host_wdata), .araddr(32'd0), .arlen(8'd0),
        .arvalid(1'b0), .rready(1'b0), .awaddr(awaddr), .awlen(awlen), .awvalid(awvalid),
        .awready(awready), .wdata(wdata), .wstrb(wstrb), .wlast(wlast), .wvalid(wvalid),
        .wready(wready), .bresp(bresp), .bvalid(bvalid), .bready(bready)
    );
    reg  [127:0] model [0:DEPTH-1];
    integer n_asked = 0, n_taken = 0, n_errors = 0, line = 0, rate = 0, flushed = 0, bad = 0;
    integer source_ends = 0;
    always @(posedge clk) begin
        if (data_valid & data_ready) begin
            if (bad == 0 || line + n_taken != bad) model[line + n_taken] = data;
            n_taken = n_taken + 1;
        end
        if (flush) flushed = 1;
        if (awvalid & awready) n_asked = n_asked + 1;
        if (error) n_errors = n_errors + 1;
        if (!busy && (awvalid || wvalid || u_memory.state != 0)) check(1, 0, line);
    end
    task host(input [7:0] at, input [31:0] value);
        begin
            host_write = 1; host_address = at; host_wdata = value;
            @(negedge clk);
            host_write = 0;
        end
    endtask
    integer run, i, n, cut, lasts, cycles, waits, asked_before, taken_before, wrong;
    initial begin
        for (i = 0; i < DEPTH; i = i + 1) begin draw; u_memory.mem[i] = lfsr; model[i] = lfsr; end
        repeat (3) @(negedge clk);
        rst = 0;
        for (run = 0; run < 300; run = run + 1) begin
            draw; waits = lfsr[0] ? 0 : lfsr[8:1] % 200; host(8, waits); host(12, lfsr[13:9]);
            rate = lfsr[14] ? 16 : 1 + lfsr[18:15];
            draw; line = lfsr[15:0] % DEPTH;
            beats = 1 + (lfsr[31] ? lfsr[20:16] : lfsr[25:16] % 700);
            if (line + beats > DEPTH) beats = DEPTH - line;
            n = beats;
            draw; bad = lfsr[2:0] == 0 ? line + lfsr[15:3] % beats : 0; host(16, 16 * bad);
            cut = run % 2 == 0 ? (lfsr[16] ? lfsr[20:17] : lfsr[26:17] % (2 * beats + 20)) : 100000;
            lasts = lfsr[28:27] == 0;
            // after a flush the source may go on, or dry up
            source_ends = lfsr[3];
            address = 16 * line + lfsr[31:28]; n_asked = 0; n_taken = 0; n_errors = 0;
            start = 1; data_valid = 0; flushed = 0; cycles = 0; taken_before = 0;
            @(negedge clk);
            start = 0; address = lfsr; beats = lfsr;
            while (busy && cycles < 100000) begin
                draw;
                // what is offered stays until it is taken
                if (!data_valid || n_taken != taken_before) begin
                    data_valid = lfsr[3:0] < rate & n_taken < n
                               & ~(source_ends != 0 & (flushed != 0 | cycles == cut));
                    draw; data = {4{lfsr}} ^ run;
                end
                taken_before = n_taken;
                if (cycles == cut) asked_before = n_asked;
                flush = cycles == cut | (flush & lasts != 0);
                @(negedge clk);
                cycles = cycles + 1;
            end
            flush = 0; data_valid = 0;
            check({63'd0, busy}, 0, run);
            if (!flushed) begin
                check(n_taken, n, run);
                check(n_asked, (line + n - 1) / 256 - line / 256 + 1, run);
                check(n_errors, bad != 0, run);
                // for each burst the latency of its response, and three cycles
                if (waits == 0 && rate == 16)
                    check(cycles <= n + n_asked * (u_memory.latency + 4), 1, run);
            end else check(n_asked - asked_before <= 1, 1, run);
            wrong = 0;
            for (i = 0; i < DEPTH; i = i + 1)
                if (u_memory.mem[i] !== model[i]) wrong = wrong + 1;
            check(wrong, 0, run);
            draw; repeat (lfsr[1:0]) @(negedge clk);
            check({32'd0, u_memory.faults}, 0, run);
            if (busy) run = 1000;
        end
        verdict(1000);
    end
endmodule
`default_nettype wire
