    // Cortex-M0, M0+ and M3: 32-bit multiplications; low registers only are multiplied.
    .syntax unified

    .macro qunet_save
    push    {{r4-r7, lr}}
    mov     r1, r8
    mov     r2, r9
    mov     r3, r10
    mov     r4, r11
    push    {{r1-r4}}
    .endm

    .macro qunet_return
    pop     {{r1-r4}}
    mov     r8, r1
    mov     r9, r2
    mov     r10, r3
    mov     r11, r4
    pop     {{r4-r7, pc}}
    .endm

    // a word of values times the weights of four lanes
    .macro qunet_word
    ldm     r6!, {{r4}}
    ldm     r5!, {{r0-r3}}
    muls    r0, r4, r0
    add     r8, r0
    muls    r1, r4, r1
    add     r9, r1
    muls    r2, r4, r2
    add     r10, r2
    muls    r3, r4, r3
    add     r11, r3
    .endm

    // adds the upper half of a partial sum
    .macro qunet_upper sum, partial
    mov     r1, \partial
    asrs    r1, r1, #16
    adds    \sum, \sum, r1
    .endm

    // both values times the weights of the next lane
    .macro qunet_halves sum
    ldm     r5!, {{r0}}
    sxth    r1, r0
    muls    r1, r2, r1
    add     \sum, r1
    asrs    r0, r0, #16
    muls    r0, r3, r0
    add     \sum, r0
    .endm

    // r0-r3 weights of four lanes, r4 values, r5 weights, r6 values' address, r7 words left of the
    // interval, r8-r11 partial sums. Stack: arguments, row in the arguments, words left of the row.
    // A word of a row takes 10 instructions for 8 products.
    .section .text.qunet_multiply_pairs, "ax", %progbits
    .global qunet_multiply_pairs
    .type qunet_multiply_pairs, %function
    .thumb_func
    .balign 4
qunet_multiply_pairs:
    qunet_save
    sub     sp, sp, #12
    str     r0, [sp]
    b       9f
1:  // a pixel
    ldr     r0, [sp]
    ldr     r5, [r0, #8]
    adds    r0, r0, #28
2:  // a row: its first word for this pixel, moved on for the next; r0 its place in the arguments
    ldr     r6, [r0]
    ldr     r1, [sp]
    ldr     r2, [r1, #16]
    adds    r2, r2, r6
    stm     r0!, {{r2}}
    str     r0, [sp, #4]
    ldr     r2, [r1, #12]
3:  // up to an interval of words; r1 arguments, r2 words left of the row
    ldr     r7, [r1, #20]
    cmp     r7, r2
    bls     4f
    mov     r7, r2
4:  subs    r2, r2, r7
    str     r2, [sp, #8]
    movs    r0, #128
    lsls    r0, r0, #8
    mov     r8, r0
    mov     r9, r0
    mov     r10, r0
    mov     r11, r0
    subs    r7, r7, #4
    blo     6f
5:  // four words
    .rept 4
    qunet_word
    .endr
    subs    r7, r7, #4
    bhs     5b
6:  // the last zero to three words of the interval
    adds    r7, r7, #4
    beq     8f
7:  qunet_word
    subs    r7, r7, #1
    bne     7b
8:  // the upper halves, rounded by the 0x8000 that the partial sums began with, go to the sums
    ldr     r1, [sp]
    ldr     r4, [r1]
    ldm     r4!, {{r0, r2, r3, r7}}
    subs    r4, r4, #16
    qunet_upper r0, r8
    qunet_upper r2, r9
    qunet_upper r3, r10
    qunet_upper r7, r11
    stm     r4!, {{r0, r2, r3, r7}}
    ldr     r1, [sp]
    ldr     r2, [sp, #8]
    cmp     r2, #0
    bne     3b
    // the next row
    ldr     r0, [sp, #4]
    ldr     r2, [r1, #24]
    cmp     r0, r2
    bne     2b
    str     r4, [r1]
9:  ldr     r0, [sp]
    ldr     r1, [r0]
    ldr     r2, [r0, #4]
    cmp     r1, r2
    bne     1b
    add     sp, sp, #12
    qunet_return
    .size qunet_multiply_pairs, . - qunet_multiply_pairs

    // r0-r1 weights and products, r2 first value, r3 second value, r4 sum of products, r5 weights,
    // r6 values' address, r7 words left of the row, r8-r11 sums. Stack: arguments, row.
    .section .text.qunet_multiply_dual, "ax", %progbits
    .global qunet_multiply_dual
    .type qunet_multiply_dual, %function
    .thumb_func
    .balign 4
qunet_multiply_dual:
    qunet_save
    sub     sp, sp, #8
    str     r0, [sp]
    b       9f
1:  // a pixel
    ldr     r0, [sp]
    ldr     r1, [r0]
    ldm     r1!, {{r2-r5}}
    mov     r8, r2
    mov     r9, r3
    mov     r10, r4
    mov     r11, r5
    ldr     r5, [r0, #8]
    adds    r0, r0, #28
2:  // a row
    ldr     r6, [r0]
    ldr     r1, [sp]
    ldr     r2, [r1, #16]
    adds    r2, r2, r6
    stm     r0!, {{r2}}
    str     r0, [sp, #4]
    ldr     r7, [r1, #12]
3:  // a word
    ldm     r6!, {{r3}}
    sxth    r2, r3
    asrs    r3, r3, #16
    qunet_halves r8
    qunet_halves r9
    qunet_halves r10
    qunet_halves r11
    subs    r7, r7, #1
    bne     3b
    // the next row
    ldr     r1, [sp]
    ldr     r0, [sp, #4]
    ldr     r2, [r1, #24]
    cmp     r0, r2
    bne     2b
    ldr     r0, [r1]
    mov     r2, r8
    mov     r3, r9
    mov     r4, r10
    mov     r5, r11
    stm     r0!, {{r2-r5}}
    str     r0, [r1]
9:  ldr     r0, [sp]
    ldr     r1, [r0]
    ldr     r2, [r0, #4]
    cmp     r1, r2
    bne     1b
    add     sp, sp, #8
    qunet_return
    .size qunet_multiply_dual, . - qunet_multiply_dual
    .purgem qunet_save
    .purgem qunet_return
    .purgem qunet_word
    .purgem qunet_upper
    .purgem qunet_halves
    .text
