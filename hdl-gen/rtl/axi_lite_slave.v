`default_nettype none
// AXI4-Lite slave, 32 bits, in front of a Wishbone B4 classic slave.
//
// Contract: address and data of a write may come in any order; each request gets one response,
// held until taken, in the order of its channel; reads and writes take turns when both wait. A
// write with all strobes is one Wishbone write; without any strobe it does nothing and answers
// OKAY; with some it does nothing and answers SLVERR. The two low address bits are ignored.
// Latency: the Wishbone access and 3 cycles. Throughput: one access at a time.
module axi_lite_slave (
    input  wire        clk,
    input  wire        rst,
    input  wire [7:0]  s_axi_awaddr,
    input  wire        s_axi_awvalid,
    output wire        s_axi_awready,
    input  wire [31:0] s_axi_wdata,
    input  wire [3:0]  s_axi_wstrb,
    input  wire        s_axi_wvalid,
    output wire        s_axi_wready,
    output wire [1:0]  s_axi_bresp,
    output wire        s_axi_bvalid,
    input  wire        s_axi_bready,
    input  wire [7:0]  s_axi_araddr,
    input  wire        s_axi_arvalid,
    output wire        s_axi_arready,
    output wire [31:0] s_axi_rdata,
    output wire [1:0]  s_axi_rresp,
    output wire        s_axi_rvalid,
    input  wire        s_axi_rready,
    output wire        wb_cyc_o,
    output wire        wb_stb_o,
    output wire        wb_we_o,
    output wire [7:0]  wb_adr_o,
    output wire [31:0] wb_dat_o,
    input  wire [31:0] wb_dat_i,
    input  wire        wb_ack_i
);
    localparam [1:0] OKAY = 2'b00;
    localparam [1:0] SLVERR = 2'b10;

    reg        active;      // a Wishbone access is under way
    reg        is_write;    // it is a write
    reg        wrote_last;  // the access before was a write
    wire       answer_write, answer_read;

    wire [5:0]  aw_word, ar_word;
    wire [31:0] w_data;
    wire [3:0]  w_strobes;
    wire        aw_valid, w_valid, ar_valid, b_ready, r_ready;
    skid_buffer #(.WIDTH(6)) u_aw (
        .clk(clk), .rst(rst), .s_data(s_axi_awaddr[7:2]), .s_valid(s_axi_awvalid),
        .s_ready(s_axi_awready), .m_data(aw_word), .m_valid(aw_valid), .m_ready(answer_write)
    );
    skid_buffer #(.WIDTH(36)) u_w (
        .clk(clk), .rst(rst), .s_data({s_axi_wstrb, s_axi_wdata}), .s_valid(s_axi_wvalid),
        .s_ready(s_axi_wready), .m_data({w_strobes, w_data}), .m_valid(w_valid),
        .m_ready(answer_write)
    );
    skid_buffer #(.WIDTH(6)) u_ar (
        .clk(clk), .rst(rst), .s_data(s_axi_araddr[7:2]), .s_valid(s_axi_arvalid),
        .s_ready(s_axi_arready), .m_data(ar_word), .m_valid(ar_valid), .m_ready(answer_read)
    );

    // an access starts only when its response has a place to go
    wire can_write = aw_valid & w_valid & b_ready;
    wire can_read = ar_valid & r_ready;
    wire choose_write = can_write & (~can_read | ~wrote_last);
    wire all_strobes = w_strobes == 4'b1111;
    wire no_access = ~active & choose_write & ~all_strobes;
    wire partial = ~all_strobes & w_strobes != 4'b0000;

    assign answer_write = no_access | (active & is_write & wb_ack_i);
    assign answer_read = active & ~is_write & wb_ack_i;
    assign wb_cyc_o = active;
    assign wb_stb_o = active;
    assign wb_we_o = active & is_write;
    assign wb_adr_o = {is_write ? aw_word : ar_word, 2'b00};
    assign wb_dat_o = w_data;

    always @(posedge clk) begin
        if (active) active <= ~wb_ack_i;
        else begin
            active <= (choose_write & all_strobes) | (can_read & ~choose_write);
            is_write <= choose_write;
        end
        if (answer_write | answer_read) wrote_last <= answer_write;
        if (rst) begin
            active <= 1'b0;
            is_write <= 1'b0;
            wrote_last <= 1'b0;
        end
    end

    skid_buffer #(.WIDTH(2)) u_b (
        .clk(clk), .rst(rst), .s_data(partial ? SLVERR : OKAY), .s_valid(answer_write),
        .s_ready(b_ready), .m_data(s_axi_bresp), .m_valid(s_axi_bvalid), .m_ready(s_axi_bready)
    );
    skid_buffer #(.WIDTH(32)) u_r (
        .clk(clk), .rst(rst), .s_data(wb_dat_i), .s_valid(answer_read),
        .s_ready(r_ready), .m_data(s_axi_rdata), .m_valid(s_axi_rvalid), .m_ready(s_axi_rready)
    );
    assign s_axi_rresp = OKAY;

    wire unused = &{1'b0, s_axi_awaddr[1:0], s_axi_araddr[1:0]};
endmodule
`default_nettype wire
