//! What must be true of the day.

mod acts;
mod books;
mod figure;

use self::figure::{Bound, Figure};
use crate::{
    day::{Act, Played},
    scale::Scale,
    shop::World,
};

/// Something that must be true of the day, and what was found.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    /// None is the whole day.
    pub(crate) act: Option<Act>,
    pub(crate) world: World,
    pub(crate) says: String,
    pub(crate) wanted: String,
    pub(crate) found: String,
    pub(crate) holds: bool,
}

/// Checks all claims about the acts that were played, and about the day as a whole.
pub(crate) fn check(day: &[Played], scale: Scale) -> Vec<Claim> {
    let acts = day.iter().flat_map(|played| acts::check(played, scale));
    acts.chain(books::check(day)).collect()
}

impl Claim {
    /// The act as it is written in tables.
    pub(crate) fn act(&self) -> String {
        self.act
            .map_or_else(|| "all".to_owned(), |act| act.number().to_string())
    }

    /// The verdict as it is written in tables.
    pub(crate) const fn mark(&self) -> &'static str {
        match self.holds {
            true => "pass",
            false => "FAIL",
        }
    }

    // Where nothing was found, nothing was shown: a claim about nobody fails.
    fn new(
        act: Option<Act>,
        world: World,
        says: impl Into<String>,
        bound: Bound,
        found: Option<Figure>,
    ) -> Self {
        Self {
            act,
            world,
            says: says.into(),
            wanted: bound.to_string(),
            found: found.map_or_else(|| "nobody".to_owned(), |found| found.to_string()),
            holds: found.is_some_and(|found| bound.holds(found)),
        }
    }
}
