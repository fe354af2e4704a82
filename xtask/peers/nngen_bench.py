"""Measures NNgen on a 3x3 convolution 16 -> 16 at 64x64 and on a U-Net of base 8, depth 1, 32x32.

Needs: pip install nngen==1.3.4 veriloggen==2.3.0 pyverilog==1.3.0, and Verilator.
Usage: nngen_bench.py [--corrupt] CASE...  with CASE in conv-int8, conv-int4, unet-int8 (default:
all); --corrupt changes one expected value, so that one mismatch must be found.

Each design is simulated in Verilator against NNgen's memory model on random integers; every output
value is compared with NNgen's own `eval`. Prints one JSON array: name, lanes (multipliers of the
shared convolution stream), macs, cycles from start to idle, utilization = macs / (lanes x cycles),
compared values and mismatches, lines and bytes of Verilog, seconds to generate it.
"""
import json
import math
import re
import sys
import tempfile
import time

import nngen as ng
import numpy as np
import veriloggen.thread as vthread
import veriloggen.types.axi as axi
from veriloggen import Module, Not, Seq, simulation

SEED = 1
CHUNK = 64  # bytes to which NNgen aligns parameters


class Options:
    """What NNgen is asked for; with 9 taps both make 72 multipliers."""

    def __init__(self, par_ich, par_och, axi_bits):
        self.par_ich, self.par_och, self.axi_bits = par_ich, par_och, axi_bits


class Net:
    """A network under construction; counts its multiply-accumulates."""

    def __init__(self, options, dtype, shape):
        self.options, self.dtype, self.macs = options, dtype, 0
        self.rng = np.random.default_rng(SEED)
        self.input = ng.placeholder(dtype, shape=shape, name="act")
        high = 1 << (dtype.width - 1)
        self.image = self.rng.integers(0, high, size=shape, dtype=np.int64)

    def conv(self, value, out_channels, kernel=3, act_func=ng.relu):
        """k x k convolution with per-channel bias and scale, shifted back to the value range."""
        in_channels = value.shape[-1]
        index = self.macs
        shape = (out_channels, kernel, kernel, in_channels)
        bits = self.dtype.width
        weight = ng.variable(self.dtype, shape=shape, name=f"w{index}")
        high = 1 << (bits - 1)
        weight.set_value(self.rng.integers(-high + 1, high, size=shape, dtype=np.int64))
        bias = ng.variable(ng.int32, shape=(out_channels,), name=f"b{index}")
        bias.set_value(self.rng.integers(-64, 64, size=out_channels, dtype=np.int64))
        scale = ng.variable(ng.int8, shape=(out_channels,), name=f"s{index}")
        scale.set_value(self.rng.integers(32, 128, size=out_channels, dtype=np.int64))
        # about two deviations of the sum fill the range
        deviation = math.sqrt(kernel * kernel * in_channels) * high / 1.7 * high / 3.4 * 80
        shift = max(0, round(math.log2(2 * deviation / high)))
        self.macs += math.prod(value.shape[:3]) * math.prod(shape)
        return ng.conv2d(
            value, weight, (1, 1, 1, 1), bias, scale, None, None, shift, act_func, "SAME",
            dtype=self.dtype, sum_dtype=ng.int32, par_ich=self.options.par_ich,
            par_och=self.options.par_och)


def conv_layer(options, dtype):
    net = Net(options, dtype, (1, 64, 64, 16))
    return net, net.conv(net.input, 16)


def unet(options, dtype):
    net = Net(options, dtype, (1, 32, 32, 1))
    skip = net.conv(net.conv(net.input, 8), 8)
    down = ng.max_pool_serial(skip, (1, 2, 2, 1), (1, 2, 2, 1), par=options.par_och)
    bottom = net.conv(net.conv(down, 16), 16)
    up = ng.upsampling2d(bottom, (1, 2, 2, 1), par=options.par_och)
    both = ng.concat([skip, up], axis=3)
    last = net.conv(net.conv(both, 8), 8)
    return net, net.conv(last, 1, kernel=1, act_func=None)


# the fastest of the channel splits and bus widths that were tried
CASES = {
    "conv-int8": (Options(8, 1, 128), lambda options: conv_layer(options, ng.int8)),
    "conv-int4": (Options(8, 1, 64), lambda options: conv_layer(options, ng.int4)),
    "unet-int8": (Options(2, 4, 64), lambda options: unet(options, ng.int8)),
}


