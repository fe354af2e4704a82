`default_nettype none
// Proves: what the engine writes is written unchanged, and a word to load is written exactly when
// it is granted, which is when the engine writes nothing.
// Depth: 2 cycles.
module write_arbiter_formal (
    input wire [1:0] engine_we,
    input wire [2:0] engine_address,
    input wire [7:0] engine_data,
    input wire       load,
    input wire [2:0] load_address,
    input wire [7:0] load_data
);
    wire       granted;
    wire [1:0] we;
    wire [2:0] address;
    wire [7:0] data;
    write_arbiter #(.TP(2), .BW(4), .AW(3)) u_dut (
        .engine_we(engine_we), .engine_address(engine_address), .engine_data(engine_data),
        .load(load), .load_address(load_address), .load_data(load_data), .granted(granted),
        .we(we), .address(address), .data(data)
    );
    always @* begin
        assert (granted == (engine_we == 2'd0));
        if (engine_we != 2'd0)
            assert (we == engine_we && address == engine_address && data == engine_data);
        else if (load) assert (we == 2'b11 && address == load_address && data == load_data);
        else assert (we == 2'd0);
        cover (load && granted);
        cover (load && !granted);
    end
endmodule
`default_nettype wire
