`default_nettype none
// The host's registers on Wishbone B4 (classic cycles, 32 bits, byte addresses).
//
// Contract: network::registers. START with an input that is not loaded exactly is refused with
// ERR.length; START or memory access while busy is refused with ERR.busy; ABORT, SOFT_RESET, an
// error and the watchdog stop the engine through `stop`; what happens until it is no longer busy is
// neither counted nor an error.
// Latency: acknowledge one cycle after the strobe, memory reads four. Throughput: one access at
// a time.
module register_block #(
    parameter [31:0] MODEL_HASH = 0,      // CRC-32 of the model file
    parameter [31:0] CAPS = 0,            // value of register CAPS
    parameter [31:0] INPUT_BASE = 0,      // reset value, window address of the input
    parameter [31:0] INPUT_LENGTH = 0,    // reset value, window words of the input
    parameter [31:0] WATCHDOG = 0,        // reset value, cycles, 0 = off
    parameter [31:0] FEATURE_DEPTH = 16,  // words of each memory
    parameter [31:0] WEIGHT_DEPTH = 16,
    parameter [31:0] PARAM_DEPTH = 16,
    parameter [31:0] DESC_DEPTH = 16,
    parameter [31:0] EXTERNAL_LENGTH = 0  // bytes of external memory
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        wb_cyc_i,
    input  wire        wb_stb_i,
    input  wire        wb_we_i,
    input  wire [7:0]  wb_adr_i,
    input  wire [31:0] wb_dat_i,
    output reg  [31:0] wb_dat_o,
    output reg         wb_ack_o,
    output wire        irq,
    output reg         go,
    output reg         single,
    output wire        stop,
    input  wire        busy,
    input  wire        paused,
    input  wire        finished,
    input  wire        stepped,
    input  wire        bad,
    input  wire [15:0] layer,
    input  wire        issue,
    input  wire        stall,
    input  wire        stall_input,
    input  wire        stall_weights,
    input  wire        stall_output,
    input  wire        beat_read,
    input  wire        beat_written,
    input  wire        bus_error,
    output reg  [31:0] external_base,
    output reg         window_write,
    output reg         window_read,
    output wire [2:0]  window_select,
    output wire [31:0] window_address,
    output reg  [31:0] window_wdata,
    input  wire [31:0] window_rdata,
    input  wire        window_done
);
    `include "qunet_defs.vh"

    reg         done;
    reg  [4:0]  err;
    reg  [2:0]  irq_enable, irq_status;
    reg  [31:0] watchdog, cycles, count_busy, count_stall;
    reg  [31:0] count_input, count_weights, count_output;
    reg  [27:0] beats_read, beats_written;   // of 16 bytes
    reg  [31:0] input_base, input_length, input_loaded;
    reg         overrun;      // a word too many was written
    reg  [2:0]  select;
    reg  [31:0] address;
    reg         waiting;      // for the memory window
    reg         dropped;      // the master gave up the access that is waited for
    reg         abort_now, reset_now;
    reg         stopping;     // stopped and still busy

    // one strobe is one access
    wire access = wb_cyc_i & wb_stb_i & ~wb_ack_o & ~waiting;
    wire wr = access & wb_we_i;
    wire rd = access & ~wb_we_i;
    wire at_data = wb_adr_i == R_WINDOW_DATA;
    wire memory_ok = ~busy & ~go;
    wire on_input = select == WINDOW_INPUT;
    wire input_full = input_loaded == input_length;
    wire window_start = access & at_data & memory_ok & (wb_we_i | ~on_input);
    wire too_many = on_input & (input_full | overrun);
    wire to_memory = window_start & ~too_many;
    wire ctrl = wr & wb_adr_i == R_CTRL;
    wire run = ctrl & (wb_dat_i[R_CTRL_START] | wb_dat_i[R_CTRL_STEP])
             & ~wb_dat_i[R_CTRL_ABORT] & ~wb_dat_i[R_CTRL_SOFT_RESET];
    wire fresh = run & memory_ok & ~paused;
    wire length_ok = input_full & ~overrun;
    // a register between the comparison and the engine that it clears
    reg  over_limit;
    wire running = busy & ~stopping;
    wire [31:0] cycles_n = cycles + {31'd0, running};
    always @(posedge clk) over_limit <= watchdog != 32'd0 & cycles_n >= watchdog;
    wire expired = running & over_limit;
    wire failed = bus_error & ~stopping;

    assign stop = abort_now | reset_now | expired | failed;
    always @(posedge clk) stopping <= ~rst & (stop | (stopping & busy & ~go));
    assign window_select = on_input ? WINDOW_FEATURES : select;
    assign window_address = address;
    assign irq = (irq_enable & irq_status) != 3'd0;

    wire [4:0] err_set;
    assign err_set[R_ERR_LENGTH] = fresh & ~length_ok;
    assign err_set[R_ERR_DESCRIPTOR] = bad;
    assign err_set[R_ERR_WATCHDOG] = expired;
    assign err_set[R_ERR_BUS] = failed;
    assign err_set[R_ERR_BUSY] = (run | (access & at_data)) & ~memory_ok;
    wire [4:0] err_clear = wr & wb_adr_i == R_ERR ? wb_dat_i[4:0] : 5'd0;
    wire [2:0] irq_set;
    assign irq_set[R_IRQ_STATUS_DONE] = finished;
    assign irq_set[R_IRQ_STATUS_ERROR] = err_set != 5'd0;
    assign irq_set[R_IRQ_STATUS_STEP] = stepped;
    wire [2:0] irq_clear = wr & wb_adr_i == R_IRQ_STATUS ? wb_dat_i[2:0] : 3'd0;

    // commands, events and counters
    always @(posedge clk) begin
        go <= run & memory_ok & (paused | length_ok);
        if (run) single <= wb_dat_i[R_CTRL_STEP];
        abort_now <= ctrl & wb_dat_i[R_CTRL_ABORT];
        reset_now <= ctrl & wb_dat_i[R_CTRL_SOFT_RESET];
        err <= (err & ~err_clear) | err_set;
        irq_status <= (irq_status & ~irq_clear) | irq_set;
        if (fresh & length_ok) begin
            done <= 1'b0;
            cycles <= 32'd0;
            count_busy <= 32'd0;
            count_stall <= 32'd0;
            count_input <= 32'd0;
            count_weights <= 32'd0;
            count_output <= 32'd0;
            beats_read <= 28'd0;
            beats_written <= 28'd0;
        end else begin
            done <= (done | finished) & ~stop & ~bad;
            cycles <= cycles_n;
            if (issue) count_busy <= count_busy + 32'd1;
            if (stall) count_stall <= count_stall + 32'd1;
            if (stall_input) count_input <= count_input + 32'd1;
            if (stall_weights) count_weights <= count_weights + 32'd1;
            if (stall_output) count_output <= count_output + 32'd1;
            if (beat_read) beats_read <= beats_read + 28'd1;
            if (beat_written) beats_written <= beats_written + 28'd1;
        end
        if (wr & wb_adr_i == R_IRQ_ENABLE) irq_enable <= wb_dat_i[2:0];
        if (wr & wb_adr_i == R_WATCHDOG) watchdog <= wb_dat_i;
        if (wr & wb_adr_i == R_INPUT_BASE) input_base <= wb_dat_i;
        if (wr & wb_adr_i == R_INPUT_LENGTH) input_length <= wb_dat_i;
        if (wr & wb_adr_i == R_EXTERNAL_BASE) external_base <= {wb_dat_i[31:4], 4'd0};
        if (rst | reset_now) begin
            go <= 1'b0;
            single <= 1'b0;
            done <= 1'b0;
            err <= 5'd0;
            irq_enable <= 3'd0;
            irq_status <= 3'd0;
            watchdog <= WATCHDOG;
            input_base <= INPUT_BASE;
            input_length <= INPUT_LENGTH;
            cycles <= 32'd0;
            count_busy <= 32'd0;
            count_stall <= 32'd0;
            count_input <= 32'd0;
            count_weights <= 32'd0;
            count_output <= 32'd0;
            beats_read <= 28'd0;
            beats_written <= 28'd0;
            external_base <= 32'd0;
            abort_now <= 1'b0;
            reset_now <= 1'b0;
        end
    end

    // the memory window and the load of the input, which begins anew at its base
    wire rewind = (wr & (wb_adr_i == R_WINDOW_SELECT | wb_adr_i == R_INPUT_BASE))
                | (fresh & length_ok) | stop | bad;
    reg  rewound;
    always @(posedge clk) begin
        window_write <= to_memory & wb_we_i;
        window_read <= to_memory & ~wb_we_i;
        if (to_memory) begin
            window_wdata <= wb_dat_i;
            waiting <= 1'b1;
            dropped <= 1'b0;
        end else if (waiting & ~(wb_cyc_i & wb_stb_i)) dropped <= 1'b1;
        if (window_start & too_many) overrun <= 1'b1;
        if (window_done) begin
            waiting <= 1'b0;
            address <= address + 32'd1;
            if (on_input) input_loaded <= input_loaded + 32'd1;
        end
        if (wr & wb_adr_i == R_WINDOW_SELECT) begin
            select <= wb_dat_i[2:0];
            address <= 32'd0;
        end
        if (wr & wb_adr_i == R_WINDOW_ADDRESS & ~on_input) address <= wb_dat_i;
        rewound <= rewind;
        if (rewind) begin
            input_loaded <= 32'd0;
            overrun <= 1'b0;
        end
        if (rewound & on_input) address <= input_base;
        if (rst | reset_now) begin
            select <= 3'd0;
            address <= 32'd0;
            input_loaded <= 32'd0;
            overrun <= 1'b0;
            waiting <= 1'b0;
            dropped <= 1'b0;
            window_write <= 1'b0;
            window_read <= 1'b0;
        end
    end

    reg [31:0] value;
    always @* begin
        case (wb_adr_i)
            R_ID: value = ID_VALUE;
            R_VERSION: value = VERSION_VALUE;
            R_MODEL_HASH: value = MODEL_HASH;
            R_CAPS: value = CAPS;
            R_STATUS: begin
                value = 32'd0;
                // `finished` closes the gap between the last busy cycle and `done`
                value[R_STATUS_BUSY] = busy | go | finished;
                value[R_STATUS_PAUSED] = paused & ~go;
                value[R_STATUS_DONE] = done;
            end
            R_ERR: value = {27'd0, err};
            R_IRQ_ENABLE: value = {29'd0, irq_enable};
            R_IRQ_STATUS: value = {29'd0, irq_status};
            R_WATCHDOG: value = watchdog;
            R_CYCLES: value = cycles;
            R_LAYER: value = {16'd0, layer};
            R_COUNT_BUSY: value = count_busy;
            R_COUNT_STALL: value = count_stall;
            R_INPUT_BASE: value = input_base;
            R_INPUT_LENGTH: value = input_length;
            R_INPUT_LOADED: value = input_loaded;
            R_WINDOW_SELECT: value = {29'd0, select};
            R_WINDOW_ADDRESS: value = address;
            R_FEATURE_DEPTH: value = FEATURE_DEPTH;
            R_WEIGHT_DEPTH: value = WEIGHT_DEPTH;
            R_PARAM_DEPTH: value = PARAM_DEPTH;
            R_DESCRIPTOR_DEPTH: value = DESC_DEPTH;
            R_EXTERNAL_BASE: value = external_base;
            R_EXTERNAL_LENGTH: value = EXTERNAL_LENGTH;
            R_COUNT_STALL_INPUT: value = count_input;
            R_COUNT_STALL_WEIGHTS: value = count_weights;
            R_COUNT_STALL_OUTPUT: value = count_output;
            R_BYTES_READ: value = {beats_read, 4'd0};
            R_BYTES_WRITTEN: value = {beats_written, 4'd0};
            default: value = 32'd0;
        endcase
    end
    always @(posedge clk) begin
        if (rd) wb_dat_o <= value;
        if (window_done & ~dropped) wb_dat_o <= window_rdata;
        wb_ack_o <= ~rst & wb_cyc_i & wb_stb_i & ~wb_ack_o
                  & ((window_done & ~dropped) | (access & ~to_memory));
    end
endmodule
`default_nettype wire
