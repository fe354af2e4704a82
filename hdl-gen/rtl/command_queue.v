`default_nettype none
// One of the two command queues of an external-memory build: fetches the next command and says
// when it may start.
//
// Contract: a command word is {wait 8, first 1, rows 8, index 15}. `wait` adds to the number of
// completions of the other queue (pulses on `other_done`) that must have come before the command
// may start; a command of no rows only adds; the word 0 ends the program. `restart` begins at
// word 0 with nothing completed. The command stands until `take`.
// Latency: a command stands three cycles after the one before was taken. Throughput: as latency.
module command_queue #(
    parameter AW = 8      // bits of a command address
) (
    input  wire          clk,
    input  wire          rst,
    input  wire          restart,
    input  wire          other_done,
    input  wire          take,
    output wire          fetch,
    output reg  [AW-1:0] fetch_address,
    input  wire [31:0]   fetch_data,
    output reg           valid,
    output wire          may_start,
    output reg           ended,
    output reg  [15:0]   index,
    output reg  [7:0]    rows,
    output reg           first
);
    reg        running, arriving;
    reg [31:0] threshold, completed;

    wire [31:0] ahead = completed - threshold;
    wire        counts = fetch_data[22:15] != 8'd0;
    wire        is_end = fetch_data == 32'd0;
    assign fetch = running & ~arriving & (~valid | take);
    assign may_start = valid & ~ahead[31];
    wire unused_ok = &{1'b0, ahead[30:0]};

    always @(posedge clk) begin
        arriving <= fetch;
        if (fetch) fetch_address <= fetch_address + 1'b1;
        if (take) valid <= 1'b0;
        if (arriving) begin
            index <= {1'b0, fetch_data[14:0]};
            rows <= fetch_data[22:15];
            first <= fetch_data[23];
            threshold <= threshold + {24'd0, fetch_data[31:24]};
            valid <= counts;
            if (is_end) begin
                running <= 1'b0;
                ended <= 1'b1;
            end
        end
        if (other_done) completed <= completed + 32'd1;
        if (rst | restart) begin
            running <= restart & ~rst;
            arriving <= 1'b0;
            fetch_address <= {AW{1'b0}};
            threshold <= 32'd0;
            completed <= 32'd0;
            valid <= 1'b0;
            ended <= 1'b0;
        end
    end
endmodule
`default_nettype wire
