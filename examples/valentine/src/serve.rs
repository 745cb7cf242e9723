//! The protected shop, kept open: calm traffic, and faults to switch by `curl`.

use std::{process::ExitCode, sync::Arc, thread, time::Duration};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Map, Value as Shown};
use tokio::{runtime::Runtime, time::Instant};
use watertight::{Value, testing::Fault};

use crate::{
    scale::Scale,
    shop::{Leaf, Shop, World, serve as open},
    traffic::{Gauge, Stretch, arrivals, drive},
};

/// The customers of so much time are drawn at once.
const ROUND: Duration = Duration::from_secs(60);

/// How much later a slow service answers.
const SLOW: Duration = Duration::from_millis(400);

pub(crate) fn serve(scale: Scale, seed: u64) -> Result<ExitCode> {
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(async {
        let shop = Arc::new(Shop::open(World::Protected, scale, seed).await?);
        let url = open(desk(Arc::clone(&shop))).await?;
        let customers = shop.url.clone();
        thread::spawn(move || {
            let calm = Stretch {
                lasts: ROUND,
                rate: scale.calm,
                flood: 0.0,
            };
            let gauge = Arc::new(Gauge::default());
            for round in 0.. {
                let arrivals = arrivals(seed.wrapping_add(round), &[calm]);
                if drive(&customers, Instant::now(), &arrivals, &gauge).is_err() {
                    break;
                }
            }
        });
        println!(
            "the shop is open, {:.0} checkouts/s; ctrl-c closes it\n",
            scale.calm
        );
        println!("curl {url}/status");
        println!("curl -X POST {url}/faults/email/hang     # or error, slow, none");
        println!("curl -X POST {}/checkout/1", shop.url);
        tokio::signal::ctrl_c().await?;
        Ok(ExitCode::SUCCESS)
    });
    runtime.shutdown_background();
    ended
}

fn desk(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/faults/{service}/{fault}", post(fault))
        .with_state(shop)
}

async fn fault(
    State(shop): State<Arc<Shop>>,
    Path((service, fault)): Path<(String, String)>,
) -> Result<String, (StatusCode, String)> {
    let unknown = |what| (StatusCode::NOT_FOUND, format!("there is no {what}\n"));
    let leaf = Leaf::ALL.into_iter().find(|leaf| leaf.name() == service);
    let leaf = leaf.ok_or_else(|| unknown(format!("service {service}")))?;
    let rules = match fault.as_str() {
        "hang" => vec![Fault::hang()],
        "error" => vec![Fault::error()],
        "slow" => vec![Fault::latency(SLOW)],
        "none" => Vec::new(),
        _ => {
            return Err(unknown(format!(
                "fault {fault}; hang, error, slow and none are"
            )));
        }
    };
    let set = shop.backend(leaf).faults.set(rules);
    set.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok(format!("{service}: {fault}\n"))
}

async fn status(State(shop): State<Arc<Shop>>) -> Json<Vec<Shown>> {
    let snapshots = shop.registry.snapshots().into_iter();
    let shown = snapshots.map(|snapshot| {
        let fields = snapshot.fields.into_iter();
        let mut all: Map<_, _> = fields
            .map(|(name, value)| (name.into(), json(value)))
            .collect();
        all.insert("kind".into(), snapshot.kind.into());
        all.insert("name".into(), snapshot.name.into());
        Shown::Object(all)
    });
    Json(shown.collect())
}

fn json(value: Value) -> Shown {
    match value {
        Value::Count(count) => count.into(),
        Value::Ratio(ratio) => ratio.into(),
        Value::Time(time) => time.as_secs_f64().into(),
        Value::Text(text) => text.into(),
        _ => Shown::Null,
    }
}
