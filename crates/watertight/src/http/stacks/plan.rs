use std::{sync::Arc, time::Duration};

use http::Request;
use watertight_bulkhead::{Bulkhead, Exempt, Gate, Refuse};
use watertight_core::{BuildError, Registry};
use watertight_timeout::Timeout;

/// What the server stacks of all protocols are built by.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) max_concurrent: usize,
    pub(crate) total: Duration,
    pub(crate) exempt: Vec<String>,
    pub(crate) registry: Option<Registry>,
}

/// Paths that pass the bulkhead without a permit.
#[derive(Clone, Debug)]
pub struct Paths(Arc<[String]>);

impl Plan {
    pub(crate) fn new(name: String, exempt: &[&str]) -> Self {
        Self {
            name,
            max_concurrent: 1_000,
            total: Duration::from_secs(30),
            exempt: exempt.iter().copied().map(String::from).collect(),
            registry: None,
        }
    }

    /// Settings that make no sense, or a name that is taken in the registry, are errors.
    pub(crate) fn build(self) -> Result<(Bulkhead, Gate<Refuse, Paths>, Timeout), BuildError> {
        if self.total.is_zero() {
            let expected = "more than no time";
            return Err(BuildError::invalid(
                self.name, "total", self.total, expected,
            ));
        }
        let mut bulkhead = Bulkhead::builder(&self.name).max_concurrent(self.max_concurrent);
        let mut total = Timeout::builder(format!("{}.total", self.name)).duration(self.total);
        if let Some(registry) = &self.registry {
            bulkhead = bulkhead.register(registry);
            total = total.register(registry);
        }
        let bulkhead = bulkhead.build()?;
        let gate = bulkhead.exempt(Paths(self.exempt.into()));
        Ok((bulkhead, gate, total.build()?))
    }
}

impl<B> Exempt<Request<B>> for Paths {
    fn is_exempt(&self, request: &Request<B>) -> bool {
        self.0.iter().any(|path| path == request.uri().path())
    }
}
