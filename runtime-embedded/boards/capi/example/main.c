/* Runs the model from C on a Cortex-M4 (QEMU's mps2-an386), and compares with the simulator. */
#include "qunet.h"

extern const uint8_t model_begin[], model_end[], input_begin[], input_end[], output_begin[],
    output_end[];

static uint8_t arena[ARENA_BYTES] __attribute__((aligned(16)));
static uint8_t output[OUTPUT_BYTES];

static int call(int operation, const void *argument) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void print(const char *text) { call(0x04, text); }

static void __attribute__((noreturn)) leave(unsigned code) {
    const unsigned block[2] = {0x20026, code};
    for (;;) call(0x20, block);
}

static void expect(int is_so, const char *what) {
    if (is_so) return;
    print("error: ");
    print(what);
    print("\n");
    leave(1);
}

/* Every misuse that can be seen has its code. */
static void misuse(const qunet_model *model, qunet_buffers right) {
    qunet_model other = {{0}};
    qunet_buffers wrong = right;
    expect(qunet_infer(&other, &right) == QUNET_ERROR_ARGUMENT, "a model that was not loaded");
    expect(qunet_arena_bytes(&other) == 0, "sizes of a model that was not loaded");
    expect(qunet_infer(0, &right) == QUNET_ERROR_ARGUMENT, "no model");
    expect(qunet_infer(model, 0) == QUNET_ERROR_ARGUMENT, "no buffers");
    expect(qunet_load(&other, 0, 9) == QUNET_ERROR_ARGUMENT, "no bytes");
    expect(qunet_load(&other, model_begin, model_end - model_begin - 1) == QUNET_ERROR_MODEL,
           "a short file");
    wrong.arena_length--;
    expect(qunet_infer(model, &wrong) == QUNET_ERROR_ARENA, "a short arena");
    wrong = right;
    wrong.input_length--;
    expect(qunet_infer(model, &wrong) == QUNET_ERROR_INPUT, "a short input");
    wrong = right;
    wrong.output_length++;
    expect(qunet_infer(model, &wrong) == QUNET_ERROR_OUTPUT, "a long output");
    wrong = right;
    wrong.output = 0;
    expect(qunet_infer(model, &wrong) == QUNET_ERROR_ARGUMENT, "no output");
    expect(qunet_error(QUNET_ERROR_ARENA)[0] != 0 && qunet_error(99)[0] != 0, "texts");
}

int main(void) {
    qunet_model model = {{0}};
    int32_t code = qunet_load(&model, model_begin, model_end - model_begin);
    expect(code == QUNET_OK, qunet_error(code));
    expect(qunet_arena_bytes(&model) == sizeof arena, "the arena's size");
    expect(qunet_input_bytes(&model) == (size_t)(input_end - input_begin), "the input's size");
    expect(qunet_output_bytes(&model) == sizeof output, "the output's size");
    qunet_buffers buffers = {arena, sizeof arena, input_begin, input_end - input_begin, output,
                             sizeof output};
    misuse(&model, buffers);
    code = qunet_infer(&model, &buffers);
    expect(code == QUNET_OK, qunet_error(code));
    expect(output_end - output_begin == sizeof output, "the expected output's size");
    for (size_t i = 0; i < sizeof output; i++)
        expect(output[i] == output_begin[i], "a value differs from the simulator's");
    print("equal to the simulator\n");
    leave(0);
}
