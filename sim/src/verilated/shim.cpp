// C interface of a Verilated design with the register block's Wishbone port.
#include "Vqunet.h"
#include "verilated.h"
#include <cstdint>

namespace {
struct Design {
    VerilatedContext context;
    Vqunet* top;
};

void clock_cycle(Design* d) {
    d->top->clk = 1;
    d->top->eval();
    d->top->clk = 0;
    d->top->eval();
}

// One access; returns the cycles it took, or 0 if the limit passed without an acknowledge.
uint32_t access(Design* d, bool write, uint32_t address, uint32_t* data, uint32_t limit) {
    Vqunet* top = d->top;
    top->wb_cyc_i = 1;
    top->wb_stb_i = 1;
    top->wb_we_i = write;
    top->wb_adr_i = address;
    top->wb_dat_i = *data;
    uint32_t cycles = 0;
    while (cycles < limit) {
        clock_cycle(d);
        cycles++;
        if (top->wb_ack_o) {
            *data = top->wb_dat_o;
            top->wb_cyc_i = 0;
            top->wb_stb_i = 0;
            top->wb_we_i = 0;
            clock_cycle(d);
            return cycles + 1;
        }
    }
    top->wb_cyc_i = 0;
    top->wb_stb_i = 0;
    return 0;
}
}  // namespace

#define SHOWN extern "C" __attribute__((visibility("default")))

SHOWN void* qunet_new() {
    Design* d = new Design;
    d->top = new Vqunet(&d->context);
    d->top->clk = 0;
    d->top->rst = 1;
    d->top->wb_cyc_i = 0;
    d->top->wb_stb_i = 0;
    d->top->wb_we_i = 0;
    d->top->wb_adr_i = 0;
    d->top->wb_dat_i = 0;
    d->top->eval();
    for (int i = 0; i < 4; i++) clock_cycle(d);
    d->top->rst = 0;
    clock_cycle(d);
    return d;
}

SHOWN void qunet_delete(void* handle) {
    Design* d = static_cast<Design*>(handle);
    d->top->final();
    delete d->top;
    delete d;
}

SHOWN void qunet_cycles(void* handle, uint64_t cycles) {
    Design* d = static_cast<Design*>(handle);
    for (uint64_t i = 0; i < cycles; i++) clock_cycle(d);
}

SHOWN uint32_t qunet_irq(void* handle) {
    return static_cast<Design*>(handle)->top->irq;
}

SHOWN uint32_t qunet_access(void* handle, uint32_t write, uint32_t address, uint32_t* data,
                            uint32_t limit) {
    return access(static_cast<Design*>(handle), write != 0, address, data, limit);
}

// Reads `address` until the masked bits are zero; returns cycles, or 0 past the limit.
SHOWN uint64_t qunet_wait(void* handle, uint32_t address, uint32_t mask, uint64_t limit) {
    Design* d = static_cast<Design*>(handle);
    uint64_t cycles = 0;
    while (cycles < limit) {
        uint32_t value = 0;
        uint32_t taken = access(d, false, address, &value, 64);
        if (taken == 0) return 0;
        cycles += taken;
        if ((value & mask) == 0) return cycles;
        // poll rarely: an access costs the simulator more than an idle cycle
        for (int i = 0; i < 32; i++) clock_cycle(d);
        cycles += 32;
    }
    return 0;
}
