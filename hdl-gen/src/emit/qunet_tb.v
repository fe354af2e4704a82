`default_nettype none
`timescale 1ns / 1ns
// Self-checking bench: loads a golden input, steps through the program comparing every layer with
// the expected integers, then runs a whole frame again and compares the output.
// Prints PASS or FAIL as its last line.
module qunet_tb;
    `include "qunet_defs.vh"
    // CONSTANTS
    reg         clk = 1'b0;
    reg         rst = 1'b1;
    reg         cyc = 1'b0;
    reg         we = 1'b0;
    reg  [7:0]  adr = 8'd0;
    reg  [31:0] dat = 32'd0;
    wire [31:0] dat_o;
    wire        ack, irq;
    TOP u_dut (
        .clk(clk), .rst(rst), .wb_cyc_i(cyc), .wb_stb_i(cyc), .wb_we_i(we), .wb_adr_i(adr),
        .wb_dat_i(dat), .wb_dat_o(dat_o), .wb_ack_o(ack), .irq(irq)
    );
    always #5 clk = ~clk;

    reg [31:0] input_words [0:N_INPUT-1];
    reg [31:0] counts [0:N_OPERATIONS];
    reg [63:0] expected [0:N_CHECKS-1];
    initial begin
        $readmemh("tb_input.hex", input_words);
        $readmemh("tb_counts.hex", counts);
        $readmemh("tb_expected.hex", expected);
    end

    integer    failures = 0;
    integer    compared = 0;
    integer    next_check = 0;
    integer    op, i, polls;
    reg [31:0] got;

    task bus(input write, input [7:0] address, input [31:0] data);
        begin
            cyc = 1'b1; we = write; adr = address; dat = data;
            @(negedge clk);
            while (!ack) @(negedge clk);
            got = dat_o;
            cyc = 1'b0; we = 1'b0;
            @(negedge clk);
        end
    endtask

    task check(input [31:0] value, input [31:0] wanted, input integer what, input integer where);
        begin
            compared = compared + 1;
            if (value !== wanted) begin
                failures = failures + 1;
                if (failures <= 10)
                    $display("mismatch: operation %0d, window word %0d, expected %h, found %h",
                             what, where, wanted, value);
            end
        end
    endtask

    task load_input;
        begin
            bus(1'b1, R_WINDOW_SELECT, {29'd0, WINDOW_INPUT});
            for (i = 0; i < N_INPUT; i = i + 1) bus(1'b1, R_WINDOW_DATA, input_words[i]);
        end
    endtask

    task run(input integer command_bit);
        begin
            bus(1'b1, R_CTRL, 32'd1 << command_bit);
            polls = 0;
            got = 32'd1;
            while (got[R_STATUS_BUSY] && polls < MAX_POLLS) begin
                bus(1'b0, R_STATUS, 32'd0);
                polls = polls + 1;
            end
        end
    endtask

    task compare(input integer operation);
        begin
            bus(1'b1, R_WINDOW_SELECT, {29'd0, WINDOW_FEATURES});
            for (i = 0; i < counts[operation]; i = i + 1) begin
                bus(1'b1, R_WINDOW_ADDRESS, expected[next_check][63:32]);
                bus(1'b0, R_WINDOW_DATA, 32'd0);
                check(got, expected[next_check][31:0], operation, expected[next_check][63:32]);
                next_check = next_check + 1;
            end
        end
    endtask

    initial begin
        repeat (4) @(negedge clk);
        rst = 1'b0;
        @(negedge clk);
        bus(1'b0, R_ID, 32'd0);
        check(got, ID_VALUE, -1, 0);
        load_input;
        for (op = 0; op < N_OPERATIONS; op = op + 1) begin
            run(R_CTRL_STEP);
            compare(op);
        end
        run(R_CTRL_STEP);
        bus(1'b0, R_STATUS, 32'd0);
        check(got, 32'd1 << R_STATUS_DONE, N_OPERATIONS, 0);
        load_input;
        run(R_CTRL_START);
        compare(N_OPERATIONS);
        bus(1'b0, R_ERR, 32'd0);
        check(got, 32'd0, N_OPERATIONS, 0);
        bus(1'b0, R_CYCLES, 32'd0);
        $display("cycles %0d, compared %0d, mismatches %0d", got, compared, failures);
        if (failures == 0) $display("PASS");
        else $display("FAIL");
        $finish;
    end
endmodule
`default_nettype wire
