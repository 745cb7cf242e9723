//! The layers by the handles that the checks hand out, in each preset that a whole row of the matrix uses.

pub(crate) mod any;
pub(crate) mod boxed;
pub(crate) mod http;
