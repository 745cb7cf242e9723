use crate::{Deadline, DeadlineOf};

/// The earlier of the deadline in a request's extensions and that of the running task.
///
/// ```
/// use std::time::Duration;
/// use watertight_core::{Deadline, DeadlineOf, http::HttpDeadline};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let deadline = Deadline::after(Duration::from_secs(1));
/// let request = http::Request::builder().extension(deadline).body(()).unwrap();
/// assert_eq!(HttpDeadline.deadline_of(&request), Some(deadline));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpDeadline;

impl<B> DeadlineOf<http::Request<B>> for HttpDeadline {
    fn deadline_of(&self, request: &http::Request<B>) -> Option<Deadline> {
        let carried = request.extensions().get::<Deadline>().copied();
        Deadline::earliest(carried, Deadline::current())
    }
}
