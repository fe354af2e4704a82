`default_nettype none
`timescale 1ns / 1ns
// Random writes of both sides to one memory: the engine's are all there, and each word to load is
// written once, in the first cycle that the engine leaves free.
module write_arbiter_tb;
    `include "bench_common.vh"
    localparam TP = 4, BW = 8, AW = 5;
    reg  [TP-1:0]    engine_we = 0;
    reg  [AW-1:0]    engine_address = 0, load_address = 0;
    reg  [TP*BW-1:0] engine_data = 0, load_data = 0;
    reg              load = 0;
    wire             granted;
    wire [TP-1:0]    we;
    wire [AW-1:0]    address;
    wire [TP*BW-1:0] data;
    write_arbiter #(.TP(TP), .BW(BW), .AW(AW)) u_dut (
        .engine_we(engine_we), .engine_address(engine_address), .engine_data(engine_data),
        .load(load), .load_address(load_address), .load_data(load_data), .granted(granted),
        .we(we), .address(address), .data(data)
    );
    reg  [BW-1:0] memory [0:TP*32-1];
    reg  [BW-1:0] model [0:TP*32-1];
    integer i, b, n_loaded = 0;
    always @(posedge clk)
        for (b = 0; b < TP; b = b + 1)
            if (we[b]) memory[TP*address+b] <= data[b*BW +: BW];
    initial begin
        for (i = 0; i < TP * 32; i = i + 1) begin memory[i] = i; model[i] = i; end
        for (i = 0; i < 3000; i = i + 1) begin
            @(negedge clk);
            draw; engine_we = lfsr[0] ? 0 : lfsr[4:1]; engine_address = lfsr[9:5];
            draw; engine_data = lfsr;
            // a word to load stays until it is written
            if (!load) begin
                draw; load = lfsr[0]; load_address = lfsr[9:5];
                draw; load_data = lfsr;
            end
            #2;
            check({63'd0, granted}, engine_we == 0, i);
            for (b = 0; b < TP; b = b + 1)
                if (engine_we[b]) model[TP*engine_address+b] = engine_data[b*BW +: BW];
                else if (engine_we == 0 && load) model[TP*load_address+b] = load_data[b*BW +: BW];
            @(posedge clk);
            #1;
            for (b = 0; b < TP * 32; b = b + 1)
                if (memory[b] !== model[b]) check(1, 0, b);
            if (load && engine_we == 0) begin load = 0; n_loaded = n_loaded + 1; end
        end
        check(n_loaded > 500, 1, 0);
        verdict(3000);
    end
endmodule
`default_nettype wire
