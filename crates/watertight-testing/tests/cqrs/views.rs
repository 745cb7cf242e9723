use watertight_events::NewEvent;
use watertight_testing::cqrs::view;

use crate::shop::{Happened, Wanted, basket, failure, filled, put};

#[test]
fn documents_follow_their_events() {
    view::<Wanted>()
        .then_nothing()
        .given("basket-ann", [put("rose", 3), put("lily", 1)])
        .given("basket-bob", [put("rose", 4)])
        .then([("bob", basket(4, &[1])), ("ann", basket(4, &[1, 2]))])
        .then_found("count", "4", ["bob", "ann"])
        .then_found("count", "3", [""; 0])
        .given("basket-ann", [Happened::Emptied])
        .then([("bob", basket(4, &[1]))])
        .given("basket-ann", [put("rose", 1)])
        .then([("ann", basket(1, &[4])), ("bob", basket(4, &[1]))]);
}

#[test]
fn what_the_view_does_not_read_changes_nothing() {
    view::<Wanted>()
        .given("shelf-1", [put("rose", 3)])
        .given_stored("basket-ann", [NewEvent::new("looked_at", "no JSON")])
        .then_nothing();
}

#[test]
fn events_of_the_past_are_given_as_they_are_stored() {
    view::<Wanted>()
        .given("basket-ann", [put("rose", 3)])
        .given_stored("basket-ann", [filled("lily")])
        .then([("ann", basket(10, &[2]))]);
}

#[test]
fn other_documents_are_told_line_by_line() {
    let told = failure(|| {
        let test = view::<Wanted>().given("basket-ann", [put("rose", 3)]);
        test.then([("ann", basket(4, &[1]))])
    });
    let wanted = r#"there are other documents

given
    basket-ann: put {
      "count": 3,
      "what": "rose"
    }

then (- expected, + happened)
    ann: {
  -   "count": 4,
  +   "count": 3,
      "versions": [
        1
      ]
    }
"#;
    assert_eq!(told, wanted);
}

#[test]
fn a_document_that_is_missing_or_too_many_is_told() {
    let told = failure(|| view::<Wanted>().then([("ann", basket(4, &[1]))]));
    assert!(
        told.contains("  - ann: {\n") && told.contains("  + nothing\n"),
        "{told}"
    );
    let told = failure(|| {
        let test = view::<Wanted>().given("basket-ann", [put("rose", 3)]);
        test.then_nothing()
    });
    assert!(
        told.contains("  - nothing\n") && told.contains("  + ann: {\n"),
        "{told}"
    );
}

#[test]
fn other_keys_that_are_found_are_told() {
    let told = failure(|| {
        let test = view::<Wanted>().given("basket-ann", [put("rose", 3)]);
        test.then_found("count", "3", ["bob"])
    });
    assert!(
        told.starts_with("other documents have `3` in `count`"),
        "{told}"
    );
    assert!(told.contains("  - bob\n  + ann\n"), "{told}");
}

#[test]
fn a_key_that_no_store_takes_is_found() {
    let told = failure(|| view::<Wanted>().given("basket-a\0b", [put("rose", 3)]));
    assert!(told.starts_with("no store takes the document"), "{told}");
}

#[test]
fn an_event_that_cannot_be_read_is_found() {
    let bad = NewEvent::new("put", "no JSON");
    let told = failure(|| view::<Wanted>().given_stored("basket-ann", [bad]));
    assert!(told.contains("put no JSON"), "{told}");
}
