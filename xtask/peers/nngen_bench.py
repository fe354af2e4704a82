"""Measures NNgen on a 3x3 convolution 16 -> 16 at 64x64 and on a U-Net of base 8, depth 1, 32x32.

Needs: pip install nngen==1.3.4 veriloggen==2.3.0 pyverilog==1.3.0, and Verilator.
Usage: nngen_bench.py CASE...   with CASE in conv-int8, conv-int4, unet-int8 (default: all)

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
AXI_BITS = 32
CHUNK = 64  # bytes to which NNgen aligns parameters
PAR_ICH, PAR_OCH = 2, 4  # with 9 taps: 72 multipliers


class Net:
    """A network under construction; counts its multiply-accumulates."""

    def __init__(self, dtype, shape):
        self.dtype, self.macs = dtype, 0
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
            dtype=self.dtype, sum_dtype=ng.int32, par_ich=PAR_ICH, par_och=PAR_OCH)


def conv_layer(dtype):
    net = Net(dtype, (1, 64, 64, 16))
    return net, net.conv(net.input, 16)


def unet(dtype):
    net = Net(dtype, (1, 32, 32, 1))
    skip = net.conv(net.conv(net.input, 8), 8)
    down = ng.max_pool_serial(skip, (1, 2, 2, 1), (1, 2, 2, 1), par=PAR_OCH)
    bottom = net.conv(net.conv(down, 16), 16)
    up = ng.upsampling2d(bottom, (1, 2, 2, 1), par=PAR_OCH)
    both = ng.concat([skip, up], axis=3)
    last = net.conv(net.conv(both, 8), 8)
    return net, net.conv(last, 1, kernel=1, act_func=None)


CASES = {
    "conv-int8": lambda: conv_layer(ng.int8),
    "conv-int4": lambda: conv_layer(ng.int4),
    "unet-int8": lambda: unet(ng.int8),
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
    align = lambda par: max(math.ceil(AXI_BITS / bits), par)
    axi.set_memory(words, net.image, 32, bits, net.input.addr, align(PAR_ICH))
    axi.set_memory(words, parameters, 32, 8, variable_addr)
    axi.set_memory(words, expected, 32, bits, check_addr, align(PAR_OCH))
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
        m, "memory", clk, rst, datawidth=AXI_BITS, memimg=words, memimg_name=image_name,
        memimg_datawidth=32)
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
    net, out = CASES[name]()
    started = time.time()
    target = ng.to_veriloggen([out], "peer", silent=True, config={"maxi_datawidth": AXI_BITS})
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
    lanes, cycles = 9 * PAR_ICH * PAR_OCH, number("cycles")
    return {
        "name": name, "lanes": lanes, "macs": net.macs, "cycles": cycles,
        "utilization": net.macs / (lanes * cycles), "compared": int(expected.size),
        "distinct_values": int(np.unique(expected).size), "mismatches": number("mismatches"),
        "verilog_lines": verilog.count("\n"), "verilog_bytes": len(verilog),
        "generation_seconds": round(seconds, 1),
    }


def main():
    arguments = sys.argv[1:]
    # one expected value is changed: the comparison must then find one mismatch
    corrupt = "--corrupt" in arguments
    names = [a for a in arguments if a != "--corrupt"] or list(CASES)
    print(json.dumps([measure(name, corrupt) for name in names], indent=2))


if __name__ == "__main__":
    main()
