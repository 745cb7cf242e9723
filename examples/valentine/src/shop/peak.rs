use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many are inside at once, and the most there have ever been.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peak(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Counts as inside for as long as it lives.
#[must_use]
#[derive(Debug)]
pub(super) struct Inside(Peak);

impl Peak {
    pub(crate) fn now(&self) -> usize {
        self.0.now.load(Ordering::Relaxed)
    }

    pub(crate) fn most(&self) -> usize {
        self.0.most.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) -> Inside {
        let now = self.0.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(now, Ordering::Relaxed);
        Inside(self.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_stays_when_everybody_has_left() {
        let peak = Peak::default();
        let inside = [peak.enter(), peak.enter()];
        assert_eq!((peak.now(), peak.most()), (2, 2));
        drop(inside);
        drop(peak.enter());
        assert_eq!((peak.now(), peak.most()), (0, 2));
    }
}
