`default_nettype none
// Proves: an acknowledge follows a strobe, one for each access, none for an access that was given
// up; a master that waits is answered; the memory window has one request at a time; the counters
// of a frame count exactly, so they never fall while busy; from a stop until the engine is no
// longer busy neither the bus nor the watchdog raises an error, and no cycle counts.
// Depth: 12 cycles.
module register_block_formal (
    input wire        clk,
    input wire        rst,
    input wire        cyc,
    input wire        stb,
    input wire        we,
    input wire [7:0]  adr,
    input wire [31:0] dat,
    input wire        busy,
    input wire        paused,
    input wire        finished,
    input wire        stepped,
    input wire        bad,
    input wire [15:0] layer,
    input wire        issue,
    input wire        stall,
    input wire        bus_error,
    input wire        window_done,
    input wire [31:0] window_rdata
);
    wire        ack, window_write, window_read;
    register_block #(.INPUT_LENGTH(32'd2), .WATCHDOG(32'd9)) u_dut (
        .clk(clk), .rst(rst), .wb_cyc_i(cyc), .wb_stb_i(stb), .wb_we_i(we), .wb_adr_i(adr),
        .wb_dat_i(dat), .wb_ack_o(ack), .busy(busy), .paused(paused), .finished(finished),
        .stepped(stepped), .bad(bad), .layer(layer), .issue(issue), .stall(stall),
        .bus_error(bus_error),
        .window_write(window_write), .window_read(window_read), .window_rdata(window_rdata),
        .window_done(window_done)
    );
    (* hierconn *) wire \u_dut.access , \u_dut.waiting , \u_dut.dropped ;
    (* hierconn *) wire \u_dut.fresh , \u_dut.length_ok , \u_dut.reset_now , \u_dut.to_memory ;
    (* hierconn *) wire \u_dut.stop , \u_dut.stopping , \u_dut.go ;
    (* hierconn *) wire [4:0] \u_dut.err_set ;
    (* hierconn *) wire [31:0] \u_dut.cycles , \u_dut.count_busy , \u_dut.count_stall ;

    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    always @* if (!started) assume (rst);

    // a window that answers each request once, within 3 cycles
    reg       asked;
    reg [1:0] window_wait;
    wire      asking = window_write | window_read;
    always @(posedge clk) begin
        asked <= ~rst & (asking | (asked & ~window_done));
        window_wait <= rst | ~asked | window_done ? 2'd0 : window_wait + 2'd1;
    end
    always @* begin
        if (!asked) assume (!window_done);
        if (window_wait == 2'd3) assume (window_done);
    end

    // an access that was executed and not answered
    reg       owed;
    reg       strobed;
    reg [3:0] answer_wait;
    wire      strobe = cyc & stb;
    always @(posedge clk) begin
        owed <= ~rst & (\u_dut.access | (owed & ~ack & strobe));
        strobed <= ~rst & strobe;
        answer_wait <= rst | ~strobe | ack ? 4'd0 : answer_wait + 4'd1;
    end

    // stopped, and busy since
    reg        stopped;
    always @(posedge clk) stopped <= ~rst & (\u_dut.stop | (stopped & busy & ~\u_dut.go ));

    // the counters one cycle ago
    reg        was_running, was_fresh, was_counted, was_issue, was_stall;
    reg [31:0] was_cycles, was_count_busy, was_count_stall;
    always @(posedge clk) begin
        was_running <= ~rst & ~\u_dut.reset_now ;
        was_fresh <= \u_dut.fresh & \u_dut.length_ok ;
        was_counted <= busy & ~stopped;
        was_issue <= issue;
        was_stall <= stall;
        was_cycles <= \u_dut.cycles ;
        was_count_busy <= \u_dut.count_busy ;
        was_count_stall <= \u_dut.count_stall ;
    end

    always @* if (started) begin
        if (ack) assert (strobed && owed);
        if (\u_dut.access ) assert (!owed);
        assert (answer_wait <= 4'd10);
        if (asking) assert (!asked && !window_done && \u_dut.waiting );
        if (asking) assert (!(window_write && window_read));
        if (busy) assert (!(\u_dut.fresh ));
        if (was_running && !was_fresh) begin
            assert (\u_dut.cycles == was_cycles + was_counted);
            assert (\u_dut.count_busy == was_count_busy + was_issue);
            assert (\u_dut.count_stall == was_count_stall + was_stall);
        end
        if (was_running && was_fresh) assert (\u_dut.cycles == 32'd0);
        if (stopped) assert (\u_dut.err_set [4] == 1'b0 && \u_dut.err_set [2] == 1'b0);
        // what makes it inductive
        assert (\u_dut.stopping == stopped);
        assert (\u_dut.waiting == (asking || asked));
        if (owed && !ack) assert (\u_dut.waiting && !\u_dut.dropped );
        if (\u_dut.reset_now ) assert (!\u_dut.waiting );
        cover (ack && \u_dut.cycles == 32'd3);
        cover (\u_dut.dropped && \u_dut.waiting );
    end
endmodule
`default_nettype wire
