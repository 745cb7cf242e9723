use super::{
    super::Fixture,
    support::{claimed, lane, parked, step, view},
};
use crate::{Claimed, Lane, Parked, Position, Save, ViewStore};

/// Saves at one position.
async fn park(
    store: &impl ViewStore,
    claimed: &Claimed,
    at: u64,
    change: impl FnOnce(&mut Save),
) -> u64 {
    let mut save = step(claimed, at, at + 1, vec![]);
    change(&mut save);
    let saved = store.save(&save).await;
    saved.expect("it is where it was left").parked
}

/// By lane, then by position, a page at a time.
///
/// # Panics
///
/// The store breaks it.
pub async fn parked_events_are_listed_in_order<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    let of_stream = Parked {
        lane: Lane::Stream("b-1".into()),
        position: Position(3),
        why: Some("no JSON".into()),
    };
    let wanted = [
        parked("a", 2, Some("bad")),
        parked("a", 10, None),
        parked("b", 9, Some("bad")),
        of_stream,
    ];
    for (at, which) in (0..).zip([3, 1, 0, 2]) {
        let count = park(&store, &mine, at, |save| {
            save.park.push(wanted[which].clone());
        })
        .await;
        assert_eq!(count, at + 1);
    }
    let mut listed: Vec<Parked> = Vec::new();
    loop {
        let page = store.parked(&view, listed.last(), 3).await;
        let page = page.expect("the view is there");
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(listed, wanted);
}

/// Also where more events join it meanwhile.
///
/// # Panics
///
/// The store breaks it.
pub async fn a_requeued_lane_is_told_until_it_is_done<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    park(&store, &mine, 0, |save| {
        save.park = vec![parked("a", 1, Some("bad")), parked("b", 2, Some("bad"))];
    })
    .await;
    let requeued = async || {
        let requeued = store.requeued(&view, 10).await;
        let requeued = requeued.expect("the view is there");
        requeued.iter().map(|it| it.position.0).collect::<Vec<_>>()
    };
    assert_eq!(requeued().await, [0; 0]);
    let none = store.requeue(&view, &lane("c")).await;
    assert_eq!(none.expect("the view is there"), 0);
    let one = store.requeue(&view, &lane("b")).await;
    assert_eq!(one.expect("the view is there"), 1);
    park(&store, &mine, 1, |save| {
        save.park = vec![parked("b", 5, None), parked("a", 6, None)];
    })
    .await;
    assert_eq!(requeued().await, [2, 5]);
    park(&store, &mine, 2, |save| {
        save.unpark = vec![(lane("b"), Position(2))];
    })
    .await;
    assert_eq!(requeued().await, [5]);
    let left = park(&store, &mine, 3, |save| {
        save.unpark = vec![(lane("b"), Position(5))];
    })
    .await;
    assert_eq!((requeued().await, left), (vec![], 2));
    let loaded = store.load(&view, &[lane("a"), lane("b")]).await;
    assert_eq!(loaded.expect("the view is there").held, [lane("a")].into());
}

/// With what is wrong with it now; what comes after it in the lane waits on.
///
/// # Panics
///
/// The store breaks it.
pub async fn an_event_that_fails_again_takes_its_lane_back<F: Fixture<Store: ViewStore>>() {
    let fixture = F::fresh().await;
    let (store, view) = (fixture.store(), view(1));
    let mine = claimed(&store, &view).await;
    park(&store, &mine, 0, |save| {
        save.park = vec![
            parked("a", 1, Some("bad")),
            parked("a", 2, None),
            parked("a", 3, None),
        ];
    })
    .await;
    let all = store.requeue(&view, &lane("a")).await;
    assert_eq!(all.expect("the view is there"), 3);
    park(&store, &mine, 1, |save| {
        save.unpark = [1, 2].map(|at| (lane("a"), Position(at))).to_vec();
        save.park = vec![parked("a", 2, Some("bad too"))];
    })
    .await;
    let again = store.requeued(&view, 10).await;
    assert_eq!(again.expect("the view is there"), []);
    let listed = store.parked(&view, None, 10).await;
    let wanted = [parked("a", 2, Some("bad too")), parked("a", 3, None)];
    assert_eq!(listed.expect("the view is there"), wanted);
}
