`default_nettype none
// Proves: every accepted request gets exactly one response, which stays until taken; a complete
// request is answered within 20 cycles of the response before if the slave and the master answer
// within 3; an access stays on the Wishbone side until acknowledged, with all strobes if it writes.
// Depth: 24 cycles.
module axi_lite_slave_formal (
    input wire        clk,
    input wire        rst,
    input wire [7:0]  awaddr,
    input wire        awvalid,
    input wire [31:0] wdata,
    input wire [3:0]  wstrb,
    input wire        wvalid,
    input wire        bready,
    input wire [7:0]  araddr,
    input wire        arvalid,
    input wire        rready,
    input wire [31:0] answer,
    input wire        ack
);
    wire        awready, wready, bvalid, arready, rvalid, cyc, stb, we;
    wire [1:0]  bresp, rresp;
    wire [31:0] rdata, dat;
    wire [7:0]  adr;
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
    (* hierconn *) wire \u_dut.u_aw.m_valid , \u_dut.u_aw.full ;
    (* hierconn *) wire \u_dut.u_w.m_valid , \u_dut.u_w.full ;
    (* hierconn *) wire \u_dut.u_ar.m_valid , \u_dut.u_ar.full ;
    (* hierconn *) wire \u_dut.u_b.full , \u_dut.u_r.full ;
    (* hierconn *) wire \u_dut.is_write , \u_dut.all_strobes ;

    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    always @* if (!started) assume (rst);

    // how long each side has waited for the other
    reg [1:0] ack_wait, b_wait, r_wait;
    always @(posedge clk) begin
        ack_wait <= rst | ~stb | ack ? 2'd0 : ack_wait + 2'd1;
        b_wait <= rst | ~bvalid | bready ? 2'd0 : b_wait + 2'd1;
        r_wait <= rst | ~rvalid | rready ? 2'd0 : r_wait + 2'd1;
    end
    always @* begin
        if (!stb) assume (!ack);
        if (ack_wait == 2'd3) assume (ack);
        if (b_wait == 2'd3) assume (bready);
        if (r_wait == 2'd3) assume (rready);
    end

    // requests accepted and not yet answered
    reg [2:0] owed_aw, owed_w, owed_ar;
    reg [4:0] write_wait, read_wait;
    wire answered_b = bvalid & bready;
    wire answered_r = rvalid & rready;
    wire complete = owed_aw != 3'd0 & owed_w != 3'd0;
    always @(posedge clk) begin
        owed_aw <= owed_aw + (awvalid & awready) - answered_b;
        owed_w <= owed_w + (wvalid & wready) - answered_b;
        owed_ar <= owed_ar + (arvalid & arready) - answered_r;
        write_wait <= answered_b | ~complete ? 5'd0 : write_wait + 5'd1;
        read_wait <= answered_r | owed_ar == 3'd0 ? 5'd0 : read_wait + 5'd1;
        if (rst) begin
            owed_aw <= 3'd0;
            owed_w <= 3'd0;
            owed_ar <= 3'd0;
            write_wait <= 5'd0;
            read_wait <= 5'd0;
        end
    end

    reg        held_b, held_r, held_stb, held_we;
    reg [1:0]  held_bresp;
    reg [33:0] held_r_data;
    reg [39:0] held_access;
    always @(posedge clk) begin
        held_b <= ~rst & bvalid & ~bready;
        held_r <= ~rst & rvalid & ~rready;
        held_stb <= ~rst & stb & ~ack;
        held_bresp <= bresp;
        held_r_data <= {rresp, rdata};
        held_we <= we;
        held_access <= {adr, dat & {32{we}}};
    end

    always @* if (started) begin
        // one response a request, and none without
        assert (owed_aw == \u_dut.u_aw.m_valid + \u_dut.u_aw.full + bvalid + \u_dut.u_b.full );
        assert (owed_w == \u_dut.u_w.m_valid + \u_dut.u_w.full + bvalid + \u_dut.u_b.full );
        assert (owed_ar == \u_dut.u_ar.m_valid + \u_dut.u_ar.full + rvalid + \u_dut.u_r.full );
        if (bvalid) assert (complete);
        if (rvalid) assert (owed_ar != 3'd0);
        assert (write_wait <= 5'd20);
        assert (read_wait <= 5'd20);
        // stable
        if (held_b) assert (bvalid && bresp == held_bresp);
        if (held_r) assert (rvalid && {rresp, rdata} == held_r_data);
        if (held_stb) assert (stb && we == held_we && {adr, dat & {32{we}}} == held_access);
        assert (cyc == stb);
        if (stb && we) assert (\u_dut.all_strobes );
        // what makes it inductive
        if (\u_dut.u_aw.full ) assert (\u_dut.u_aw.m_valid );
        if (\u_dut.u_w.full ) assert (\u_dut.u_w.m_valid );
        if (\u_dut.u_ar.full ) assert (\u_dut.u_ar.m_valid );
        if (\u_dut.u_b.full ) assert (bvalid);
        if (\u_dut.u_r.full ) assert (rvalid);
        if (stb && \u_dut.is_write ) assert (\u_dut.u_aw.m_valid && \u_dut.u_w.m_valid );
        if (stb && \u_dut.is_write ) assert (!\u_dut.u_b.full );
        if (stb && !\u_dut.is_write ) assert (\u_dut.u_ar.m_valid && !\u_dut.u_r.full );
        cover (owed_aw == 3'd4 && owed_w == 3'd4);
        cover (owed_ar == 3'd4);
        cover (answered_b && bresp == 2'b10);
    end
endmodule
`default_nettype wire
