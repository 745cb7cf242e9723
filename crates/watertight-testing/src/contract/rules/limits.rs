use std::task::Poll;

use tower_service::Service;

use crate::contract::{
    Answer, Dialect, Inner, Subject, Tested,
    control::{Act, Control},
    task::{Bell, Finding, Task, call, poll_ready, reach, settle},
};

pub(super) async fn shared<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut one = layer.layer(Inner::alone(&control));
    let other = layer.clone().layer(Inner::alone(&control));
    control.act(Act::Hang);
    let mut first = call(&mut one, 0).await?;
    let _ = first.poll(&Bell::new());
    let mut caller = other.clone();
    let mut second = Task::new(async move { call(&mut caller, 1).await?.done().await });
    let waits = second.poll(&Bell::new()).is_pending();
    settle().await;
    if control.max_in_flight() > 1 {
        return Err("two services of the layer had a call in flight at once".into());
    }
    control.act(Act::Answer);
    control.release();
    let first = first.done().await?;
    if let Ok(answer) = first {
        // A permit may be held until the answer has been read.
        let _ = answer.number().await;
    }
    if waits && let Ok(answer) = second.done().await?? {
        let _ = answer.number().await;
    }
    reach(&mut other.clone(), &control, 2).await?;
    reach(&mut one, &control, 3).await
}

pub(super) async fn refusal_in_poll_ready<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    for _ in 0..3 {
        ready_to_refuse(&mut service)?;
        let mut task = Task::new(service.call(D::request(0)));
        let _ = task.poll(&Bell::new());
    }
    Ok(())
}

pub(super) async fn refusal_at_once<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    for service in [&mut service.clone(), &mut service] {
        // A layer that is not ready breaks another rule, and is not called.
        if ready_to_refuse(service).is_ok() {
            let mut task = Task::new(service.call(D::request(0)));
            if task.poll(&Bell::new()).is_pending() {
                return Err("the call is pending".into());
            }
        }
    }
    Ok(())
}

pub(super) async fn refusal_reaches_nobody<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    for number in 0..3 {
        if ready_to_refuse(&mut service).is_ok() {
            let mut task = Task::new(service.call(D::request(number)));
            let _ = task.poll(&Bell::new());
            settle().await;
        }
    }
    match control.calls().len() {
        0 => Ok(()),
        calls => Err(format!("{calls} calls reached the inner service")),
    }
}

fn ready_to_refuse<D: Dialect, S: Tested<D>>(service: &mut S) -> Finding {
    match poll_ready(service, &Bell::new()) {
        Poll::Ready(Ok(())) => Ok(()),
        Poll::Ready(Err(error)) => Err(format!("`poll_ready` failed: {}", error.into())),
        Poll::Pending => Err("`poll_ready` is pending, and the inner service is ready".into()),
    }
}
