use std::time::Duration;

use crate::contract::{
    Dialect, Inner, Subject,
    control::{Act, Control},
    task::{Bell, Finding, Task, call, reach, ready, settle},
};

pub(super) async fn concurrency_limit<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::in_a_concurrency_limit_of_one(&control));
    reach(&mut service, &control, 0).await?;
    control.act(Act::Hang);
    let mut first = call(&mut service, 1).await?;
    let bell = Bell::new();
    let _ = first.poll(&bell);
    let mut other = service.clone();
    let mut second = Task::new(async move { call(&mut other, 2).await?.done().await });
    // Over a limit that is full a layer may wait, or refuse.
    let waits = second.poll(&bell).is_pending();
    settle().await;
    if control.max_in_flight() > 1 {
        return Err("two calls went through a limit of one".into());
    }
    control.act(Act::Answer);
    control.release();
    let _ = first.done().await?;
    if waits {
        let _ = second.done().await??;
    }
    // The permit of the limit comes back from whoever was ready, or was called, and is gone.
    let mut idle = service.clone();
    ready(&mut idle).await?;
    drop(idle);
    drop(call(&mut service, 3).await?);
    reach(&mut service, &control, 4).await
}

pub(super) async fn buffer<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::in_a_buffer(&control));
    for number in 0..3 {
        reach(&mut service.clone(), &control, number).await?;
        reach(&mut service, &control, number).await?;
    }
    control.act(Act::Hang);
    let mut dropped = call(&mut service, 3).await?;
    let _ = dropped.poll(&Bell::new());
    settle().await;
    drop(dropped);
    control.act(Act::Answer);
    reach(&mut service, &control, 4).await
}

pub(super) async fn rate_limit<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let pause = Duration::from_millis(10);
    let mut service = layer.layer(Inner::in_a_rate_limit(&control, pause));
    for number in 0..3 {
        reach(&mut service.clone(), &control, number).await?;
        reach(&mut service, &control, number).await?;
    }
    Ok(())
}
