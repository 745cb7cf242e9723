use watertight_core::Padded;

use crate::{
    debt::{Debt, lower},
    sync::{AtomicU64, Ordering},
};

/// The most permits a bulkhead can have.
pub const MAX_PERMITS: usize = TOKENS as usize;

const TOKEN_BITS: u32 = 20;
const TOKENS: u64 = (1 << TOKEN_BITS) - 1;
const RETURNED: u64 = 1 << TOKEN_BITS;

/// The free permits, where the workers that use them do not meet.
///
/// Each permit is one token that is in flight, in the purse of a worker, in the pool, or owed since the limit was
/// lowered. Tokens only move, so there are never more calls than tokens; debts are paid before a token is free again.
#[derive(Debug)]
pub(crate) struct Tokens {
    pool: AtomicU64,
    debt: Debt,
    /// Free tokens below, tokens that were ever returned here above: one write per returned token.
    purses: Box<[Padded<AtomicU64>]>,
}

impl Tokens {
    pub(crate) fn new(limit: usize, workers: usize) -> Self {
        // A power of two, because a remainder would cost more than the rest of the way to a purse.
        let purses = 0..workers.next_power_of_two();
        Self {
            pool: AtomicU64::new(limit as u64),
            debt: Debt::none(),
            purses: purses.map(|_| Padded(AtomicU64::new(0))).collect(),
        }
    }

    /// Takes a token from the worker's own purse, the pool, or another purse.
    #[inline(always)]
    pub(crate) fn take(&self, worker: usize) -> bool {
        // One that came back while the limit was lowered may be free although it is owed.
        let quickly = take_from(self.purse(worker)) && !self.debt.pay();
        quickly || self.take_slowly(worker)
    }

    /// Returns a token; `done` says whether its call counts as completed.
    #[inline(always)]
    pub(crate) fn give_back(&self, worker: usize, done: bool) {
        let token = u64::from(!self.debt.pay());
        let done = if done { RETURNED } else { 0 };
        self.purse(worker).fetch_add(token + done, Ordering::AcqRel);
    }

    /// Adds permits; debts are forgiven first.
    pub(crate) fn grow(&self, by: u64) {
        let forgiven = self.debt.forgive(by);
        self.pool.fetch_add(by - forgiven, Ordering::AcqRel);
    }

    /// Takes permits away: free ones now, the others as they come back.
    pub(crate) fn shrink(&self, by: u64) {
        // Owed first, so that no token can be returned in between and be free under the old limit.
        self.debt.owe(by);
        while self.debt.owed() > 0 && self.take_any(0) {
            if !self.debt.pay() {
                self.pool.fetch_add(1, Ordering::AcqRel);
                return;
            }
        }
    }

    /// Tokens that are free now.
    pub(crate) fn free(&self) -> u64 {
        let purses = self
            .purses
            .iter()
            .map(|purse| purse.load(Ordering::Acquire) & TOKENS);
        purses.sum::<u64>() + self.pool.load(Ordering::Acquire)
    }

    /// Tokens that will be gone when they come back, or are found to be free.
    pub(crate) fn owed(&self) -> u64 {
        self.debt.owed()
    }

    /// Calls that were completed.
    pub(crate) fn completed(&self) -> u64 {
        let purses = self
            .purses
            .iter()
            .map(|purse| purse.load(Ordering::Acquire) >> TOKEN_BITS);
        purses.sum()
    }

    #[inline(never)]
    fn take_slowly(&self, worker: usize) -> bool {
        while self.take_any(worker) {
            if !self.debt.pay() {
                return true;
            }
        }
        false
    }

    fn take_any(&self, worker: usize) -> bool {
        let mut others = (1..self.purses.len()).map(|next| self.purse(worker + next));
        take_from(self.purse(worker)) || lower(&self.pool, 1) == 1 || others.any(take_from)
    }

    #[inline(always)]
    fn purse(&self, worker: usize) -> &AtomicU64 {
        &self.purses[worker & (self.purses.len() - 1)]
    }
}

#[inline]
fn take_from(purse: &AtomicU64) -> bool {
    let mut known = purse.load(Ordering::Acquire);
    while known & TOKENS != 0 {
        match purse.compare_exchange_weak(known, known - 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return true,
            Err(actual) => known = actual,
        }
    }
    false
}
