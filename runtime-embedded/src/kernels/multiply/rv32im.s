    .option push
    .option arch, +m
    // RV32IM: two pixels at a time, so that a weight that is loaded is used twice; an odd last pixel
    // is computed twice and stored once.
    //
    // a0 arguments, a1 row in the arguments, a6 weights, a7 and t6 values of both pixels, t5 end of the
    // words, s0-s3 and s4-s7 (partial) sums of both pixels, s8 sums, s9 sums of the second pixel, s10
    // bytes to the second pixel, s11 words left of the row.

    .macro qunet_save
    addi    sp, sp, -64
    sw      ra, 0(sp)
    sw      s0, 4(sp)
    sw      s1, 8(sp)
    sw      s2, 12(sp)
    sw      s3, 16(sp)
    sw      s4, 20(sp)
    sw      s5, 24(sp)
    sw      s6, 28(sp)
    sw      s7, 32(sp)
    sw      s8, 36(sp)
    sw      s9, 40(sp)
    sw      s10, 44(sp)
    sw      s11, 48(sp)
    .endm

    .macro qunet_return
    lw      ra, 0(sp)
    lw      s0, 4(sp)
    lw      s1, 8(sp)
    lw      s2, 12(sp)
    lw      s3, 16(sp)
    lw      s4, 20(sp)
    lw      s5, 24(sp)
    lw      s6, 28(sp)
    lw      s7, 32(sp)
    lw      s8, 36(sp)
    lw      s9, 40(sp)
    lw      s10, 44(sp)
    lw      s11, 48(sp)
    addi    sp, sp, 64
    ret
    .endm

    // weights of one lane times the words of both pixels
    .macro qunet_pair weights, first, second
    mul     t2, \weights, t0
    mul     \weights, \weights, t1
    add     \first, \first, t2
    add     \second, \second, \weights
    .endm

    // word n of both pixels times the weights of four lanes
    .macro qunet_word n
    lw      t0, 4*\n(a7)
    lw      t1, 4*\n(t6)
    lw      a2, 16*\n(a6)
    lw      a3, 16*\n+4(a6)
    lw      a4, 16*\n+8(a6)
    lw      a5, 16*\n+12(a6)
    qunet_pair a2, s0, s4
    qunet_pair a3, s1, s5
    qunet_pair a4, s2, s6
    qunet_pair a5, s3, s7
    .endm

    // adds the upper halves of a pixel's partial sums to its sums
    .macro qunet_upper sums, first, second, third, fourth
    lw      t0, 0(\sums)
    lw      t1, 4(\sums)
    lw      t2, 8(\sums)
    lw      t3, 12(\sums)
    srai    \first, \first, 16
    add     t0, t0, \first
    sw      t0, 0(\sums)
    srai    \second, \second, 16
    add     t1, t1, \second
    sw      t1, 4(\sums)
    srai    \third, \third, 16
    add     t2, t2, \third
    sw      t2, 8(\sums)
    srai    \fourth, \fourth, 16
    add     t3, t3, \fourth
    sw      t3, 12(\sums)
    .endm

    // halves of weights at an offset times the halves of both pixels
    .macro qunet_halves offset, first, second
    lh      a2, \offset(a6)
    lh      a3, \offset+2(a6)
    mul     t2, a2, t0
    mul     a2, a2, t3
    mul     a4, a3, t1
    mul     a3, a3, t4
    add     \first, \first, t2
    add     \second, \second, a2
    add     \first, \first, a4
    add     \second, \second, a3
    .endm

    // word n of both pixels, half by half
    .macro qunet_halves_word n
    lh      t0, 4*\n(a7)
    lh      t1, 4*\n+2(a7)
    lh      t3, 4*\n(t6)
    lh      t4, 4*\n+2(t6)
    qunet_halves 16*\n, s0, s4
    qunet_halves 16*\n+4, s1, s5
    qunet_halves 16*\n+8, s2, s6
    qunet_halves 16*\n+12, s3, s7
    .endm

    // A word of a row takes 22 instructions for 16 products.
    .section .text.qunet_multiply_pairs, "ax", @progbits
    .global qunet_multiply_pairs
    .type qunet_multiply_pairs, @function
    .balign 4
qunet_multiply_pairs:
    qunet_save
    lw      s8, 0(a0)
    lw      t0, 4(a0)
    beq     s8, t0, 9f
1:  // two pixels
    lw      s10, 16(a0)
    addi    s9, s8, 16
    bne     s9, t0, 2f
    mv      s9, s8
    li      s10, 0
