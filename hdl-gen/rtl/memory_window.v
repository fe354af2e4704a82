`default_nettype none
// The host's view of the memories: 32-bit words, gathered into and cut out of wide words.
//
// Contract: window address = ((word * banks) + bank) * chunks + chunk with banks and chunks
// rounded up to powers of two (network::registers::FeatureLayout). A bank or word is written
// when its last chunk arrives, so chunks are written in rising order. Addresses past the end
// are ignored on writing. `done` ends each access.
// Latency: write three cycles, read four cycles. Throughput: one access at a time.
module memory_window #(
    parameter TP = 4,             // pixel lanes (feature banks)
    parameter FBW = 12,           // bits of a feature bank word
    parameter WBW = 32,           // bits of a weight word
    parameter PBW = 48,           // bits of a parameter word
    parameter FEATURE_DEPTH = 16, // words of each memory
    parameter WEIGHT_DEPTH = 16,
    parameter PARAM_DEPTH = 16,
    parameter DESC_DEPTH = 16,
    parameter COMMAND_DEPTH = 0,  // 0 where the build has none
    parameter TRANSFER_DEPTH = 0,
    parameter CHANNEL_DEPTH = 0,
    parameter AW = 4,             // address bits of each memory
    parameter WAW = 4,
    parameter PAW = 4
) (
    input  wire              clk,
    input  wire              rst,
    input  wire              write,
    input  wire              read,
    input  wire [2:0]        select,   // as register WINDOW_SELECT, the input being features
    input  wire [31:0]       address,
    input  wire [31:0]       wdata,
    output reg  [31:0]       rdata,
    output reg               done,
    output wire [AW-1:0]     feature_address,
    output wire              feature_re,
    input  wire [TP*FBW-1:0] feature_rdata,
    output wire [TP-1:0]     feature_we,
    output wire [FBW-1:0]    feature_wdata,
    output wire [WAW-1:0]    weight_address,
    output wire              weight_re,
    input  wire [WBW-1:0]    weight_rdata,
    output wire              weight_we,
    output wire [WBW-1:0]    weight_wdata,
    output wire [PAW-1:0]    param_address,
    output wire              param_re,
    input  wire [PBW-1:0]    param_rdata,
    output wire              param_we,
    output wire [PBW-1:0]    param_wdata,
    output wire [31:0]       program_address,
    output wire [3:0]        program_re,     // descriptors, commands, transfers, channels
    input  wire [31:0]       program_rdata,
    output wire [3:0]        program_we,
    output wire [31:0]       program_wdata
);
    `include "qunet_defs.vh"

    // chunks of a word and log2 of their number rounded up
    localparam FCN = (FBW + 31) / 32;
    localparam WCN = (WBW + 31) / 32;
    localparam PCN = (PBW + 31) / 32;
    localparam LGF = $clog2(FCN);
    localparam LGW = $clog2(WCN);
    localparam LGP = $clog2(PCN);
    localparam LGB = $clog2(TP);
    localparam MAXCN = WCN > FCN ? (WCN > PCN ? WCN : PCN) : (FCN > PCN ? FCN : PCN);
    localparam HW = 32 * MAXCN;
    localparam [31:0] F_END = FEATURE_DEPTH;
    localparam [31:0] W_END = WEIGHT_DEPTH;
    localparam [31:0] P_END = PARAM_DEPTH;
    localparam [31:0] D_END = DESC_DEPTH;
    localparam [31:0] C_END = COMMAND_DEPTH;
    localparam [31:0] T_END = TRANSFER_DEPTH;
    localparam [31:0] H_END = CHANNEL_DEPTH;
    localparam [31:0] F_LAST = FCN - 1;
    localparam [31:0] W_LAST = WCN - 1;
    localparam [31:0] P_LAST = PCN - 1;
    localparam [31:0] F_CHUNK = (1 << LGF) - 1;
    localparam [31:0] W_CHUNK = (1 << LGW) - 1;
    localparam [31:0] P_CHUNK = (1 << LGP) - 1;
    localparam [31:0] F_BANK = TP - 1;

    // the address is a sum, so its use begins a cycle later
    reg [31:0] at;
    reg        writes, reads;
    always @(posedge clk) begin
        at <= address;
        writes <= write & ~rst;
        reads <= read & ~rst;
    end

    wire [31:0] feature_word = at >> (LGF + LGB);
    wire [31:0] weight_word = at >> LGW;
    wire [31:0] param_word = at >> LGP;
    wire [31:0] bank = (at >> LGF) & F_BANK;
    wire [3:0]  on_program = {select == WINDOW_CHANNELS, select == WINDOW_TRANSFERS,
                              select == WINDOW_COMMANDS, select == WINDOW_DESCRIPTORS};
    wire [31:0] program_end = on_program[0] ? D_END : on_program[1] ? C_END
                            : on_program[2] ? T_END : H_END;
    reg  [31:0] chunk;
    reg         chunk_last, in_range;
    always @* begin
        case (select)
            WINDOW_FEATURES: begin
                chunk = at & F_CHUNK;
                chunk_last = chunk == F_LAST;
                in_range = feature_word < F_END;
            end
            WINDOW_WEIGHTS: begin
                chunk = at & W_CHUNK;
                chunk_last = chunk == W_LAST;
                in_range = weight_word < W_END;
            end
            WINDOW_PARAMS: begin
                chunk = at & P_CHUNK;
                chunk_last = chunk == P_LAST;
                in_range = param_word < P_END;
            end
            default: begin
                chunk = 32'd0;
                chunk_last = 1'b1;
                in_range = at < program_end;
            end
        endcase
    end

    reg [HW-1:0] hold;
    reg          writing, reading;
    integer c;
    always @(posedge clk) begin
        if (writes)
            for (c = 0; c < MAXCN; c = c + 1)
                if (chunk == c) hold[32*c +: 32] <= wdata;
        writing <= writes & ~rst;
        reading <= reads & ~rst;
        done <= (writing | reading) & ~rst;
    end

    wire commit = writing & chunk_last & in_range;
    assign feature_address = feature_word[AW-1:0];
    assign weight_address = weight_word[WAW-1:0];
    assign param_address = param_word[PAW-1:0];
    assign program_address = at;
    assign feature_re = reads & select == WINDOW_FEATURES;
    assign weight_re = reads & select == WINDOW_WEIGHTS;
    assign param_re = reads & select == WINDOW_PARAMS;
    assign program_re = {4{reads}} & on_program;
    assign weight_we = commit & select == WINDOW_WEIGHTS;
    assign param_we = commit & select == WINDOW_PARAMS;
    assign program_we = {4{commit}} & on_program;
    assign feature_wdata = hold[FBW-1:0];
    assign weight_wdata = hold[WBW-1:0];
    assign param_wdata = hold[PBW-1:0];
    assign program_wdata = hold[31:0];

    genvar b;
    generate
        for (b = 0; b < TP; b = b + 1) begin : gen_bank
            assign feature_we[b] = commit & select == WINDOW_FEATURES & bank == b;
        end
    endgenerate

    reg [FBW-1:0] feature_bank;
    integer f;
    always @* begin
        feature_bank = feature_rdata[FBW-1:0];
        for (f = 1; f < TP; f = f + 1)
            if (bank == f) feature_bank = feature_rdata[f*FBW +: FBW];
    end
    wire [HW-1:0] feature_wide, weight_wide, param_wide;
    generate
        if (HW == FBW) begin : gen_feature_full
            assign feature_wide = feature_bank;
        end else begin : gen_feature_pad
            assign feature_wide = {{(HW-FBW){1'b0}}, feature_bank};
        end
        if (HW == WBW) begin : gen_weight_full
            assign weight_wide = weight_rdata;
        end else begin : gen_weight_pad
            assign weight_wide = {{(HW-WBW){1'b0}}, weight_rdata};
        end
    endgenerate
    assign param_wide = {{(HW-PBW){1'b0}}, param_rdata};
    wire [HW-1:0] wide = select == WINDOW_FEATURES ? feature_wide
                       : select == WINDOW_WEIGHTS ? weight_wide
                       : select == WINDOW_PARAMS ? param_wide : {{(HW-32){1'b0}}, program_rdata};
    wire [HW-1:0] cut = wide >> (chunk * 32);
    always @(posedge clk) if (reading) rdata <= cut[31:0];
    wire unused_ok = &{1'b0, cut[HW-1:32], hold};
endmodule
`default_nettype wire
