//! What is measured, by whom it is done, and what ours must keep to.

use watertight_benches::{
    floor,
    lab::Lab,
    ours::{breaker, bulkhead, fallback, stack, timeout},
    service::{Answers, Yields},
    subject::{BARE, Subject},
    target::Target::{self, AtMost, AtMostOf},
};

use crate::peers::{failsafe, recloser, seatbelt, tower, tower_resilience};

/// One piece of work.
#[derive(Debug)]
pub struct Case {
    /// What is done.
    pub name: &'static str,
    /// The service underneath.
    pub inner: Inner,
    /// Who does it, ours first.
    pub subjects: Vec<Subject>,
    /// What ours must keep to when one task calls.
    pub one: &'static [Target],
    /// What ours must keep to when tasks on two workers share one state.
    pub two: &'static [Target],
    /// What ours must keep to in instructions, the bare service's among them.
    pub instructions: &'static [Target],
    /// What ours must keep to in allocations.
    pub allocations: &'static [Target],
}

/// The service that the layers of a case are put around.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Inner {
    /// It answers at once.
    Answers,
    /// It answers at the second poll.
    Yields,
}

impl Inner {
    /// The service without any layer.
    #[must_use]
    pub fn bare(self) -> Subject {
        match self {
            Self::Answers => Subject::answering(BARE, Answers),
            Self::Yields => Subject::answering(BARE, Yields),
        }
    }
}

/// Every case that is asked for.
#[must_use]
pub fn wanted(lab: &Lab, wanted: impl Fn(&str) -> bool) -> Vec<Case> {
    let wanted = CASES.iter().filter(|(name, _)| wanted(name));
    wanted.map(|(name, set_up)| set_up(lab, name)).collect()
}

type SetUp = fn(&Lab, &'static str) -> Case;

const CASES: [(&str, SetUp); 10] = [
    ("breaker, closed", breaker_closed),
    ("breaker, slow calls on", breaker_slow_calls),
    ("breaker, window of time", breaker_time_window),
    ("breaker, open", breaker_open),
    ("bulkhead, admitted", bulkhead_admitted),
    ("bulkhead, refused", bulkhead_refused),
    ("timeout, ready inner", timeout_ready),
    ("timeout, inner that yields", timeout_yields),
    ("fallback, untouched", fallback_untouched),
    ("stack of four", stack_of_four),
];

fn breaker_closed(lab: &Lab, name: &'static str) -> Case {
    let [rate, consecutive] = failsafe::closed();
    let mut subjects = vec![
        breaker::closed(),
        recloser::closed(),
        rate,
        consecutive,
        seatbelt::closed(lab),
        tower_resilience::closed(),
    ];
    subjects.extend(floor::subjects());
    Case {
        name,
        inner: Inner::Answers,
        subjects,
        one: &[AtMostOf(recloser::NAME, 0.65)],
        two: &[
            AtMostOf(recloser::NAME, 1.0 / 9.0),
            AtMostOf(tower_resilience::NAME, 1.0 / 15.0),
        ],
        instructions: &[AtMost(80.0)],
        allocations: &[AtMost(0.0)],
    }
}

fn breaker_slow_calls(_: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![breaker::slow_calls(), tower_resilience::slow_calls()],
        one: &[AtMostOf(tower_resilience::NAME, 0.3)],
        two: &[AtMostOf(tower_resilience::NAME, 0.1)],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn breaker_time_window(lab: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![breaker::time_window(), seatbelt::closed(lab)],
        one: &[],
        two: &[],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn breaker_open(lab: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![
            breaker::open(lab),
            recloser::open(lab),
            failsafe::open(lab),
            seatbelt::open(lab),
            tower_resilience::open(lab),
            floor::clock(),
        ],
        one: &[AtMostOf(recloser::NAME, 0.65)],
        two: &[AtMostOf(recloser::NAME, 0.4)],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn bulkhead_admitted(_: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![
            bulkhead::admitted(),
            tower::limit(),
            tower_resilience::bulkhead(),
        ],
        one: &[AtMostOf(tower::NAME, 0.75)],
        two: &[AtMostOf(tower::NAME, 0.4)],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn bulkhead_refused(lab: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![
            bulkhead::refused(lab),
            tower::limit_full(lab),
            tower_resilience::bulkhead_full(lab),
        ],
        one: &[AtMost(15.0)],
        two: &[],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn timeout_ready(lab: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![
            timeout::ready(),
            tower::timeout_ready(),
            seatbelt::timeout_ready(lab),
            tower_resilience::timeout_ready(),
        ],
        one: &[AtMostOf(tower::NAME, 0.6)],
        two: &[AtMostOf(tower::NAME, 1.0)],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn timeout_yields(lab: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Yields,
        subjects: vec![
            timeout::yielding(),
            tower::timeout_yielding(),
            seatbelt::timeout_yielding(lab),
            tower_resilience::timeout_yielding(),
        ],
        one: &[AtMostOf(tower::NAME, 0.9)],
        two: &[AtMostOf(tower::NAME, 1.0)],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn fallback_untouched(lab: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![
            fallback::untouched(),
            seatbelt::fallback(lab),
            tower_resilience::fallback(),
        ],
        one: &[AtMost(12.0)],
        two: &[AtMost(12.0)],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}

fn stack_of_four(_: &Lab, name: &'static str) -> Case {
    Case {
        name,
        inner: Inner::Answers,
        subjects: vec![stack::four(), tower_resilience::stack()],
        one: &[AtMostOf(tower_resilience::NAME, 1.0 / 8.0)],
        two: &[AtMostOf(tower_resilience::NAME, 1.0 / 8.0)],
        instructions: &[],
        allocations: &[AtMost(0.0)],
    }
}
