use crate::contract::{
    Answer, Dialect, Inner, Subject,
    control::{Act, Control},
    task::{Bell, Finding, call, number_of, ready, settle},
};

pub(super) async fn readied_instance<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    let mut clone = service.clone();
    for number in 0..3 {
        let _ = call(&mut service, number).await?.done().await?;
    }
    let _ = call(&mut clone, 3).await?.done().await?;
    ready(&mut service).await?;
    // What a router does: it keeps a ready service, and clones it meanwhile.
    drop(service.clone());
    let _ = call(&mut service, 4).await?.done().await?;
    match control.unready_calls() {
        0 => Ok(()),
        calls => Err(format!(
            "{calls} of 5 calls used an inner instance that had not been polled ready"
        )),
    }
}

pub(super) async fn unchanged<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    for number in 1..=3 {
        let result = call(&mut service, number).await?.done().await?;
        if control.calls().last() != Some(&Some(number)) {
            let calls = control.calls();
            return Err(format!("request {number} was sent, these came: {calls:?}"));
        }
        let answer = result.map_err(|error| format!("call {number} failed: {}", error.into()))?;
        match answer.number().await {
            Some(came) if came == number => {}
            came => return Err(format!("response {number} was sent, this came: {came:?}")),
        }
    }
    Ok(())
}

pub(super) async fn error<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    control.act(Act::Fail);
    match call(&mut service, 7).await?.done().await? {
        Ok(_) => Err("the inner service failed, and the call did not".into()),
        Err(error) => match number_of(error)? {
            7 => Ok(()),
            other => Err(format!("call 7 failed, the error of call {other} came out")),
        },
    }
}

pub(super) async fn in_call<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    let unpolled = call(&mut service, 0).await?;
    let calls = control.calls().len();
    drop(unpolled);
    match calls {
        1 => Ok(()),
        _ => Err(format!(
            "when `call` returned, there had been {calls} inner calls"
        )),
    }
}

pub(super) async fn pending<D: Dialect, L: Subject<D>>(layer: &L) -> Finding {
    let control = Control::default();
    let mut service = layer.layer(Inner::alone(&control));
    control.act(Act::Hang);
    let mut task = call(&mut service, 0).await?;
    let (first, last) = (Bell::new(), Bell::new());
    for bell in [&first, &last] {
        if task.poll(bell).is_ready() {
            return Err("the call is done, and the inner call is not".into());
        }
        settle().await;
        if bell.rung() > 0 {
            return Err("it woke its task while nothing had changed: that is busy polling".into());
        }
    }
    control.act(Act::Answer);
    control.release();
    settle().await;
    if last.rung() == 0 {
        return Err("the inner call is done, and the task that polled last was not woken".into());
    }
    let _ = task.done().await?;
    Ok(())
}
