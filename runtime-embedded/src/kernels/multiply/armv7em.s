    // Cortex-M4 and other cores with the DSP extension: two products in one SMLAD.
    //
    // r0 weights, r1 values, r2-r3 and r12 three words of values, r4-r7 weights of four lanes, r8-r11
    // sums, lr words left. Stack: the next row in the arguments, the end of the rows, bytes to this
    // pixel, words of a row, arguments. Six words of a row take 34 instructions for 48 products.
    .syntax unified

    // the products of a word of values with the next weights
    .macro qunet_word value
    ldm     r0!, {{r4-r7}}
    smlad   r8, r4, \value, r8
    smlad   r9, r5, \value, r9
    smlad   r10, r6, \value, r10
    smlad   r11, r7, \value, r11
    .endm

    .section .text.qunet_multiply_dual, "ax", %progbits
    .global qunet_multiply_dual
    .type qunet_multiply_dual, %function
    .thumb_func
    .balign 4
qunet_multiply_dual:
    push    {{r4-r11, lr}}
    sub     sp, sp, #20
    mov     lr, r0
    str     r0, [sp, #16]
    ldr     r1, [r0, #12]
    ldr     r3, [r0, #24]
    movs    r2, #0
    strd    r3, r2, [sp, #4]
    str     r1, [sp, #12]
    ldrd    r0, r1, [r0]
    b       5f
1:  // a pixel
    ldm     r0, {{r8-r11}}
    ldr     r0, [lr, #8]
    add     r2, lr, #28
    str     r2, [sp]
2:  // a row
    ldm     sp, {{r2, r3, r12, lr}}
    ldr     r1, [r2], #4
    str     r2, [sp]
    add     r1, r1, r12
    subs    lr, lr, #6
    blo     4f
3:  // six words
    .rept 2
    ldm     r1!, {{r2, r3, r12}}
    qunet_word r2
    qunet_word r3
    qunet_word r12
    .endr
    subs    lr, lr, #6
    bhs     3b
4:  // the last zero to five words
    adds    lr, lr, #6
    beq     7f
6:  ldr     r2, [r1], #4
    qunet_word r2
    subs    lr, lr, #1
    bne     6b
7:  // the next row
    ldrd    r2, r3, [sp]
    cmp     r2, r3
    bne     2b
    // the next pixel
    ldr     lr, [sp, #16]
    ldr     r2, [sp, #8]
    ldr     r3, [lr, #16]
    ldrd    r0, r1, [lr]
    add     r2, r2, r3
    str     r2, [sp, #8]
    stm     r0!, {{r8-r11}}
    str     r0, [lr]
5:  cmp     r0, r1
    bne     1b
    add     sp, sp, #20
    pop     {{r4-r11, pc}}
    .size qunet_multiply_dual, . - qunet_multiply_dual
    .purgem qunet_word
    .text
