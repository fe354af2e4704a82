`default_nettype none
// The loop nest: one iteration a cycle, with the addresses and the control that go with it.
//
//   for y, pixel group, phase, output group, digit, source, input group, ky, kx
//
// Contract: from `start` on, each cycle with `valid` names one read of TP pixels and one weight
// word. Row and column starts come from the descriptor, so there is no multiplication; addresses
// wrap, and pixels outside the image have mask 0. The last iteration of a pass waits until the
// shadow register of the pass before has drained; nothing is issued while `hold`.
// A visit runs rows_m1 + 1 rows from row `first_row` on. With RINGS, row y of a source lies in row
// y mod (ring_m1 + 1) of its memory; the state after the visit (next_row, rows, ring positions)
// starts the next one.
// Latency: outputs one cycle after the loop counters. Throughput: one iteration a cycle.
module address_generator #(
    parameter TP = 4,      // pixel lanes, power of two, 1..16
    parameter TM = 4,      // output channel lanes, power of two
    parameter BLOCKS = 2,  // drain cycles a channel, power of two
    parameter AW = 10,     // bits of a feature address
    parameter WAW = 10,    // bits of a weight address
    parameter RW = 2,      // bits of the rotation, max(1, log2 TP)
    parameter RINGS = 0    // 1: sources may be rings of rows
) (
    input  wire           clk,
    input  wire           rst,
    input  wire           start,
    input  wire           pool,
    input  wire           second_source,
    input  wire           upsample_a,
    input  wire           upsample_b,
    input  wire           signed_a,
    input  wire           signed_b,
    input  wire           phases,
    input  wire           slow,
    input  wire [3:0]     digits_m1,
    input  wire [11:0]    width_m1,
    input  wire [11:0]    height_m1,
    input  wire [3:0]     kernel_h_m1,
    input  wire [3:0]     kernel_w_m1,
    input  wire [2:0]     pad_h,
    input  wire [2:0]     pad_w,
    input  wire [7:0]     last_lanes,
    input  wire [11:0]    groups_a_m1,
    input  wire [11:0]    groups_b_m1,
    input  wire [11:0]    first_row,
    input  wire [11:0]    rows_m1,
    input  wire [AW-1:0]  start_a,
    input  wire [AW-1:0]  start_b,
    input  wire [11:0]    ring_at_a,
    input  wire [11:0]    ring_at_b,
    input  wire [11:0]    ring_m1_a,
    input  wire [11:0]    ring_m1_b,
    input  wire [AW-1:0]  wrap_a,
    input  wire [AW-1:0]  wrap_b,
    input  wire [AW-1:0]  step_a,
    input  wire [AW-1:0]  step_b,
    input  wire [AW-1:0]  pitch_a,
    input  wire [AW-1:0]  pitch_b,
    input  wire [WAW-1:0] weight_base,
    input  wire [11:0]    out_groups_m1,
    input  wire           hold,
    output wire           issue,
    output wire           stall,
    output wire [11:0]    next_row,
    output wire [AW-1:0]  next_start_a,
    output wire [AW-1:0]  next_start_b,
    output wire [11:0]    next_ring_a,
    output wire [11:0]    next_ring_b,
    output reg            valid,
    output reg  [AW-1:0]  raddr,
    output reg  [AW-1:0]  raddr_next,
    output reg  [RW-1:0]  rotation,
    output reg            upsample,
    output reg            parity,
    output reg            is_signed,
    output reg  [TP-1:0]  mask,
    output reg  [WAW-1:0] weight_address,
    output reg            first,
    output reg            shift,
    output reg            last,
    output reg            top_digit,
    output reg            end_group,
    output reg  [2:0]     ends
);
    localparam LGTP = $clog2(TP);
    localparam LGB = $clog2(BLOCKS);
    localparam [13:0] LOW = TP - 1;
    localparam [13:0] LOW_UP = 2 * TP - 1;
    localparam [13:0] TPX = TP;
    localparam [31:0] DRAIN = TM * BLOCKS;
    localparam [15:0] FULL_DRAIN = DRAIN[15:0];
    localparam POOL_BY_PIXEL = TP == 1;

    // loop counters
    reg        running;
    reg [3:0]  kx, ky;
    reg [11:0] ng;
    reg        source;
    reg [3:0]  digit;
    reg [11:0] mg;
    reg [1:0]  phase;
    reg [11:0] xg, y, rows_left;
    reg        pass_begins, digit_begins;

    wire [11:0] xg_last_value = width_m1 >> LGTP;
    wire kx_last = kx == kernel_w_m1;
    wire ky_last = kx_last & ky == kernel_h_m1;
    wire ng_last = ky_last & (pool | ng == (source ? groups_b_m1 : groups_a_m1));
    wire source_last = ng_last & (source | ~second_source);
    wire pass_last = source_last & digit == digits_m1;
    wire mg_last = pass_last & mg == out_groups_m1;
    wire phase_last = mg_last & (~phases | phase == 2'd3);
    wire xg_last = phase_last & xg == xg_last_value;
    wire y_last = xg_last & rows_left == 12'd0;

    // the drain of the pass before
    reg [15:0] drain_left;
    wire [15:0] last_drain = ({8'd0, last_lanes} << LGB) << slow;
    wire [15:0] full_drain = FULL_DRAIN << slow;
    assign stall = running & pass_last & ~pool & drain_left != 16'd0;
    assign issue = running & ~stall & ~hold;

    always @(posedge clk) begin
        if (rst | start) drain_left <= 16'd0;
        else if (issue & pass_last)
            drain_left <= (mg == out_groups_m1 ? last_drain : full_drain) - 16'd1;
        else if (drain_left != 16'd0) drain_left <= drain_left - 16'd1;
    end

    always @(posedge clk) begin
        if (issue) begin
            kx <= kx_last ? 4'd0 : kx + 4'd1;
            if (kx_last) ky <= ky_last ? 4'd0 : ky + 4'd1;
            if (ky_last) ng <= ng_last ? 12'd0 : ng + 12'd1;
            if (ng_last) source <= ~source_last;
            if (source_last) digit <= pass_last ? 4'd0 : digit + 4'd1;
            if (pass_last) mg <= mg_last ? 12'd0 : mg + 12'd1;
            if (mg_last) phase <= phase_last ? 2'd0 : phase + 2'd1;
            if (phase_last) xg <= xg_last ? 12'd0 : xg + 12'd1;
            if (xg_last) begin
                y <= y + 12'd1;
                rows_left <= rows_left - 12'd1;
            end
            pass_begins <= pass_last;
            digit_begins <= source_last;
        end
        if (start) begin
            kx <= 4'd0; ky <= 4'd0; ng <= 12'd0; source <= 1'b0; digit <= 4'd0;
            mg <= 12'd0; phase <= 2'd0; xg <= 12'd0; y <= first_row; rows_left <= rows_m1;
            pass_begins <= 1'b1;
            digit_begins <= 1'b1;
        end
        running <= ~rst & (start | (running & ~(issue & y_last)));
    end

    // coordinates of the tap at pixel lane 0, in the layer's own resolution
    reg signed [13:0] row_start, row, column_start, column;
    wire signed [13:0] first_tap_row = $signed({2'b00, first_row}) - $signed({11'd0, pad_h});
    wire signed [13:0] first_column = -{11'd0, pad_w};
    wire signed [13:0] row_start_n = xg_last ? row_start + 14'sd1 : row_start;
    wire signed [13:0] column_start_n = xg_last ? first_column
                                      : phase_last ? column_start + TPX : column_start;
    always @(posedge clk) begin
        if (issue) begin
            row_start <= row_start_n;
            column_start <= column_start_n;
            row <= ky_last ? row_start_n : kx_last ? row + 14'sd1 : row;
            column <= kx_last ? column_start_n : column + 14'sd1;
        end
        if (start) begin
            row_start <= first_tap_row; row <= first_tap_row;
            column_start <= first_column; column <= first_column;
        end
    end

    // feature addresses: of the window row, of the pixel group, of the input group, of the tap
    reg [AW-1:0] rows_a, rows_b, cell_a, cell_b, group_at, row_at, tap_at;
    wire ups = source ? upsample_b : upsample_a;
    wire [AW-1:0] step = source ? step_b : step_a;
    wire [AW-1:0] pitch = source ? pitch_b : pitch_a;
    wire [AW-1:0] wrap = source ? wrap_b : wrap_a;
    wire column_crosses = ups ? (column & LOW_UP) == LOW_UP : (column & LOW) == LOW;
    wire row_crosses = ~ups | row[0];

    wire [AW-1:0] zero = {AW{1'b0}};
    wire ring_ends_a, ring_ends_b, tap_ring_ends;   // the last row of a ring: the first follows
    wire advance_a = ~upsample_a | row_start[0];
    wire advance_b = ~upsample_b | row_start[0];
    wire [AW-1:0] rows_a_n = rows_a + (~advance_a ? zero : ring_ends_a ? -wrap_a : pitch_a)
                           + (pool ? pitch_a : zero);
    wire [AW-1:0] rows_b_n = rows_b + (~advance_b ? zero : ring_ends_b ? -wrap_b : pitch_b);
    wire [AW-1:0] right_a = cell_a + (pool & POOL_BY_PIXEL ? step_a << 1
                                    : ~upsample_a | column_start[LGTP] ? step_a : zero);
    wire [AW-1:0] right_b = cell_b + (~upsample_b | column_start[LGTP] ? step_b : zero);
    wire [AW-1:0] cell_a_n = xg_last ? rows_a_n : phase_last ? right_a : cell_a;
    wire [AW-1:0] cell_b_n = xg_last ? rows_b_n : phase_last ? right_b : cell_b;
    wire [AW-1:0] group_n = ng_last & ~source_last ? cell_b
                          : ~ng_last | (pool & ~mg_last) ? group_at + 1'b1 : cell_a_n;
    wire [AW-1:0] row_n = ky_last ? group_n
                        : row_at + (~row_crosses ? zero : tap_ring_ends ? -wrap : pitch);
    wire [AW-1:0] tap_n = kx_last ? row_n : tap_at + (column_crosses ? step : zero);
    always @(posedge clk) begin
        if (issue) begin
            if (xg_last) begin
                rows_a <= rows_a_n;
                rows_b <= rows_b_n;
            end
            cell_a <= cell_a_n;
            cell_b <= cell_b_n;
            if (ky_last) group_at <= group_n;
            if (kx_last) row_at <= row_n;
            tap_at <= tap_n;
        end
        if (start) begin
            rows_a <= start_a; rows_b <= start_b;
            cell_a <= start_a; cell_b <= start_b;
            group_at <= start_a; row_at <= start_a; tap_at <= start_a;
        end
    end

    // positions in the rings of rows: of the window row, of the tap
    assign next_row = y;
    assign next_start_a = rows_a;
    assign next_start_b = rows_b;
    generate
        if (RINGS != 0) begin : gen_rings
            reg [11:0] ring_a, ring_b, ring_tap;
            // a max-pool takes two rows at once, of a ring with an even number of rows
            wire [11:0] ring_a_n = ~advance_a ? ring_a : ring_ends_a ? 12'd0
                                 : ring_a + (pool ? 12'd2 : 12'd1);
            wire [11:0] ring_b_n = ~advance_b ? ring_b : ring_ends_b ? 12'd0 : ring_b + 12'd1;
            wire [11:0] first_a = xg_last ? ring_a_n : ring_a;
            wire [11:0] first_b = xg_last ? ring_b_n : ring_b;
            wire to_b = ~source_last & (source | ng_last);
            assign ring_ends_a = ring_a == (pool ? ring_m1_a - 12'd1 : ring_m1_a);
            assign ring_ends_b = ring_b == ring_m1_b;
            assign tap_ring_ends = ring_tap == (source ? ring_m1_b : ring_m1_a);
            assign next_ring_a = ring_a;
            assign next_ring_b = ring_b;
            always @(posedge clk) begin
                if (issue) begin
                    if (xg_last) begin
                        ring_a <= ring_a_n;
                        ring_b <= ring_b_n;
                    end
                    if (ky_last) ring_tap <= to_b ? first_b : first_a;
                    else if (kx_last & row_crosses)
                        ring_tap <= tap_ring_ends ? 12'd0 : ring_tap + 12'd1;
                end
                if (start) begin
                    ring_a <= ring_at_a;
                    ring_b <= ring_at_b;
                    ring_tap <= ring_at_a;
                end
            end
        end else begin : gen_no_rings
            wire unused_ok = &{1'b0, ring_at_a, ring_at_b, ring_m1_a, ring_m1_b};
            assign ring_ends_a = 1'b0;
            assign ring_ends_b = 1'b0;
            assign tap_ring_ends = 1'b0;
            assign next_ring_a = 12'd0;
            assign next_ring_b = 12'd0;
        end
    endgenerate

    // weights lie in loop order and repeat for every pixel group
    reg [WAW-1:0] weight_at;
    always @(posedge clk) begin
        if (start) weight_at <= weight_base;
        else if (issue) weight_at <= phase_last ? weight_base : weight_at + 1'b1;
    end

    // registered outputs
    wire row_inside = ~row[13] & row <= $signed({2'b00, height_m1});
    wire [13:0] source_column = ups ? {column[13], column[13:1]} : column;
    always @(posedge clk) begin
        valid <= issue & ~rst;
        raddr <= tap_at;
        raddr_next <= tap_at + step;
        upsample <= ups;
        parity <= column[0];
        is_signed <= source ? signed_b : signed_a;
        weight_address <= weight_at;
        first <= pass_begins;
        shift <= digit_begins & ~pass_begins;
        last <= pass_last;
        top_digit <= digit == 4'd0;
        end_group <= mg == out_groups_m1;
        ends <= {rows_left == 12'd0, xg == xg_last_value, ~phases | phase == 2'd3};
    end
    generate
        if (TP == 1) begin : gen_no_rotation
            wire unused_ok = &{1'b0, source_column};
            always @(posedge clk) rotation <= 1'b0;
        end else begin : gen_rotation
            wire unused_ok = &{1'b0, source_column[13:LGTP]};
            always @(posedge clk) rotation <= source_column[LGTP-1:0];
        end
    endgenerate
    genvar j;
    generate
        for (j = 0; j < TP; j = j + 1) begin : gen_mask
            localparam signed [13:0] LANE = j;
            wire signed [13:0] at = column + LANE;
            wire in_range = row_inside & ~at[13] & at <= $signed({2'b00, width_m1});
            always @(posedge clk) mask[j] <= in_range | pool;
        end
    endgenerate
endmodule
`default_nettype wire
