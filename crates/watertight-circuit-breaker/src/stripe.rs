use std::{
    iter,
    sync::{Arc, OnceLock},
};

use watertight_core::{my_stripe, stripe_count};

use crate::{machine::Tally, shared::Shared};

/// Where the stripes of the worker threads hang, each made when its thread first comes by, so that a breaker per key
/// stays small.
pub(crate) type Slots = [Slot];

type Slot = OnceLock<Arc<Stripe>>;

/// Stripes in one slot; threads that come later share the last one, and pay for it.
const MOST_IN_SLOT: usize = 4;

/// What one worker thread touches per call; a counted reference of its own keeps workers from meeting.
///
/// Made by its own thread, it lies in that thread's part of the heap. What is written per call comes first.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Stripe {
    pub(crate) shared: Arc<Shared>,
    pub(crate) tally: Tally,
    /// The stripe of another thread whose number ends alike.
    next: Slot,
}

/// Looks after the stripes in their slots.
pub(crate) trait Stripes {
    /// The stripe of the current thread.
    fn mine(&self, shared: &Arc<Shared>) -> &Arc<Stripe>;

    /// Adds up something that the workers have counted.
    fn sum(&self, count: &impl Fn(&Tally) -> u64) -> u64;

    /// Whether every stripe is known here only.
    fn are_idle(&self) -> bool;
}

pub(crate) fn slots() -> Arc<Slots> {
    (0..stripe_count()).map(|_| Slot::new()).collect()
}

impl Stripes for Slots {
    #[inline(always)]
    fn mine(&self, shared: &Arc<Shared>) -> &Arc<Stripe> {
        let me = my_stripe();
        let slot = &self[me & (self.len() - 1)];
        match slot.get() {
            Some(stripe) if stripe.tally.is_of(me) => stripe,
            _ => find(slot, me, shared),
        }
    }

    fn sum(&self, count: &impl Fn(&Tally) -> u64) -> u64 {
        all(self).map(|stripe| count(&stripe.tally)).sum()
    }

    fn are_idle(&self) -> bool {
        all(self).all(|stripe| Arc::strong_count(stripe) == 1)
    }
}

fn all(slots: &Slots) -> impl Iterator<Item = &Arc<Stripe>> {
    slots
        .iter()
        .flat_map(|slot| iter::successors(slot.get(), |stripe| stripe.next.get()))
}

#[inline(never)]
fn find<'a>(mut slot: &'a Slot, me: usize, shared: &Arc<Shared>) -> &'a Arc<Stripe> {
    let mut stripe = slot.get_or_init(|| Stripe::new(shared, me));
    for _ in 1..MOST_IN_SLOT {
        if stripe.tally.is_of(me) {
            break;
        }
        slot = &stripe.next;
        stripe = slot.get_or_init(|| Stripe::new(shared, me));
    }
    stripe
}

impl Stripe {
    fn new(shared: &Arc<Shared>, owner: usize) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::clone(shared),
            tally: Tally::new(owner),
            next: Slot::new(),
        })
    }
}
