use std::time::Duration;

/// The units of `grpc-timeout` with their length in nanoseconds, the finest first.
const UNITS: [(char, u128); 6] = [
    ('n', 1),
    ('u', 1_000),
    ('m', 1_000_000),
    ('S', 1_000_000_000),
    ('M', 60 * 1_000_000_000),
    ('H', 3_600 * 1_000_000_000),
];

/// The largest value: eight digits.
const MOST: u128 = 99_999_999;

/// Reads a `grpc-timeout`: one to eight digits and a unit. Anything else is no timeout.
///
/// ```
/// use std::time::Duration;
/// use watertight_timeout::parse_grpc_timeout;
///
/// assert_eq!(parse_grpc_timeout(b"250m"), Some(Duration::from_millis(250)));
/// assert_eq!(parse_grpc_timeout(b"123456789S"), None);
/// ```
#[must_use]
pub fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits
        .iter()
        .fold(0, |count, digit| count * 10 + u128::from(digit - b'0'));
    let (_, length) = UNITS.iter().find(|(name, _)| *name == char::from(*unit))?;
    let nanos = count * length;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// Writes a `grpc-timeout` in the finest unit whose value has eight digits, rounded down: on its way it never grows.
///
/// ```
/// use std::time::Duration;
/// use watertight_timeout::format_grpc_timeout;
///
/// assert_eq!(format_grpc_timeout(Duration::from_millis(250)), "250000u");
/// ```
#[must_use]
pub fn format(left: Duration) -> String {
    let nanos = left.as_nanos();
    let fits = |(_, length): &&(char, u128)| nanos / length <= MOST;
    let (unit, length) = UNITS.iter().find(fits).unwrap_or(&UNITS[5]);
    format!("{}{unit}", (nanos / length).min(MOST))
}
