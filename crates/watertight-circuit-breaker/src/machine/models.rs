//! The machine under model checkers: at most three threads, every interleaving that matters.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
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

#[test]
fn two_threads_that_each_record_the_decisive_failure_open_it_once() {
    check(|| {
        let model = Model::new(|_| {});
        let (one, other) = (model.admit(0).unwrap(), model.admit(0).unwrap());
        let there = Arc::clone(&model);
        both(
            move || there.finish(one, true, 0, 0),
            || model.finish(other, true, 0, 1),
        );
        assert_eq!(model.machine.state(), State::Open);
        assert_eq!(model.told(State::Open), 1);
    });
}

#[test]
fn two_failures_on_two_shards_of_a_time_window_are_not_both_missed() {
    check(|| {
        let model = Model::new(|config| config.window = Window::Time(Duration::from_secs(16)));
        let (one, other) = (model.admit(0).unwrap(), model.admit(0).unwrap());
        let there = Arc::clone(&model);
        both(
            move || there.finish(one, true, 1, 0),
            || model.finish(other, true, 1, 1),
        );
        assert_eq!(model.machine.state(), State::Open);
        assert_eq!(model.told(State::Open), 1);
    });
}

#[test]
fn a_straggler_does_not_take_a_bucket_that_has_moved_on() {
    check(|| {
        let model = Model::new(|config| {
            (config.window, config.minimum_calls) =
                (Window::Time(Duration::from_secs(16)), Some(9));
        });
        let (late, new) = (model.admit(0).unwrap(), model.admit(0).unwrap());
        let there = Arc::clone(&model);
        // The same bucket, a whole window apart.
        both(
            move || there.finish(late, true, 1, 0),
            || model.finish(new, false, 17, 0),
        );
        let sums = model.machine.look(model.at(17, 0)).sums;
        assert_eq!((sums.total, sums.failed), (1, 0));
    });
}

#[test]
fn a_sweep_does_not_erase_what_was_recorded_just_now() {
    check(|| {
        let model = Model::new(|config| {
            (config.window, config.minimum_calls) =
                (Window::Time(Duration::from_secs(16)), Some(9));
        });
        let (one, other) = (model.admit(0).unwrap(), model.admit(0).unwrap());
        let there = Arc::clone(&model);
        both(
            move || there.finish(one, false, 30, 0),
            || model.finish(other, false, 31, 0),
        );
        assert_eq!(model.machine.look(model.at(31, 0)).sums.total, 2);
    });
}

