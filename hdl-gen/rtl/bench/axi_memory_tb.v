`default_nettype none
`timescale 1ns / 1ns
// The simulated memory as a slave by the rules, and what it counts against a master that breaks
// them: each fault is seen, and nothing else is.
module axi_memory_tb;
    `include "bench_common.vh"
    localparam DEPTH = 512;
    reg          rst = 1, host_write = 0, host_read = 0;
    reg  [7:0]   host_address = 0;
    reg  [31:0]  host_wdata = 0;
    wire [31:0]  host_rdata;
    reg  [31:0]  araddr = 0, awaddr = 0;
    reg  [7:0]   arlen = 0, awlen = 0;
    reg          arvalid = 0, rready = 0, awvalid = 0, wlast = 0, wvalid = 0, bready = 0;
    reg  [127:0] wdata = 0;
    reg  [15:0]  wstrb = 0;
    wire         arready, rvalid, awready, wready, bvalid;
    wire [127:0] rdata;
    wire [1:0]   rresp, bresp;
    axi_memory #(.DEPTH(DEPTH)) u_dut (
        .clk(clk), .rst(rst), .host_write(host_write), .host_read(host_read),
        .host_address(host_address), .host_wdata(host_wdata), .host_rdata(host_rdata),
        .araddr(araddr), .arlen(arlen), .arvalid(arvalid), .arready(arready), .rdata(rdata),
        .rresp(rresp), .rvalid(rvalid), .rready(rready), .awaddr(awaddr), .awlen(awlen),
        .awvalid(awvalid), .awready(awready), .wdata(wdata), .wstrb(wstrb), .wlast(wlast),
        .wvalid(wvalid), .wready(wready), .bresp(bresp), .bvalid(bvalid), .bready(bready)
    );
    // what the slave offers stays until it is taken
    reg         r_waits = 0, b_waits = 0;
    reg [129:0] r_was = 0;
    reg [1:0]   b_was = 0;
    integer     n_unsteady = 0;
    always @(posedge clk) begin
        if (r_waits && (!rvalid || r_was !== {rdata, rresp})) n_unsteady = n_unsteady + 1;
        if (b_waits && (!bvalid || b_was !== bresp)) n_unsteady = n_unsteady + 1;
        r_waits <= rvalid & ~rready & ~rst;
        b_waits <= bvalid & ~bready & ~rst;
        r_was <= {rdata, rresp};
        b_was <= bresp;
    end
    reg  [31:0] model [0:4*DEPTH-1];
    reg  [31:0] error_at = 0;
    integer i, beat, n_refused;
    task host(input [7:0] address, input [31:0] value);
        begin
            host_write = 1; host_address = address; host_wdata = value;
            @(negedge clk);
            host_write = 0;
        end
    endtask
    task faults(input integer expected, input integer where);
        begin
            host_read = 1; host_address = 20;
            @(negedge clk);
            host_read = 0;
            check({32'd0, host_rdata}, expected, where);
            host(20, 0);
        end
    endtask
    task read_burst(input [31:0] address, input [7:0] len);
        begin
            araddr = address; arlen = len; arvalid = 1;
            #2;
            while (!arready) begin @(negedge clk); #2; end
            @(negedge clk);
            arvalid = 0; araddr = lfsr;
            beat = 0;
            while (beat <= len) begin
                draw; rready = lfsr[0];
                #2;
                if (rvalid && rready) begin
                    i = address[31:4] + beat;
                    check({62'd0, rresp},
                          i >= DEPTH || i == error_at[31:4] && error_at != 0 ? 2 : 0,
                          i);
                    if (i < DEPTH)
                        check(rdata !== {model[4*i+3], model[4*i+2], model[4*i+1], model[4*i]},
                              0, i);
                    beat = beat + 1;
                end
                @(negedge clk);
            end
            rready = 0;
        end
    endtask
    // perhaps the next beat of a burst
    task offer(input [7:0] len, input integer wrong);
        begin
            draw; wvalid = lfsr[0];
            wdata = {4{lfsr}} ^ 128'h1; draw; wstrb = lfsr[31] ? lfsr[15:0] : 16'hffff;
            wlast = beat == len;
            if (wrong == 1 && beat == 0) wlast = 1;
            if (wrong == 2) wlast = 0;
        end
    endtask
    // kind of what is wrong: 1 last too early, 2 last missing, 3 data change while they wait
    task write_burst(input [31:0] address, input [7:0] len, input integer wrong);
        begin
            awaddr = address; awlen = len; awvalid = 1; beat = 0;
            #2;
            // the slave may wait for the first beat
            while (!awready) begin
                @(negedge clk);
                if (!wvalid) offer(len, wrong);
                #2;
            end
            @(negedge clk);
            awvalid = 0; awaddr = lfsr; n_refused = 0;
            while (beat <= len) begin
                if (!wvalid) offer(len, wrong);
                else if (wrong == 3) begin
                    wdata = ~wdata; n_refused = n_refused + 1;
                end
                #2;
                if (wvalid && wready) begin
                    i = address[31:4] + beat;
                    if (i < DEPTH && !(i == error_at[31:4] && error_at != 0))
                        for (i = 0; i < 16; i = i + 1)
                            if (wstrb[i])
                                model[address[31:4]*4+4*beat+i/4][i%4*8 +: 8] = wdata[8*i +: 8];
                    beat = beat + 1;
                    @(negedge clk);
                    wvalid = 0;
                end else @(negedge clk);
            end
            i = error_at[31:4] - address[31:4];
            bready = lfsr[5];
            #2;
            while (!(bvalid && bready)) begin @(negedge clk); draw; bready = lfsr[5]; #2; end
            check({62'd0, bresp}, error_at != 0 && i >= 0 && i <= len ? 2 : 0, address);
            @(negedge clk);
            bready = 0;
        end
    endtask
    integer k, line, len;
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        host(0, 0);
        for (k = 0; k < 4 * DEPTH; k = k + 1) begin draw; model[k] = lfsr; host(4, lfsr); end
        // legal traffic at every pace
        for (k = 0; k < 80; k = k + 1) begin
            draw; host(8, lfsr[0] ? 0 : lfsr[8:1] % 200); host(12, lfsr[12:9]);
            draw; line = lfsr[15:0] % DEPTH; len = lfsr[31:16] % 256;
            if (line % 256 + len > 255) len = 255 - line % 256;
            error_at = lfsr[14:13] == 0 ? 16 * (line + len / 2) : 0; host(16, error_at);
            if (lfsr[15]) read_burst(16 * line, len);
            else write_burst(16 * line, len, 0);
        end
        faults(0, 1);
        error_at = 0; host(16, 0); host(8, 128); host(12, 3);
        for (k = 0; k < 4 * DEPTH; k = k + 1) begin
            if (k % 100 == 0) host(0, k);
            host_read = 1; host_address = 4;
            @(negedge clk);
            host_read = 0;
            check({32'd0, host_rdata}, {32'd0, model[k]}, k);
        end
        // a burst that crosses 4 KiB, an address that is no multiple of 16, one past the end
        read_burst(16 * 250, 5); faults(0, 2);
        read_burst(16 * 250, 6); faults(1, 3);
        write_burst(16 * 255, 0, 0); faults(0, 4);
        write_burst(16 * 255, 1, 0); faults(1, 5);
        read_burst(16 * 20 + 4, 0); faults(1, 6);
        write_burst(16 * 20 + 8, 0, 0); faults(1, 7);
        read_burst(16 * DEPTH - 16, 0); faults(0, 8);
        // seen at least once in each cycle that it is offered
        read_burst(16 * DEPTH, 0);
        host_read = 1; host_address = 20; @(negedge clk); host_read = 0;
        check(host_rdata != 0, 1, 9); host(20, 0);
        // the last beat marked too early, or not
        write_burst(16 * 30, 3, 1); faults(1, 10);
        write_burst(16 * 30, 3, 2); faults(1, 11);
        // what waits changes: data, address, length, or it goes away
        host(8, 230);
        n_refused = 0;
        while (n_refused == 0) begin
            write_burst(16 * 40, 3, 3);
            if (n_refused == 0) faults(0, 12);
        end
        faults(n_refused, 13);
        for (k = 0; k < 6; k = k + 1) begin
            host(8, 256);   // takes nothing
            if (k < 3) begin araddr = 0; arlen = 2; arvalid = 1; end
            else begin awaddr = 0; awlen = 2; awvalid = 1; end
            @(negedge clk);
            @(negedge clk);
            faults(0, 14);
            if (k == 0) araddr = 16; else if (k == 1) arlen = 3; else if (k == 2) arvalid = 0;
            else if (k == 3) awaddr = 16; else if (k == 4) awlen = 3; else awvalid = 0;
            @(negedge clk);
            @(negedge clk);
            faults(1, 20 + k);
            // what goes away now is counted, too
            arvalid = 0; awvalid = 0;
            @(negedge clk);
            @(negedge clk);
            host(20, 0);
        end
        // data before their address must wait as well
        wvalid = 1;
        @(negedge clk);
        wvalid = 0;
        @(negedge clk);
        @(negedge clk);
        faults(1, 30);
        check(n_unsteady, 0, 31);
        verdict(5000);
    end
endmodule
`default_nettype wire
