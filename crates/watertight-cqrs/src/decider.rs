use std::error::Error;

use watertight_events::StreamId;

use crate::Event;

/// A domain rule, pure and synchronous: what a command comes to, and what an event changes.
///
/// `decide` sees `&State`, so deciding again after a conflict is safe and no event can be applied twice. What needs I/O is
/// put into the command by a layer in front of the handler. (The shape is Jérémie Chassaing's decider.)
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use watertight_cqrs::{Decider, Event};
/// use watertight_events::StreamId;
///
/// struct Counting;
///
/// #[derive(Serialize)]
/// enum Command { Add { counter: u32, by: u64 } }
///
/// #[derive(Deserialize, Serialize)]
/// enum Counted { Added { by: u64 } }
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the counter is full")]
/// struct Full;
///
/// impl Event for Counted {}
///
/// impl Decider for Counting {
///     type Command = Command;
///     type Event = Counted;
///     type State = u64;
///     type Rejection = Full;
///     const CATEGORY: &'static str = "counter";
///
///     fn stream_id(Command::Add { counter, .. }: &Command) -> StreamId {
///         StreamId::new(Self::CATEGORY, counter)
///     }
///
///     fn decide(&self, sum: &u64, Command::Add { by, .. }: &Command) -> Result<Vec<Counted>, Full> {
///         sum.checked_add(*by).map(|_| vec![Counted::Added { by: *by }]).ok_or(Full)
///     }
///
///     fn evolve(sum: u64, Counted::Added { by }: &Counted) -> u64 {
///         sum + by
///     }
/// }
///
/// assert!(Counting.decide(&u64::MAX, &Command::Add { counter: 1, by: 1 }).is_err());
/// ```
pub trait Decider: Send + Sync + 'static {
    /// What is asked for.
    type Command: Send + Sync + 'static;
    /// What happened.
    type Event: Event;
    /// What the past events come to; the default is that of a stream that is not there.
    type State: Clone + Default + Send + Sync + 'static;
    /// Why a command is turned down.
    type Rejection: Error + Send + Sync + 'static;

    /// What the streams' names begin with.
    const CATEGORY: &'static str;

    /// The version of the fold. Whatever changes what [`evolve`](Self::evolve) makes of past events, or what the state means,
    /// raises it, so that no snapshot of before is used.
    const VERSION: u32 = 1;

    /// The stream that a command is about.
    fn stream_id(command: &Self::Command) -> StreamId;

    /// What happens. No event is an answer too: accepted, and nothing to record.
    ///
    /// # Errors
    ///
    /// The command is turned down.
    fn decide(
        &self,
        state: &Self::State,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The state after an event. What has happened is not questioned here.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}