#[test]
fn half_open_never_has_more_probes_in_flight_than_were_asked_for() {
    check(|| {
        let model = Model::new(|_| {});
        model.trip();
        let (flying, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let fly = {
            let (model, flying, most) = (Arc::clone(&model), flying, Arc::clone(&most));
            move || {
                if let Some(ticket) = model.admit(5) {
                    most.fetch_max(flying.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    flying.fetch_sub(1, Ordering::SeqCst);
                    model.cancel(ticket, 5);
                }
            }
        };
        both(fly.clone(), fly);
        assert!(most.load(Ordering::SeqCst) <= 1);
        assert_eq!(model.machine.look(model.at(5, 0)).round.out, 0);
        assert!(model.admit(5).is_some(), "every slot is back");
        assert_eq!(model.told(State::HalfOpen), 1);
    });
}

#[test]
fn a_probe_that_is_out_keeps_others_out() {
    check(|| {
        let model = Model::new(|_| {});
        model.trip();
        let taken = Arc::new(AtomicUsize::new(0));
        let take = {
            let (model, taken) = (Arc::clone(&model), Arc::clone(&taken));
            move || {
                taken.fetch_add(model.admit(5).is_some().into(), Ordering::SeqCst);
            }
        };
        both(take.clone(), take);
        assert_eq!(taken.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_late_result_decides_nothing_about_the_next_generation() {
    check(|| {
        let model = Model::new(|_| {});
        let straggler = model.admit(0).unwrap();
        model.trip();
        let probe = model.admit(5).unwrap();
        let there = Arc::clone(&model);
        both(
            move || there.finish(straggler, true, 5, 0),
            || model.finish(probe, false, 5, 1),
        );
        assert_eq!(model.machine.state(), State::Closed);
        assert_eq!(model.machine.look(model.at(5, 0)).sums.total, 0);
    });
}

#[test]
fn a_probe_of_a_round_that_was_written_off_decides_nothing() {
    check(|| {
        let model = Model::new(|_| {});
        model.trip();
        let silent = model.admit(5).unwrap();
        let there = Arc::clone(&model);
        // Five seconds later the round is written off and a new probe admitted, while the old one comes back.
        let admitted = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&admitted);
        both(
            move || there.finish(silent, false, 10, 0),
            || *slot.lock().unwrap() = model.admit(10),
        );
        match model.machine.state() {
            // It came back in time after all.
            State::Closed => {
                let call = admitted.lock().unwrap().take().expect("closed");
                assert!(!call.is_probe(), "only its own verdict may end a round");
                assert_eq!(model.told(State::Closed), 1);
            }
            State::HalfOpen => {
                let probe = admitted.lock().unwrap().take().expect("a new probe");
                model.finish(probe, true, 10, 0);
                assert_eq!(
                    model.machine.state(),
                    State::Open,
                    "only the new probe has decided"
                );
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_taker_that_comes_late_does_not_reset_a_newer_round() {
    check(|| {
        let model = Model::new(|config| config.probes = 2);
        model.trip();
        let _silent = model.admit(5).unwrap();
        let (taken, there) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&model));
        let take = |model: &Model, taken: &Mutex<Vec<_>>, now| {
            // Taken first: the checker does not see this lock, and would wait for it.
            let ticket = model.admit(now);
            taken.lock().unwrap().extend(ticket);
        };
        let late = Arc::clone(&taken);
        both(move || take(&there, &late, 5), || take(&model, &taken, 10));
        (0..3).for_each(|_| take(&model, &taken, 10));
        let now = model.machine.generation();
        let taken = taken.lock().unwrap();
        let of_now = taken.iter().filter(|ticket| ticket.generation() == now);
        assert!(of_now.count() <= 2);
    });
}

#[test]
fn a_straggler_touches_no_window_of_a_later_generation() {
    for window in [Window::Calls(2), Window::Time(Duration::from_secs(16))] {
        check(move || {
            let model = Model::new(|config| config.window = window);
            let straggler = model.admit(0).unwrap();
            let there = Arc::clone(&model);
            both(
                move || there.finish(straggler, true, 0, 0),
                || {
                    model.force(State::Closed);
                    model.fail(0);
                },
            );
            assert_eq!(model.machine.state(), State::Closed);
            assert_eq!(model.machine.look(model.at(0, 0)).sums.total, 1);
        });
    }
}

#[test]
fn an_operators_word_is_not_lost_to_a_transition() {
    check(|| {
        let model = Model::new(|_| {});
        let (one, other) = (model.admit(0).unwrap(), model.admit(0).unwrap());
        model.finish(one, true, 0, 0);
        let there = Arc::clone(&model);
        both(
            move || there.force(State::ForcedOpen),
            || model.finish(other, true, 0, 1),
        );
        assert_eq!(model.machine.state(), State::ForcedOpen);
        assert!(model.admit(100).is_none());
    });
}

#[test]
fn a_straggler_neither_ends_nor_lengthens_the_row_of_a_later_generation() {
    for failed in [false, true] {
        check(move || {
            let model = Model::new(|config| {
                (config.failure_rate, config.consecutive_failures) = (None, Some(2));
            });
            let straggler = model.admit(0).unwrap();
            let there = Arc::clone(&model);
            both(
                move || there.finish(straggler, failed, 0, 0),
                || {
                    model.force(State::Closed);
                    model.fail(0);
                },
            );
            assert_eq!(model.machine.state(), State::Closed);
            model.fail(0);
            assert_eq!(model.machine.state(), State::Open);
        });
    }
}

#[test]
fn a_generation_that_starts_late_spares_what_a_newer_one_has_recorded() {
    check(|| {
        let model = Model::new(|config| {
            (config.window, config.minimum_calls) =
                (Window::Time(Duration::from_secs(16)), Some(9));
        });
        let there = Arc::clone(&model);
        let mut recorded = None;
        both(
            move || there.force(State::Closed),
            || {
                model.force(State::Closed);
                recorded = Some(model.machine.generation());
                model.fail(0);
            },
        );
        let look = model.machine.look(model.at(0, 0));
        if recorded == Some(look.generation) {
            assert_eq!(look.sums.total, 1);
        }
    });
}

#[test]
fn a_window_that_changes_under_a_call_breaks_nothing() {
    check(|| {
        let model = Model::new(|config| config.window = Window::Time(Duration::from_secs(16)));
        let rules = Arc::new(Rules::of(&config(), None));
        let call = model.admit(0).unwrap();
        let (there, new) = (Arc::clone(&model), Arc::clone(&rules));
        both(
            move || {
                let at = At {
                    rules: &new,
                    ..there.at(0, 0)
                };
                there.machine.finish(call, FAILED, at, &|_| ());
            },
            || {
                let at = At {
                    rules: &rules,
                    ..model.at(0, 1)
                };
                model.machine.adopt(&model.rules, at);
            },
        );
        assert_eq!(model.machine.state(), State::Closed);
    });
}

#[test]
fn a_success_that_meets_a_failure_is_counted_once() {
    check(|| {
        let model = Model::new(|config| config.failure_rate = Some(1.0));
        for _ in 0..2 {
            let warm = model.admit(0).unwrap();
            model.finish(warm, false, 0, 0);
        }
        let good = model.machine.admit_quickly(|| Now::default()).unwrap();
        let bad = model.admit(0).unwrap();
        let there = Arc::clone(&model);
        both(
            move || assert!(there.machine.succeed_quickly(good, (&there.tallies[0], 0))),
            || model.finish(bad, true, 0, 1),
        );
        let sums = model.machine.look(model.at(0, 0)).sums;
        assert_eq!((model.machine.state(), sums.total), (State::Closed, 2));
        assert!(sums.failed <= 1);
    });
}

#[test]
fn a_tally_counts_for_its_owner_and_for_others() {
    check(|| {
        let model = Model::new(|config| config.failure_rate = Some(1.0));
        for _ in 0..2 {
            let warm = model.admit(0).unwrap();
            model.finish(warm, false, 0, 0);
        }
        let succeed = |worker: usize| {
            let model = Arc::clone(&model);
            let ticket = model.machine.admit_quickly(|| Now::default()).unwrap();
            move || {
                assert!(
                    model
                        .machine
                        .succeed_quickly(ticket, (&model.tallies[0], worker))
                )
            }
        };
        both(succeed(0), succeed(1));
        assert_eq!(model.tallies.successes(), 2);
    });
}
