`default_nettype none
`timescale 1ns / 1ns
// Self-checking bench of an external-memory build: writes a golden input to the simulated memory,
// runs a frame, compares every tensor that the accelerator stored, and again with a memory that
// makes its master wait at random. Prints PASS or FAIL as its last line.
module qunet_tb;
    `include "qunet_defs.vh"
    // CONSTANTS
    localparam [8:0] M_ADDRESS = 9'h100, M_DATA = 9'h104, M_WAITS = 9'h108, M_FAULTS = 9'h114;
    reg         clk = 1'b0;
    reg         rst = 1'b1;
    reg         cyc = 1'b0;
    reg         we = 1'b0;
    reg  [8:0]  adr = 9'd0;
    reg  [31:0] dat = 32'd0;
    wire [31:0] dat_o;
    wire        ack, irq;
    TOP u_dut (
        .clk(clk), .rst(rst), .wb_cyc_i(cyc), .wb_stb_i(cyc), .wb_we_i(we), .wb_adr_i(adr),
        .wb_dat_i(dat), .wb_dat_o(dat_o), .wb_ack_o(ack), .irq(irq)
    );
    always #5 clk = ~clk;

    reg [63:0] input_words [0:N_INPUT-1];    // address in 32-bit words, value
    reg [95:0] expected [0:N_CHECKS-1];      // address, bits that are defined, value
    initial begin
        $readmemh("tb_input.hex", input_words);
        $readmemh("tb_expected.hex", expected);
    end

    integer    failures = 0;
    integer    compared = 0;
    integer    i, polls, frame;
    reg [31:0] got;

    task bus(input write, input [8:0] address, input [31:0] data);
        begin
            cyc = 1'b1; we = write; adr = address; dat = data;
            @(negedge clk);
            while (!ack) @(negedge clk);
            got = dat_o;
            cyc = 1'b0; we = 1'b0;
            @(negedge clk);
        end
    endtask

    task check(input [31:0] value, input [31:0] wanted, input [31:0] where);
        begin
            compared = compared + 1;
            if (value !== wanted) begin
                failures = failures + 1;
                if (failures <= 10)
                    $display("mismatch: frame %0d, byte %h outside, expected %h, found %h",
                             frame, {where[29:0], 2'b00}, wanted, value);
            end
        end
    endtask

    task compare;
        for (i = 0; i < N_CHECKS; i = i + 1) begin
            bus(1'b1, M_ADDRESS, expected[i][95:64]);
            bus(1'b0, M_DATA, 32'd0);
            check(got & expected[i][63:32], expected[i][31:0], expected[i][95:64]);
        end
    endtask

    initial begin
        repeat (4) @(negedge clk);
        rst = 1'b0;
        @(negedge clk);
        for (frame = 0; frame < 2; frame = frame + 1) begin
            for (i = 0; i < N_INPUT; i = i + 1) begin
                bus(1'b1, M_ADDRESS, input_words[i][63:32]);
                bus(1'b1, M_DATA, input_words[i][31:0]);
            end
            bus(1'b1, M_WAITS, frame == 0 ? 32'd0 : 32'd150);
            bus(1'b1, {1'b0, R_CTRL}, 32'd1 << R_CTRL_START);
            polls = 0;
            got = 32'd1;
            while (got[R_STATUS_BUSY] && polls < MAX_POLLS) begin
                bus(1'b0, {1'b0, R_STATUS}, 32'd0);
                polls = polls + 1;
            end
            check(got, 32'd1 << R_STATUS_DONE, 32'd0);
            bus(1'b0, {1'b0, R_ERR}, 32'd0);
            check(got, 32'd0, 32'd0);
            compare;
            bus(1'b0, {1'b0, R_CYCLES}, 32'd0);
            $display("frame %0d: cycles %0d", frame, got);
        end
        bus(1'b0, M_FAULTS, 32'd0);
        check(got, 32'd0, 32'd0);
        $display("compared %0d, mismatches %0d", compared, failures);
        if (failures == 0) $display("PASS");
        else $display("FAIL");
        $finish;
    end
endmodule
`default_nettype wire
