//! A hotel that is killed in the middle of its work, and what must be true of it afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Mutex,
};

use uuid::Uuid;
use watertight_cqrs::ProjectionState;
use watertight_events::{EventStore, Filter, Position, Recorded};
use watertight_tests::hotel::{Hotel, react};

/// The effects that the world has seen.
pub(crate) static EFFECTS: Mutex<BTreeSet<Uuid>> = Mutex::new(BTreeSet::new());

/// Runs the hotel until it has said so much, and kills it with `SIGKILL`. Returns the rooms that were said to be booked.
pub(crate) fn trade_and_kill(store: &str, place: &str, lines: usize) -> Vec<Uuid> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hotel"))
        .args([store, place])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the hotel opens");
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    let (mut booked, mut said) = (Vec::new(), 0);
    for line in out.lines() {
        // The last line may be cut off; then nobody was told.
        let Some((what, which)) = line.ok().and_then(|line| parse(&line)) else {
            break;
        };
        match what.as_str() {
            "effect" => _ = EFFECTS.lock().unwrap().insert(which),
            _ => booked.push(which),
        }
        said += 1;
        if said == lines {
            child.kill().expect("it is killed");
        }
    }
    child.wait().expect("it has ended");
    assert!(said >= lines, "it ended by itself");
    booked
}

fn parse(line: &str) -> Option<(String, Uuid)> {
    let (what, which) = line.split_once(' ')?;
    // A number that is cut off is none.
    Some((what.to_owned(), Uuid::try_parse(which).ok()?))
}

/// Opens once more and lets it finish what there is: then every effect was had, every event emitted once, every row told once.
pub(crate) async fn is_whole<S: Hotel>(store: &S, booked: &[Uuid]) {
    store.prepare().await.unwrap();
    let handles = react(store, |message| _ = EFFECTS.lock().unwrap().insert(message));
    let rows: BTreeSet<_> = store.guests().await.unwrap().into_iter().collect();
    assert!(
        booked.iter().all(|guest| rows.contains(guest)),
        "what was acknowledged is there"
    );
    let mut head = store.head();
    loop {
        let known = *head.borrow_and_update();
        let told = all(store, "room").await;
        if told.len() >= rows.len() && each_has_its_parcel(store).await {
            break;
        }
        head.wait_for(|head| *head > known).await.unwrap();
    }
    for handle in &handles {
        let caught_up = handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0);
        assert_eq!(caught_up.await.parked, 0);
    }
    let told = all(store, "room").await;
    let guests = told
        .iter()
        .map(|it| std::str::from_utf8(&it.event.payload).unwrap());
    let guests: Vec<Uuid> = guests.map(|guest| guest.parse().unwrap()).collect();
    assert_eq!(guests.len(), rows.len(), "every row was told once");
    assert_eq!(guests.into_iter().collect::<BTreeSet<_>>(), rows);
    let orders = all(store, "order").await;
    let effects = EFFECTS.lock().unwrap().clone();
    assert!(
        orders
            .iter()
            .all(|it| effects.contains(&it.event.metadata.message))
    );
    let mut parcels = BTreeMap::new();
    for parcel in all(store, "parcel").await {
        *parcels.entry(parcel.event.metadata.causation).or_insert(0) += 1;
    }
    let wanted = orders.iter().map(|it| (it.event.metadata.message, 1));
    assert_eq!(parcels, wanted.collect(), "every event was emitted once");
    for handle in handles {
        handle.stop();
        handle.until(|_| false).await;
    }
}

async fn each_has_its_parcel(store: &impl EventStore) -> bool {
    all(store, "parcel").await.len() >= all(store, "order").await.len()
}

async fn all(store: &impl EventStore, category: &str) -> Vec<Recorded> {
    let (filter, mut after, mut events) = (
        Filter::all().category(category),
        Position::START,
        Vec::new(),
    );
    loop {
        let page = store.read_all(after, &filter, 1_000).await.unwrap();
        events.extend(page.events);
        after = page.scanned_to;
        if page.at_head {
            return events;
        }
    }
}
