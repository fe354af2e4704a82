`default_nettype none
// Proves: a burst and a beat that are offered stay as they are until accepted; a burst lies within
// 4 KiB, has the beats that it asked for, the last marked, and one response; its beats do not wait
// for its address to be taken; bursts follow each other; when `busy` ends nothing is owed, and
// without a flush each beat of the stream is written once; after a flush no burst begins, none
// waits for the stream, and what fills it writes nothing.
// Depth: 6 cycles.
module axi_write_formal (
    input wire        clk,
    input wire        rst,
    input wire        start,
    input wire        flush,
    input wire [31:0] address,
    input wire [15:0] beats,
    input wire [3:0]  data,
    input wire        data_valid,
    input wire        awready,
    input wire        wready,
    input wire [1:0]  bresp,
    input wire        bvalid
);
    wire         busy, error, data_ready, awvalid, wlast, wvalid, bready;
    wire [31:0]  awaddr;
    wire [7:0]   awlen;
    wire [127:0] wdata;
    wire [15:0]  wstrb;
    axi_write u_dut (
        .clk(clk), .rst(rst), .start(start), .flush(flush), .address(address), .beats(beats),
        .busy(busy), .error(error), .data({124'd0, data}), .data_valid(data_valid),
        .data_ready(data_ready), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen),
        .m_axi_awvalid(awvalid), .m_axi_awready(awready), .m_axi_wdata(wdata),
        .m_axi_wstrb(wstrb), .m_axi_wlast(wlast), .m_axi_wvalid(wvalid), .m_axi_wready(wready),
        .m_axi_bresp(bresp), .m_axi_bvalid(bvalid), .m_axi_bready(bready)
    );
    (* hierconn *) wire [1:0] \u_dut.state ;
    (* hierconn *) wire [27:0] \u_dut.line ;
    (* hierconn *) wire [15:0] \u_dut.left ;
    (* hierconn *) wire [8:0] \u_dut.burst_left ;
    (* hierconn *) wire [7:0] \u_dut.length ;
    (* hierconn *) wire \u_dut.asking ;
    (* hierconn *) wire \u_dut.flushed , \u_dut.dropping ;

    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    always @* if (!started) assume (rst);
    always @* if (start) assume (!busy && !flush && beats != 16'd0);

    // the stream keeps what it offers
    reg       data_waited;
    reg [3:0] data_was;
    always @(posedge clk) begin
        data_waited <= ~rst & data_valid & ~data_ready;
        data_was <= data;
    end
    always @* if (data_waited) assume (data_valid && data == data_was);

    // since the start: beats ordered, asked for, written, and taken from the stream; of the burst:
    // its address that was not taken, beats that are owed, and its response
    reg  [15:0] ordered, asked, written, taken;
    reg  [27:0] line;      // of the next beat to ask for
    reg  [8:0]  owed;
    reg         owes_address, owes_response, given_up;
    wire [15:0] burst = {8'd0, awlen} + 16'd1;
    wire        begins = awvalid & ~owes_address;
    wire        wrote = wvalid & wready;
    always @(posedge clk) begin
        owes_address <= awvalid & ~awready;
        if (begins) begin
            asked <= asked + burst;
            line <= line + {12'd0, burst};
            owed <= burst[8:0];
            owes_response <= 1'b1;
        end
        if (wrote) begin
            written <= written + 16'd1;
            owed <= owed - 9'd1;
        end
        if (data_valid & data_ready) taken <= taken + 16'd1;
        if (bvalid & bready) owes_response <= 1'b0;
        given_up <= given_up | (flush & busy);
        if (start) begin
            ordered <= beats;
            line <= address[31:4];
            {asked, written, taken} <= 48'd0;
            given_up <= 1'b0;
        end
        if (rst) begin
            {ordered, asked, written, taken} <= 64'd0;
            owed <= 9'd0;
            {owes_address, owes_response, given_up} <= 3'd0;
        end
    end
    // the memory answers a burst that is complete
    always @* if (!owes_response || owes_address || owed != 9'd0) assume (!bvalid);

    reg         aw_waited, w_waited, was_asking, was_given_up;
    reg [39:0]  waited_burst;
    reg [144:0] waited_beat;
    always @(posedge clk) begin
        aw_waited <= ~rst & awvalid & ~awready;
        waited_burst <= {awaddr, awlen};
        w_waited <= ~rst & wvalid & ~wready;
        waited_beat <= {wdata, wstrb, wlast};
        was_asking <= awvalid & ~awready;
        was_given_up <= ~rst & ~start & (given_up | (flush & busy));
    end

    always @* if (started) begin
        if (aw_waited) assert (awvalid && {awaddr, awlen} == waited_burst);
        if (w_waited) assert (wvalid && {wdata, wstrb, wlast} == waited_beat);
        if (awvalid) assert ({1'b0, awaddr[11:4]} + {1'b0, awlen} <= 9'd255);
        if (begins) assert (awaddr == {line, 4'd0});
        if (begins) assert (owed == 9'd0 && !owes_response && !wvalid);
        if (wvalid) assert (owed != 9'd0 && wlast == (owed == 9'd1));
        if (owed != 9'd0 && data_valid) assert (wvalid);
        if (owes_response && !owes_address && owed == 9'd0) assert (bready);
        assert (asked <= ordered && written == asked - {7'd0, owed});
        if (!busy) assert (owed == 9'd0 && !owes_address && !owes_response);
        // a beat is one of the stream, or nothing
        if (wvalid)
            assert (wstrb == 16'd0
                    || (wstrb == 16'hffff && data_valid && wdata[3:0] == data));
        assert ((data_valid && data_ready) == (wrote && wstrb != 16'd0));
        if (!given_up) assert (taken == written);
        if (!busy && !given_up) assert (taken == ordered);
        if (wvalid && wstrb == 16'd0) assert (given_up);
        if (was_given_up && !was_asking) assert (!awvalid);
        if (was_given_up && owed != 9'd0) assert (wvalid);
        assert (error == (bvalid && bready && bresp != 2'd0));
        // what makes it inductive
        if (\u_dut.state == 2'd2) assert (line == \u_dut.line + {20'd0, \u_dut.length } + 28'd1);
        else if (busy) assert (\u_dut.line == line);
        assert (busy == (\u_dut.state != 2'd0));
        assert (\u_dut.asking == owes_address);
        assert ((\u_dut.state == 2'd2) == (owed != 9'd0 || owes_address));
        assert ((\u_dut.state == 2'd3) == (owes_response && !owes_address && owed == 9'd0));
        if (owes_address) assert (owes_response);
        if (owed != 9'd0) assert (owes_response);
        if (\u_dut.state == 2'd2) assert (\u_dut.burst_left == owed);
        assert (owed <= 9'd256 && {7'd0, owed} <= asked);
        if (busy) assert (\u_dut.left == ordered - written);
        if (begins) assert (\u_dut.left != 16'd0);
        if (busy) assert (\u_dut.flushed == given_up);
        if (\u_dut.dropping ) assert (given_up);
        if (busy && given_up && !(data_waited && owed != 9'd0)) assert (\u_dut.dropping );
        cover (awvalid && taken == 16'd1 && awaddr[11:4] == 8'd0);
        cover (bready && given_up && taken == 16'd1 && written == 16'd2);
        cover (owes_address && written == 16'd2 && owed == 9'd0);
    end
endmodule
`default_nettype wire
