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
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        n_digits += 1;
        if rest == 0 {
            break;
        }
    }
    for digit in digits.iter().skip(digits.len() - n_digits) {
        board::write_byte(*digit);
    }
}

/// Prints an error and ends the program.
pub fn fail(problem: &str) -> ! {
    print("{\"error\": \"");
    print(problem);
    print("\"}\n");
    board::exit(1)
}
