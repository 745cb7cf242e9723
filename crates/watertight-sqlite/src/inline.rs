//! Read models that are applied in the commits of events.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use rusqlite::Connection;
use watertight_events::{Inline, ViewId, plan::Plan};

use crate::{SqliteTransaction, failed::Failed, row, view};

/// A read model that this process applies.
type Model = Arc<dyn Inline<SqliteTransaction>>;

/// What is registered in the file, and what of it this process applies.
#[derive(Default)]
pub(crate) struct Models {
    registered: BTreeSet<ViewId>,
    attached: BTreeMap<ViewId, Model>,
    /// What becomes true with the commit: a model attached, or retired.
    staged: Vec<(ViewId, Option<Model>)>,
}

impl Models {
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut select = connection.prepare("SELECT name, version FROM inline_views")?;
        let registered = select.query_map([], |row| {
            let name: String = row.get(0)?;
            Ok(ViewId::new(name, row.get(1)?))
        })?;
        Ok(Self {
            registered: registered.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }

    /// A model that must be applied, and which this process does not know.
    pub(crate) fn missing(&self) -> Option<&ViewId> {
        let mut registered = self.registered.iter();
        registered.find(|view| !self.attached.contains_key(*view))
    }

    pub(crate) fn attached(&self) -> Vec<(ViewId, Model)> {
        let attached = self.attached.iter();
        attached
            .map(|(view, model)| (view.clone(), Arc::clone(model)))
            .collect()
    }

    /// Whether no commit changes any.
    pub(crate) fn is_empty(&self) -> bool {
        self.attached.is_empty()
    }

    pub(crate) fn stage(&mut self, view: ViewId, model: Option<Model>) {
        self.staged.push((view, model));
    }

    pub(crate) fn committed(&mut self) {
        for (view, model) in self.staged.drain(..) {
            if let Some(model) = model {
                self.registered.insert(view.clone());
                self.attached.insert(view, model);
            } else {
                self.registered.remove(&view);
                self.attached.remove(&view);
            }
        }
    }

    pub(crate) fn rolled_back(&mut self) {
        self.staged.clear();
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Models")
            .field("registered", &self.registered)
            .field("attached", &self.attached.keys())
            .finish_non_exhaustive()
    }
}

/// Applies the events of a plan to the read models that are kept in their commit.
pub(crate) fn apply_plan(
    transaction: &mut SqliteTransaction,
    plan: &Plan,
    now: i64,
) -> Result<(), Failed> {
    let models = transaction.models.attached();
    if models.is_empty() || plan.rows.is_empty() {
        return Ok(());
    }
    let events: Vec<_> = plan
        .rows
        .iter()
        .map(|row| row::appended(row, now))
        .collect();
    for (name, model) in models {
        let moved = (plan.guard, plan.head);
        let limit = transaction.limit();
        let applied = view::inline::apply(transaction, &name, &*model, &events, moved);
        // Whatever came of it: what was interrupted reports all kinds of errors.
        if !limit.end() {
            return Err(Failed::Slow(name));
        }
        applied?.map_err(|error| Failed::Refused(error.to_string()))?;
    }
    Ok(())
}
