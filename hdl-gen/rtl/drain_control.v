`default_nettype none
// Walks the shadow register of the array: which channel and pixel block leaves in this cycle.
//
// Contract: after `captured` it drains the valid channels of the pass, BLOCKS cycles each (two
// if `slow`, which is for BLOCKS = 1), and
// names for each cycle the parameter word, the channel lane of the output word and whether the
// output word, the pixel group, the row and the layer end with it.
// Latency: first drain one cycle after captured. Throughput: RQ values a cycle.
module drain_control #(
    parameter TN = 2,      // channel lanes of an output word, power of two
    parameter TM = 4,      // output channel lanes of the array, power of two
    parameter BLOCKS = 2,  // cycles a channel: TP / RQ, power of two
    parameter NW = 1,      // bits of a channel lane, max(1, log2 TN)
    parameter SBW = 1,     // bits of a block, max(1, log2 BLOCKS)
    parameter PAW = 8      // bits of a parameter address
) (
    input  wire           clk,
    input  wire           rst,
    input  wire           start,
    input  wire           slow,
    input  wire [PAW-1:0] param_base,
    input  wire [7:0]     last_lanes,
    input  wire           captured,
    input  wire           end_group,
    input  wire [2:0]     ends,
    output wire           drain,
    output reg  [PAW-1:0] param_address,
    output reg  [SBW-1:0] block,
    output reg  [NW-1:0]  lane,
    output reg            first_channel,
    output wire           last_channel,
    output wire           word_last,
    output reg  [2:0]     drain_ends
);
    localparam [7:0] FULL = TM;
    localparam [31:0] LAST_BLOCK = BLOCKS - 1;
    localparam [31:0] LAST_LANE = TN - 1;

    reg       active;
    reg       idle;          // of a slow drain
    reg       in_last_group;
    reg [7:0] channels_left;

    wire last_block = block == LAST_BLOCK[SBW-1:0];
    wire last_lane = lane == LAST_LANE[NW-1:0];
    wire pass_last = channels_left == 8'd1;
    assign drain = active & ~idle;
    assign last_channel = pass_last & in_last_group;
    assign word_last = last_block & (last_lane | last_channel);

    always @(posedge clk) begin
        if (active) idle <= slow & ~idle;
        if (drain) begin
            block <= last_block ? {SBW{1'b0}} : block + 1'b1;
            if (last_block) begin
                channels_left <= channels_left - 8'd1;
                first_channel <= last_channel;
                lane <= last_lane | last_channel ? {NW{1'b0}} : lane + 1'b1;
                param_address <= last_channel ? param_base : param_address + 1'b1;
                if (pass_last) active <= 1'b0;
            end
        end
        if (captured) begin
            active <= 1'b1;
            idle <= 1'b0;
            in_last_group <= end_group;
            drain_ends <= ends;
            channels_left <= end_group ? last_lanes : FULL;
        end
        if (rst | start) begin
            active <= 1'b0;
            block <= {SBW{1'b0}};
            lane <= {NW{1'b0}};
            first_channel <= 1'b1;
            param_address <= param_base;
        end
    end
endmodule
`default_nettype wire
