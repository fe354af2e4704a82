`default_nettype none
`timescale 1ns / 1ns
// Random runs from a memory with random waits: every beat once and in order, as few bursts as
// pages, errors; given up anywhere, the bus ends quietly and the next run is exact.
module axi_read_tb;
    `include "bench_common.vh"
    localparam DEPTH = 1024;
    reg          rst = 1, start = 0, flush = 0, data_ready = 0, host_write = 0;
    reg  [7:0]   host_address = 0;
    reg  [31:0]  host_wdata = 0, address = 0;
    reg  [15:0]  beats = 0;
    wire         busy, error, data_valid;
    wire [127:0] data, rdata, wdata;
    wire [31:0]  araddr;
    wire [7:0]   arlen;
    wire         arvalid, arready, rvalid, rready;
    wire [1:0]   rresp;
    axi_read u_dut (
        .clk(clk), .rst(rst), .start(start), .flush(flush), .address(address), .beats(beats),
        .busy(busy), .error(error), .data(data), .data_valid(data_valid),
        .data_ready(data_ready), .m_axi_araddr(araddr), .m_axi_arlen(arlen),
        .m_axi_arvalid(arvalid), .m_axi_arready(arready), .m_axi_rdata(rdata),
        .m_axi_rresp(rresp), .m_axi_rvalid(rvalid), .m_axi_rready(rready)
    );
    axi_memory #(.DEPTH(DEPTH)) u_memory (
        .clk(clk), .rst(rst), .host_write(host_write), .host_read(1'b0),
        .host_address(host_address), .host_wdata(host_wdata), .araddr(araddr), .arlen(arlen),
        .arvalid(arvalid), .arready(arready), .rdata(rdata), .rresp(rresp), .rvalid(rvalid),
        .rready(rready), .awaddr(32'd0), .awlen(8'd0), .awvalid(1'b0), .wdata(128'd0),
        .wstrb(16'd0), .wlast(1'b0), .wvalid(1'b0), .bready(1'b0)
    );
    integer n_asked = 0, n_beats = 0, n_errors = 0, line = 0, ready_rate = 0, flushed = 0;
    always @(posedge clk) begin
        if (data_valid & data_ready) begin
            if (!flushed) check(data !== u_memory.mem[line + n_beats], 0, line + n_beats);
            n_beats = n_beats + 1;
        end
        if (flushed) check({63'd0, data_valid}, 0, n_beats);
        if (flush) flushed = 1;
        if (arvalid & arready) n_asked = n_asked + 1;
        if (error) n_errors = n_errors + 1;
        // quiet is quiet
        if (!busy && (arvalid || u_memory.state != 0)) check(1, 0, line);
    end
    task host(input [7:0] at, input [31:0] value);
        begin
            host_write = 1; host_address = at; host_wdata = value;
            @(negedge clk);
            host_write = 0;
        end
    endtask
    integer run, i, cut, lasts, cycles, bad, waits, asked_before;
    initial begin
        for (i = 0; i < DEPTH; i = i + 1) begin draw; u_memory.mem[i] = {4{lfsr}} ^ i; end
        repeat (3) @(negedge clk);
        rst = 0;
        for (run = 0; run < 300; run = run + 1) begin
            draw; waits = lfsr[0] ? 0 : lfsr[8:1] % 200; host(8, waits); host(12, lfsr[13:9]);
            ready_rate = lfsr[14] ? 16 : 1 + lfsr[18:15];
            draw; line = lfsr[15:0] % DEPTH;
            beats = 1 + (lfsr[31] ? lfsr[20:16] : lfsr[25:16] % 700);
            if (line + beats > DEPTH) beats = DEPTH - line;
            draw; bad = lfsr[2:0] == 0 ? line + lfsr[15:3] % beats : 0; host(16, 16 * bad);
            cut = run % 2 == 0 ? (lfsr[16] ? lfsr[20:17] : lfsr[26:17] % (2 * beats + 20)) : 100000;
            lasts = lfsr[28:27] == 0;
            address = 16 * line + lfsr[31:28]; n_asked = 0; n_beats = 0; n_errors = 0;
            start = 1; data_ready = 0; flushed = 0; cycles = 0;
            @(negedge clk);
            start = 0; address = lfsr; i = beats; beats = lfsr;
            while (busy && cycles < 100000) begin
                draw; data_ready = lfsr[3:0] < ready_rate;
                if (cycles == cut) asked_before = n_asked;
                flush = cycles == cut | (flush & lasts != 0);
                @(negedge clk);
                cycles = cycles + 1;
            end
            flush = 0;
            check({63'd0, busy}, 0, run);
            if (!flushed) begin
                check(n_beats, i, run);
                check(n_asked, (line + i - 1) / 256 - line / 256 + 1, run);
                check(n_errors, bad != 0, run);
                // all it takes is the memory's latency for each burst
                if (waits == 0 && ready_rate == 16)
                    check(cycles <= i + n_asked * (u_memory.latency + 3), 1, run);
            end else begin
                // what is offered is asked for, no more
                check(n_asked - asked_before <= 1, 1, run);
            end
            flushed = 0;
            draw; repeat (lfsr[1:0]) @(negedge clk);
            check({32'd0, u_memory.faults}, 0, run);
        end
        verdict(30000);
    end
endmodule
`default_nettype wire
