//! Transitions and probes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::{Model, both, check};
use crate::machine::State;

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
