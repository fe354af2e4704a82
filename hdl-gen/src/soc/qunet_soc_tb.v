`default_nettype none
`timescale 1ns / 1ns
// Self-checking bench: the program gets a golden image for the accelerator and then the end; what
// it answers must be the expected words. An image goes in, a mask comes out, twice, the second
// time with a host that is slow. Prints PASS or FAIL as its last line.
module qunet_soc_tb;
    // CONSTANTS
    reg         clk = 1'b0;
    reg         rst = 1'b1;
    wire [31:0] m_data, exit_code;
    wire [7:0]  console_data;
    wire        s_ready, m_valid, console_valid, exit_valid, trap, accelerator_used;
    reg         s_valid = 1'b0;
    reg         m_ready = 1'b0;
    integer     sent = 0;
    integer     answered = 0;
    reg [31:0]  requests [0:N_REQUESTS-1];
    reg [32:0]  answers [0:N_ANSWERS-1];  // bit 32: the word may be any
    qunet_soc #(
        // PARAMETERS
    ) u_dut (
        .clk(clk), .accelerator_clk(clk), .rst(rst), .accelerator_used(accelerator_used),
        .s_data(sent < N_REQUESTS ? requests[sent] : 32'd0), .s_valid(s_valid), .s_ready(s_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready),
        .console_data(console_data), .console_valid(console_valid),
        .exit_code(exit_code), .exit_valid(exit_valid), .trap(trap)
    );
    always #5 clk = ~clk;

    integer cycles = 0;
    integer failures = 0;
    integer lfsr = 1;
    wire    is_slow = answered >= N_ANSWERS / 2;

    task fail(input [31:0] expected, input [31:0] found);
        begin
            failures = failures + 1;
            if (failures <= 10)
                $display("mismatch: answer word %0d, expected %h, found %h", answered, expected,
                         found);
        end
    endtask

    initial begin
        $readmemh("tb_requests.hex", requests);
        $readmemh("tb_answers.hex", answers);
        repeat (4) @(negedge clk);
        rst = 1'b0;
    end

    always @(posedge clk) begin
        cycles <= cycles + 1;
        lfsr <= {lfsr[30:0], lfsr[31] ^ lfsr[21] ^ lfsr[1] ^ lfsr[0]};
        if (console_valid) $write("%c", console_data);
        if (s_valid & s_ready) sent <= sent + 1;
        if (m_valid & m_ready) begin
            answered <= answered + 1;
            if (answered >= N_ANSWERS) fail(32'd0, m_data);
            else if (!answers[answered][32] && m_data !== answers[answered][31:0])
                fail(answers[answered][31:0], m_data);
        end
        // a word offered stays until it is taken
        s_valid <= (s_valid & ~s_ready)
                 | (sent + (s_valid & s_ready) < N_REQUESTS & (~is_slow | lfsr[0]));
        m_ready <= ~is_slow | lfsr[3];
        if (exit_valid | trap | cycles == MAX_CYCLES) begin
            if (trap) $display("the processor has met what it cannot run");
            if (cycles == MAX_CYCLES) $display("no end after %0d cycles", cycles);
            $display("cycles %0d, words compared %0d of %0d, mismatches %0d, exit code %0d", cycles,
                     answered, N_ANSWERS, failures, exit_code);
            if (exit_valid && exit_code == 32'd0 && answered == N_ANSWERS && failures == 0)
                $display("PASS");
            else $display("FAIL");
            $finish;
        end
    end
endmodule
`default_nettype wire
