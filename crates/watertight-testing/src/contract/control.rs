use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::contract::ProbeError;

/// The suite's hand on the inner service: what it does next, and what was done to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Control(Arc<Mutex<State>>);

/// What the next calls do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Act {
    #[default]
    Answer,
    Fail,
    /// Waits until it is released, and answers then.
    Hang,
    PanicInCall,
    PanicInFuture,
}

/// What the panics of the inner service carry.
#[derive(Debug)]
pub(crate) struct ProbePanic;

#[derive(Debug, Default)]
struct State {
    gate: Gate,
    act: Act,
    instances: u64,
    /// Those who wait for readiness, by instance: who drops the instance has lost its waker.
    waiting: BTreeMap<u64, Waker>,
    hanging: BTreeMap<u64, Waker>,
    released: u64,
    calls: Vec<Option<u32>>,
    unready_calls: usize,
    in_flight: usize,
    max_in_flight: usize,
}

#[derive(Debug, Default)]
enum Gate {
    #[default]
    Open,
    Shut,
    Failing(u32),
}

impl Control {
    /// No instance becomes ready any more; one that is stays so.
    pub(crate) fn shut(&self) {
        self.lock().gate = Gate::Shut;
    }

    pub(crate) fn open(&self) {
        let mut state = self.lock();
        state.gate = Gate::Open;
        let woken = mem::take(&mut state.waiting);
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }

    pub(crate) fn fail_readiness(&self, number: u32) {
        self.lock().gate = Gate::Failing(number);
    }

    pub(crate) fn act(&self, act: Act) {
        self.lock().act = act;
    }

    /// Lets all calls end that hang.
    pub(crate) fn release(&self) {
        let mut state = self.lock();
        state.released = state.calls.len() as u64;
        let woken = mem::take(&mut state.hanging);
        drop(state);
        woken.into_values().for_each(Waker::wake);
    }

    /// The numbers of the requests that came, in order; `None` for one that was not whole.
    pub(crate) fn calls(&self) -> Vec<Option<u32>> {
        self.lock().calls.clone()
    }

    /// Calls of an instance that was not polled ready.
    pub(crate) fn unready_calls(&self) -> usize {
        self.lock().unready_calls
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.lock().max_in_flight
    }

    pub(super) fn new_instance(&self) -> u64 {
        let mut state = self.lock();
        state.instances += 1;
        state.instances
    }

    pub(super) fn drop_instance(&self, instance: u64) {
        self.lock().waiting.remove(&instance);
    }

    pub(super) fn poll_ready(
        &self,
        instance: u64,
        cx: &Context<'_>,
    ) -> Poll<Result<(), ProbeError>> {
        let mut state = self.lock();
        match state.gate {
            Gate::Open => Poll::Ready(Ok(())),
            Gate::Failing(number) => Poll::Ready(Err(ProbeError(number))),
            Gate::Shut => {
                state.waiting.insert(instance, cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Notes a call, and says which it is and what it does.
    pub(super) fn called(&self, number: Option<u32>, ready: bool) -> (u64, Act) {
        let mut state = self.lock();
        state.calls.push(number);
        state.unready_calls += usize::from(!ready);
        state.in_flight += 1;
        state.max_in_flight = state.max_in_flight.max(state.in_flight);
        (state.calls.len() as u64, state.act)
    }

    pub(super) fn poll_release(&self, call: u64, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if call <= state.released {
            return Poll::Ready(());
        }
        state.hanging.insert(call, cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn ended(&self, call: u64) {
        let mut state = self.lock();
        state.hanging.remove(&call);
        state.in_flight -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No change to the state can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
