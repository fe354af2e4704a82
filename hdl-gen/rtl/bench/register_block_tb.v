`default_nettype none
`timescale 1ns / 1ns
// Wishbone with random idle cycles: registers, commands, window and errors.
module register_block_tb;
    `include "bench_common.vh"
    `include "qunet_defs.vh"
    reg         rst = 1, cyc = 0, we = 0, busy = 0, paused = 0, finished = 0, stepped = 0, bad = 0;
    reg  [7:0]  adr = 0;
    reg  [31:0] dat = 0, window_rdata = 0;
    reg         window_done = 0, bus_error = 0;
    // beats written, read; stalls for output, weights, input; stall, issue
    reg  [6:0]  events = 0;
    wire [31:0] external_base;
    wire [31:0] dat_o, window_address, window_wdata;
    wire        ack, irq, go, single, stop, window_write, window_read;
    wire [2:0]  window_select;
    register_block #(
        .MODEL_HASH(32'hcafe_f00d), .CAPS(32'h123), .INPUT_BASE(32'd64), .INPUT_LENGTH(32'd3),
        .WATCHDOG(32'd500), .FEATURE_DEPTH(32'd9), .EXTERNAL_LENGTH(32'h5000)
    ) u_dut (
        .clk(clk), .rst(rst), .wb_cyc_i(cyc), .wb_stb_i(cyc), .wb_we_i(we), .wb_adr_i(adr),
        .wb_dat_i(dat), .wb_dat_o(dat_o), .wb_ack_o(ack), .irq(irq), .go(go), .single(single),
        .stop(stop), .busy(busy), .paused(paused), .finished(finished), .stepped(stepped),
        .bad(bad), .layer(16'd5), .issue(events[0]), .stall(events[1]),
        .stall_input(events[2]), .stall_weights(events[3]), .stall_output(events[4]),
        .beat_read(events[5]), .beat_written(events[6]), .bus_error(bus_error),
        .external_base(external_base), .window_write(window_write),
        .window_read(window_read), .window_select(window_select),
        .window_address(window_address), .window_wdata(window_wdata),
        .window_rdata(window_rdata), .window_done(window_done)
    );
    // a memory behind the window that answers after a random time
    reg [31:0] memory [0:1023];
    integer n_go = 0, n_stop = 0, n_acks = 0, n_accesses = 0, wait_left = -1;
    always @(posedge clk) begin
        window_done <= 0;
        if (window_write) memory[{window_select, window_address[6:0]}] <= window_wdata;
        if (window_read) window_rdata <= memory[{window_select, window_address[6:0]}];
        if (window_write || window_read) begin draw; wait_left = lfsr[1:0]; end
        else if (wait_left > 0) wait_left = wait_left - 1;
        else if (wait_left == 0) begin window_done <= 1; wait_left = -1; end
        if (go) n_go = n_go + 1;
        if (stop) n_stop = n_stop + 1;
        if (ack) n_acks = n_acks + 1;
    end
    reg [31:0] got;
    task bus(input is_write, input [7:0] a, input [31:0] value);
        begin
            draw;
            repeat (lfsr[9:8]) @(negedge clk);
            cyc = 1; we = is_write; adr = a; dat = value; n_accesses = n_accesses + 1;
            @(negedge clk);
            while (!ack) @(negedge clk);
            got = dat_o; cyc = 0; we = 0;
            @(negedge clk);
        end
    endtask
    task reads(input [7:0] a, input [31:0] expected);
        begin
            bus(0, a, 0);
            check({32'd0, got}, {32'd0, expected}, {56'd0, a});
        end
    endtask
    // each counter counts its event, all at once; a new frame begins at zero
    integer seen [0:6];
    integer i, k;
    task counters;
        begin
            for (k = 0; k < 7; k = k + 1) seen[k] = 0;
            bus(1, R_WINDOW_SELECT, {29'd0, WINDOW_INPUT});
            repeat (3) bus(1, R_WINDOW_DATA, 0);
            repeat (5) begin events = 7'h7f; @(negedge clk); end
            events = 0;
            bus(1, R_CTRL, 32'd1 << R_CTRL_START); check(n_go, 3, 10);
            repeat (300) begin
                draw; events = lfsr[6:0] | lfsr[14:8];
                for (k = 0; k < 7; k = k + 1) seen[k] = seen[k] + events[k];
                @(negedge clk);
            end
            events = 0;
            reads(R_COUNT_BUSY, seen[0]); reads(R_COUNT_STALL, seen[1]);
            reads(R_COUNT_STALL_INPUT, seen[2]); reads(R_COUNT_STALL_WEIGHTS, seen[3]);
            reads(R_COUNT_STALL_OUTPUT, seen[4]); reads(R_BYTES_READ, 16 * seen[5]);
            reads(R_BYTES_WRITTEN, 16 * seen[6]);
        end
    endtask
    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        reads(R_ID, ID_VALUE); reads(R_VERSION, VERSION_VALUE); reads(R_MODEL_HASH, 32'hcafe_f00d);
        reads(R_CAPS, 32'h123); reads(R_LAYER, 5); reads(R_FEATURE_DEPTH, 9);
        reads(R_WATCHDOG, 500); reads(R_INPUT_BASE, 64); reads(R_INPUT_LENGTH, 3);
        // the window counts up through each memory
        for (i = 0; i < 8; i = i + 1) if (i != WINDOW_INPUT) begin
            bus(1, R_WINDOW_SELECT, i);
            repeat (20) begin
                draw;
                bus(1, R_WINDOW_DATA, {window_address[15:0], 13'd0, i[2:0]});
            end
            reads(R_WINDOW_ADDRESS, 20);
        end
        for (i = 0; i < 8; i = i + 1) if (i != WINDOW_INPUT) begin
            bus(1, R_WINDOW_SELECT, i);
            bus(1, R_WINDOW_ADDRESS, 7);
            reads(R_WINDOW_SELECT, i);
            reads(R_WINDOW_DATA, {16'd7, 13'd0, i[2:0]});
            reads(R_WINDOW_DATA, {16'd8, 13'd0, i[2:0]});
        end
        // external memory: its place is a multiple of 16 bytes, its size the build's
        bus(1, R_EXTERNAL_BASE, 32'h8765_432f); reads(R_EXTERNAL_BASE, 32'h8765_4320);
        check({32'd0, external_base}, 64'h8765_4320, 1);
        bus(1, R_EXTERNAL_LENGTH, 1); reads(R_EXTERNAL_LENGTH, 32'h5000);
        // start without input, with part of it, with all of it
        bus(1, R_CTRL, 32'd1 << R_CTRL_START);
        check(n_go, 0, 1); reads(R_ERR, 32'd1 << R_ERR_LENGTH);
        bus(1, R_ERR, 32'h1f); reads(R_ERR, 0);
        bus(1, R_WINDOW_SELECT, {29'd0, WINDOW_INPUT});
        bus(1, R_WINDOW_DATA, 32'haa); bus(1, R_WINDOW_DATA, 32'hbb); reads(R_INPUT_LOADED, 2);
        bus(1, R_WINDOW_DATA, 32'hcc);
        check({32'd0, memory[64]}, 64'haa, 2); check({32'd0, memory[66]}, 64'hcc, 2);
        bus(1, R_CTRL, 32'd1 << R_CTRL_STEP);
        check(n_go * 2 + single, 3, 3);
        // busy: everything that touches the program is refused
        busy = 1;
        reads(R_STATUS, 32'd1 << R_STATUS_BUSY);
        bus(1, R_CTRL, 32'd1 << R_CTRL_START); check(n_go, 1, 4);
        reads(R_ERR, 32'd1 << R_ERR_BUSY); bus(1, R_ERR, 32'h1f);
        bus(1, R_WINDOW_DATA, 32'hdd); reads(R_ERR, 32'd1 << R_ERR_BUSY); bus(1, R_ERR, 32'h1f);
        // a pause, then the end
        busy = 0; paused = 1; stepped = 1; @(negedge clk); stepped = 0;
        reads(R_STATUS, 32'd1 << R_STATUS_PAUSED);
        reads(R_IRQ_STATUS, (32'd1 << R_IRQ_STATUS_STEP) | (32'd1 << R_IRQ_STATUS_ERROR));
        check({63'd0, irq}, 0, 5); bus(1, R_IRQ_ENABLE, 7); check({63'd0, irq}, 1, 5);
        bus(1, R_IRQ_STATUS, 7); check({63'd0, irq}, 0, 5);
        bus(1, R_CTRL, 32'd1 << R_CTRL_START); check(n_go, 2, 6);
        paused = 0; busy = 1; repeat (9) @(negedge clk);
        busy = 0; finished = 1; @(negedge clk); finished = 0;
        reads(R_STATUS, 32'd1 << R_STATUS_DONE); reads(R_IRQ_STATUS, 32'd1 << R_IRQ_STATUS_DONE);
        bad = 1; @(negedge clk); bad = 0;
        reads(R_ERR, 32'd1 << R_ERR_DESCRIPTOR); bus(1, R_ERR, 32'h1f);
        counters;
        // an error on the bus of external memory stops the engine
        check(n_stop, 0, 7);
        bus_error = 1; @(negedge clk); bus_error = 0; check(n_stop, 1, 7);
        reads(R_STATUS, 0); reads(R_ERR, 32'd1 << R_ERR_BUS); bus(1, R_ERR, 32'hf);
        reads(R_ERR, 32'd1 << R_ERR_BUS); bus(1, R_ERR, 32'd1 << R_ERR_BUS); reads(R_ERR, 0);
        reads(R_IRQ_STATUS, (32'd1 << R_IRQ_STATUS_DONE) | (32'd1 << R_IRQ_STATUS_ERROR));
        // the watchdog, an abort, a soft reset
        bus(1, R_WATCHDOG, 1); busy = 1; @(negedge clk); @(negedge clk); busy = 0;
        reads(R_ERR, 32'd1 << R_ERR_WATCHDOG); check(n_stop > 1, 1, 7);
        i = n_stop; bus(1, R_CTRL, 32'd1 << R_CTRL_ABORT); check(n_stop, i + 1, 8);
        bus(1, R_CTRL, 32'd1 << R_CTRL_SOFT_RESET); check(n_stop, i + 2, 8);
        reads(R_WATCHDOG, 500); reads(R_IRQ_ENABLE, 0); reads(R_ERR, 0);
        reads(R_EXTERNAL_BASE, 0); reads(R_BYTES_READ, 0); reads(R_COUNT_STALL_INPUT, 0);
        repeat (5) @(negedge clk);
        check(n_acks, n_accesses, 9);
        verdict(75);
    end
endmodule
`default_nettype wire
