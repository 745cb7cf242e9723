use std::task::Poll;

use crate::contract::{
    Dialect, Inner, Subject,
    control::Control,
    task::{Bell, Finding, call, number_of, poll_ready, reach, ready, settle},
};

pub(super) async fn one_call<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    let first = call(&mut service, 0).await?;
    // From here on nothing gets ready that was not.
    control.shut();
    if poll_ready(&mut service, &Bell::new()).is_ready() {
        return Err("after a call it is ready again, without the inner service being so".into());
    }
    control.open();
    let _ = first.done().await?;
    reach(&mut service, &control, 1).await?;
    match control.calls().len() {
        2 => Ok(()),
        calls => Err(format!("two calls made {calls} inner calls")),
    }
}

pub(super) async fn sticky<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    ready(&mut service).await?;
    control.shut();
    drop(service.clone());
    for polls in ["second", "third"] {
        match poll_ready(&mut service, &Bell::new()) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Err(format!("the {polls} `poll_ready` failed")),
            Poll::Pending => {
                return Err(format!(
                    "it was ready and was not called, and is not ready at the {polls} `poll_ready`"
                ));
            }
        }
    }
    let _ = call(&mut service, 0).await?.poll(&Bell::new());
    if control.calls().is_empty() {
        return Err("it was ready, and its call did not reach the inner service".into());
    }
    Ok(())
}

pub(super) async fn clone<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    ready(&mut service).await?;
    control.shut();
    let mut clone = service.clone();
    if poll_ready(&mut clone, &Bell::new()).is_ready() {
        return Err("a clone of a ready service is ready, and its inner service is not".into());
    }
    control.open();
    reach(&mut service, &control, 0).await?;
    reach(&mut clone, &control, 1).await
}

pub(super) async fn pending<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    control.shut();
    let (first, last) = (Bell::new(), Bell::new());
    for bell in [&first, &last] {
        if poll_ready(&mut service, bell).is_ready() {
            return Err("it is ready, and the inner service is not".into());
        }
        settle().await;
        if bell.rung() > 0 {
            return Err("it woke its task while nothing had changed: that is busy polling".into());
        }
    }
    control.open();
    settle().await;
    if last.rung() == 0 {
        return Err(
            "the inner service became ready, and the task that polled last was not woken".into(),
        );
    }
    reach(&mut service, &control, 0).await
}

pub(super) async fn error<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    control.fail_readiness(7);
    match poll_ready(&mut service, &Bell::new()) {
        Poll::Ready(Err(error)) => match number_of(error)? {
            7 => Ok(()),
            other => Err(format!("readiness failed with error 7, {other} came out")),
        },
        Poll::Ready(Ok(())) => Err("it is ready, and the inner service has failed".into()),
        Poll::Pending => Err("it is pending, and the inner service has failed".into()),
    }
}
