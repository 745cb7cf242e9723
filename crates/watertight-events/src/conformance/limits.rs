use super::{
    Fixture,
    support::{event, events, everything, stream},
};
use crate::{
    EventStore, Expected, Key, Limits, MAX_KEY, MAX_TEXT, NewEvent, Position, Tracking, Write,
    WriteError,
};

/// Nothing, too long, NUL and other control characters: in stream, kind and consumer.
///
/// # Panics
///
/// The store breaks it.
pub async fn what_no_store_can_hold_is_refused_by_its_name<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let long = "x".repeat(MAX_TEXT + 1);
    for bad in ["", "nul \0", "line\nbreak", "\u{7f}", &long] {
        let tracking = Tracking {
            consumer: bad.into(),
            from: Position(0),
            to: Position(1),
            epoch: 1,
        };
        let writes = [
            ("stream", Write::to(bad.into(), Expected::Any, events(1))),
            (
                "kind",
                Write::to(
                    stream(1),
                    Expected::Any,
                    vec![NewEvent::new(bad.to_owned(), "")],
                ),
            ),
            ("consumer", Write::default().tracking(tracking)),
        ];
        for (field, write) in writes {
            match store.write(write).await {
                Err(WriteError::Invalid(invalid)) => assert_eq!(invalid.field, field),
                other => panic!("{field} {bad:?} is refused by its name, not: {other:?}"),
            }
        }
    }
    assert_eq!(everything(&store).await.len(), 0);
}

/// And what is just as large as it may be goes in.
///
/// # Panics
///
/// The store breaks it.
pub async fn what_is_too_large_is_refused_by_its_limit<F: Fixture>() {
    let fixture = F::fresh().await;
    let store = fixture.store();
    let limits = Limits::default();
    let to = |events| Write::to(stream("large"), Expected::Any, events);
    let payload = |size| to(vec![NewEvent::new("happened", vec![0; size])]);
    let headers = |size| {
        let mut event = event("x");
        event.metadata = event.metadata.header("h", "x".repeat(size - 1));
        to(vec![event])
    };
    let key = |size| to(events(1)).under(Key::new(vec![b'k'; size], 1));
    let table = [
        (payload(limits.payload), payload(limits.payload + 1)),
        (headers(limits.metadata), headers(limits.metadata + 1)),
        (to(events(limits.events)), to(events(limits.events + 1))),
        (key(MAX_KEY), key(MAX_KEY + 1)),
    ];
    for (most, more) in table {
        store.write(most).await.expect("as large as it may be");
        let refused = store.write(more).await;
        assert!(
            matches!(refused, Err(WriteError::TooLarge { .. })),
            "{refused:?}"
        );
    }
    let many = (0..20).map(|_| NewEvent::new("happened", vec![0; limits.payload]));
    let refused = store.write(to(many.collect())).await;
    assert!(
        matches!(refused, Err(WriteError::TooLarge { .. })),
        "{refused:?}"
    );
    assert_eq!(everything(&store).await.len(), limits.events + 3);
}
