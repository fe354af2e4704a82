`default_nettype none
`timescale 1ns / 1ns
// Random words through the window against the memories behind it.
module memory_window_tb;
    `include "bench_common.vh"
    localparam TP = 2, FBW = 40, WBW = 72, PBW = 48;
    reg         rst = 1, write = 0, read = 0;
    reg  [2:0]  select = 0;
    reg  [31:0] address = 0, wdata = 0;
    wire [31:0] rdata;
    wire        done, fre, wre, wwe, pre, pwe;
    wire [3:0]  fa, wa, pa, program_re, program_we;
    wire [31:0] program_address, program_wdata;
    wire [TP-1:0] fwe;
    wire [FBW-1:0] fwd;
    wire [WBW-1:0] wwd;
    wire [PBW-1:0] pwd;
    reg  [TP*FBW-1:0] frd = 0;
    reg  [WBW-1:0]    wrd = 0;
    reg  [PBW-1:0]    prd = 0;
    reg  [31:0]       program_rdata = 0;
    memory_window #(
        .TP(TP), .FBW(FBW), .WBW(WBW), .PBW(PBW), .FEATURE_DEPTH(10), .WEIGHT_DEPTH(11),
        .PARAM_DEPTH(12), .DESC_DEPTH(13), .COMMAND_DEPTH(14), .TRANSFER_DEPTH(9),
        .CHANNEL_DEPTH(16), .AW(4), .WAW(4), .PAW(4)
    ) u_dut (
        .clk(clk), .rst(rst), .write(write), .read(read), .select(select), .address(address),
        .wdata(wdata), .rdata(rdata), .done(done),
        .feature_address(fa), .feature_re(fre), .feature_rdata(frd), .feature_we(fwe),
        .feature_wdata(fwd), .weight_address(wa), .weight_re(wre), .weight_rdata(wrd),
        .weight_we(wwe), .weight_wdata(wwd), .param_address(pa), .param_re(pre),
        .param_rdata(prd), .param_we(pwe), .param_wdata(pwd), .program_address(program_address),
        .program_re(program_re), .program_rdata(program_rdata), .program_we(program_we),
        .program_wdata(program_wdata)
    );
    // the memories, and what they should hold as window words
    reg [TP*FBW-1:0] features [0:9];
    reg [WBW-1:0]    weights [0:10];
    reg [PBW-1:0]    params [0:11];
    reg [31:0]       programs [0:63];   // descriptors, commands, transfers, channels
    reg [31:0]       model [0:255];
    integer b, n_writes = 0;
    always @(posedge clk) begin
        for (b = 0; b < TP; b = b + 1) if (fwe[b]) features[fa][b*FBW +: FBW] <= fwd;
        if (wwe) weights[wa] <= wwd;
        if (pwe) params[pa] <= pwd;
        if (fre) frd <= features[fa];
        if (wre) wrd <= weights[wa];
        if (pre) prd <= params[pa];
        for (b = 0; b < 4; b = b + 1) begin
            if (program_we[b]) programs[16*b + program_address[3:0]] <= program_wdata;
            if (program_re[b]) program_rdata <= programs[16*b + program_address[3:0]];
        end
        if (fwe != 0 || wwe || pwe || program_we != 0) n_writes = n_writes + 1;
    end
    // window words of a bank or word, its chunks (of a power of two), and bits of the last chunk
    integer n_words [0:7];
    integer n_chunks [0:7];
    integer used [0:7];
    reg [31:0] last_mask [0:7];
    task access(input is_write);
        begin
            write = is_write; read = !is_write;
            @(negedge clk);
            write = 0; read = 0;
            while (!done) @(negedge clk);
            draw;
            repeat (lfsr[2:0]) @(negedge clk);
        end
    endtask
    integer pass, k, a, chunk, writes_before;
    reg [31:0] value;
    initial begin
        n_words[0] = 10 * TP * 2; n_chunks[0] = 2; used[0] = 2; last_mask[0] = 32'hff;
        n_words[1] = 11 * 4;      n_chunks[1] = 4; used[1] = 3; last_mask[1] = 32'hff;
        n_words[2] = 12 * 2;      n_chunks[2] = 2; used[2] = 2; last_mask[2] = 32'hffff;
        for (k = 3; k < 8; k = k + 1) begin
            n_chunks[k] = 1; used[k] = 1; last_mask[k] = 32'hffff_ffff;
        end
        n_words[3] = 13; n_words[4] = 0; n_words[5] = 14; n_words[6] = 9; n_words[7] = 16;
        repeat (3) @(negedge clk);
        rst = 0;
        for (pass = 0; pass < 3; pass = pass + 1)
            for (k = 0; k < 8; k = k + 1) begin
                select = k;
                for (a = 0; a < n_words[k]; a = a + 1) begin
                    address = a; chunk = a % n_chunks[k];
                    draw; value = lfsr; wdata = value;
                    model[a] = chunk >= used[k] ? 0
                             : chunk == used[k] - 1 ? value & last_mask[k] : value;
                    access(1);
                end
                writes_before = n_writes;
                // nothing lies behind the end of a program memory either
                if (k > 3 && n_words[k] < 16) begin
                    address = n_words[k];
                    access(1);
                end
                // just past the end, where an address without a range check would alias word 0
                for (a = 0; a < n_chunks[k]; a = a + 1) begin
                    address = 16 * (k == 0 ? TP : 1) * n_chunks[k] + a;
                    access(1);
                end
                check(n_writes, writes_before, k);
                for (a = 0; a < n_words[k]; a = a + 1) begin
                    address = a;
                    access(0);
                    check({32'd0, rdata}, {32'd0, model[a]}, k * 1000 + a);
                end
            end
        verdict(400);
    end
endmodule
`default_nettype wire
