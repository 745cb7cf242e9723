use crate::sync::{AtomicU64, Ordering};

/// Permits that are in flight and must not be free again, because the limit was lowered.
#[derive(Debug)]
pub(crate) struct Debt(AtomicU64);

impl Debt {
    pub(crate) fn none() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn owe(&self, by: u64) {
        self.0.fetch_add(by, Ordering::AcqRel);
    }

    /// Pays with one permit; false if nothing is owed.
    #[inline]
    pub(crate) fn pay(&self) -> bool {
        self.owed() != 0 && lower(&self.0, 1) == 1
    }

    /// Forgives up to so much; by how much.
    pub(crate) fn forgive(&self, by: u64) -> u64 {
        lower(&self.0, by)
    }

    #[inline]
    pub(crate) fn owed(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Lowers a number by so much, or to zero; by how much it was lowered.
pub(crate) fn lower(number: &AtomicU64, by: u64) -> u64 {
    let mut known = number.load(Ordering::Acquire);
    loop {
        let lowered = known.min(by);
        if lowered == 0 {
            return 0;
        }
        let new = known - lowered;
        match number.compare_exchange_weak(known, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return lowered,
            Err(actual) => known = actual,
        }
    }
}
