//! The middle of what was measured, and how far it spreads.

/// The middle value, or the mean of the two in the middle; not a number if there is none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of the values lies, interpolated; not a number if there is none.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (at.floor(), at.ceil());
    let (low, high) = (sorted[below as usize], sorted[above as usize]);
    low + (high - low) * (at - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert!((median(&[9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn of_nothing_there_is_no_median() {
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn one_wild_round_does_not_move_the_median() {
        assert!((median(&[5.0, 5.0, 5.0, 5.0, 5_000.0]) - 5.0).abs() < f64::EPSILON);
    }

    #[test]
    fn quartiles_are_interpolated() {
        let values = [0.0, 10.0, 20.0, 30.0, 40.0];
        assert!((quantile(&values, 0.25) - 10.0).abs() < f64::EPSILON);
        assert!((quantile(&values, 0.9) - 36.0).abs() < 1e-9);
    }
}