2:  lw      a6, 8(a0)
    addi    a1, a0, 28
3:  // a row: its first word for this pixel, moved on for the next two
    lw      a7, 0(a1)
    lw      t0, 16(a0)
    add     t6, a7, s10
    slli    t0, t0, 1
    add     t0, t0, a7
    sw      t0, 0(a1)
    addi    a1, a1, 4
    lw      s11, 12(a0)
4:  // up to an interval of words
    lw      ra, 20(a0)
    bleu    ra, s11, 5f
    mv      ra, s11
5:  sub     s11, s11, ra
    li      s0, 0x8000
    mv      s1, s0
    mv      s2, s0
    mv      s3, s0
    mv      s4, s0
    mv      s5, s0
    mv      s6, s0
    mv      s7, s0
    andi    t5, ra, -4
    slli    t5, t5, 2
    add     t5, t5, a7
    beq     t5, a7, 7f
6:  // four words
    qunet_word 0
    qunet_word 1
    qunet_word 2
    qunet_word 3
    addi    a6, a6, 64
    addi    a7, a7, 16
    addi    t6, t6, 16
    bne     a7, t5, 6b
7:  // the last zero to three words of the interval
    andi    ra, ra, 3
    beqz    ra, 8f
    slli    ra, ra, 2
    add     t5, a7, ra
10:
    qunet_word 0
    addi    a6, a6, 16
    addi    a7, a7, 4
    addi    t6, t6, 4
    bne     a7, t5, 10b
8:  // the upper halves, rounded by the 0x8000 that the partial sums began with, go to the sums; where
    // both pixels are one, the second pixel's must not be added
    qunet_upper s8, s0, s1, s2, s3
    beq     s8, s9, 11f
    qunet_upper s9, s4, s5, s6, s7
11: bnez    s11, 4b
    lw      t0, 24(a0)
    bne     a1, t0, 3b
    addi    s8, s9, 16
    lw      t0, 4(a0)
    bne     s8, t0, 1b
9:
    qunet_return
    .size qunet_multiply_pairs, . - qunet_multiply_pairs

    // Two words of a row take 92 instructions for 32 products.
    .section .text.qunet_multiply_dual, "ax", @progbits
    .global qunet_multiply_dual
    .type qunet_multiply_dual, @function
    .balign 4
qunet_multiply_dual:
    qunet_save
    lw      s8, 0(a0)
    lw      t0, 4(a0)
    beq     s8, t0, 9f
1:  // two pixels
    lw      s10, 16(a0)
    addi    s9, s8, 16
    bne     s9, t0, 2f
    mv      s9, s8
    li      s10, 0
2:  lw      a6, 8(a0)
    addi    a1, a0, 28
    lw      s0, 0(s8)
    lw      s4, 0(s9)
    lw      s1, 4(s8)
    lw      s5, 4(s9)
    lw      s2, 8(s8)
    lw      s6, 8(s9)
    lw      s3, 12(s8)
    lw      s7, 12(s9)
3:  // a row
    lw      a7, 0(a1)
    lw      t0, 16(a0)
    add     t6, a7, s10
    slli    t0, t0, 1
    add     t0, t0, a7
    sw      t0, 0(a1)
    addi    a1, a1, 4
    lw      t5, 12(a0)
    andi    ra, t5, 1
    slli    t5, t5, 2
    add     t5, t5, a7
    beqz    ra, 4f
    qunet_halves_word 0
    addi    a6, a6, 16
    addi    a7, a7, 4
    addi    t6, t6, 4
    beq     a7, t5, 5f
4:  // two words
    qunet_halves_word 0
    qunet_halves_word 1
    addi    a6, a6, 32
    addi    a7, a7, 8
    addi    t6, t6, 8
    bne     a7, t5, 4b
5:
    lw      t0, 24(a0)
    bne     a1, t0, 3b
    // equal sums if both pixels are one
    sw      s0, 0(s8)
    sw      s1, 4(s8)
    sw      s2, 8(s8)
    sw      s3, 12(s8)
    sw      s4, 0(s9)
    sw      s5, 4(s9)
    sw      s6, 8(s9)
    sw      s7, 12(s9)
    addi    s8, s9, 16
    lw      t0, 4(a0)
    bne     s8, t0, 1b
9:
    qunet_return
    .size qunet_multiply_dual, . - qunet_multiply_dual
    .purgem qunet_save
    .purgem qunet_return
    .purgem qunet_pair
    .purgem qunet_word
    .purgem qunet_upper
    .purgem qunet_halves
    .purgem qunet_halves_word
    .option pop
    .text
