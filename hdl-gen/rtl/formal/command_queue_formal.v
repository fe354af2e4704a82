`default_nettype none
// Proves: commands are fetched once each, in order, and stand unchanged until taken; none may start
// before as many completions of the other queue as it and those before it wait for; nothing
// follows the end.
// Depth: 9 cycles.
module command_queue_formal (
    input wire        clk,
    input wire        rst,
    input wire        restart,
    input wire        other_done,
    input wire        take,
    input wire [31:0] fetch_data
);
    wire        fetch, valid, may_start, ended, first;
    wire [7:0]  fetch_address, rows;
    wire [15:0] index;
    command_queue #(.AW(8)) u_dut (
        .clk(clk), .rst(rst), .restart(restart), .other_done(other_done), .take(take),
        .fetch(fetch), .fetch_address(fetch_address), .fetch_data(fetch_data), .valid(valid),
        .may_start(may_start), .ended(ended), .index(index), .rows(rows), .first(first)
    );
    (* hierconn *) wire \u_dut.running , \u_dut.arriving ;
    (* hierconn *) wire [31:0] \u_dut.threshold , \u_dut.completed ;

    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    always @* if (!started) assume (rst);
    // commands are taken when they may start
    always @* if (!may_start) assume (!take);

    // what has been fetched, waited for and completed since the restart
    reg         arrives, is_end, is_command;
    reg  [7:0]  n_fetched;
    reg  [31:0] command;
    reg  [31:0] waits, completions;
    always @(posedge clk) begin
        arrives <= fetch;
        if (fetch) n_fetched <= n_fetched + 8'd1;
        if (take) is_command <= 1'b0;
        if (arrives) begin
            command <= fetch_data;
            waits <= waits + {24'd0, fetch_data[31:24]};
            is_command <= fetch_data[22:15] != 8'd0;
            is_end <= is_end | fetch_data == 32'd0;
        end
        if (other_done) completions <= completions + 32'd1;
        if (rst | restart) begin
            {arrives, is_end, is_command} <= 3'd0;
            n_fetched <= 8'd0;
            waits <= 32'd0;
            completions <= 32'd0;
        end
    end
    // no program counts as far as that
    always @* assume (waits < 32'h4000_0000 && completions < 32'h4000_0000);

    reg        stood, could_start, was_reset, took;
    reg [24:0] stood_command;
    always @(posedge clk) begin
        stood <= ~rst & ~restart & valid & ~take;
        could_start <= ~rst & ~restart & may_start & ~take;
        stood_command <= {index, rows, first};
        was_reset <= rst & ~restart;
        took <= ~rst & ~restart & (took | take);
    end

    always @* if (started) begin
        // in order, and one at a time
        assert (fetch_address == n_fetched);
        assert (valid == is_command);
        if (valid)
            assert ({index, rows, first}
                    == {1'b0, command[14:0], command[22:15], command[23]});
        if (stood) assert (valid && {index, rows, first} == stood_command);
        if (fetch) assert (!arrives && (!valid || take));
        // not before its wait is met, at once when it is, and then for good
        assert (may_start == (valid && completions >= waits));
        if (could_start) assert (may_start);
        // the end
        assert (ended == is_end);
        if (ended) assert (!valid && !fetch);
        if (was_reset) assert (!valid && !fetch && !ended);
        // what makes it inductive
        assert (\u_dut.arriving == arrives);
        assert (\u_dut.threshold == waits && \u_dut.completed == completions);
        if (ended) assert (!\u_dut.running && !arrives);
        if (arrives) assert (\u_dut.running && !valid);
        cover (took && ended);
        cover (may_start && waits == 32'd1);
    end
endmodule
`default_nettype wire
