/// Takes from a request what its fallback will need, before the request is sent: no request is ever cloned.
///
/// Closures implement it; name their argument type.
pub trait Capture<Req> {
    /// What is taken.
    type Captured;

    /// Takes it.
    fn capture(&self, request: &Req) -> Self::Captured;
}

/// Takes nothing. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCapture;

impl<Req> Capture<Req> for NoCapture {
    type Captured = ();

    fn capture(&self, _: &Req) {}
}

impl<Req, K, F> Capture<Req> for F
where
    F: Fn(&Req) -> K,
{
    type Captured = K;

    fn capture(&self, request: &Req) -> K {
        self(request)
    }
}
