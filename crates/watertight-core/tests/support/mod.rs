#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use watertight_core::{
    Admission, Admit, Forget, Gated, Outcome, Permit, Reason, Rejected, Verdict, Wrap,
};

/// A gate with a limit, as simple as one can be: what a layer crate brings to core.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    shut: AtomicBool,
    out: AtomicUsize,
    ended: Mutex<Vec<Ended>>,
}

/// How a permit ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended {
    With(Verdict),
    HeadThen(Verdict),
    Cancelled,
}

#[derive(Debug)]
pub struct Ticket {
    gate: Arc<State>,
    head: bool,
    open: bool,
}

impl Gate {
    pub fn shut(&self, shut: bool) {
        self.0.shut.store(shut, Ordering::SeqCst);
    }

    pub fn out(&self) -> usize {
        self.0.out.load(Ordering::SeqCst)
    }

    pub fn ended(&self) -> Vec<Ended> {
        self.0.ended.lock().unwrap().clone()
    }
}

impl<Req> Admit<Req> for Gate {
    type Permit = Ticket;

    fn gate(&self) -> Option<Gated> {
        let shut = self.0.shut.load(Ordering::SeqCst);
        shut.then_some(Gated::new(Reason::Open))
    }

    fn admit(&self, _: &Req) -> Result<Ticket, Rejected> {
        if self.0.shut.load(Ordering::SeqCst) {
            return Err(Rejected::new("gate", Reason::Open));
        }
        self.0.out.fetch_add(1, Ordering::SeqCst);
        Ok(Ticket {
            gate: Arc::clone(&self.0),
            head: false,
            open: true,
        })
    }

    fn refuse(&self, gated: Option<Gated>) -> Rejected {
        gated.unwrap_or(Gated::new(Reason::Open)).by("gate")
    }
}

impl Permit for Ticket {
    fn end(mut self, outcome: Outcome) {
        let verdict = outcome.verdict;
        self.close(if self.head {
            Ended::HeadThen(verdict)
        } else {
            Ended::With(verdict)
        });
    }

    fn head(&mut self, _: Outcome) {
        self.head = true;
    }
}

impl Ticket {
    fn close(&mut self, how: Ended) {
        self.open = false;
        self.gate.out.fetch_sub(1, Ordering::SeqCst);
        self.gate.ended.lock().unwrap().push(how);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.open {
            self.close(Ended::Cancelled);
        }
    }
}

impl Forget for Gate {
    fn can_be_forgotten(&self) -> bool {
        self.out() == 0
    }
}

impl<S, C, R, U> Wrap<S, C, R, U> for Gate {
    type Service = Admission<S, Self, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        Admission::new(inner, self, classify, on_reject, hold)
    }
}
