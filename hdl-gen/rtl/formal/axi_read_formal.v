`default_nettype none
// Proves: a burst that is asked for stays as it is until accepted and lies within 4 KiB; bursts
// follow each other; as many beats are asked for as received when `busy` ends, and without a flush
// as many as ordered, each delivered once; after a flush none is delivered and no burst begins.
// Depth: 5 cycles.
module axi_read_formal (
    input wire        clk,
    input wire        rst,
    input wire        start,
    input wire        flush,
    input wire [31:0] address,
    input wire [15:0] beats,
    input wire        data_ready,
    input wire        arready,
    input wire [3:0]  rdata,
    input wire [1:0]  rresp,
    input wire        rvalid
);
    wire         busy, error, data_valid, arvalid, rready;
    wire [127:0] data;
    wire [31:0]  araddr;
    wire [7:0]   arlen;
    axi_read u_dut (
        .clk(clk), .rst(rst), .start(start), .flush(flush), .address(address), .beats(beats),
        .busy(busy), .error(error), .data(data), .data_valid(data_valid),
        .data_ready(data_ready), .m_axi_araddr(araddr), .m_axi_arlen(arlen),
        .m_axi_arvalid(arvalid), .m_axi_arready(arready), .m_axi_rdata({124'd0, rdata}),
        .m_axi_rresp(rresp), .m_axi_rvalid(rvalid), .m_axi_rready(rready)
    );
    (* hierconn *) wire [27:0] \u_dut.line ;
    (* hierconn *) wire [15:0] \u_dut.to_ask , \u_dut.to_come ;
    (* hierconn *) wire \u_dut.dropping ;

    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    always @* if (!started) assume (rst);
    always @* if (start) assume (!busy && !flush && beats != 16'd0);

    // since the start: beats ordered, asked for, received and delivered
    reg  [15:0] ordered, asked, received, delivered;
    reg  [27:0] line;      // of the next beat to ask for
    reg         given_up;
    wire [15:0] burst = {8'd0, arlen} + 16'd1;
    always @(posedge clk) begin
        if (arvalid & arready) begin
            asked <= asked + burst;
            line <= line + {12'd0, burst};
        end
        if (rvalid & rready) received <= received + 16'd1;
        if (data_valid & data_ready) delivered <= delivered + 16'd1;
        given_up <= given_up | (flush & busy);
        if (start) begin
            ordered <= beats;
            line <= address[31:4];
            {asked, received, delivered} <= 48'd0;
            given_up <= 1'b0;
        end
        if (rst) begin
            {ordered, asked, received, delivered} <= 64'd0;
            given_up <= 1'b0;
        end
    end
    // the memory answers what it was asked for
    always @* if (asked == received) assume (!rvalid);

    reg        waited, was_asking, was_given_up;
    reg [39:0] waited_burst;
    always @(posedge clk) begin
        waited <= ~rst & arvalid & ~arready;
        waited_burst <= {araddr, arlen};
        was_asking <= arvalid & ~arready;
        was_given_up <= ~rst & ~start & (given_up | (flush & busy));
    end

    always @* if (started) begin
        if (waited) assert (arvalid && {araddr, arlen} == waited_burst);
        if (arvalid) assert ({1'b0, araddr[11:4]} + {1'b0, arlen} <= 9'd255);
        if (arvalid) assert (araddr == {line, 4'd0});
        assert (received <= asked && asked <= ordered);
        if (!busy) assert (received == asked);
        if (!given_up) assert (delivered == received);
        if (!busy && !given_up) assert (delivered == ordered);
        if (was_given_up) assert (!data_valid);
        if (was_given_up && !was_asking) assert (!arvalid);
        // given up, it takes whatever comes
        if (was_given_up && busy) assert (rready);
        assert (error == (rvalid && rready && rresp != 2'd0));
        assert (!data_valid || data[3:0] == rdata);
        // what makes it inductive
        if (busy) assert (\u_dut.line == line);
        assert (\u_dut.to_come == asked - received);
        assert (arvalid == (\u_dut.to_ask != 16'd0));
        if (busy && !given_up) assert (\u_dut.to_ask == ordered - asked);
        if (given_up) assert (\u_dut.to_ask == 16'd0 || \u_dut.to_ask == ordered - asked);
        if (busy) assert (\u_dut.dropping == given_up);
        cover (asked == 16'd2 && delivered == 16'd1 && araddr[11:4] == 8'd1);
        cover (!busy && given_up && received == 16'd1 && delivered == 16'd0);
    end
endmodule
`default_nettype wire
