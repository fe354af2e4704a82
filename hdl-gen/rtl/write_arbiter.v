`default_nettype none
// Who writes the feature memory: the engine, or in the cycles that it leaves free the DMA.
//
// Contract: what the engine writes is written at once. A word to load is written, to all banks, in
// a cycle with `granted`, in which the engine writes nothing; else it waits.
// Latency: none, combinational. Throughput: one write a cycle.
module write_arbiter #(
    parameter TP = 4,    // pixel lanes (banks)
    parameter BW = 12,   // bits of a bank word
    parameter AW = 10    // address bits
) (
    input  wire [TP-1:0]    engine_we,
    input  wire [AW-1:0]    engine_address,
    input  wire [TP*BW-1:0] engine_data,
    input  wire             load,
    input  wire [AW-1:0]    load_address,
    input  wire [TP*BW-1:0] load_data,
    output wire             granted,
    output wire [TP-1:0]    we,
    output wire [AW-1:0]    address,
    output wire [TP*BW-1:0] data
);
    assign granted = engine_we == {TP{1'b0}};
    wire loads = load & granted;
    assign we = engine_we | {TP{loads}};
    assign address = loads ? load_address : engine_address;
    assign data = loads ? load_data : engine_data;
endmodule
`default_nettype wire
