use crate::{Outcome, Permit};

/// How long a permit is held, applied after the reject behaviour: until the response head, or until the body ended.
pub trait Hold<Res, P> {
    /// The response type with the permit in it.
    type Response;

    /// Ends the permit now or puts it into the response. Without a permit the response is a refusal.
    fn hold(&self, response: Res, permit: Option<(P, Outcome)>) -> Self::Response;
}

/// The permit ends when the response is ready. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct UntilHead;

impl<Res, P: Permit> Hold<Res, P> for UntilHead {
    type Response = Res;

    #[inline(always)]
    fn hold(&self, response: Res, permit: Option<(P, Outcome)>) -> Res {
        if let Some((permit, outcome)) = permit {
            permit.end(outcome);
        }
        response
    }
}
