//! A shop that is kept open, with customers, and faults and load to switch by `curl`.

mod desk;

use std::{sync::Arc, thread, time::Duration};

use anyhow::{Result, anyhow};
use tokio::{
    runtime::Runtime,
    time::{Instant, interval},
};

use self::desk::Desk;
use crate::{
    scale::Scale,
    shop::{Shop, World, serve as open},
    traffic::{Gauge, drive_on, endless},
    view::View,
};

const GLANCE: Duration = Duration::from_millis(200);

/// Keeps a shop open until Ctrl-C.
pub(crate) fn serve(world: World, scale: Scale, seed: u64) -> Result<()> {
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(open_for_all(world, scale, seed));
    runtime.shutdown_background();
    ended
}

async fn open_for_all(world: World, scale: Scale, seed: u64) -> Result<()> {
    let shop = Shop::open(world, scale, seed, 0).await?;
    let (gauge, start) = (Arc::new(Gauge::default()), Instant::now());
    let desk = Arc::new(Desk::new(shop, world, Arc::clone(&gauge), start));
    let url = open(Arc::clone(&desk).router()).await?;
    println!(
        "the {} shop is open, {:.0} checkouts/s; ctrl-c closes it\n",
        world.name(),
        scale.calm
    );
    println!("curl {url}/status                       # what its customers see, and every layer");
    println!("curl -X POST {url}/faults/email/hang    # or error, slow, none; of any service");
    println!("curl -X POST {url}/load/15              # so many times the calm rate");
    println!("curl -i -X POST {}/checkout/1\n", desk.shop.url);

    let (customers, at_desk) = (desk.shop.url.clone(), Arc::clone(&desk));
    let arrivals = endless(seed, move || f64::from(at_desk.load()) * scale.calm);
    let counted = Arc::clone(&gauge);
    let traffic = thread::spawn(move || drive_on(&customers, start, arrivals, &counted));
    let (view, mut glances) = (View::new(), interval(GLANCE));
    loop {
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => {
                view.close();
                return Ok(pressed?);
            }
            _ = glances.tick() => {
                let recent = gauge.recent(start.elapsed());
                view.watch(world, recent, &desk.shop.registry);
            }
        }
        if traffic.is_finished() {
            let ended = traffic.join();
            return ended.map_err(|_| anyhow!("the traffic panicked"))?;
        }
    }
}
