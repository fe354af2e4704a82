`default_nettype none
`timescale 1ns / 1ns
// A program that reads, writes, prints and ends, against streams that stall.
module soc_host_port_tb;
    `include "bench_common.vh"
    reg         rst = 1, select = 0, write = 0, fault = 0, irq = 0;
    reg  [7:0]  address = 0;
    reg  [31:0] wdata = 0;
    wire [31:0] rdata, m_data, exit_code;
    wire        ready, s_ready, m_valid, console_valid, exit_valid;
    wire [7:0]  console_data;
    reg         s_valid = 0, m_ready = 0;
    reg  [31:0] n_in = 0, n_out = 0, n_read = 0, n_written = 0, n_printed = 0, n_calls = 0;
    wire [31:0] s_data = 32'h9e37_79b9 * n_in;
    soc_host_port #(.RAM_BYTES(32'd4096)) u_dut (
        .clk(clk), .rst(rst), .select(select), .write(write), .address(address),
        .wdata(wdata), .rdata(rdata), .ready(ready), .fault(fault), .irq(irq),
        .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready), .m_data(m_data),
        .m_valid(m_valid), .m_ready(m_ready), .console_data(console_data),
        .console_valid(console_valid), .exit_code(exit_code), .exit_valid(exit_valid)
    );
    always @(posedge clk) begin
        if (s_valid & s_ready) n_in <= n_in + 1;
        if (m_valid & m_ready) begin
            check({32'd0, m_data}, {32'd0, 32'h0bad_0000 + n_out}, n_out);
            n_out <= n_out + 1;
        end
        if (console_valid) begin
            check({56'd0, console_data}, {56'd0, n_printed[7:0]}, n_printed);
            n_printed <= n_printed + 1;
        end
    end
    // one access; the streams stall at random meanwhile
    task access(input [7:0] at, input is_write, input [31:0] value);
        begin
            select = 1;
            write = is_write;
            address = at;
            wdata = value;
            draw;
            {s_valid, m_ready} = lfsr[1:0];
            #1;
            while (~ready) begin
                check({63'd0, (s_ready & ~s_valid) | (m_valid & ~m_ready)}, 1, n_calls);
                @(negedge clk);
                draw;
                {s_valid, m_ready} = lfsr[1:0];
                #1;
            end
        end
    endtask
    task ends;
        begin
            @(negedge clk);
            select = 0;
            n_calls = n_calls + 1;
        end
    endtask
    integer i;
    initial begin
        repeat (2) @(negedge clk);
        rst = 0;
        for (i = 0; i < 3000; i = i + 1) begin
            draw;
            case (lfsr[3:2])
                2'd0: begin
                    access(8'h0c, 0, 0);
                    check({32'd0, rdata}, {32'd0, 32'h9e37_79b9 * n_read}, i);
                    n_read = n_read + 1;
                end
                2'd1: begin
                    access(8'h10, 1, 32'h0bad_0000 + n_written);
                    n_written = n_written + 1;
                end
                2'd2: begin
                    access(8'h08, 0, 0);
                    check({60'd0, rdata[3:0]}, {60'd0, 1'b0, irq, m_ready, s_valid}, i);
                end
                default: access(8'h00, 1, {24'h5a5a5a, n_printed[7:0]});
            endcase
            ends;
            irq = lfsr[8];
        end
        check({32'd0, n_in}, {32'd0, n_read}, 1);
        check({32'd0, n_out}, {32'd0, n_written}, 2);
        check(n_printed > 500, 1, 3);
        access(8'h14, 0, 0);
        check({32'd0, rdata}, 4096, 4);
        ends;
        // a fault stays until a one is written to its bit
        fault = 1;
        @(negedge clk);
        fault = 0;
        access(8'h08, 0, 0);
        check({63'd0, rdata[3]}, 1, 5);
        ends;
        access(8'h08, 1, 32'd7);
        ends;
        access(8'h08, 0, 0);
        check({63'd0, rdata[3]}, 1, 6);
        ends;
        access(8'h08, 1, 32'd8);
        ends;
        access(8'h08, 0, 0);
        check({63'd0, rdata[3]}, 0, 7);
        ends;
        check({63'd0, exit_valid}, 0, 8);
        access(8'h04, 1, 32'd42);
        ends;
        check({63'd0, exit_valid}, 1, 9);
        check({32'd0, exit_code}, 42, 10);
        verdict(3000);
    end
endmodule
`default_nettype wire
