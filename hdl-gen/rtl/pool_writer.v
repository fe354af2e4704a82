`default_nettype none
// Max-pools the words of a convolution on their way to memory, beside the full map.
//
// Contract: equals network::kernels::max_pool2d on the words of a layer, which arrive in loop
// order, at least two cycles apart, marked as for output_writer. The buffer keeps the largest
// value so far of each pooled pixel of a row; the last pixel of the 2x2 block completes it. A
// pooled word fills half a pixel group (TP = 1: all of it); an odd last row or column is dropped.
// Rows of the pooled map follow each other; with RINGS they lie `pitch` apart, pixel groups `step`,
// row y in ring row y mod (ring_m1 + 1), and a visit may begin at an odd row.
// Latency: two cycles to the write. Throughput: one word every second cycle.
module pool_writer #(
    parameter TP = 4,      // pixel lanes, power of two
    parameter TN = 2,      // channel lanes, power of two
    parameter TA = 6,      // bits of an activation lane
    parameter AW = 10,     // address bits
    parameter DEPTH = 16,  // words of the buffer: a row's (TP = 1: half as many), 2 and up
    parameter RINGS = 0    // 1: the pooled map may be a ring of rows
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                start,
    input  wire                is_signed,
    input  wire [AW-1:0]       pool_base,
    input  wire                first_odd,   // the first row is odd
    input  wire [AW-1:0]       pitch,
    input  wire [AW-1:0]       step,
    input  wire [11:0]         ring_at,
    input  wire [11:0]         ring_m1,
    input  wire [AW-1:0]       wrap,
    input  wire [11:0]         width_m1,    // of the full map
    input  wire                word_valid,
    input  wire [TP*TN*TA-1:0] word,
    input  wire                group_end,
    input  wire                row_last,    // the pixel group is the last of its row
    output wire [AW-1:0]       next_base,
    output wire [11:0]         next_ring,
    output wire                active,
    output wire [TP-1:0]       we,
    output reg  [AW-1:0]       waddr,
    output wire [TP*TN*TA-1:0] wdata
);
    localparam BW = TN * TA;
    localparam HALF = TP > 1 ? TP / 2 : 1;   // pooled pixels of a word
    localparam PAIRS = TP > 1;               // both columns of a block are in one word
    localparam PW = HALF * BW;
    localparam SW = $clog2(DEPTH);
    localparam [12:0] TPW = TP;

    // loop position: address and buffer slot of this word
    reg          odd_row, odd_group;
    reg [12:0]   column;
    reg [AW-1:0] row_base, group_base, address;
    reg [SW-1:0] slot_base, slot;
    wire row_end = group_end & row_last;
    wire [AW-1:0] address_n = address + 1'b1;
    wire [SW-1:0] slot_n = slot + 1'b1;
    // a last group without a whole block leaves no word
    wire filled = odd_group | column < {1'b0, width_m1};
    wire [AW-1:0] group_n, row_after;
    wire [AW-1:0] row_n = odd_row ? row_after : row_base;
    assign next_base = row_base;
    generate
        if (RINGS != 0) begin : gen_ring
            reg [11:0] ring;
            wire ring_ends = ring == ring_m1;
            assign group_n = group_base + step;
            assign row_after = row_base + (ring_ends ? -wrap : pitch);
            assign next_ring = ring;
            always @(posedge clk) begin
                if (word_valid & row_end & odd_row) ring <= ring_ends ? 12'd0 : ring + 12'd1;
                if (start) ring <= ring_at;
            end
            wire unused_ring = &{1'b0, filled};
        end else begin : gen_packed
            assign group_n = address_n;
            assign row_after = filled ? address_n : group_base;
            assign next_ring = 12'd0;
            wire unused_ring = &{1'b0, first_odd, pitch, step, ring_at, ring_m1, wrap};
        end
    endgenerate
    always @(posedge clk) begin
        if (word_valid) begin
            address <= row_end ? row_n : ~group_end ? address_n : odd_group ? group_n : group_base;
            slot <= row_end ? {SW{1'b0}}
                  : group_end & ~PAIRS & ~odd_group ? slot_base : slot_n;
            if (group_end) begin
                odd_group <= ~row_end & ~odd_group;
                column <= row_end ? 13'd0 : column + TPW;
            end
            if (row_end) begin
                odd_row <= ~odd_row;
                row_base <= row_n;
                group_base <= row_n;
                slot_base <= {SW{1'b0}};
            end else if (group_end & odd_group) begin
                group_base <= group_n;
                slot_base <= slot_n;
            end
        end
        if (start) begin
            odd_row <= RINGS != 0 & first_odd; odd_group <= 1'b0;
            column <= 13'd0;
            row_base <= pool_base; group_base <= pool_base; address <= pool_base;
            slot_base <= {SW{1'b0}}; slot <= {SW{1'b0}};
        end
    end

    // the word beside what the buffer holds of its blocks
    reg           taken, opens, closes, half;
    reg  [12:0]   column_q;
    reg  [AW-1:0] address_q;
    reg  [SW-1:0] slot_q;
    reg  [PW-1:0] across;
    wire [PW-1:0] across_n, stored, largest;
    always @(posedge clk) begin
        taken <= word_valid & ~rst;
        if (word_valid) begin
            opens <= ~odd_row & (PAIRS | ~odd_group);
            closes <= odd_row & (PAIRS | odd_group);
            half <= odd_group;
            column_q <= column;
            address_q <= address;
            slot_q <= slot;
            across <= across_n;
        end
    end
    ram_1r1w #(.WIDTH(PW), .DEPTH(DEPTH), .AW(SW)) u_buffer (
        .clk(clk), .we(taken & ~closes), .waddr(slot_q), .wdata(largest),
        .re(word_valid), .raddr(slot), .rdata(stored)
    );
    genvar i, b;
    generate
        for (i = 0; i < HALF * TN; i = i + 1) begin : gen_value
            localparam LEFT = PAIRS ? 2 * (i / TN) * TN + i % TN : i;
            localparam RIGHT = PAIRS ? LEFT + TN : i;
            wire signed [TA:0] left = {is_signed & word[LEFT*TA+TA-1], word[LEFT*TA +: TA]};
            wire signed [TA:0] right = {is_signed & word[RIGHT*TA+TA-1], word[RIGHT*TA +: TA]};
            wire signed [TA:0] here = {is_signed & across[i*TA+TA-1], across[i*TA +: TA]};
            wire signed [TA:0] above = {is_signed & stored[i*TA+TA-1], stored[i*TA +: TA]};
            assign across_n[i*TA +: TA] = left > right ? left[TA-1:0] : right[TA-1:0];
            assign largest[i*TA +: TA] = opens | here > above ? here[TA-1:0] : above[TA-1:0];
        end
    endgenerate

    // the write
    reg          writing, upper;
    reg [PW-1:0] pooled;
    assign active = writing;
    always @(posedge clk) begin
        writing <= taken & closes & ~rst;
        upper <= half;
        waddr <= address_q;
        pooled <= largest;
    end
    generate
        for (b = 0; b < TP; b = b + 1) begin : gen_bank
            assign wdata[b*BW +: BW] = pooled[b%HALF*BW +: BW];
            if (TP == 1) begin : gen_whole
                wire unused_ok = &{1'b0, upper, column_q};
                assign we[b] = writing;
            end else begin : gen_half
                localparam UPPER = b >= HALF;
                localparam [12:0] RIGHT_COLUMN = 2 * (b % HALF) + 1;
                reg in_range;
                always @(posedge clk) in_range <= column_q + RIGHT_COLUMN <= {1'b0, width_m1};
                assign we[b] = writing & in_range & upper == UPPER;
            end
        end
    endgenerate
endmodule
`default_nettype wire
