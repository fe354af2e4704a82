`default_nettype none
// Simulation only: a Wishbone B4 classic slave that passes each access to an AXI4-Lite slave, with
// random delays and random order of address and data. An access that its master gives up is
// finished and not acknowledged.
module wishbone_to_axi_lite (
    input  wire        clk,
    input  wire        rst,
    input  wire        wb_cyc_i,
    input  wire        wb_stb_i,
    input  wire        wb_we_i,
    input  wire [7:0]  wb_adr_i,
    input  wire [31:0] wb_dat_i,
    output reg  [31:0] wb_dat_o,
    output reg         wb_ack_o,
    output reg  [7:0]  awaddr,
    output reg         awvalid,
    input  wire        awready,
    output reg  [31:0] wdata,
    output reg         wvalid,
    input  wire        wready,
    input  wire [1:0]  bresp,
    input  wire        bvalid,
    output reg         bready,
    output reg  [7:0]  araddr,
    output reg         arvalid,
    input  wire        arready,
    input  wire [31:0] rdata,
    input  wire [1:0]  rresp,
    input  wire        rvalid,
    output reg         rready
);
    reg [31:0] lfsr = 32'h2545_f491;
    // xorshift (Marsaglia 2003)
    wire [31:0] mixed_a = lfsr ^ (lfsr << 13);
    wire [31:0] mixed_b = mixed_a ^ (mixed_a >> 17);

    reg        busy, wanted;         // an access is under way; its master still waits
    reg        left_aw, left_w, left_ar;  // channels that the access has not yet offered
    wire       strobe = wb_cyc_i & wb_stb_i;
    wire       answered = (bvalid & bready) | (rvalid & rready);

    always @(posedge clk) begin
        lfsr <= mixed_b ^ (mixed_b << 5);
        wb_ack_o <= 1'b0;
        bready <= busy & lfsr[1];
        rready <= busy & lfsr[2];
        if (strobe & ~busy & ~wb_ack_o) begin
            busy <= 1'b1;
            wanted <= 1'b1;
            left_aw <= wb_we_i;
            left_w <= wb_we_i;
            left_ar <= ~wb_we_i;
            awaddr <= wb_adr_i;
            araddr <= wb_adr_i;
            wdata <= wb_dat_i;
        end
        if (busy & ~strobe) wanted <= 1'b0;
        if (left_aw & lfsr[4]) begin awvalid <= 1'b1; left_aw <= 1'b0; end
        if (left_w & lfsr[5]) begin wvalid <= 1'b1; left_w <= 1'b0; end
        if (left_ar & lfsr[6]) begin arvalid <= 1'b1; left_ar <= 1'b0; end
        if (awvalid & awready) awvalid <= 1'b0;
        if (wvalid & wready) wvalid <= 1'b0;
        if (arvalid & arready) arvalid <= 1'b0;
        if (answered) begin
            busy <= 1'b0;
            bready <= 1'b0;
            rready <= 1'b0;
            wb_dat_o <= rdata;
            // whoever waits for the answer to a bad access waits in vain
            if ((bvalid & bresp != 2'b00) | (rvalid & rresp != 2'b00)) $finish;
            else wb_ack_o <= wanted & strobe;
        end
        if (rst) begin
            busy <= 1'b0;
            wanted <= 1'b0;
            {left_aw, left_w, left_ar} <= 3'b000;
            {awvalid, wvalid, arvalid, bready, rready} <= 5'b00000;
        end
    end
endmodule
`default_nettype wire
