//! A process that appends, killed in the middle of it, and what must be there afterwards.

use std::collections::BTreeMap;

use watertight_events::{EventStore, Filter, Position, StreamId, Version};

use crate::kill::run_and_kill;

/// What the process was told to be done: streams, versions, positions.
pub(crate) type Acknowledged = Vec<(StreamId, Version, Position)>;

/// Runs the appender until it has been told of so many writes, and kills it with `SIGKILL`.
pub(crate) fn append_and_kill(store: &str, place: &str, writes: usize) -> Acknowledged {
    let told = run_and_kill(env!("CARGO_BIN_EXE_appender"), [store, place], writes);
    // The last line may be cut off; then nobody was told.
    told.iter().map_while(|line| parse(line)).collect()
}

fn parse(line: &str) -> Option<(StreamId, Version, Position)> {
    let mut words = line.split(' ');
    let stream = StreamId::from(words.next()?);
    let version = Version(words.next()?.parse().ok()?);
    let position = Position(words.next()?.parse().ok()?);
    Some((stream, version, position))
}

/// Everything acknowledged is there, nothing is there in part, and no position is missing.
pub(crate) async fn is_whole(store: &impl EventStore, acknowledged: &Acknowledged) {
    let (mut after, mut next) = (Position::START, Position(1));
    let mut streams: BTreeMap<StreamId, Vec<Position>> = BTreeMap::new();
    loop {
        let page = store
            .read_all(after, &Filter::all(), 1_000)
            .await
            .expect("it can be read");
        for event in page.events {
            assert_eq!(event.position, next, "positions have no gap");
            next = next.after(1);
            let positions = streams.entry(event.stream).or_default();
            positions.push(event.position);
            assert_eq!(event.version, Version(positions.len() as u64));
            assert_eq!(event.event.payload, event.version.to_string());
        }
        after = page.scanned_to;
        if page.at_head {
            break;
        }
    }
    for (stream, version, position) in acknowledged {
        let right = StreamId::new("right", stream.key());
        let found = streams.get(&right).map_or(0, Vec::len);
        assert!(
            found as u64 >= version.0,
            "{stream} {version} was acknowledged"
        );
        let at = usize::try_from(version.0).expect("it fits") - 1;
        assert_eq!(
            streams[&right][at], *position,
            "and is where it was said to be"
        );
    }
    for (stream, positions) in &streams {
        let other = if stream.category() == "left" {
            "right"
        } else {
            "left"
        };
        let twin = streams.get(&StreamId::new(other, stream.key()));
        assert_eq!(
            twin.map(Vec::len),
            Some(positions.len()),
            "{stream} is whole"
        );
    }
}
