`default_nettype none
// Where each output word goes in feature memory.
//
// Contract: words arrive in loop order; group_end marks the last word of a pixel group (of a
// phase), ends = {layer, row, phases} what else ends with it. Plain words are written whole;
// a transposed word is spread over two pixel groups at every second pixel; a pooled word fills
// half a pixel group. Pixels past the output width are not written. With RINGS, output row y lies
// in row y mod (ring_m1 + 1); transposed outputs need an even number of ring rows.
// Latency: one cycle to the write (two for the second half). Throughput: one word a cycle,
// transposed with TP > 1 every second cycle.
module output_writer #(
    parameter TP = 4,   // pixel lanes, power of two
    parameter BW = 12,  // bits of a bank word: TN * TA
    parameter AW = 10,  // address bits
    parameter RINGS = 0 // 1: the output may be a ring of rows
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             start,
    input  wire             phases,
    input  wire             pool,
    input  wire [AW-1:0]    out_base,
    input  wire [AW-1:0]    out_pitch,
    input  wire [AW-1:0]    out_step,
    input  wire [11:0]      ring_at,
    input  wire [11:0]      ring_m1,
    input  wire [AW-1:0]    wrap,
    input  wire [11:0]      out_width_m1,
    input  wire             word_valid,
    input  wire [TP*BW-1:0] word,
    input  wire             group_end,
    input  wire [2:0]       ends,
    output wire [TP-1:0]    we,
    output wire [AW-1:0]    waddr,
    output wire [TP*BW-1:0] wdata,
    output wire [AW-1:0]    next_base,
    output wire [11:0]      next_ring,
    output wire             done
);
    localparam SPLIT = TP > 1;
    localparam [12:0] TPW = TP;
    localparam [12:0] TPW2 = 2 * TP;

    // loop position
    reg [AW-1:0] row_base;
    reg [AW-1:0] group_base;
    reg [AW-1:0] address;
    reg [12:0]   column;
    reg [1:0]    phase;
    reg          pool_half;

    wire phase_end = group_end & ends[0];
    wire row_end = phase_end & ends[1];
    wire layer_end = row_end & ends[2];
    wire pool_stays = pool & SPLIT & ~pool_half;

    wire [AW-1:0] two_steps = out_step << 1;
    wire          ring_ends;
    wire [AW-1:0] next_row = row_base + (ring_ends ? -wrap : out_pitch)
                           + (phases ? out_pitch : {AW{1'b0}});
    assign next_base = row_base;
    wire [AW-1:0] next_group = group_base
        + (pool_stays ? {AW{1'b0}} : phases ? two_steps : out_step);
    wire [1:0]    next_phase = phase + 2'd1;
    wire [AW-1:0] phase_row = next_phase[1] ? out_pitch : {AW{1'b0}};
    wire [AW-1:0] phase_column = next_phase[0] & ~SPLIT ? out_step : {AW{1'b0}};

    always @(posedge clk) begin
        if (word_valid) begin
            address <= row_end   ? next_row
                     : phase_end ? next_group
                     : group_end ? group_base + phase_row + phase_column
                                 : address + 1'b1;
            if (group_end) phase <= phase_end ? 2'd0 : next_phase;
            if (phase_end) begin
                group_base <= row_end ? next_row : next_group;
                column <= row_end ? 13'd0 : pool_stays ? column : column + (phases ? TPW2 : TPW);
                pool_half <= ~row_end & pool & SPLIT & ~pool_half;
            end
            if (row_end) row_base <= next_row;
        end
        if (start) begin
            row_base <= out_base;
            group_base <= out_base;
            address <= out_base;
            column <= 13'd0;
            phase <= 2'd0;
            pool_half <= 1'b0;
        end
    end

    generate
        if (RINGS != 0) begin : gen_ring
            reg [11:0] ring;
            assign ring_ends = ring == (phases ? ring_m1 - 12'd1 : ring_m1);
            assign next_ring = ring;
            always @(posedge clk) begin
                if (word_valid & row_end)
                    ring <= ring_ends ? 12'd0 : ring + (phases ? 12'd2 : 12'd1);
                if (start) ring <= ring_at;
            end
        end else begin : gen_no_ring
            wire unused_ok = &{1'b0, ring_at, ring_m1, wrap};
            assign ring_ends = 1'b0;
            assign next_ring = 12'd0;
        end
    endgenerate

    // the word being written
    reg             active;
    reg             second;
    reg             ends_layer;
    reg             half;
    reg             odd;
    reg [AW-1:0]    held_address;
    reg [12:0]      held_column;
    reg [TP*BW-1:0] held;

    wire again = phases & SPLIT & active & ~second;
    always @(posedge clk) begin
        active <= (word_valid | again) & ~rst;
        second <= again;
        if (word_valid) begin
            held <= word;
            held_address <= address;
            held_column <= column + {12'd0, phases & ~SPLIT & phase[0]};
            odd <= phase[0];
            half <= pool_half;
            ends_layer <= layer_end;
        end else if (again) begin
            held_address <= held_address + out_step;
            held_column <= held_column + TPW;
            half <= 1'b1;
        end
    end
    assign waddr = held_address;
    assign done = active & ends_layer & ~again;

    genvar b;
    generate
        for (b = 0; b < TP; b = b + 1) begin : gen_bank
            localparam [12:0] BANK = b;
            wire in_range = held_column + BANK <= {1'b0, out_width_m1};
            if (TP == 1) begin : gen_whole
                wire unused_ok = &{1'b0, half, odd};
                assign we[b] = active & in_range;
                assign wdata = held;
            end else begin : gen_spread
                localparam UPPER = b >= TP / 2;
                localparam ODD = b % 2 == 1;
                wire phase_ok = ~phases | odd == ODD;
                wire pool_ok = ~pool | half == UPPER;
                assign we[b] = active & in_range & phase_ok & pool_ok;
                assign wdata[b*BW +: BW] = !phases ? held[b*BW +: BW]
                    : half ? held[(TP/2+b/2)*BW +: BW] : held[(b/2)*BW +: BW];
            end
        end
    endgenerate
endmodule
`default_nettype wire
