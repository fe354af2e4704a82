`default_nettype none
// From the processor to the accelerator's Wishbone port: posted writes, bounded waits.
//
// Contract: accesses reach the port in program order. A write is taken at once and carried out
// behind the processor's back; the next access waits for it. A port that does not answer within
// LIMIT cycles is given up: a read gives all ones, and `fault` says so for a cycle.
// Latency: write none, read two cycles more than the port's. Throughput: one access at a time.
module soc_bridge #(
    parameter LIMIT = 255      // cycles that the port may take, 1 to 255
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        select,  // an access waits; stable until `ready`
    input  wire        write,
    input  wire [7:0]  address,
    input  wire [31:0] wdata,
    output reg  [31:0] rdata,
    output wire        ready,
    output reg         fault,
    output reg         wb_cyc_o,
    output wire        wb_stb_o,
    output reg         wb_we_o,
    output reg  [7:0]  wb_adr_o,
    output reg  [31:0] wb_dat_o,
    input  wire [31:0] wb_dat_i,
    input  wire        wb_ack_i
);
    localparam [7:0] CYCLES = LIMIT;

    reg        answered;   // a read's data is there
    reg  [7:0] left;       // cycles until the port is given up
    wire       begins = select & ~wb_cyc_o & ~answered;
    wire       late = left == 8'd0;

    assign wb_stb_o = wb_cyc_o;
    assign ready = (begins & write) | answered;

    always @(posedge clk) begin
        answered <= 1'b0;
        fault <= 1'b0;
        if (begins) begin
            wb_cyc_o <= 1'b1;
            wb_we_o <= write;
            wb_adr_o <= address;
            wb_dat_o <= wdata;
            left <= CYCLES - 8'd1;
        end else if (wb_cyc_o) begin
            left <= left - 8'd1;
            if (wb_ack_i | late) begin
                wb_cyc_o <= 1'b0;
                answered <= ~wb_we_o;
                fault <= ~wb_ack_i;
                rdata <= wb_ack_i ? wb_dat_i : 32'hffff_ffff;
            end
        end
        if (rst) begin
            wb_cyc_o <= 1'b0;
            answered <= 1'b0;
            fault <= 1'b0;
        end
    end
endmodule
`default_nettype wire
