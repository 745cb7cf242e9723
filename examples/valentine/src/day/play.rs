use std::{
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use tokio::{
    runtime::Runtime,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};

use super::{Accounts, Act, Played, Sample, pulse::Pulse};
use crate::{
    scale::Scale,
    shop::{Leaf, Shop, World},
    traffic::{End, Gauge, arrivals, drive},
    view::View,
};

const SAMPLE: Duration = Duration::from_millis(100);

/// How long the shop may take to do what it has put off.
const LATER: Duration = Duration::from_secs(3);

/// How long a rebuild may go on: many times what it takes.
const REBUILD: Duration = Duration::from_secs(15);

/// Plays one act in one world, in a shop that is opened and closed for it.
pub(crate) fn play(act: Act, world: World, scale: Scale, seed: u64, view: &View) -> Result<Played> {
    let runtime = Runtime::new()?;
    let played = runtime.block_on(act_in(act, world, scale, seed, view));
    // What still hangs, hangs for ever: nobody waits for it.
    runtime.shutdown_background();
    played
}

async fn act_in(act: Act, world: World, scale: Scale, seed: u64, view: &View) -> Result<Played> {
    let script = act.script();
    let shop = Shop::open(world, scale, seed, script.moves).await?;
    let arrivals = arrivals(seed ^ act.number() as u64, &script.stretches(scale));
    let (gauge, start) = (Arc::new(Gauge::default()), Instant::now());
    if let Some((leaf, rules)) = script.rules() {
        shop.backend(leaf).faults.set(rules)?;
    }
    let rebuilt = script.rebuilds.then(|| {
        let (people, from) = (Arc::clone(&shop.people), start + script.calm);
        tokio::spawn(async move {
            sleep_until(from).await;
            people.rebuild().await
        })
    });
    let driver = {
        let (gauge, url) = (Arc::clone(&gauge), shop.url.clone());
        thread::spawn(move || drive(&url, start, &arrivals, &gauge))
    };
    let (pulse, mut samples) = (Pulse::start(), Vec::new());
    let mut ticks = interval(SAMPLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !driver.is_finished() {
        ticks.tick().await;
        let at = start.elapsed();
        samples.push(Sample {
            at,
            in_flight: gauge.in_flight(),
            sent: gauge.sent.load(Ordering::Relaxed),
            charges: shop.backend(Leaf::Payment).arrived(),
        });
        let share = at.as_secs_f64() / script.lasts().as_secs_f64();
        view.show(act, world, share, gauge.recent(at), &shop.registry);
    }
    let traffic = driver
        .join()
        .map_err(|_| anyhow!("the traffic panicked"))??;
    let pulse = pulse.stop().await;
    if let Some(leaf) = script.restarted {
        shop.backend(leaf).restart();
    }
    // What is put off for ever is a claim that fails, not a reason to wait for ever.
    let _ = timeout(LATER, until_settled(&shop)).await;
    let confirmed = traffic
        .visits
        .iter()
        .filter(|visit| visit.end == End::Bought);
    let confirmed: Vec<_> = confirmed.map(|visit| visit.order).collect();
    if let Some(rebuilt) = rebuilt {
        timeout(REBUILD, rebuilt)
            .await
            .context("the rebuild does not end")???;
    }
    Ok(Played {
        act,
        world,
        samples,
        flood_peak: shop.flood.most(),
        accounts: Accounts::of(&shop, &confirmed),
        people: shop.people.audit(&confirmed).await?,
        pulse,
        traffic,
    })
}

async fn until_settled(shop: &Shop) {
    while !shop.is_settled() {
        sleep(SAMPLE).await;
    }
}
