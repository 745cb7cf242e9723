use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::{Ended, Record};

/// Records a ledger keeps unless told otherwise.
pub const DEFAULT_RECORDS: usize = 10_000;

/// Writes down every call to a service: who was called, when, how it ended, and how many ran at once.
///
/// Clones share the book. Its counts are exact however many calls there are; of the records themselves the newest are
/// kept.
///
/// ```
/// use tower::{Layer, ServiceExt, service_fn};
/// use watertight_testing::{Ledger, LedgerLayer};
///
/// # tokio_test::block_on(async {
/// let ledger = Ledger::new();
/// let service = LedgerLayer::new(ledger.clone()).layer(service_fn(async |n: u32| Ok::<_, ()>(n)));
/// service.oneshot(1).await.unwrap();
/// ledger.assert_calls(1);
/// ledger.assert_idle();
/// # });
/// ```
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<Book>>);

struct Book {
    most: usize,
    records: VecDeque<Record>,
    calls: u64,
    in_flight: usize,
    max_in_flight: usize,
    counts: [u64; 4],
}

/// The line of one call, closed when the call ends.
#[derive(Debug)]
pub(crate) struct Entry {
    ledger: Ledger,
    number: u64,
    open: bool,
}

impl Ledger {
    /// A ledger that keeps the newest [`DEFAULT_RECORDS`] records.
    #[must_use]
    pub fn new() -> Self {
        Self::keeping(DEFAULT_RECORDS)
    }

    /// A ledger that keeps the newest records, this many.
    #[must_use]
    pub fn keeping(records: usize) -> Self {
        Self(Arc::new(Mutex::new(Book {
            most: records,
            records: VecDeque::new(),
            calls: 0,
            in_flight: 0,
            max_in_flight: 0,
            counts: [0; 4],
        })))
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// How many calls run now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// How many calls ever ran at once.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.lock().max_in_flight
    }

    /// How many calls ended so.
    #[must_use]
    pub fn ended(&self, how: Ended) -> u64 {
        self.lock().counts[how as usize]
    }

    /// The newest records, in the order the calls were made.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.iter().cloned().collect()
    }

    /// The labels of the newest records, in the order the calls were made.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        let book = self.lock();
        book.records
            .iter()
            .map(|record| record.label.clone())
            .collect()
    }

    /// Fails unless exactly so many calls were made.
    ///
    /// # Panics
    ///
    /// When they were not.
    #[track_caller]
    pub fn assert_calls(&self, expected: u64) {
        let calls = self.calls();
        assert!(
            calls == expected,
            "expected {expected} calls, saw {calls}: {self:?}"
        );
    }

    /// Fails if more calls than this ever ran at once.
    ///
    /// # Panics
    ///
    /// When they did.
    #[track_caller]
    pub fn assert_max_in_flight(&self, limit: usize) {
        let most = self.max_in_flight();
        assert!(
            most <= limit,
            "expected at most {limit} calls at once, saw {most}: {self:?}"
        );
    }

    /// Fails if a call is still in flight.
    ///
    /// # Panics
    ///
    /// When one is.
    #[track_caller]
    pub fn assert_idle(&self) {
        let running = self.in_flight();
        assert!(
            running == 0,
            "expected no call in flight, saw {running}: {self:?}"
        );
    }

    pub(crate) fn open(&self, label: String) -> Entry {
        let mut book = self.lock();
        book.calls += 1;
        book.in_flight += 1;
        book.max_in_flight = book.max_in_flight.max(book.in_flight);
        let number = book.calls;
        book.records.push_back(Record {
            number,
            label,
            start: Instant::now(),
            end: None,
        });
        if book.records.len() > book.most {
            book.records.pop_front();
        }
        Entry {
            ledger: self.clone(),
            number,
            open: true,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // No change to the book can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    pub(crate) fn close(&mut self, how: Ended) {
        if !self.open {
            return;
        }
        self.open = false;
        let mut book = self.ledger.lock();
        book.in_flight -= 1;
        book.counts[how as usize] += 1;
        let first = book.records.front().map_or(u64::MAX, |first| first.number);
        // A record that had to make room is gone, its count is not.
        let place = self.number.checked_sub(first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(record) = place.and_then(|place| book.records.get_mut(place)) {
            record.end = Some((Instant::now(), how));
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.close(Ended::Cancelled);
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.lock();
        let count = |how: Ended| book.counts[how as usize];
        f.debug_struct("Ledger")
            .field("calls", &book.calls)
            .field("in_flight", &book.in_flight)
            .field("max_in_flight", &book.max_in_flight)
            .field("ok", &count(Ended::Ok))
            .field("err", &count(Ended::Err))
            .field("cancelled", &count(Ended::Cancelled))
            .field("panicked", &count(Ended::Panicked))
            .finish_non_exhaustive()
    }
}
