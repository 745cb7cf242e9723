//! The token store under model checkers: two purses, at most three threads.

use std::sync::{
    Arc,
    atomic::{AtomicU64 as Count, Ordering},
};

#[cfg(watertight_loom)]
use loom::thread;
#[cfg(watertight_shuttle)]
use shuttle::thread;

use crate::tokens::Tokens;

/// Tokens, and who has them.
#[derive(Debug)]
struct Model {
    tokens: Tokens,
    flying: Count,
    most: Count,
}

impl Model {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            tokens: Tokens::new(limit, 2),
            flying: Count::new(0),
            most: Count::new(0),
        })
    }

    fn take(&self, worker: usize) -> bool {
        let taken = self.tokens.take(worker);
        if taken {
            let flying = self.flying.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(flying, Ordering::SeqCst);
        }
        taken
    }

    fn give_back(&self, worker: usize) {
        self.flying.fetch_sub(1, Ordering::SeqCst);
        self.tokens.give_back(worker, true);
    }

    fn take_and_give_back(&self, worker: usize) {
        if self.take(worker) {
            self.give_back(worker);
        }
    }

    /// What is left to take when nobody is in flight.
    fn limit(&self) -> i64 {
        self.tokens.free() as i64 - self.tokens.owed() as i64
    }

    fn most(&self) -> u64 {
        self.most.load(Ordering::SeqCst)
    }
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

/// Runs all of them, all but the last in threads of their own.
fn together<const N: usize>(
    model: &Arc<Model>,
    others: [fn(&Model); N],
    here: impl FnOnce(&Model),
) {
    let others = others.map(|other| {
        let model = Arc::clone(model);
        thread::spawn(move || other(&model))
    });
    here(model);
    for other in others {
        other.join().unwrap();
    }
}

#[test]
fn one_token_is_never_taken_twice() {
    check(|| {
        let model = Model::new(1);
        together(&model, [|model| model.take_and_give_back(0)], |model| {
            model.take_and_give_back(1);
        });
        assert_eq!((model.most(), model.tokens.free()), (1, 1));
    });
}

#[test]
fn three_threads_leave_as_many_tokens_as_there_were() {
    check(|| {
        let model = Model::new(2);
        let others: [fn(&Model); 2] = [
            |model| model.take_and_give_back(0),
            |model| model.take_and_give_back(1),
        ];
        together(&model, others, |model| model.take_and_give_back(0));
        assert!(model.most() <= 2);
        assert_eq!(model.tokens.free(), 2);
    });
}

#[test]
fn a_token_that_comes_back_while_the_limit_falls_is_gone() {
    check(|| {
        let model = Model::new(1);
        assert!(model.take(0));
        together(&model, [|model| model.give_back(0)], |model| {
            model.tokens.shrink(1);
        });
        assert_eq!(model.limit(), 0);
        assert!(!model.tokens.take(0));
    });
}

#[test]
fn a_call_that_meets_a_falling_limit_is_within_the_old_one() {
    check(|| {
        let model = Model::new(2);
        together(&model, [|model| model.take_and_give_back(0)], |model| {
            model.tokens.shrink(2);
        });
        assert_eq!(model.limit(), 0);
        assert!(!model.tokens.take(1));
    });
}

#[test]
fn a_limit_that_falls_and_rises_at_once_ends_where_it_was() {
    check(|| {
        let model = Model::new(1);
        assert!(model.take(0));
        let others: [fn(&Model); 2] = [|model| model.give_back(0), |model| model.tokens.grow(1)];
        together(&model, others, |model| model.tokens.shrink(1));
        assert_eq!(model.limit(), 1);
        assert!(model.tokens.take(1) && !model.tokens.take(1));
    });
}

#[test]
fn every_completed_call_is_counted() {
    check(|| {
        let model = Model::new(2);
        together(&model, [|model| model.take_and_give_back(0)], |model| {
            model.take_and_give_back(0);
        });
        assert_eq!(model.tokens.completed(), 2);
    });
}
