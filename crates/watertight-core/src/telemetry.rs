use std::sync::OnceLock;

/// Metric handles that are registered at first use and kept.
///
/// A handle registered before a recorder is installed would be dead for ever, so nothing is registered until there is
/// one; until then a call costs one look.
#[derive(Debug)]
pub struct Metrics<T>(OnceLock<T>);

impl<T> Metrics<T> {
    /// Nothing registered yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Whether anybody listens. Asked first, a call that nobody counts prepares nothing for it.
    #[inline(always)]
    pub fn are_wanted(&self) -> bool {
        self.0.get().is_some() || recorder_installed()
    }

    /// The handles, registered now if this is their first use and a recorder is installed.
    pub fn get(&self, register: impl FnOnce() -> T) -> Option<&T> {
        match self.0.get() {
            Some(handles) => Some(handles),
            None if recorder_installed() => Some(self.0.get_or_init(register)),
            None => None,
        }
    }
}

impl<T> Default for Metrics<T> {
    fn default() -> Self {
        Self::new()
    }
}

// The facade does not tell, but its own stand-in is the only recorder without a state to record into.
#[inline(always)]
pub(crate) fn recorder_installed() -> bool {
    metrics::with_recorder(|recorder| size_of_val(recorder) != 0)
}
