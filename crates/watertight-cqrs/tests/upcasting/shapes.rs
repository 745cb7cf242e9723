//! What one stored event comes to.

use serde_json::json;
use watertight_cqrs::{CodecError, Event, Upcasters};
use watertight_events::NewEvent;

use crate::members::{Happened, changed, joined, moved, old, renamed};

#[test]
fn an_old_shape_goes_through_every_version_after_it() {
    let first = old("joined", 1, &json!({ "nick": "ann" }));
    let second = old("joined", 2, &json!({ "name": "ann" }));
    let third = old("joined", 3, &json!({ "name": "ann", "year": 2001 }));
    assert_eq!(Happened::read(&first).unwrap(), [joined("ann", 1999)]);
    assert_eq!(Happened::read(&second).unwrap(), [joined("ann", 1999)]);
    assert_eq!(Happened::read(&third).unwrap(), [joined("ann", 2001)]);
}

#[test]
fn what_is_stored_now_has_the_newest_version() {
    let stored = joined("ann", 2001).encode().unwrap();
    assert_eq!(stored.schema, 3);
    assert_eq!(renamed("bob").encode().unwrap().schema, 1);
    let again = Happened::read(&stored.into()).unwrap();
    assert_eq!(again, [joined("ann", 2001)]);
}

#[test]
fn one_event_is_split_in_several_in_their_order() {
    let events = Happened::read(&changed("bob", "ulm")).unwrap();
    assert_eq!(events, [renamed("bob"), moved("ulm")]);
}

#[test]
fn an_event_that_means_nothing_any_more_is_dropped() {
    let greeted = old("greeted", 1, &json!("hello"));
    assert_eq!(Happened::read(&greeted).unwrap(), []);
}

#[test]
fn an_event_is_read_under_its_new_name() {
    let gone = old("gone", 1, &json!(null));
    assert_eq!(Happened::read(&gone).unwrap(), [Happened::Left]);
}

#[test]
fn a_newer_version_than_is_known_is_refused_by_its_number() {
    for (kind, schema, known) in [("joined", 4, 3), ("moved", 2, 1), ("greeted", 3, 1)] {
        let stored = old(kind, schema, &json!({ "city": "ulm" }));
        let error = Happened::read(&stored).unwrap_err();
        let told = matches!(&error, CodecError::Newer { kind: it, schema: found, known: newest }
            if it.as_str() == kind && (*found, *newest) == (schema, known));
        assert!(told, "{error:?}");
    }
}

#[test]
fn a_version_before_the_first_is_refused() {
    for kind in ["joined", "moved"] {
        let error = Happened::read(&old(kind, 0, &json!({ "city": "ulm" }))).unwrap_err();
        let told = matches!(&error, CodecError::Upcast { schema: 0, .. });
        assert!(told, "{error:?}");
    }
}

#[test]
fn an_upcaster_that_does_not_take_it_is_told_with_its_version() {
    for payload in ["no JSON", "[1]"] {
        let stored = NewEvent::new("joined", payload).schema(2);
        let error = Happened::read(&stored).unwrap_err();
        let told = matches!(&error, CodecError::Upcast { kind, schema: 2, .. } if kind.as_str() == "joined");
        assert!(told, "{error:?}");
    }
}

#[test]
fn what_comes_out_must_be_what_the_variant_holds() {
    let nameless = old("joined", 1, &json!({}));
    let error = Happened::read(&nameless).unwrap_err();
    assert!(error.to_string().contains("missing field `name`"));
}

#[test]
fn a_name_that_nobody_knows_is_told() {
    let error = Happened::read(&NewEvent::new("danced", "{}")).unwrap_err();
    assert!(
        error.to_string().contains("unknown variant `danced`"),
        "{error}"
    );
}

#[test]
fn large_numbers_pass_through_typed_steps_as_they_are() {
    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    enum Counted {
        Sum(u128),
    }
    impl Event for Counted {
        fn upcasters() -> &'static Upcasters {
            static UPCASTERS: Upcasters = Upcasters::new(|steps| {
                steps
                    .reshape("Sum", 1, |half: u128| half * 2)
                    .same("Sum", 2)
            });
            &UPCASTERS
        }
    }
    let half = u128::MAX / 2;
    let stored = NewEvent::new("Sum", half.to_string());
    assert_eq!(Counted::read(&stored).unwrap(), [Counted::Sum(half * 2)]);
}
