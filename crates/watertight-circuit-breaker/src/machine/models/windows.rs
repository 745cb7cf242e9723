//! What is recorded, and who may erase it.

use std::{sync::Arc, time::Duration};

use super::{FAILED, Model, both, check, config};
use crate::{
    config::Window,
    machine::{At, Now, Rules, State, Tallies},
};

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
