use std::fmt;

use watertight_cqrs::Decider;
use watertight_events::NewEvent;

use super::{
    stored::{read, show, stored},
    story::Story,
};

/// Starts a test of a decider.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use watertight_cqrs::{Decider, Event};
/// use watertight_events::StreamId;
/// use watertight_testing::cqrs::decider;
///
/// struct Doors;
/// enum Command { Open, Close }
/// #[derive(Deserialize, Serialize)]
/// enum Door { Opened, Closed }
/// #[derive(Debug, PartialEq, thiserror::Error)]
/// #[error("it is locked")]
/// struct Locked;
///
/// impl Event for Door {}
///
/// impl Decider for Doors {
///     type Command = Command;
///     type Event = Door;
///     type State = u32;
///     type Rejection = Locked;
///     const CATEGORY: &'static str = "door";
///     fn stream_id(_: &Command) -> StreamId { StreamId::new("door", 7) }
///     fn decide(&self, times: &u32, command: &Command) -> Result<Vec<Door>, Locked> {
///         match (times, command) {
///             (2, Command::Open) => Err(Locked),
///             (_, Command::Open) => Ok(vec![Door::Opened]),
///             (0, Command::Close) => Ok(vec![]),
///             (_, Command::Close) => Ok(vec![Door::Closed]),
///         }
///     }
///     fn evolve(times: u32, event: &Door) -> u32 {
///         times + u32::from(matches!(event, Door::Opened))
///     }
/// }
///
/// decider(Doors).when(Command::Close).then_nothing();
///
/// decider(Doors)
///     .given([Door::Opened, Door::Closed])
///     .when(Command::Open)
///     .then([Door::Opened])
///     .when(Command::Open)
///     .then_rejected(&Locked);
/// ```
#[must_use = "nothing is tested yet"]
pub fn decider<D: Decider>(decider: D) -> DeciderTest<D> {
    DeciderTest {
        decider,
        state: D::State::default(),
        story: Story::default(),
    }
}

/// A decider, and what has happened to its stream.
pub struct DeciderTest<D: Decider> {
    decider: D,
    state: D::State,
    story: Story,
}

/// What a command has come to.
#[must_use = "nothing is tested yet"]
pub struct Decided<D: Decider> {
    test: DeciderTest<D>,
    outcome: Result<Vec<D::Event>, D::Rejection>,
}

impl<D: Decider> DeciderTest<D> {
    /// These events have happened, after those before.
    ///
    /// # Panics
    ///
    /// One of them cannot be stored, or not be read again.
    #[must_use = "nothing is tested yet"]
    #[track_caller]
    pub fn given(self, events: impl IntoIterator<Item = D::Event>) -> Self {
        let stored = stored(&self.story, events);
        self.given_stored(stored)
    }

    /// The same for events as they are stored, of whatever version.
    ///
    /// # Panics
    ///
    /// One of them cannot be read.
    #[must_use = "nothing is tested yet"]
    #[track_caller]
    pub fn given_stored(mut self, events: impl IntoIterator<Item = NewEvent>) -> Self {
        for event in events {
            self.story.add("given", [show(&event)]);
            let events = read::<D::Event>(&self.story, &event);
            self.state = events.iter().fold(self.state, D::evolve);
        }
        self
    }

    /// This is asked for.
    #[expect(clippy::needless_pass_by_value, reason = "tests read better so")]
    pub fn when(self, command: D::Command) -> Decided<D> {
        let outcome = self.decider.decide(&self.state, &command);
        Decided {
            test: self,
            outcome,
        }
    }

    /// What the events have come to.
    pub const fn state(&self) -> &D::State {
        &self.state
    }
}

impl<D: Decider> Decided<D> {
    /// Exactly these events happen, in this order; the test may go on from there.
    ///
    /// # Panics
    ///
    /// They do not; or one of them cannot be stored, or not be read again.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = D::Event>) -> DeciderTest<D> {
        let mut test = self.test;
        let expected = shown(&stored(&test.story, expected));
        let events = match self.outcome {
            Ok(events) => stored(&test.story, events),
            Err(why) => test.story.fail(
                "the command was turned down",
                &expected,
                &[turned_down(&why)],
            ),
        };
        let actual = shown(&events);
        if actual != expected {
            test.story.fail("other events happened", &expected, &actual);
        }
        test = test.given_stored(events);
        test
    }

    /// It is accepted, and there is nothing to record.
    ///
    /// # Panics
    ///
    /// Something happens, or it is turned down.
    #[track_caller]
    pub fn then_nothing(self) -> DeciderTest<D> {
        self.then([])
    }

    /// It is turned down for this reason.
    ///
    /// # Panics
    ///
    /// It is accepted, or turned down for another one.
    #[track_caller]
    pub fn then_rejected(self, expected: &D::Rejection) -> DeciderTest<D>
    where
        D::Rejection: PartialEq,
    {
        let expected_line = [turned_down(expected)];
        let (test, why) = self.turned_down(&expected_line);
        if why != *expected {
            let actual = [turned_down(&why)];
            test.story.fail(
                "it was turned down for another reason",
                &expected_line,
                &actual,
            );
        }
        test
    }

    /// It is turned down, and this is why: for reasons that cannot be compared.
    ///
    /// # Panics
    ///
    /// It is accepted.
    #[track_caller]
    pub fn rejection(self) -> D::Rejection {
        self.turned_down(&["turned down".to_owned()]).1
    }

    #[track_caller]
    fn turned_down(self, expected: &[String]) -> (DeciderTest<D>, D::Rejection) {
        match self.outcome {
            Err(why) => (self.test, why),
            Ok(events) => {
                let actual = shown(&stored(&self.test.story, events));
                self.test
                    .story
                    .fail("the command was accepted", expected, &actual)
            }
        }
    }
}

impl<D: Decider> fmt::Debug for DeciderTest<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeciderTest")
            .field("category", &D::CATEGORY)
            .field("story", &self.story)
            .finish_non_exhaustive()
    }
}

impl<D: Decider> fmt::Debug for Decided<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided")
            .field("test", &self.test)
            .finish_non_exhaustive()
    }
}

fn shown(events: &[NewEvent]) -> Vec<String> {
    events.iter().map(show).collect()
}

fn turned_down<R: fmt::Debug + fmt::Display>(why: &R) -> String {
    format!("turned down: {why} ({why:?})")
}
