    // Cortex-M4 and other cores with the DSP extension: two products in one SMLAD.
    //
    // r0 weights, r1 values, r2-r3 two words of values, r4-r7 weights of four lanes, r8-r11 sums,
    // r12 words left, lr arguments. Two words of a row take 11 instructions for 16 products.
    .syntax unified
    .section .text.qunet_multiply_dual, "ax", %progbits
    .global qunet_multiply_dual
    .type qunet_multiply_dual, %function
    .thumb_func
    .balign 4
qunet_multiply_dual:
    push    {{r4-r11, lr}}
    sub     sp, sp, #4
    mov     lr, r0
    b       5f
1:  // a pixel
    ldm     r0, {{r8-r11}}
    ldr     r0, [lr, #8]
    add     r2, lr, #28
    str     r2, [sp]
2:  // a row: its first word for this pixel, moved on for the next
    ldr     r2, [sp]
    ldr     r1, [r2]
    ldr     r3, [lr, #16]
    add     r3, r3, r1
    str     r3, [r2], #4
    str     r2, [sp]
    ldr     r12, [lr, #12]
    subs    r12, r12, #4
    blo     4f
3:  // four words
    ldrd    r2, r3, [r1], #8
    ldm     r0!, {{r4-r7}}
    smlad   r8, r4, r2, r8
    smlad   r9, r5, r2, r9
    smlad   r10, r6, r2, r10
    smlad   r11, r7, r2, r11
    ldm     r0!, {{r4-r7}}
    smlad   r8, r4, r3, r8
    smlad   r9, r5, r3, r9
    smlad   r10, r6, r3, r10
    smlad   r11, r7, r3, r11
    ldrd    r2, r3, [r1], #8
    ldm     r0!, {{r4-r7}}
    smlad   r8, r4, r2, r8
    smlad   r9, r5, r2, r9
    smlad   r10, r6, r2, r10
    smlad   r11, r7, r2, r11
    ldm     r0!, {{r4-r7}}
    smlad   r8, r4, r3, r8
    smlad   r9, r5, r3, r9
    smlad   r10, r6, r3, r10
    smlad   r11, r7, r3, r11
    subs    r12, r12, #4
    bhs     3b
4:  // the last zero to three words
    adds    r12, r12, #4
    beq     7f
6:  ldr     r2, [r1], #4
    ldm     r0!, {{r4-r7}}
    smlad   r8, r4, r2, r8
    smlad   r9, r5, r2, r9
    smlad   r10, r6, r2, r10
    smlad   r11, r7, r2, r11
    subs    r12, r12, #1
    bne     6b
7:  // the next row
    ldr     r2, [sp]
    ldr     r3, [lr, #24]
    cmp     r2, r3
    bne     2b
    ldr     r0, [lr]
    stm     r0!, {{r8-r11}}
    str     r0, [lr]
5:  ldr     r0, [lr]
    ldr     r1, [lr, #4]
    cmp     r0, r1
    bne     1b
    add     sp, sp, #4
    pop     {{r4-r11, pc}}
    .size qunet_multiply_dual, . - qunet_multiply_dual
    .text
