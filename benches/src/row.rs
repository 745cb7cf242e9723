//! One line of the report: our figure, the peers', the floor's, and how the target stands.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::target::Target;

/// One case with one target. `target/bench/layers.json` is a list of them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// What was measured.
    pub case: String,
    /// What the figures count.
    pub unit: String,
    /// Our figure; none if it was not measured in this run.
    pub ours: Option<f64>,
    /// The others' figures.
    pub peers: BTreeMap<String, f64>,
    /// What the least possible implementation takes, where there is one.
    pub floor: Option<f64>,
    /// Our figure divided by what the target names.
    pub ratio: Option<f64>,
    /// The target, in words.
    pub target: Option<String>,
    /// Whether it holds; nothing if it was not judged.
    pub holds: Option<bool>,
    /// Why a figure is missing, or what else a reader must know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The figures of one case, before they are held against targets.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// What was measured.
    pub case: String,
    /// What the figures count.
    pub unit: &'static str,
    /// Our figure.
    pub ours: Option<f64>,
    /// The others' figures.
    pub peers: BTreeMap<String, f64>,
    /// The floor's.
    pub floor: Option<f64>,
    /// Why the figures do not count, if so.
    pub discounted: Option<String>,
}

impl Figures {
    /// One row per target; one row all the same where there is none.
    #[must_use]
    pub fn rows(&self, targets: &[Target]) -> Vec<Row> {
        match targets {
            [] => vec![self.row(None)],
            targets => targets
                .iter()
                .map(|target| self.row(Some(*target)))
                .collect(),
        }
    }

    fn row(&self, target: Option<Target>) -> Row {
        let peer = |name: &str| self.peers.get(name).copied();
        let judged = match (target, self.ours) {
            (Some(target), Some(ours)) if self.discounted.is_none() => target.judge(ours, peer),
            _ => None,
        };
        let missing = self.ours.is_none().then(|| "not measured".to_owned());
        Row {
            case: self.case.clone(),
            unit: self.unit.to_owned(),
            ours: self.ours,
            peers: self.peers.clone(),
            floor: self.floor,
            ratio: judged.map(|judged| judged.ratio),
            target: target.map(|target| target.to_string()),
            holds: judged.map(|judged| judged.holds),
            note: self.discounted.clone().or(missing),
        }
    }
}

/// Writes rows as JSON, and makes the folder for them.
///
/// # Errors
///
/// The file cannot be written.
pub fn write(path: &Path, rows: &[Row]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut json = serde_json::to_string_pretty(rows)?;
    json.push('\n');
    fs::write(path, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            case: "breaker, closed, one task".to_owned(),
            unit: "ns/call",
            ours: Some(10.0),
            peers: [("recloser".to_owned(), 20.0)].into(),
            floor: Some(5.0),
            discounted: None,
        }
    }

    #[test]
    fn each_target_has_a_row() {
        let targets = [Target::AtMostOf("recloser", 0.65), Target::AtMost(5.0)];
        let rows = figures().rows(&targets);
        let holds: Vec<_> = rows.iter().map(|row| row.holds).collect();
        assert_eq!(holds, [Some(true), Some(false)]);
        assert_eq!(figures().rows(&[]).len(), 1);
    }

    #[test]
    fn figures_that_do_not_count_judge_nothing() {
        let mut figures = figures();
        figures.discounted = Some("not counted: busy neighbour".to_owned());
        let rows = figures.rows(&[Target::AtMostOf("recloser", 0.65)]);
        assert_eq!((rows[0].holds, rows[0].ratio), (None, None));
        assert_eq!(rows[0].note.as_deref(), Some("not counted: busy neighbour"));
    }

    #[test]
    fn a_row_has_the_fields_that_readers_expect() {
        let rows = figures().rows(&[Target::AtMostOf("recloser", 0.65)]);
        let json = serde_json::to_value(&rows[0]).unwrap();
        let fields: Vec<_> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            fields,
            [
                "case", "floor", "holds", "ours", "peers", "ratio", "target", "unit"
            ]
        );
    }
}
