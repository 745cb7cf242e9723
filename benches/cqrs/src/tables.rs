use std::{collections::BTreeMap, fmt};

use watertight_benches::events::{Ask, Keeper};

/// How full the tables are that everything is measured on.
#[derive(Debug)]
pub(crate) struct Tables {
    events: u64,
    bytes: BTreeMap<(String, &'static str), f64>,
}

impl Tables {
    pub(crate) fn new(
        events: u64,
        sizes: impl Iterator<Item = (Keeper, &'static str, f64)>,
    ) -> Self {
        let sizes = sizes.map(|(keeper, subject, bytes)| ((Ask::word(&keeper), subject), bytes));
        Self {
            events,
            bytes: sizes.collect(),
        }
    }
}

impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "before anything is measured, {} events are there:",
            self.events
        )?;
        for ((keeper, subject), bytes) in &self.bytes {
            let mib = bytes / f64::from(1 << 20);
            writeln!(f, "- {keeper}, {subject}: {mib:.0} MiB")?;
        }
        Ok(())
    }
}
