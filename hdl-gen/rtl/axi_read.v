`default_nettype none
// Reads a run of 16-byte beats over AXI4: bursts of at most 256 beats that do not cross 4 KiB.
//
// Contract: after `start` the beats come in order at the stream; `busy` ends with the last one.
// `flush` gives the rest up: no new burst begins, and what was asked for is taken and dropped.
// A response other than OKAY raises `error` for a cycle.
// Latency: that of the memory. Throughput: one beat a cycle.
module axi_read (
    input  wire         clk,
    input  wire         rst,
    input  wire         start,
    input  wire         flush,
    input  wire [31:0]  address,      // multiple of 16
    input  wire [15:0]  beats,        // 1 and up
    output wire         busy,
    output wire         error,
    output wire [127:0] data,
    output wire         data_valid,
    input  wire         data_ready,
    output wire [31:0]  m_axi_araddr,
    output wire [7:0]   m_axi_arlen,
    output reg          m_axi_arvalid,
    input  wire         m_axi_arready,
    input  wire [127:0] m_axi_rdata,
    input  wire [1:0]   m_axi_rresp,
    input  wire         m_axi_rvalid,
    output wire         m_axi_rready
);
    reg  [27:0] line;       // address of the next burst in beats
    reg  [15:0] to_ask;     // beats no burst was accepted for
    reg  [15:0] to_come;    // beats accepted and not received
    reg         dropping;

    wire [8:0]  to_boundary = 9'd256 - {1'b0, line[7:0]};
    wire [8:0]  burst = to_ask < {7'd0, to_boundary} ? to_ask[8:0] : to_boundary;
    wire [8:0]  burst_m1 = burst - 9'd1;
    wire        give_up = dropping | flush;
    wire        asked = m_axi_arvalid & m_axi_arready;
    wire        received = m_axi_rvalid & m_axi_rready;
    assign m_axi_araddr = {line, 4'd0};
    assign m_axi_arlen = burst_m1[7:0];
    assign m_axi_rready = dropping | data_ready;
    assign data = m_axi_rdata;
    assign data_valid = m_axi_rvalid & ~dropping;
    assign busy = m_axi_arvalid | to_ask != 16'd0 | to_come != 16'd0;
    assign error = received & m_axi_rresp != 2'd0;
    wire unused_ok = &{1'b0, burst_m1[8], address[3:0]};

    always @(posedge clk) begin
        if (asked) begin
            line <= line + {19'd0, burst};
            to_ask <= give_up ? 16'd0 : to_ask - {7'd0, burst};
            m_axi_arvalid <= ~give_up & to_ask != {7'd0, burst};
        end
        to_come <= to_come + (asked ? {7'd0, burst} : 16'd0) - {15'd0, received};
        if (start) begin
            line <= address[31:4];
            to_ask <= beats;
            m_axi_arvalid <= 1'b1;
        end
        dropping <= give_up & busy;
        if (rst) begin
            m_axi_arvalid <= 1'b0;
            to_ask <= 16'd0;
            to_come <= 16'd0;
            dropping <= 1'b0;
        end
    end
endmodule
`default_nettype wire
