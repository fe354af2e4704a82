`default_nettype none
// What the program sees of the world: a console, a word stream each way, state, an end.
//
// Contract: registers of network::soc. A read of INPUT waits for a word, a write of OUTPUT until
// it is taken; STATUS says beforehand whether they would wait. `fault` is kept in STATUS until a
// one is written there.
// Latency: none where nothing waits. Throughput: one access a cycle.
module soc_host_port #(
    parameter [31:0] RAM_BYTES = 32'd1024  // what register RAM_BYTES says
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        select,       // stable until `ready`
    input  wire        write,
    input  wire [7:0]  address,
    input  wire [31:0] wdata,
    output reg  [31:0] rdata,
    output wire        ready,
    input  wire        fault,        // an access went nowhere
    input  wire        irq,          // of the accelerator
    input  wire [31:0] s_data,       // words from the host
    input  wire        s_valid,
    output wire        s_ready,
    output wire [31:0] m_data,       // words to the host
    output wire        m_valid,
    input  wire        m_ready,
    output wire [7:0]  console_data, // a character
    output wire        console_valid,
    output reg  [31:0] exit_code,
    output reg         exit_valid    // the program has ended
);
    `include "qunet_soc_defs.vh"

    reg  bus_fault;
    wire reads = select & ~write;
    wire writes = select & write;
    assign s_ready = reads & address == S_INPUT;
    assign m_valid = writes & address == S_OUTPUT;
    assign m_data = wdata;
    assign console_valid = writes & address == S_CONSOLE;
    assign console_data = wdata[7:0];
    assign ready = s_ready ? s_valid : m_valid ? m_ready : select;

    always @* begin
        rdata = 32'd0;
        case (address)
            S_STATUS: begin
                rdata[S_STATUS_INPUT] = s_valid;
                rdata[S_STATUS_OUTPUT] = m_ready;
                rdata[S_STATUS_IRQ] = irq;
                rdata[S_STATUS_FAULT] = bus_fault;
            end
            S_INPUT: rdata = s_data;
            S_RAM_BYTES: rdata = RAM_BYTES;
            default: rdata = 32'd0;
        endcase
    end

    always @(posedge clk) begin
        bus_fault <= fault
                   | (bus_fault & ~(writes & address == S_STATUS & wdata[S_STATUS_FAULT]));
        if (writes & address == S_EXIT) begin
            exit_code <= wdata;
            exit_valid <= 1'b1;
        end
        if (rst) begin
            bus_fault <= 1'b0;
            exit_valid <= 1'b0;
        end
    end
endmodule
`default_nettype wire
