// C interface of a Verilated system: words in, words out, a console, an end.
#include "Vqunet.h"
#include "verilated.h"
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

namespace {
struct Soc {
    VerilatedContext context;
    Vqunet* top;
    std::deque<uint32_t> input;
    std::vector<uint32_t> output;
    std::vector<uint8_t> console;
    bool rests = false;  // the accelerator, as far as the host knows
};

// Offers the next input word; what depends on it settles.
void offer(Soc* s) {
    s->top->s_valid = !s->input.empty();
    s->top->s_data = s->input.empty() ? 0 : s->input.front();
    s->top->eval();
}

// One cycle; the accelerator's clock stands still while it rests and nothing is accessed, which
// changes nothing but the time that this takes.
void clock_cycle(Soc* s) {
    s->top->clk = 1;
    s->top->accelerator_clk = !s->rests || s->top->accelerator_used;
    s->top->eval();
    s->top->clk = 0;
    s->top->accelerator_clk = 0;
    s->top->eval();
}

// Words or bytes out, as many as there is room for; they are gone then.
template <class T>
uint64_t take(std::vector<T>* from, T* to, uint64_t room) {
    uint64_t n = from->size() < room ? from->size() : room;
    std::memcpy(to, from->data(), n * sizeof(T));
    from->erase(from->begin(), from->begin() + n);
    return n;
}
}  // namespace

#define SHOWN extern "C" __attribute__((visibility("default")))

SHOWN void* soc_new() {
    Soc* s = new Soc;
    s->top = new Vqunet(&s->context);
    s->top->clk = 0;
    s->top->accelerator_clk = 0;
    s->top->rst = 1;
    s->top->m_ready = 1;
    offer(s);
    for (int i = 0; i < 4; i++) clock_cycle(s);
    s->top->rst = 0;
    s->top->eval();
    return s;
}

SHOWN void soc_delete(void* handle) {
    Soc* s = static_cast<Soc*>(handle);
    s->top->final();
    delete s->top;
    delete s;
}

SHOWN void soc_push(void* handle, const uint32_t* words, uint64_t n) {
    Soc* s = static_cast<Soc*>(handle);
    s->input.insert(s->input.end(), words, words + n);
    offer(s);
}

// Says whether the accelerator rests: no frame runs, and none is started.
SHOWN void soc_rest(void* handle, uint32_t rests) {
    static_cast<Soc*>(handle)->rests = rests != 0;
}

enum { LIMIT, WAITS, EXIT, TRAP };

// Runs until the program waits for input, ends or traps, at most `limit` cycles; adds the cycles
// to `*cycles`.
SHOWN uint32_t soc_run(void* handle, uint64_t limit, uint64_t* cycles) {
    Soc* s = static_cast<Soc*>(handle);
    Vqunet* top = s->top;
    for (uint64_t i = 0; i < limit; i++) {
        if (top->exit_valid) return EXIT;
        if (top->trap) return TRAP;
        if (top->m_valid) s->output.push_back(top->m_data);
        if (top->console_valid) s->console.push_back(top->console_data);
        bool reads = top->s_ready;
        if (reads && s->input.empty()) return WAITS;
        clock_cycle(s);
        ++*cycles;
        if (reads) {
            s->input.pop_front();
            offer(s);
        }
    }
    return LIMIT;
}

SHOWN uint32_t soc_exit_code(void* handle) {
    return static_cast<Soc*>(handle)->top->exit_code;
}

SHOWN uint64_t soc_output(void* handle, uint32_t* words, uint64_t room) {
    return take(&static_cast<Soc*>(handle)->output, words, room);
}

SHOWN uint64_t soc_console(void* handle, uint8_t* bytes, uint64_t room) {
    return take(&static_cast<Soc*>(handle)->console, bytes, room);
}
