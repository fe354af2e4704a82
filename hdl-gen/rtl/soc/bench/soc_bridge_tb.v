`default_nettype none
`timescale 1ns / 1ns
// Random accesses to a register file that answers late, or not at all: order, posted writes,
// data, and the end of a wait.
module soc_bridge_tb;
    `include "bench_common.vh"
    reg         rst = 1, select = 0, write = 0;
    reg  [7:0]  address = 0;
    reg  [31:0] wdata = 0;
    wire [31:0] rdata, wb_dat_o;
    wire        ready, fault, wb_cyc_o, wb_stb_o, wb_we_o;
    wire [7:0]  wb_adr_o;
    reg  [31:0] wb_dat_i = 0;
    reg         wb_ack_i = 0;
    soc_bridge #(.LIMIT(20)) u_dut (
        .clk(clk), .rst(rst), .select(select), .write(write), .address(address),
        .wdata(wdata), .rdata(rdata), .ready(ready), .fault(fault), .wb_cyc_o(wb_cyc_o),
        .wb_stb_o(wb_stb_o), .wb_we_o(wb_we_o), .wb_adr_o(wb_adr_o), .wb_dat_o(wb_dat_o),
        .wb_dat_i(wb_dat_i), .wb_ack_i(wb_ack_i)
    );

    // the port: words that are written when it answers, after `delay` cycles or more
    reg  [31:0] words [0:63];
    reg  [31:0] mirror [0:63];
    reg  [4:0]  delay = 0, waited = 0;
    reg         dead = 0;
    integer     n_answers = 0;
    always @(posedge clk) begin
        wb_ack_i <= 1'b0;
        if (wb_cyc_o & wb_stb_o & ~wb_ack_i) begin
            waited <= waited + 5'd1;
            if (waited >= delay & ~dead) begin
                wb_ack_i <= 1'b1;
                wb_dat_i <= words[wb_adr_o[7:2]];
                if (wb_we_o) words[wb_adr_o[7:2]] <= wb_dat_o;
                waited <= 5'd0;
                n_answers <= n_answers + 1;
            end
        end else waited <= 5'd0;
    end
    integer n_faults = 0;
    always @(posedge clk) if (fault) n_faults = n_faults + 1;

    integer i, n, taken;
    initial begin
        for (i = 0; i < 64; i = i + 1) begin
            words[i] = 3 * i;
            mirror[i] = 3 * i;
        end
        repeat (2) @(negedge clk);
        rst = 0;
        for (i = 0; i < 3000; i = i + 1) begin
            draw;
            delay = lfsr[12:8] % 12;
            address = {lfsr[5:0], 2'd0};
            write = lfsr[6];
            draw;
            wdata = lfsr;
            select = 1;
            #1 taken = 0;
            while (~ready) begin
                @(negedge clk);
                #1 taken = taken + 1;
                check(taken < 40, 1, i);
            end
            if (write) mirror[address[7:2]] = wdata;
            else check({32'd0, rdata}, {32'd0, mirror[address[7:2]]}, i);
            @(negedge clk);
            select = 0;
            draw;
            if (lfsr[0]) repeat (lfsr[3:1]) @(negedge clk);
        end
        repeat (40) @(negedge clk);
        check(n_answers, 3000, 0);
        check(n_faults, 0, 0);
        for (i = 0; i < 64; i = i + 1) check({32'd0, words[i]}, {32'd0, mirror[i]}, i);
        // a write is posted: it takes no cycle, and the read behind it sees it
        select = 1; write = 1; address = 8; wdata = 32'h1234; delay = 9;
        #1 check(ready, 1, 1);
        @(negedge clk);
        write = 0;
        #1 check(ready, 0, 2);
        n = 0;
        while (~ready) begin
            @(negedge clk);
            #1 n = n + 1;
        end
        check({32'd0, rdata}, 64'h1234, 3);
        check(n > 20, 1, 4);
        @(negedge clk);
        select = 0;
        // a dead port: the read gives all ones within the limit, the fault is told once
        dead = 1;
        repeat (3) @(negedge clk);
        select = 1; address = 4;
        n = 0;
        #1;
        while (~ready) begin
            @(negedge clk);
            #1 n = n + 1;
        end
        check({32'd0, rdata}, 64'hffff_ffff, 5);
        check(n, 21, 6);
        @(negedge clk);
        select = 0;
        repeat (30) @(negedge clk);
        check(n_faults, 1, 7);
        // and works again when the port does
        dead = 0; select = 1; address = 8;
        #1;
        while (~ready) begin
            @(negedge clk);
            #1;
        end
        check({32'd0, rdata}, 64'h1234, 8);
        verdict(4000);
    end
endmodule
`default_nettype wire