def round_up(value, step):
    return -(-value // step) * step


def memory_image(net, out, expected):
    """Words of the memory model with input, parameters and expected output; and the addresses."""
    parameters = ng.export_ndarray([out], CHUNK)
    variable_addr = round_up(net.input.addr + net.input.memory_size, CHUNK)
    check_addr = round_up(variable_addr + len(parameters), 4096)
    # `out` itself lies below the temporaries
    check_addr = round_up(max(check_addr, out.addr + out.memory_size), 4096)
    temporary_addr = round_up(check_addr + out.memory_size, 4096)
    words = np.zeros([1 << 18], dtype=np.int64)
    bits = net.dtype.width
    align = lambda par: max(math.ceil(net.options.axi_bits / bits), par)
    axi.set_memory(words, net.image, 32, bits, net.input.addr, align(net.options.par_ich))
    axi.set_memory(words, parameters, 32, 8, variable_addr)
    axi.set_memory(words, expected, 32, bits, check_addr, align(net.options.par_och))
    return words, check_addr, temporary_addr


def test_bench(target, net, out, image, image_name):
    """NNgen's memory model, a control thread, and a loop over every output value."""
    words, check_addr, temporary_addr = image
    m = Module("test")
    m.copy_params(target)
    ports = m.copy_sim_ports(target)
    clk, resetn = ports["CLK"], ports["RESETN"]
    rst = m.Wire("RST")
    rst.assign(Not(resetn))
    memory = axi.AxiMemoryModel(
        m, "memory", clk, rst, datawidth=net.options.axi_bits, memimg=words,
        memimg_name=image_name, memimg_datawidth=32)
    memory.connect(ports, "maxi")
    control = vthread.AXIMLite(m, "control", clk, rst, noio=True)
    control.connect(ports, "saxi")
    counter = m.Reg("time_counter", 32, initval=0)
    Seq(m, "seq", clk, rst)(counter.inc())
    bits = net.dtype.width
    n_pixels, n_channels, pitch = out.shape[1] * out.shape[2], out.shape[3], out.aligned_shape[3]

    def run():
        for _ in range(100):
            pass
        ng.sim.set_global_addrs(control, temporary_addr)
        start = counter.value
        ng.sim.start(control)
        ng.sim.wait(control)
        end = counter.value
        print("cycles %d" % (end - start))
        wrong = 0
        for pixel in range(n_pixels):
            for channel in range(n_channels):
                found = memory.read_word(pixel * pitch + channel, out.addr, bits)
                wanted = memory.read_word(pixel * pitch + channel, check_addr, bits)
                if vthread.verilog.NotEql(found, wanted):
                    wrong += 1
        print("mismatches %d" % wrong)
        vthread.finish()

    vthread.Thread(m, "th_run", clk, rst, run).start()
    m.Instance(target, "uut", params=m.connect_params(target), ports=m.connect_ports(target))
    simulation.setup_clock(m, clk, hperiod=5)
    simulation.setup_reset(m, resetn, m.make_reset(), period=100, polarity="low")
    return m


def measure(name, corrupt):
    options, build = CASES[name]
    net, out = build(options)
    started = time.time()
    config = {"maxi_datawidth": options.axi_bits}
    target = ng.to_veriloggen([out], "peer", silent=True, config=config)
    verilog = target.to_verilog()
    seconds = time.time() - started
    expected = ng.eval([out], act=net.image)[0]
    wanted = expected.copy()
    if corrupt:
        wanted.flat[0] ^= 1
    with tempfile.TemporaryDirectory() as work:
        image = memory_image(net, out, wanted)
        bench = test_bench(target, net, out, image, f"{work}/memory.out")
        printed = simulation.run_verilator(bench, outputfile=f"{work}/verilated")
    number = lambda key: int(re.search(rf"{key}\s+(\d+)", printed).group(1))
    lanes, cycles = 9 * options.par_ich * options.par_och, number("cycles")
    return {
        "name": name, "lanes": lanes, "macs": net.macs, "cycles": cycles,
        "utilization": net.macs / (lanes * cycles), "compared": int(expected.size),
        "distinct_values": int(np.unique(expected).size), "mismatches": number("mismatches"),
        "verilog_lines": verilog.count("\n"), "verilog_bytes": len(verilog),
        "generation_seconds": round(seconds, 1),
    }


def main():
    arguments = sys.argv[1:]
    corrupt = "--corrupt" in arguments
    names = [a for a in arguments if a != "--corrupt"] or list(CASES)
    print(json.dumps([measure(name, corrupt) for name in names], indent=2))


if __name__ == "__main__":
    main()
