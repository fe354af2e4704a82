    .option push
    .option arch, +m
    // RV32IM: two pixels at a time, so that a weight that is loaded is used twice; an odd last pixel
    // is computed twice and stored once.
    //
    // a0 arguments, a1 row in the arguments, a6 weights, a7 and t6 values of both pixels, t5 end of the
    // words, s0-s3 and s4-s7 (partial) sums of both pixels, s8 sums, s9 sums of the second pixel, s10
    // bytes to the second pixel, s11 words left of the row.

    // A word of a row takes 22 instructions for 16 products.
    .section .text.qunet_multiply_pairs, "ax", @progbits
    .global qunet_multiply_pairs
    .type qunet_multiply_pairs, @function
    .balign 4
qunet_multiply_pairs:
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
    lw      t0, 0(a7)
    lw      t1, 0(t6)
    lw      a2, 0(a6)
    lw      a3, 4(a6)
    lw      a4, 8(a6)
    lw      a5, 12(a6)
    mul     t2, a2, t0
    mul     a2, a2, t1
    add     s0, s0, t2
    add     s4, s4, a2
    mul     t2, a3, t0
    mul     a3, a3, t1
    add     s1, s1, t2
    add     s5, s5, a3
    mul     t2, a4, t0
    mul     a4, a4, t1
    add     s2, s2, t2
    add     s6, s6, a4
    mul     t2, a5, t0
    mul     a5, a5, t1
    add     s3, s3, t2
    add     s7, s7, a5
    lw      t0, 4(a7)
    lw      t1, 4(t6)
    lw      a2, 16(a6)
    lw      a3, 20(a6)
    lw      a4, 24(a6)
    lw      a5, 28(a6)
    mul     t2, a2, t0
    mul     a2, a2, t1
    add     s0, s0, t2
    add     s4, s4, a2
    mul     t2, a3, t0
    mul     a3, a3, t1
    add     s1, s1, t2
    add     s5, s5, a3
    mul     t2, a4, t0
    mul     a4, a4, t1
    add     s2, s2, t2
    add     s6, s6, a4
    mul     t2, a5, t0
    mul     a5, a5, t1
    add     s3, s3, t2
    add     s7, s7, a5
    lw      t0, 8(a7)
    lw      t1, 8(t6)
    lw      a2, 32(a6)
    lw      a3, 36(a6)
    lw      a4, 40(a6)
    lw      a5, 44(a6)
    mul     t2, a2, t0
    mul     a2, a2, t1
    add     s0, s0, t2
    add     s4, s4, a2
    mul     t2, a3, t0
    mul     a3, a3, t1
    add     s1, s1, t2
    add     s5, s5, a3
    mul     t2, a4, t0
    mul     a4, a4, t1
    add     s2, s2, t2
    add     s6, s6, a4
    mul     t2, a5, t0
    mul     a5, a5, t1
    add     s3, s3, t2
    add     s7, s7, a5
    lw      t0, 12(a7)
    lw      t1, 12(t6)
    lw      a2, 48(a6)
    lw      a3, 52(a6)
    lw      a4, 56(a6)
    lw      a5, 60(a6)
    mul     t2, a2, t0
    mul     a2, a2, t1
    add     s0, s0, t2
    add     s4, s4, a2
    mul     t2, a3, t0
    mul     a3, a3, t1
    add     s1, s1, t2
    add     s5, s5, a3
    mul     t2, a4, t0
    mul     a4, a4, t1
    add     s2, s2, t2
    add     s6, s6, a4
    mul     t2, a5, t0
    mul     a5, a5, t1
    add     s3, s3, t2
    add     s7, s7, a5
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
    lw      t0, 0(a7)
    lw      t1, 0(t6)
    lw      a2, 0(a6)
    lw      a3, 4(a6)
    lw      a4, 8(a6)
    lw      a5, 12(a6)
    mul     t2, a2, t0
    mul     a2, a2, t1
    add     s0, s0, t2
    add     s4, s4, a2
    mul     t2, a3, t0
    mul     a3, a3, t1
    add     s1, s1, t2
    add     s5, s5, a3
    mul     t2, a4, t0
    mul     a4, a4, t1
    add     s2, s2, t2
    add     s6, s6, a4
    mul     t2, a5, t0
    mul     a5, a5, t1
    add     s3, s3, t2
    add     s7, s7, a5
    addi    a6, a6, 16
    addi    a7, a7, 4
    addi    t6, t6, 4
    bne     a7, t5, 10b
