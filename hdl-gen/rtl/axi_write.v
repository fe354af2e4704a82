`default_nettype none
// Writes a run of 16-byte beats over AXI4: bursts of at most 256 beats that do not cross 4 KiB.
//
// Contract: after `start` the stream's beats are written in order; `busy` ends with the last
// response. Beats are offered whether or not their address has been taken: a slave may wait for
// either. `flush` gives the rest up: the burst that was begun is filled with beats that write
// nothing. A response other than OKAY raises `error` for a cycle.
// Latency: that of the memory. Throughput: one beat a cycle within a burst.
module axi_write (
    input  wire         clk,
    input  wire         rst,
    input  wire         start,
    input  wire         flush,
    input  wire [31:0]  address,      // multiple of 16
    input  wire [15:0]  beats,        // 1 and up
    output wire         busy,
    output wire         error,
    input  wire [127:0] data,
    input  wire         data_valid,
    output wire         data_ready,
    output wire [31:0]  m_axi_awaddr,
    output wire [7:0]   m_axi_awlen,
    output wire         m_axi_awvalid,
    input  wire         m_axi_awready,
    output wire [127:0] m_axi_wdata,
    output wire [15:0]  m_axi_wstrb,
    output wire         m_axi_wlast,
    output wire         m_axi_wvalid,
    input  wire         m_axi_wready,
    input  wire [1:0]   m_axi_bresp,
    input  wire         m_axi_bvalid,
    output wire         m_axi_bready
);
    localparam [1:0] S_IDLE = 2'd0, S_ADDRESS = 2'd1, S_DATA = 2'd2, S_RESPONSE = 2'd3;
    reg  [1:0]  state;
    reg  [27:0] line;        // of the burst
    reg  [7:0]  length;      // beats of the burst less one
    reg         asking;      // its address is offered since an earlier cycle
    reg  [15:0] left;        // beats of the run that are not written
    reg  [8:0]  burst_left;  // beats of the burst that are not written
    reg         flushed;     // given up
    reg         dropping;    // the beats of the burst write nothing

    wire [8:0]  to_boundary = 9'd256 - {1'b0, line[7:0]};
    wire [8:0]  burst = left < {7'd0, to_boundary} ? left[8:0] : to_boundary;
    wire [8:0]  burst_m1 = burst - 9'd1;
    wire        give_up = flushed | flush;
    wire        wrote = m_axi_wvalid & m_axi_wready;
    assign m_axi_awaddr = {line, 4'd0};
    assign m_axi_awlen = asking ? length : burst_m1[7:0];
    assign m_axi_awvalid = state == S_ADDRESS | asking;
    assign m_axi_wdata = dropping ? 128'd0 : data;
    assign m_axi_wstrb = {16{~dropping}};
    assign m_axi_wlast = burst_left == 9'd1;
    wire        open = state == S_DATA & burst_left != 9'd0;
    assign m_axi_wvalid = open & (dropping | data_valid);
    assign m_axi_bready = state == S_RESPONSE;
    assign data_ready = open & ~dropping & m_axi_wready;
    assign busy = state != S_IDLE;
    assign error = m_axi_bready & m_axi_bvalid & m_axi_bresp != 2'd0;
    wire unused_ok = &{1'b0, burst_m1[8], address[3:0]};

    always @(posedge clk) begin
        // a beat that is offered stays as it is, so dropping begins between beats
        dropping <= busy & (dropping | (give_up & ~(m_axi_wvalid & ~m_axi_wready)));
        flushed <= give_up & busy;
        asking <= m_axi_awvalid & ~m_axi_awready;
        if (wrote) begin
            burst_left <= burst_left - 9'd1;
            left <= left - 16'd1;
        end
        case (state)
            S_ADDRESS: begin
                burst_left <= burst;
                length <= burst_m1[7:0];
                state <= S_DATA;
            end
            S_DATA: if ((~open | (wrote & m_axi_wlast)) & (~asking | m_axi_awready)) begin
                line <= line + {20'd0, length} + 28'd1;
                state <= S_RESPONSE;
            end
            S_RESPONSE: if (m_axi_bvalid)
                state <= left != 16'd0 & ~give_up ? S_ADDRESS : S_IDLE;
            default: state <= S_IDLE;
        endcase
        if (start) begin
            line <= address[31:4];
            left <= beats;
            state <= S_ADDRESS;
        end
        if (rst) begin
            state <= S_IDLE;
            asking <= 1'b0;
            flushed <= 1'b0;
            dropping <= 1'b0;
        end
    end
endmodule
`default_nettype wire
