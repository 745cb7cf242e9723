//! The machine under model checkers: at most three threads, every interleaving that matters.

mod rounds;
mod windows;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

#[cfg(watertight_loom)]
use loom::thread;
#[cfg(watertight_shuttle)]
use shuttle::thread;

use super::{
    At, End, Machine, Now, Rules, State, Tallies, Tally, Ticket, Transition,
    time_window::TimeWindow,
};
use crate::config::{Config, Window};

/// A machine with what its shell would hold for it.
#[derive(Debug)]
struct Model {
    machine: Machine,
    rules: Rules,
    tallies: Vec<Tally>,
    told: Mutex<Vec<(State, State)>>,
}

impl Model {
    fn new(change: impl FnOnce(&mut Config)) -> Arc<Self> {
        let mut config = config();
        change(&mut config);
        let time = match config.window {
            Window::Time(span) => Some(Arc::new(TimeWindow::with_shards(span, 2))),
            Window::Calls(_) => None,
        };
        let rules = Rules::of(&config, time);
        Arc::new(Self {
            machine: Machine::new(&rules, State::Closed, 0),
            rules,
            tallies: (0..2).map(Tally::new).collect(),
            told: Mutex::default(),
        })
    }

    fn at(&self, now: u64, worker: usize) -> At<'_> {
        let tallies: &dyn Tallies = &self.tallies;
        At {
            now: Now::since_start(Duration::from_secs(now)),
            worker,
            rules: &self.rules,
            tallies,
        }
    }

    fn admit(&self, now: u64) -> Option<Ticket> {
        self.machine
            .admit(self.at(now, 0), &|change| self.tell(change))
            .ok()
    }

    fn finish(&self, ticket: Ticket, failed: bool, now: u64, worker: usize) {
        let end = End::Judged {
            failed,
            slow: false,
            retry_after: None,
        };
        self.machine
            .finish(ticket, end, self.at(now, worker), &|change| {
                self.tell(change)
            });
    }

    fn cancel(&self, ticket: Ticket, now: u64) {
        self.machine
            .finish(ticket, End::Unjudged, self.at(now, 0), &|change| {
                self.tell(change)
            });
    }

    fn force(&self, state: State) {
        self.machine
            .force(state, None, self.at(0, 0), &|change| self.tell(change));
    }

    fn tell(&self, change: Transition) {
        self.told.lock().unwrap().push((change.from, change.to));
    }

    fn told(&self, to: State) -> usize {
        self.told
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, known)| *known == to)
            .count()
    }

    /// Opens the circuit, so that it takes probes five seconds later.
    fn trip(&self) {
        (0..2).for_each(|_| self.fail(0));
        assert_eq!(self.machine.state(), State::Open);
    }

    fn fail(&self, now: u64) {
        let ticket = self.admit(now).unwrap();
        self.finish(ticket, true, now, 1);
    }
}

const FAILED: End = End::Judged {
    failed: true,
    slow: false,
    retry_after: None,
};

fn config() -> Config {
    let mut config = Config::default();
    (config.window, config.minimum_calls, config.probes) = (Window::Calls(2), Some(2), 1);
    config
}

fn check(model: impl Fn() + Send + Sync + 'static) {
    #[cfg(watertight_loom)]
    loom::model(model);
    #[cfg(watertight_shuttle)]
    {
        let asked = std::env::var("WATERTIGHT_SHUTTLE_ITERATIONS").ok();
        let iterations = asked.and_then(|asked| asked.parse().ok()).unwrap_or(5_000);
        shuttle::check_random(model, iterations);
    }
}

/// Runs both, one of them in a thread of its own.
fn both(one: impl FnOnce() + Send + 'static, other: impl FnOnce()) {
    let one = thread::spawn(one);
    other();
    one.join().unwrap();
}
