//! Numbers as people read them.

/// Dice in points of 100, as `80.84`; a dash where it is not known.
pub fn points(dice: Option<f64>) -> String {
    dice.filter(|d| d.is_finite()).map_or("–".into(), |d| format!("{:.2}", 100.0 * d))
}

/// A difference of Dice in points, with its sign.
pub fn signed_points(drop: f64) -> String {
    // no minus before what rounds to zero
    let rounded = (1e4 * drop).round() / 100.0 + 0.0;
    let sign = match rounded {
        r if r > 0.0 => "+",
        r if r < 0.0 => "−",
        _ => "",
    };
    format!("{sign}{:.2}", rounded.abs())
}

/// Bytes with a binary unit, as `16.4 KiB`.
pub fn bytes(count: f64) -> String {
    match count {
        n if n < 1024.0 => format!("{n:.0} B"),
        n if n < 1_048_576.0 => format!("{} KiB", three_digits(n / 1024.0)),
        n => format!("{} MiB", three_digits(n / 1_048_576.0)),
    }
}

/// A count with a metric unit, as `10.5 M`.
pub fn metric(count: f64) -> String {
    match count {
        n if n < 1e3 => format!("{n:.0}"),
        n if n < 1e6 => format!("{} k", three_digits(n / 1e3)),
        n if n < 1e9 => format!("{} M", three_digits(n / 1e6)),
        n => format!("{} G", three_digits(n / 1e9)),
    }
}

/// A whole number with thin spaces between groups of three digits.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share in percent.
pub fn percent(part: u64, of: u64) -> String {
    let share = 100.0 * part as f64 / of.max(1) as f64;
    match share {
        s if s > 0.0 && s < 0.01 => "< 0.01 %".into(),
        s => format!("{s:.2} %"),
    }
}

/// Three digits, no zeros at the end of a fraction.
fn three_digits(value: f64) -> String {
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_people() {
        assert_eq!((points(Some(0.80837)), points(None)), ("80.84".into(), "–".into()));
        assert_eq!(points(Some(f64::NAN)), "–");
        assert_eq!(signed_points(0.0014), "+0.14");
        assert_eq!(signed_points(-0.00004), "0.00");
        assert_eq!(signed_points(-0.03), "−3.00");
        assert_eq!((bytes(1000.0), bytes(16_384.0)), ("1000 B".into(), "16 KiB".into()));
        assert_eq!((bytes(249_770.0), bytes(1_572_864.0)), ("244 KiB".into(), "1.5 MiB".into()));
        assert_eq!((metric(10_531_504.0), metric(936.0)), ("10.5 M".into(), "936".into()));
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((percent(1, 3), percent(0, 0)), ("33.33 %".into(), "0.00 %".into()));
        assert_eq!(percent(1, 100_000_000), "< 0.01 %");
    }
}