8:  // the upper halves, rounded by the 0x8000 that the partial sums began with, go to the sums; where
    // both pixels are one, the second pixel's must not be added
    lw      t0, 0(s8)
    lw      t1, 4(s8)
    lw      t2, 8(s8)
    lw      t3, 12(s8)
    srai    s0, s0, 16
    add     t0, t0, s0
    sw      t0, 0(s8)
    srai    s1, s1, 16
    add     t1, t1, s1
    sw      t1, 4(s8)
    srai    s2, s2, 16
    add     t2, t2, s2
    sw      t2, 8(s8)
    srai    s3, s3, 16
    add     t3, t3, s3
    sw      t3, 12(s8)
    beq     s8, s9, 11f
    lw      t0, 0(s9)
    lw      t1, 4(s9)
    lw      t2, 8(s9)
    lw      t3, 12(s9)
    srai    s4, s4, 16
    add     t0, t0, s4
    sw      t0, 0(s9)
    srai    s5, s5, 16
    add     t1, t1, s5
    sw      t1, 4(s9)
    srai    s6, s6, 16
    add     t2, t2, s6
    sw      t2, 8(s9)
    srai    s7, s7, 16
    add     t3, t3, s7
    sw      t3, 12(s9)
11: bnez    s11, 4b
    lw      t0, 24(a0)
    bne     a1, t0, 3b
    addi    s8, s9, 16
    lw      t0, 4(a0)
    bne     s8, t0, 1b
9:
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
    .size qunet_multiply_pairs, . - qunet_multiply_pairs

    // A word of a row takes 44 instructions for 16 products.
    .section .text.qunet_multiply_dual, "ax", @progbits
    .global qunet_multiply_dual
    .type qunet_multiply_dual, @function
    .balign 4
qunet_multiply_dual:
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
    slli    t5, t5, 2
    add     t5, t5, a7
4:  // a word
    lh      t0, 0(a7)
    lh      t1, 2(a7)
    lh      t3, 0(t6)
    lh      t4, 2(t6)
    lh      a2, 0(a6)
    lh      a3, 2(a6)
    mul     t2, a2, t0
    mul     a2, a2, t3
    mul     a4, a3, t1
    mul     a3, a3, t4
    add     s0, s0, t2
    add     s4, s4, a2
    add     s0, s0, a4
    add     s4, s4, a3
    lh      a2, 4(a6)
    lh      a3, 6(a6)
    mul     t2, a2, t0
    mul     a2, a2, t3
    mul     a4, a3, t1
    mul     a3, a3, t4
    add     s1, s1, t2
    add     s5, s5, a2
    add     s1, s1, a4
    add     s5, s5, a3
    lh      a2, 8(a6)
    lh      a3, 10(a6)
    mul     t2, a2, t0
    mul     a2, a2, t3
    mul     a4, a3, t1
    mul     a3, a3, t4
    add     s2, s2, t2
    add     s6, s6, a2
    add     s2, s2, a4
    add     s6, s6, a3
    lh      a2, 12(a6)
    lh      a3, 14(a6)
    mul     t2, a2, t0
    mul     a2, a2, t3
    mul     a4, a3, t1
    mul     a3, a3, t4
    add     s3, s3, t2
    add     s7, s7, a2
    add     s3, s3, a4
    add     s7, s7, a3
    addi    a6, a6, 16
    addi    a7, a7, 4
    addi    t6, t6, 4
    bne     a7, t5, 4b
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
    .size qunet_multiply_dual, . - qunet_multiply_dual
    .option pop
    .text
