use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

use tower_service::Service;

use crate::contract::{
    Dialect, Inner, Subject,
    control::{Act, Control, ProbePanic},
    task::{Bell, Finding, Task, call, reach, ready, settle},
};

/// Few enough for a circuit breaker that looks at a handful of calls.
const ROUNDS: u32 = 3;

pub(super) async fn ready_and_dropped<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    for _ in 0..ROUNDS {
        let mut clone = service.clone();
        ready(&mut clone).await?;
        drop(clone);
    }
    reach(&mut service, &control, 0).await
}

pub(super) async fn dropped_unpolled<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    for round in 0..ROUNDS {
        control.act(Act::Hang);
        drop(call(&mut service, round).await?);
        nothing_runs(&control).await?;
        works(&mut service, &control).await?;
    }
    Ok(())
}

pub(super) async fn dropped_pending<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    for round in 0..ROUNDS {
        control.act(Act::Hang);
        let mut task = call(&mut service, round).await?;
        if task.poll(&Bell::new()).is_ready() {
            return Err("the call is done, and the inner call is not".into());
        }
        settle().await;
        drop(task);
        nothing_runs(&control).await?;
        works(&mut service, &control).await?;
    }
    Ok(())
}

pub(super) async fn panic_in_call<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    panics(layer, Act::PanicInCall).await
}

pub(super) async fn panic_in_future<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    panics(layer, Act::PanicInFuture).await
}

async fn panics<D: Dialect, L: Subject<D>>(layer: &L, act: Act) -> Finding {
    let control = Control::default();
    let service = layer.layer(Inner::alone(&control));
    for round in 0..2 {
        control.act(act);
        // As in a server, the instance that has seen a panic is not used again.
        let mut victim = service.clone();
        ready(&mut victim).await?;
        let called = || Task::new(victim.call(D::request(round)));
        let panic = match catch_unwind(AssertUnwindSafe(called)) {
            Err(panic) => panic,
            Ok(task) => panic_in(task).await?,
        };
        if !panic.is::<ProbePanic>() {
            return Err("another panic came out than the inner service's".into());
        }
        drop(victim);
        nothing_runs(&control).await?;
        works(&mut service.clone(), &control).await?;
    }
    Ok(())
}

async fn panic_in<F: Future>(mut task: Task<F>) -> Finding<Box<dyn Any + Send>> {
    let bell = Bell::new();
    for _ in 0..2 {
        match catch_unwind(AssertUnwindSafe(|| task.poll(&bell))) {
            Err(panic) => return Ok(panic),
            Ok(Poll::Ready(_)) => return Err("the panic was swallowed: the call is done".into()),
            Ok(Poll::Pending) => settle().await,
        }
    }
    Err("the panic was swallowed: the call is pending".into())
}

async fn nothing_runs(control: &Control) -> Finding {
    settle().await;
    match control.in_flight() {
        0 => Ok(()),
        _ => Err("the call is gone, and the inner call goes on".into()),
    }
}

/// What leaks is missing here: for the service itself, and for a clone.
async fn works<D: Dialect, S: crate::contract::Tested<D>>(
    service: &mut S,
    control: &Control,
) -> Finding {
    control.act(Act::Answer);
    for service in [&mut service.clone(), service] {
        let reached = reach(service, control, 100).await;
        reached.map_err(|seen| format!("afterwards {seen}"))?;
    }
    Ok(())
}
