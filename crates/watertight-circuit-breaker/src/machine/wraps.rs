//! Counts that wrap around: after more transitions than a test can wait for, under threads that stand still for ages.

use std::time::Duration;

use crate::{
    config::{Config, Window},
    machine::{
        At, Counted, End, Machine, Rules, Tally, Ticket,
        word::{GENERATION_MASK, Now, State, Word},
    },
    sync::Ordering,
};

struct Breaker {
    machine: Machine,
    rules: Rules,
    tallies: Vec<Tally>,
}

impl Breaker {
    fn new(window: Window) -> Self {
        let mut config = Config::default();
        (config.window, config.minimum_calls) = (window, Some(2));
        (config.open_for, config.probes) = (Duration::ZERO, 1);
        config.consecutive_failures = Some(2);
        let rules = Rules::new("wraps", config).unwrap();
        let machine = Machine::new(&rules, State::Closed, 0);
        Self {
            machine,
            rules,
            tallies: vec![Tally::new(0)],
        }
    }

    /// Cycles as if the state had changed so often.
    fn cycle_at(&self, generation: u32) {
        let word = Word::unpack(self.machine.state.load(Ordering::Relaxed));
        let word = Word { generation, ..word }.pack();
        self.machine.state.store(word, Ordering::Relaxed);
        self.cycle();
    }

    fn at(&self) -> At<'_> {
        self.at_second(0)
    }

    fn at_second(&self, second: u64) -> At<'_> {
        At {
            now: Now::since_start(Duration::from_secs(second)),
            worker: 0,
            rules: &self.rules,
            tallies: &self.tallies,
        }
    }

    fn admit(&self) -> Ticket {
        self.machine.admit(self.at(), &|_| ()).unwrap()
    }

    fn end(&self, ticket: Ticket, failed: bool) -> Counted {
        self.end_at(0, ticket, failed)
    }

    fn end_at(&self, second: u64, ticket: Ticket, failed: bool) -> Counted {
        let end = End::Judged {
            failed,
            slow: false,
            retry_after: None,
        };
        let at = self.at_second(second);
        self.machine.finish(ticket, end, at, &|_| ())
    }

    fn cycle(&self) {
        let stragglers = [true, false].map(|failed| (self.admit(), failed));
        assert_eq!(self.end(self.admit(), true), Counted::InTime);
        assert_eq!(self.machine.state(), State::Closed);
        assert_eq!(self.end(self.admit(), true), Counted::InTime);
        assert_eq!(self.machine.state(), State::Open);
        let probe = self.admit();
        assert_eq!(self.machine.look(self.at()).round.out, 1);
        for (straggler, failed) in stragglers {
            assert_eq!(self.end(straggler, failed), Counted::Late);
        }
        assert_eq!(self.end(probe, false), Counted::InTime);
        assert_eq!(self.machine.state(), State::Closed);
        assert_eq!(self.machine.look(self.at()).sums.total, 0);
    }
}

#[test]
fn the_count_of_generations_may_wrap_around_in_any_state() {
    for window in [Window::calls(10), Window::time(Duration::from_secs(10))] {
        for before in 0..8 {
            let breaker = Breaker::new(window);
            breaker.cycle_at(GENERATION_MASK / 2);
            breaker.cycle_at(GENERATION_MASK - before);
            (0..8).for_each(|_| breaker.cycle());
            assert!(breaker.machine.generation() < 30);
        }
    }
}

#[test]
fn no_tag_is_so_old_that_it_is_taken_for_a_newer_one() {
    for window in [Window::calls(10), Window::time(Duration::from_secs(10))] {
        for ahead in (0..24).map(|bits| 1 << bits) {
            Breaker::new(window).cycle_at(ahead);
            Breaker::new(window).cycle_at(ahead + ahead / 2);
        }
    }
}

#[test]
fn a_call_that_is_recorded_ages_after_it_ended_is_not_taken_for_a_fresh_one() {
    const NOW: u64 = 10_000;
    // A bucket for each second, whose number is kept in ten bits.
    for late in [
        16, 100, 511, 512, 513, 600, 1_007, 1_008, 1_023, 1_024, 1_025,
    ] {
        let breaker = Breaker::new(Window::time(Duration::from_secs(16)));
        breaker.end_at(NOW, breaker.admit(), false);
        breaker.end_at(NOW - late, breaker.admit(), true);
        let sums = breaker.machine.look(breaker.at_second(NOW)).sums;
        assert_eq!((sums.total, sums.failed), (1, 0), "{late} seconds late");
    }
}
