`default_nettype none
// A shift register that carries control beside a fixed-latency datapath.
//
// Contract: dout is din of STAGES cycles ago, zero after rst. Latency: STAGES cycles.
module delay #(
    parameter WIDTH = 1,   // bits, 1 and up
    parameter STAGES = 1   // cycles, 1 and up
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] din,
    output wire [WIDTH-1:0] dout
);
    reg [STAGES*WIDTH-1:0] line;
    assign dout = line[(STAGES-1)*WIDTH +: WIDTH];

    generate
        if (STAGES == 1) begin : gen_one
            always @(posedge clk) line <= rst ? {WIDTH{1'b0}} : din;
        end else begin : gen_many
            always @(posedge clk)
                line <= rst ? {STAGES*WIDTH{1'b0}} : {line[(STAGES-1)*WIDTH-1:0], din};
        end
    endgenerate
endmodule
`default_nettype wire
