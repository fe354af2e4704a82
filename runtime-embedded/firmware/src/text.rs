//! Text over semihosting, without `core::fmt` and its panics.

use crate::board;

/// Prints a text.
pub fn print(text: &str) {
    for byte in text.bytes() {
        board::write_byte(byte);
    }
}

/// Prints a label and a number.
pub fn number(label: &str, value: u64) {
    print(label);
    let mut digits = [b'0'; 20];
    let (mut rest, mut n_digits) = (value, 0);
    for digit in digits.iter_mut().rev() {
        let last;
        (rest, last) = divide_by_10(rest);
        *digit = b'0' + last as u8;
        n_digits += 1;
        if rest == 0 {
            break;
        }
    }
    for digit in digits.iter().skip(digits.len() - n_digits) {
        board::write_byte(*digit);
    }
}

/// Quotient and remainder, 16 bits at a time: a division of 64 bits would be half a KiB of the image.
fn divide_by_10(value: u64) -> (u64, u32) {
    let (mut quotient, mut rest) = (0, 0);
    for shift in [48, 32, 16, 0] {
        let part = rest << 16 | (value >> shift) as u32 & 0xFFFF;
        quotient = quotient << 16 | u64::from(part / 10);
        rest = part % 10;
    }
    (quotient, rest)
}

/// Prints an error and ends the program.
pub fn fail(problem: &str) -> ! {
    print("{\"error\": \"");
    print(problem);
    print("\"}\n");
    board::exit(1)
}
