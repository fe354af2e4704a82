`default_nettype none
// External memory for simulation: an AXI4 slave with a latency, random waits and errors on demand,
// that counts what its master does against the rules. Not for synthesis.
//
// Contract: bursts of 16-byte beats, one at a time, read before write; with waits every other
// write's address is taken only once its first beat is offered, as AXI4 allows. The host port
// reaches the words of memory and the settings: byte addresses 0 ADDRESS (in 32-bit words, counts
// up with each DATA), 4 DATA, 8 WAITS (of 256 cycles, on average), 12 LATENCY (cycles), 16 ERROR_AT
// (byte address whose access fails, 0 = none), 20 FAULTS (rules broken so far).
module axi_memory #(
    parameter DEPTH = 1024,       // beats
    parameter IMAGE = ""          // $readmemh image, or ""
) (
    input  wire         clk,
    input  wire         rst,
    input  wire         host_write,
    input  wire         host_read,
    input  wire [7:0]   host_address,
    input  wire [31:0]  host_wdata,
    output reg  [31:0]  host_rdata,
    input  wire [31:0]  araddr,
    input  wire [7:0]   arlen,
    input  wire         arvalid,
    output wire         arready,
    output wire [127:0] rdata,
    output wire [1:0]   rresp,
    output wire         rvalid,
    input  wire         rready,
    input  wire [31:0]  awaddr,
    input  wire [7:0]   awlen,
    input  wire         awvalid,
    output wire         awready,
    input  wire [127:0] wdata,
    input  wire [15:0]  wstrb,
    input  wire         wlast,
    input  wire         wvalid,
    output wire         wready,
    output wire [1:0]   bresp,
    output wire         bvalid,
    input  wire         bready
);
    localparam [31:0] BEATS = DEPTH;
    localparam AW = $clog2(DEPTH);
    reg [127:0] mem [0:DEPTH-1];
    generate
        if (IMAGE != "") begin : gen_image
            initial $readmemh(IMAGE, mem);
        end
    endgenerate

    // settings
    reg [31:0] address, error_at, faults;
    reg [8:0]  waits;
    reg [15:0] latency;
    reg [31:0] random;
    wire wait_now = {1'b0, random[7:0]} < waits;
    wire [AW-1:0] host_line = address[AW+1:2];

    // one burst at a time
    localparam [2:0] S_IDLE = 3'd0, S_READ_LATENCY = 3'd1, S_READ = 3'd2, S_WRITE = 3'd3,
                     S_WRITE_LATENCY = 3'd4, S_RESPONSE = 3'd5;
    reg [2:0]  state;
    reg [31:0] line;        // beat being moved
    reg [8:0]  left;
    reg [15:0] count;
    reg        data_first;        // the next write's address waits for its data
    reg        failed, offered;   // an offered beat or response stands until it is taken
    wire       outside = line >= BEATS;
    wire       fails = error_at != 32'd0 & line == {4'd0, error_at[31:4]};
    wire       offer = offered | ~wait_now;
    assign arready = state == S_IDLE & ~wait_now;
    assign awready = state == S_IDLE & ~arvalid & ~wait_now & (~data_first | wvalid);
    assign rvalid = state == S_READ & offer;
    assign rdata = rvalid ? mem[line[AW-1:0]] : 128'd0;
    assign rresp = {fails | outside, 1'b0};
    assign wready = state == S_WRITE & ~wait_now;
    assign bvalid = state == S_RESPONSE & offer;
    assign bresp = {failed, 1'b0};

    wire crosses_read = {1'b0, araddr[11:4]} + {1'b0, arlen} > 9'd255;
    wire crosses_write = {1'b0, awaddr[11:4]} + {1'b0, awlen} > 9'd255;
    // what was offered in the cycle before and not taken must stand unchanged
    reg         ar_waits, aw_waits, w_waits;
    reg [39:0]  ar_was, aw_was;
    reg [144:0] w_was;
    wire broken = (arvalid & arready & (crosses_read | araddr[3:0] != 4'd0))
                | (awvalid & awready & (crosses_write | awaddr[3:0] != 4'd0))
                | (wvalid & wready & wlast != (left == 9'd1))
                | (ar_waits & (~arvalid | ar_was != {araddr, arlen}))
                | (aw_waits & (~awvalid | aw_was != {awaddr, awlen}))
                | (w_waits & (~wvalid | w_was != {wdata, wstrb, wlast}))
                | (rvalid & outside) | (wvalid & wready & wstrb != 16'd0 & outside);

    integer b;
    always @(posedge clk) begin
        random <= random ^ (random << 13) ^ ((random ^ (random << 13)) >> 17)
                ^ ((random ^ (random << 13) ^ ((random ^ (random << 13)) >> 17)) << 5);
        offered <= (rvalid & ~rready) | (bvalid & ~bready);
        ar_waits <= arvalid & ~arready;
        aw_waits <= awvalid & ~awready;
        w_waits <= wvalid & ~wready;
        ar_was <= {araddr, arlen};
        aw_was <= {awaddr, awlen};
        w_was <= {wdata, wstrb, wlast};
        // unknown is broken too
        if (broken !== 1'b0) faults <= faults + 32'd1;
        case (state)
            S_IDLE: begin
                failed <= 1'b0;
                count <= latency;
                if (arvalid & arready) begin
                    line <= {4'd0, araddr[31:4]};
                    left <= {1'b0, arlen} + 9'd1;
                    state <= S_READ_LATENCY;
                end else if (awvalid & awready) begin
                    line <= {4'd0, awaddr[31:4]};
                    left <= {1'b0, awlen} + 9'd1;
                    data_first <= waits != 9'd0 & ~data_first;
                    state <= S_WRITE;
                end
            end
            S_READ_LATENCY: begin
                count <= count - 16'd1;
                if (count <= 16'd1) state <= S_READ;
            end
            S_READ: if (rvalid & rready) begin
                line <= line + 32'd1;
                left <= left - 9'd1;
                if (left == 9'd1) state <= S_IDLE;
            end
            S_WRITE: if (wvalid & wready) begin
                if (~outside & ~fails)
                    for (b = 0; b < 16; b = b + 1)
                        if (wstrb[b]) mem[line[AW-1:0]][8*b +: 8] <= wdata[8*b +: 8];
                failed <= failed | fails | (outside & wstrb != 16'd0);
                line <= line + 32'd1;
                left <= left - 9'd1;
                if (left == 9'd1) state <= S_WRITE_LATENCY;
            end
            S_WRITE_LATENCY: begin
                count <= count - 16'd1;
                if (count <= 16'd1) state <= S_RESPONSE;
            end
            default: if (bvalid & bready) state <= S_IDLE;
        endcase
        if (host_write)
            case (host_address)
                8'd0: address <= host_wdata;
                8'd4: begin
                    mem[host_line][32*address[1:0] +: 32] <= host_wdata;
                    address <= address + 32'd1;
                end
                8'd8: waits <= host_wdata[8:0];
                8'd12: latency <= host_wdata[15:0];
                8'd16: error_at <= host_wdata;
                default: faults <= 32'd0;
            endcase
        if (host_read) begin
            if (host_address == 8'd4) address <= address + 32'd1;
            host_rdata <= host_address == 8'd4 ? mem[host_line][32*address[1:0] +: 32] : faults;
        end
        if (rst) begin
            random <= 32'h1234_5678;
            state <= S_IDLE;
            offered <= 1'b0;
            data_first <= 1'b0;
            {ar_waits, aw_waits, w_waits} <= 3'd0;
            faults <= 32'd0;
            waits <= 9'd0;
            latency <= 16'd30;
            error_at <= 32'd0;
            address <= 32'd0;
        end
    end
endmodule
`default_nettype wire
