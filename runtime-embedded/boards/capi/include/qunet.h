/* Runs a quantized U-Net: link libqunet.a. Nothing is allocated, and no C library is needed.
 *
 *   static const uint8_t file[] = { ... model.qunet ... };
 *   static uint8_t arena[ARENA_BYTES];                 // qunet inspect prints how many
 *   qunet_model model;
 *   int code = qunet_load(&model, file, sizeof file);
 *   qunet_buffers buffers = { arena, sizeof arena, image, sizeof image, mask, sizeof mask };
 *   if (code == QUNET_OK) code = qunet_infer(&model, &buffers);
 */
#ifndef QUNET_H
#define QUNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUNET_OK 0
#define QUNET_ERROR_ARGUMENT (-1) /* a pointer is null, or no model was loaded */
#define QUNET_ERROR_MODEL (-2)    /* the bytes are not a valid model */
#define QUNET_ERROR_ARENA (-3)    /* the arena is too small */
#define QUNET_ERROR_INPUT (-4)    /* the input has a wrong length, or a value outside its format */
#define QUNET_ERROR_OUTPUT (-5)   /* the output has a wrong length */

#define QUNET_MODEL_WORDS 64

/* A checked model; all zeros before qunet_load. */
typedef struct {
    uintptr_t words[QUNET_MODEL_WORDS];
} qunet_model;

/* Pieces of memory that do not overlap. */
typedef struct {
    uint8_t *arena; /* qunet_arena_bytes, for the time of the call */
    size_t arena_length;
    const uint8_t *input; /* qunet_input_bytes: codes in CHW order, one byte each */
    size_t input_length;
    uint8_t *output; /* qunet_output_bytes, in CHW order */
    size_t output_length;
} qunet_buffers;

/* Checks the bytes of a .qunet file once; they must stay where they are and not change. */
int32_t qunet_load(qunet_model *model, const uint8_t *bytes, size_t length);

/* Sizes of a loaded model; 0 if none was loaded. */
size_t qunet_arena_bytes(const qunet_model *model);
size_t qunet_input_bytes(const qunet_model *model);
size_t qunet_output_bytes(const qunet_model *model);

/* Runs the network on one input. */
int32_t qunet_infer(const qunet_model *model, const qunet_buffers *buffers);

/* What a code means, in English. */
const char *qunet_error(int32_t code);

#ifdef __cplusplus
}
#endif
#endif
