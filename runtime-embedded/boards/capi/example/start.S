/* Vectors and start-up of a Cortex-M, and the files of the example. */
    .syntax unified
    .thumb
    .section .vectors, "a"
    .word stack_top
    .word reset
    .rept 14
    .word fault
    .endr

    .text
    .thumb_func
    .global reset
reset:
    ldr r0, =0xE000ED88     /* CPACR: the compiler may use the FPU's registers */
    ldr r1, [r0]
    orr r1, r1, #0xF00000
    str r1, [r0]
    dsb
    isb
    ldr r0, =bss_begin
    ldr r1, =bss_end
    movs r2, #0
1:  cmp r0, r1
    bhs 2f
    str r2, [r0], #4
    b 1b
2:  bl main
    .thumb_func
fault:
    ldr r1, =failed
    movs r0, #0x20
    bkpt 0xAB
    b fault

    .section .rodata
    .balign 16
failed:
    .word 0x20026, 2
    .global model_begin, model_end, input_begin, input_end, output_begin, output_end
    .balign 16
model_begin:
    .incbin "model.qunet"
model_end:
    .balign 16
input_begin:
    .incbin "input_0.bin"
input_end:
    .balign 16
output_begin:
    .incbin "output_0.bin"
output_end:
