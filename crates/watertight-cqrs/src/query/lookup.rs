use std::future::Future;

use watertight_events::ViewStore;

use super::{QueryError, ViewReader};
use crate::View;

/// A kind of question about a view, and how it is answered.
///
/// The answer is made from one version of the view. What it reads in several steps may be of several moments, each as fresh as
/// it was asked for.
///
/// ```
/// # use std::collections::BTreeSet;
/// # use serde::{Deserialize, Serialize};
/// # use watertight_cqrs::{Event, Fact, View};
/// use watertight_cqrs::{Lookup, QueryError, ViewReader};
/// use watertight_events::{Find, ViewStore};
/// # #[derive(Deserialize, Serialize)]
/// # enum UserEvent { Created { email: String } }
/// # impl Event for UserEvent {}
/// # #[derive(Deserialize, Serialize)]
/// # struct User { email: String }
/// # struct Users;
/// # impl View for Users {
/// #     type Event = UserEvent;
/// #     type Document = User;
/// #     const NAME: &'static str = "users";
/// #     const VERSION: u32 = 1;
/// #     fn keys(fact: &Fact<UserEvent>) -> Vec<String> { vec![fact.stream.key().to_owned()] }
/// #     fn apply(_: &str, _: Option<User>, fact: &Fact<UserEvent>) -> Option<User> {
/// #         let UserEvent::Created { email } = &fact.event;
/// #         Some(User { email: email.clone() })
/// #     }
/// # }
///
/// struct ByDomain;
///
/// impl Lookup for ByDomain {
///     type View = Users;
///     type Query = String;
///     type Output = Vec<String>;
///
///     async fn answer<S: ViewStore>(
///         &self,
///         domain: &String,
///         users: &ViewReader<Users, S>,
///     ) -> Result<Vec<String>, QueryError> {
///         let found = users.find(&Find::by("domain", domain)).await?;
///         Ok(found.documents.into_iter().map(|(_, user)| user.email).collect())
///     }
/// }
/// # let _ = ByDomain;
/// ```
pub trait Lookup: Send + Sync + 'static {
    /// The view that is asked.
    type View: View;
    /// What is asked.
    type Query: Send + Sync + 'static;
    /// What is answered.
    type Output: Send + 'static;

    /// Answers.
    ///
    /// # Errors
    ///
    /// What the reader says.
    fn answer<S: ViewStore>(
        &self,
        query: &Self::Query,
        view: &ViewReader<Self::View, S>,
    ) -> impl Future<Output = Result<Self::Output, QueryError>> + Send;
}
