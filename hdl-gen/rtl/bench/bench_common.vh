// What every bench shares: clock, pseudo-random numbers, and the verdict.
reg clk = 1'b0;
always #5 clk = ~clk;

reg [31:0] lfsr = 32'h1234_5678;
// The next 32 bits of a xorshift generator (Marsaglia 2003).
task draw;
    begin
        lfsr = lfsr ^ (lfsr << 13);
        lfsr = lfsr ^ (lfsr >> 17);
        lfsr = lfsr ^ (lfsr << 5);
    end
endtask

integer n_checks = 0;
integer n_failures = 0;
task check(input [63:0] found, input [63:0] expected, input [63:0] where);
    begin
        n_checks = n_checks + 1;
        if (found !== expected) begin
            n_failures = n_failures + 1;
            if (n_failures <= 5)
                $display("at %0d: expected %h, found %h", where, expected, found);
        end
    end
endtask

task verdict(input integer least);
    begin
        if (n_failures == 0 && n_checks >= least) $display("PASS %0d", n_checks);
        else $display("FAIL %0d of %0d", n_failures, n_checks);
        $finish;
    end
endtask
