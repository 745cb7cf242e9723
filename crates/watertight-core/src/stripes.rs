use std::{
    cell::Cell,
    fmt, iter,
    num::NonZero,
    ops::Deref,
    sync::{
        LazyLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

// More stripes cost memory in every handle and win nothing that was measured.
const MOST: usize = 64;

static COUNT: LazyLock<usize> = LazyLock::new(|| {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    workers.next_power_of_two().min(MOST)
});

static NEXT: AtomicUsize = AtomicUsize::new(1);

thread_local! {
    // Zero until it is asked for: a constant costs less per look than what must be made first.
    static MINE: Cell<usize> = const { Cell::new(0) };
}

/// One value per worker thread, each on cache lines of its own, so that workers do not meet on the hot path.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use watertight_core::Stripes;
///
/// let hits: Stripes<AtomicU64> = Stripes::new(|_| AtomicU64::new(0));
/// hits.mine().fetch_add(1, Ordering::Relaxed);
/// assert_eq!(hits.iter().map(|stripe| stripe.load(Ordering::Relaxed)).sum::<u64>(), 1);
/// ```
pub struct Stripes<T>(Box<[Padded<T>]>);

/// A value that shares its cache lines with no other.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Padded<T>(pub T);

/// A counter that threads bump without meeting.
#[derive(Debug)]
pub struct StripedCounter(Stripes<AtomicU64>);

impl<T> Stripes<T> {
    /// Makes one value per worker; the closure is given its index.
    pub fn new(make: impl FnMut(usize) -> T) -> Self {
        Self((0..stripe_count()).map(make).map(Padded).collect())
    }

    /// The value of the current thread.
    #[must_use]
    #[inline]
    pub fn mine(&self) -> &T {
        &self.0[my_stripe() & (self.0.len() - 1)]
    }

    /// Every value.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> + '_ {
        self.0.iter().map(|padded| &padded.0)
    }
}

impl StripedCounter {
    /// A counter at zero.
    #[must_use]
    pub fn new() -> Self {
        Self(Stripes::new(|_| AtomicU64::new(0)))
    }

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.0.mine().fetch_add(1, Ordering::Relaxed);
    }

    /// The sum over all threads.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .map(|stripe| stripe.load(Ordering::Relaxed))
            .sum()
    }
}

impl Default for StripedCounter {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Stripes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(iter::zip(0.., self.iter())).finish()
    }
}

/// How many stripes there are: the number of cores, rounded up to a power of two, at most 64.
#[must_use]
pub fn stripe_count() -> usize {
    *COUNT
}

/// A number of the current thread, and of no other ever; take it modulo [`stripe_count`].
#[must_use]
#[inline]
pub fn my_stripe() -> usize {
    match MINE.get() {
        0 => number_thread(),
        mine => mine,
    }
}

#[cold]
fn number_thread() -> usize {
    let mine = NEXT.fetch_add(1, Ordering::Relaxed);
    MINE.set(mine);
    mine
}
