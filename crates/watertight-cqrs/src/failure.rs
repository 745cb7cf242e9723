use std::{error::Error as StdError, sync::Arc};

use tower::{load_shed::error::Overloaded, timeout::error::Elapsed};
use watertight_core::{BoxError, Classify, Error, Rejected, Verdict, judge};

use crate::{CommandError, QueryError};

/// The error of a handler's service: the handler's own, or that of the layers around it.
///
/// It is there for [`CommandError`], for [`QueryError`], and for any number of layers' [`Error`]s around them. What is boxed is
/// unboxed first, by [`unboxed`] or [`unboxed_query`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say why a command or a query was not done",
    note = "where layers box their errors, it is `.map_err(watertight_cqrs::unboxed::<Rejection>)` around them, or \
            `unboxed_query`"
)]
pub trait HandlerFailure {
    /// The handler's own error.
    type Own;

    /// The one refusal of a layer, or the one error of the handler.
    fn flatten(self) -> Error<Self::Own>;

    /// What it says about the handler's health; see [`ByHealth`].
    fn verdict(&self) -> Verdict;
}

/// The error of a command's service; every [`HandlerFailure`] around a [`CommandError`] is one.
pub trait CommandFailure:
    HandlerFailure<Own = CommandError<<Self as CommandFailure>::Rejection>>
{
    /// The decider's rejection.
    type Rejection;
}

/// Judges a handler by its health, for a circuit breaker or a fallback around it.
///
/// What is wrong with a command or a query (a rejection, a conflict, a key used twice, a token of another store) is a success:
/// the handler works. Failures are those of the store, of time and of room, and a view that nobody runs. A refusal from further
/// in that was never sent counts as neither.
///
/// ```
/// use watertight_core::{Classify, Verdict};
/// use watertight_cqrs::{ByHealth, CommandError};
///
/// let rejected = CommandError::Rejected("there is such a user");
/// assert_eq!(ByHealth.classify(Err::<&(), _>(&rejected)), Verdict::Success);
/// assert_eq!(ByHealth.classify(Err::<&(), _>(&CommandError::<()>::Unknown)), Verdict::Failure);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ByHealth;

impl<Res, E: HandlerFailure> Classify<Res, E> for ByHealth {
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        result.map_or_else(HandlerFailure::verdict, |_| Verdict::Success)
    }
}

impl<R, E: HandlerFailure<Own = CommandError<R>>> CommandFailure for E {
    type Rejection = R;
}

impl<R> HandlerFailure for CommandError<R> {
    type Own = Self;

    fn flatten(self) -> Error<Self> {
        Error::Inner(self)
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Rejected(_)
            | Self::Invalid(_)
            | Self::Conflict { .. }
            | Self::KeyMismatch
            | Self::TooLarge { .. } => Verdict::Success,
            Self::Overloaded
            | Self::Deadline { .. }
            | Self::Corrupt { .. }
            | Self::Codec(_)
            | Self::Store { .. }
            | Self::Unknown => Verdict::Failure,
        }
    }
}

impl HandlerFailure for QueryError {
    type Own = Self;

    fn flatten(self) -> Error<Self> {
        Error::Inner(self)
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Invalid { .. } | Self::OtherStore { .. } => Verdict::Success,
            Self::Stopped { .. }
            | Self::Unknown { .. }
            | Self::Behind { .. }
            | Self::Overloaded
            | Self::Deadline
            | Self::Corrupt { .. }
            | Self::Codec(_)
            | Self::Store { .. } => Verdict::Failure,
        }
    }
}

impl<E: HandlerFailure> HandlerFailure for Error<E> {
    type Own = E::Own;

    fn flatten(self) -> Error<E::Own> {
        match self {
            Self::Rejected(why) => Error::Rejected(why),
            Self::Inner(inner) => inner.flatten(),
        }
    }

    fn verdict(&self) -> Verdict {
        match self {
            Self::Rejected(why) => judge(why),
            Self::Inner(inner) => inner.verdict(),
        }
    }
}

/// What layers around commands have put into a box: a refusal, the handler's error, or what tower's load shed and timeout say.
///
/// Inside the box there may be two layers' [`Error`]s around the handler's; more of them are folded into one by
/// [`Flat`](watertight_core::Flat). What is none of this is a failure of the store, and the box's text its message.
///
/// ```
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt};
/// # use watertight_cqrs::{CommandHandler, CommandRequest, Decider};
/// use watertight_cqrs::{CommandError, unboxed};
/// # use watertight_events::EventStore;
///
/// # fn stack<D: Decider, S: EventStore>(handler: CommandHandler<D, S>) {
/// let stack = ServiceBuilder::new()
///     .map_err(unboxed::<D::Rejection>)
///     .timeout(Duration::from_secs(1))
///     .service(handler);
/// # let _ = stack;
/// # }
/// ```
#[must_use]
pub fn unboxed<R: StdError + 'static>(error: BoxError) -> Error<CommandError<R>> {
    let late = CommandError::Deadline { attempted: true };
    opened(error, CommandError::Overloaded, late, |message| {
        let transient = false;
        CommandError::Store { transient, message }
    })
}

/// The same for layers around queries.
///
/// ```
/// use std::time::Duration;
/// use tower::ServiceBuilder;
/// # use watertight_cqrs::{Lookup, QueryHandler};
/// use watertight_cqrs::unboxed_query;
/// # use watertight_events::ViewStore;
///
/// # fn stack<L: Lookup, S: ViewStore>(handler: QueryHandler<L, S>) {
/// let stack = ServiceBuilder::new()
///     .map_err(unboxed_query)
///     .load_shed()
///     .timeout(Duration::from_secs(1))
///     .service(handler);
/// # let _ = stack;
/// # }
/// ```
#[must_use]
pub fn unboxed_query(error: BoxError) -> Error<QueryError> {
    opened(error, QueryError::Overloaded, QueryError::Deadline, |it| {
        let (transient, message) = (false, it);
        QueryError::Store { transient, message }
    })
}

fn opened<E>(error: BoxError, full: E, late: E, foreign: fn(Arc<str>) -> E) -> Error<E>
where
    E: HandlerFailure<Own = E> + StdError + 'static,
{
    let known = flattened::<E>(error)
        .or_else(flattened::<Error<E>>)
        .or_else(flattened::<Error<Error<E>>>);
    known.unwrap_or_else(|error| {
        if let Some(rejected) = Rejected::find(&*error) {
            return Error::Rejected(*rejected);
        }
        Error::Inner(if error.is::<Overloaded>() {
            full
        } else if error.is::<Elapsed>() {
            late
        } else {
            foreign(error.to_string().into())
        })
    })
}

fn flattened<E: HandlerFailure + StdError + 'static>(
    error: BoxError,
) -> Result<Error<E::Own>, BoxError> {
    error.downcast::<E>().map(|error| error.flatten())
}
