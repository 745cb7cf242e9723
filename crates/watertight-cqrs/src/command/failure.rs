use std::error::Error as StdError;

use tower::{load_shed::error::Overloaded, timeout::error::Elapsed};
use watertight_core::{BoxError, Error, Rejected};

use super::CommandError;

/// The error of a command's service: the handler's own, or that of the layers around it.
///
/// It is there for [`CommandError`] and for any number of layers' [`Error`]s around it. What is boxed is unboxed first, by
/// [`unboxed`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say why a command was not done",
    note = "where layers box their errors, it is `.map_err(watertight_cqrs::unboxed::<Rejection>)` around them"
)]
pub trait CommandFailure {
    /// The decider's rejection.
    type Rejection;

    /// The one refusal of a layer, or the one error of the handler.
    fn flatten(self) -> Error<CommandError<Self::Rejection>>;
}

impl<R> CommandFailure for CommandError<R> {
    type Rejection = R;

    fn flatten(self) -> Error<Self> {
        Error::Inner(self)
    }
}

impl<E: CommandFailure> CommandFailure for Error<E> {
    type Rejection = E::Rejection;

    fn flatten(self) -> Error<CommandError<E::Rejection>> {
        match self {
            Self::Rejected(why) => Error::Rejected(why),
            Self::Inner(inner) => inner.flatten(),
        }
    }
}

/// What layers have put into a box: a refusal, the handler's error, or what tower's load shed and timeout say.
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
    opened::<CommandError<R>>(error)
        .or_else(opened::<Error<CommandError<R>>>)
        .or_else(opened::<Error<Error<CommandError<R>>>>)
        .unwrap_or_else(|error| foreign(&*error))
}

fn opened<E: CommandFailure + StdError + 'static>(
    error: BoxError,
) -> Result<Error<CommandError<E::Rejection>>, BoxError> {
    error.downcast::<E>().map(|error| error.flatten())
}

/// What somebody else says.
fn foreign<R>(error: &(dyn StdError + 'static)) -> Error<CommandError<R>> {
    if let Some(rejected) = Rejected::find(error) {
        return Error::Rejected(*rejected);
    }
    Error::Inner(if error.is::<Overloaded>() {
        CommandError::Overloaded
    } else if error.is::<Elapsed>() {
        CommandError::Deadline { attempted: true }
    } else {
        CommandError::Store {
            transient: false,
            message: error.to_string().into(),
        }
    })
}
