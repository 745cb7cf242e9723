use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Map, Value as Shown, json};
use tokio::time::Instant;
use watertight::{ComponentSnapshot, Value, testing::Fault};

use crate::{
    shop::{Leaf, Shop, World},
    traffic::Gauge,
    view::open_circuits,
};

/// Where an operator sees what is going on, and switches faults and load.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) shop: Shop,
    world: World,
    gauge: Arc<Gauge>,
    start: Instant,
    load: AtomicU32,
    faults: Mutex<BTreeMap<&'static str, String>>,
}

/// How much later a slow service answers.
const SLOW: Duration = Duration::from_millis(400);

const MOST_LOAD: u32 = 30;

type Answer = Result<String, (StatusCode, String)>;

impl Desk {
    pub(super) fn new(shop: Shop, world: World, gauge: Arc<Gauge>, start: Instant) -> Self {
        Self {
            shop,
            world,
            gauge,
            start,
            load: AtomicU32::new(1),
            faults: Mutex::default(),
        }
    }

    /// How many times the calm rate customers come.
    pub(super) fn load(&self) -> u32 {
        self.load.load(Ordering::Relaxed)
    }

    pub(super) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/status", get(status))
            .route("/faults/{service}/{fault}", post(fault))
            .route("/load/{times}", post(load))
            .with_state(self)
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fault(
    State(desk): State<Arc<Desk>>,
    Path((service, fault)): Path<(String, String)>,
) -> Answer {
    let leaf = Leaf::ALL.into_iter().find(|leaf| leaf.name() == service);
    let leaf = leaf.ok_or_else(|| {
        let known = Leaf::ALL.map(Leaf::name).join(", ");
        unknown(&format!("service {service}; there are {known}"))
    })?;
    let rules = match fault.as_str() {
        "hang" => vec![Fault::hang()],
        "error" => vec![Fault::error()],
        "slow" => vec![Fault::latency(SLOW)],
        "none" => Vec::new(),
        _ => {
            return Err(unknown(&format!(
                "fault {fault}; there are hang, error, slow, none"
            )));
        }
    };
    let backend = desk.shop.backend(leaf);
    let set = backend.faults.set(rules);
    // What has been hanging would go on to hang.
    backend.restart();
    set.map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")))?;
    let told = format!("{service}: {fault}\n");
    match fault == "none" {
        true => desk.faults().remove(leaf.name()),
        false => desk.faults().insert(leaf.name(), fault),
    };
    Ok(told)
}

async fn load(State(desk): State<Arc<Desk>>, Path(times): Path<String>) -> Answer {
    let known = times.parse().ok().filter(|n| (1..=MOST_LOAD).contains(n));
    let load =
        known.ok_or_else(|| unknown(&format!("load {times}; there are 1 to {MOST_LOAD}")))?;
    desk.load.store(load, Ordering::Relaxed);
    Ok(format!("load: {load}\n"))
}

async fn status(State(desk): State<Arc<Desk>>) -> Json<Shown> {
    let recent = desk.gauge.recent(desk.start.elapsed());
    let layers = desk.shop.registry.snapshots().into_iter().map(shown);
    Json(json!({
        "shop": desk.world.name(),
        "load": desk.load(),
        "faults": *desk.faults(),
        "last_second": {
            "bought": recent.bought,
            "refused": recent.refused,
            "lost": recent.lost,
            "p50_ms": recent.p50.as_millis() as u64,
            "p99_ms": recent.p99.as_millis() as u64,
        },
        "in_flight": desk.gauge.in_flight(),
        "open_circuits": open_circuits(&desk.shop.registry),
        "layers": layers.collect::<Vec<_>>(),
    }))
}

fn unknown(what: &str) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, format!("there is no {what}\n"))
}

fn shown(snapshot: ComponentSnapshot) -> Shown {
    let fields = snapshot.fields.into_iter();
    let mut all: Map<_, _> = fields
        .map(|(name, value)| (name.into(), field(value)))
        .collect();
    all.insert("kind".into(), snapshot.kind.into());
    all.insert("name".into(), snapshot.name.into());
    Shown::Object(all)
}

fn field(value: Value) -> Shown {
    match value {
        Value::Count(count) => count.into(),
        Value::Ratio(ratio) => ratio.into(),
        Value::Time(time) => time.as_secs_f64().into(),
        Value::Text(text) => text.into(),
        _ => Shown::Null,
    }
}
