`default_nettype none
`timescale 1ns / 1ns
// Random requests and back-pressure on all five channels, random Wishbone acknowledges.
module axi_lite_slave_tb;
    `include "bench_common.vh"
    localparam N = 1500;
    reg         rst = 1, awvalid = 0, wvalid = 0, bready = 0, arvalid = 0, rready = 0;
    reg  [7:0]  awaddr = 0, araddr = 0;
    reg  [31:0] wdata = 0;
    reg  [3:0]  wstrb = 0;
    wire        awready, wready, bvalid, arready, rvalid;
    wire [1:0]  bresp, rresp;
    wire [31:0] rdata;
    wire        cyc, stb, we;
    wire [7:0]  adr;
    wire [31:0] dat;
    reg  [31:0] answer = 0;
    reg         ack = 0;
    axi_lite_slave u_dut (
        .clk(clk), .rst(rst),
        .s_axi_awaddr(awaddr), .s_axi_awvalid(awvalid), .s_axi_awready(awready),
        .s_axi_wdata(wdata), .s_axi_wstrb(wstrb), .s_axi_wvalid(wvalid), .s_axi_wready(wready),
        .s_axi_bresp(bresp), .s_axi_bvalid(bvalid), .s_axi_bready(bready),
        .s_axi_araddr(araddr), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
        .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid), .s_axi_rready(rready),
        .wb_cyc_o(cyc), .wb_stb_o(stb), .wb_we_o(we), .wb_adr_o(adr), .wb_dat_o(dat),
        .wb_dat_i(answer), .wb_ack_i(ack)
    );

    // what was requested, in order
    reg  [7:0]  aw_log [0:4*N], ar_log [0:4*N];
    reg  [35:0] w_log [0:4*N];
    reg  [31:0] r_log [0:4*N];
    integer n_aw = 0, n_w = 0, n_ar = 0, n_b = 0, n_r = 0, n_reads = 0, n_writes = 0;
    integer i, wait_left = -1, turns = 0, phase;
    reg         held_b = 0, held_r = 0, held_wb = 0, last_we = 0;
    reg  [1:0]  held_bresp = 0;
    reg  [31:0] held_rdata = 0;
    reg  [40:0] held_access = 0;
    reg  [3:0]  strobes;
    reg         took_aw = 0, took_w = 0, took_ar = 0;

    // index of the next write that reaches the Wishbone side
    task skip_partial;
        while (n_writes < n_w && w_log[n_writes][35:32] != 4'hf) n_writes = n_writes + 1;
    endtask

    task sample_axi;
        begin
            if (held_b) check({61'd0, bvalid, bresp}, {61'd0, 1'b1, held_bresp}, n_b);
            if (held_r) check({31'd0, rvalid, rdata}, {31'd0, 1'b1, held_rdata}, n_r);
            took_aw = awvalid && awready;
            if (took_aw) begin aw_log[n_aw] = awaddr; n_aw = n_aw + 1; end
            took_w = wvalid && wready;
            if (took_w) begin w_log[n_w] = {wstrb, wdata}; n_w = n_w + 1; end
            took_ar = arvalid && arready;
            if (took_ar) begin ar_log[n_ar] = araddr; n_ar = n_ar + 1; end
            if (bvalid && bready) begin
                check(n_b < n_aw && n_b < n_w, 1, n_b);
                strobes = w_log[n_b][35:32];
                check({62'd0, bresp}, strobes == 4'hf || strobes == 4'h0 ? 0 : 2, n_b);
                n_b = n_b + 1;
            end
            if (rvalid && rready) begin
                check(n_r < n_ar && n_r < n_reads, 1, n_r);
                check({30'd0, rresp, rdata}, {32'd0, r_log[n_r]}, n_r);
                n_r = n_r + 1;
            end
            held_b = bvalid && !bready; held_bresp = bresp;
            held_r = rvalid && !rready; held_rdata = rdata;
        end
    endtask

    task sample_wishbone;
        begin
            check({63'd0, stb}, {63'd0, cyc}, 1);
            if (held_wb)
                check({22'd0, stb, we, adr, dat & {32{we}}}, {22'd0, 1'b1, held_access}, 2);
            if (stb && ack) begin
                if (we) begin
                    skip_partial;
                    check(n_writes < n_aw && n_writes < n_w, 1, 3);
                    check({24'd0, adr, dat}, {24'd0, aw_log[n_writes] & 8'hfc,
                                              w_log[n_writes][31:0]}, n_writes);
                    n_writes = n_writes + 1;
                end else begin
                    check(n_reads < n_ar, 1, 4);
                    check({56'd0, adr}, {56'd0, ar_log[n_reads] & 8'hfc}, n_reads);
                    r_log[n_reads] = answer; n_reads = n_reads + 1;
                end
                if (we != last_we) turns = turns + 1;
                last_we = we;
            end
            held_wb = stb && !ack;
            held_access = {we, adr, dat & {32{we}}};
        end
    endtask

    task drive_wishbone;
        begin
            if (ack || !stb) begin ack = 0; wait_left = -1; end
            else if (wait_left < 0) begin draw; wait_left = phase == 3 ? 0 : lfsr[1:0]; end
            else wait_left = wait_left - 1;
            if (wait_left == 0 && !ack) begin draw; ack = 1; answer = lfsr; end
        end
    endtask

    // 0: mixed, 1: data long before or after addresses, 2: slow responses, 3: no waiting at all
    task drive_axi;
        begin
            draw;
            if (!awvalid || took_aw) begin
                awvalid = n_aw < N * (phase + 1) && (phase == 3 || lfsr[2:0] == 0 || phase == 2);
                awaddr = lfsr[15:8];
            end
            draw;
            if (!wvalid || took_w) begin
                wvalid = n_w < N * (phase + 1)
                       && (phase == 3 || (phase == 1 ? lfsr[3:0] == 0 : lfsr[1:0] == 0));
                wdata = {lfsr[15:0], lfsr[31:16]};
                wstrb = phase == 3 || lfsr[8] ? 4'hf : lfsr[12:9];
            end
            draw;
            if (!arvalid || took_ar) begin
                arvalid = n_ar < N * (phase + 1) && (phase == 3 || lfsr[1:0] == 0);
                araddr = lfsr[15:8];
            end
            draw;
            bready = phase == 3 || (phase == 2 ? lfsr[3:0] == 0 : lfsr[0]);
            rready = phase == 3 || (phase == 2 ? lfsr[7:4] == 0 : lfsr[4]);
        end
    endtask

    // drives at the falling edge, samples what the rising edge will see
    task cycle;
        begin
            drive_wishbone;
            drive_axi;
            #1 sample_axi;
            sample_wishbone;
            @(negedge clk);
        end
    endtask

    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        check({62'd0, bvalid, rvalid}, 0, 0);
        for (phase = 0; phase < 4; phase = phase + 1) begin
            turns = 0;
            for (i = 0; i < 60000 && (n_b < N * (phase + 1) || n_r < N * (phase + 1)); i = i + 1)
                cycle;
            check(n_b, N * (phase + 1), 5);
            check(n_r, N * (phase + 1), 6);
            // with both sides always waiting, reads and writes take turns
            if (phase == 3) check(turns > 2 * N - 10, 1, turns);
        end
        phase = 3;
        for (i = 0; i < 20; i = i + 1) cycle;
        check({61'd0, awvalid, wvalid, arvalid}, 0, 7);
        check(n_aw - n_b + n_w - n_b + n_ar - n_r, 0, 8);
        verdict(50000);
    end
endmodule
`default_nettype wire
