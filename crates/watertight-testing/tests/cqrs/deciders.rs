use watertight_events::NewEvent;
use watertight_testing::cqrs::decider;

use crate::shop::{Baskets, Command, Happened, No, failure, filled, put};

#[test]
fn what_happens_is_what_the_test_goes_on_from() {
    let test = decider(Baskets)
        .given([put("rose", 3)])
        .when(Command::Put("lily", 4))
        .then([put("lily", 4)])
        .when(Command::Put("iris", 4))
        .then_rejected(&No::Full(3))
        .when(Command::Touch)
        .then_nothing()
        .when(Command::Put("iris", 3))
        .then([put("iris", 3)]);
    assert_eq!(*test.state(), 10);
}

#[test]
fn events_of_the_past_are_given_as_they_are_stored() {
    let why = decider(Baskets)
        .given([put("rose", 3)])
        .given_stored([filled("lily")])
        .when(Command::Put("iris", 1))
        .rejection();
    assert_eq!(why, No::Full(0));
}

#[test]
fn other_events_are_told_line_by_line() {
    let told = failure(|| {
        decider(Baskets)
            .given([put("rose", 3), Happened::Emptied])
            .when(Command::Put("lily", 4))
            .then([put("lily", 5)])
    });
    let wanted = r#"other events happened

given
    put {
      "count": 3,
      "what": "rose"
    }
    emptied

then (- expected, + happened)
    put {
  -   "count": 5,
  +   "count": 4,
      "what": "lily"
    }
"#;
    assert_eq!(told, wanted);
}

#[test]
fn events_that_were_not_expected_are_told() {
    let told = failure(|| {
        decider(Baskets)
            .when(Command::Put("lily", 4))
            .then_nothing()
    });
    assert!(told.contains("  - nothing\n  + put {\n"), "{told}");
}

#[test]
fn events_that_did_not_happen_are_told() {
    let told = failure(|| {
        decider(Baskets)
            .when(Command::Touch)
            .then([Happened::Emptied])
    });
    assert!(told.contains("  - emptied\n  + nothing\n"), "{told}");
}

#[test]
fn the_order_of_events_counts() {
    let expected = [put("lily", 4), Happened::Emptied];
    let told = failure(|| {
        decider(Baskets)
            .when(Command::Put("lily", 4))
            .then(expected)
    });
    assert!(told.contains("  - emptied\n"), "{told}");
}

#[test]
fn a_rejection_instead_of_events_is_told_with_its_reason() {
    let told = failure(|| {
        let test = decider(Baskets).given([put("rose", 9)]);
        test.when(Command::Put("lily", 4)).then([put("lily", 4)])
    });
    assert!(told.starts_with("the command was turned down"), "{told}");
    assert!(
        told.contains("  + turned down: only 1 more fit in (Full(1))\n"),
        "{told}"
    );
}

#[test]
fn events_instead_of_a_rejection_are_told() {
    let told = failure(|| {
        let decided = decider(Baskets).when(Command::Put("lily", 4));
        decided.then_rejected(&No::Nothing)
    });
    assert!(told.starts_with("the command was accepted"), "{told}");
    assert!(
        told.contains("  - turned down: there is nothing to put in"),
        "{told}"
    );
    assert!(told.contains("  + put {\n"), "{told}");
    failure(|| decider(Baskets).when(Command::Touch).rejection());
}

#[test]
fn another_reason_is_told_with_both() {
    let told = failure(|| {
        let decided = decider(Baskets).when(Command::Put("lily", 11));
        decided.then_rejected(&No::Full(1))
    });
    assert!(
        told.contains("  - turned down: only 1 more fit in (Full(1))\n"),
        "{told}"
    );
    assert!(
        told.contains("  + turned down: only 10 more fit in (Full(10))\n"),
        "{told}"
    );
}

#[test]
fn an_event_that_does_not_come_back_is_found() {
    let told = failure(|| decider(Baskets).given([Happened::Spoilt]));
    assert!(
        told.starts_with("an event cannot be read: unknown variant `spoilt`"),
        "{told}"
    );
    failure(|| {
        decider(Baskets)
            .when(Command::Spoil)
            .then([Happened::Spoilt])
    });
}

#[test]
fn an_event_that_cannot_be_read_is_found() {
    let told = failure(|| {
        let newer = NewEvent::new("put", "{}").schema(2);
        decider(Baskets).given_stored([newer])
    });
    assert!(told.contains("newer than 1"), "{told}");
    assert!(told.contains("put (version 2) {}"), "{told}");
}
