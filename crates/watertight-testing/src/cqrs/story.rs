//! What has been said, and how it differs from what was to be.

use std::fmt::{self, Write};

use similar::{ChangeTag, TextDiff};

/// The lines of a test so far, for the message of its failure.
#[derive(Clone, Debug, Default)]
pub(super) struct Story(Vec<(&'static str, Vec<String>)>);

impl Story {
    /// Adds what is said at a step; several of one step are told together.
    pub(super) fn add(&mut self, step: &'static str, lines: impl IntoIterator<Item = String>) {
        match self.0.last_mut() {
            Some((last, before)) if *last == step => before.extend(lines),
            _ => self.0.push((step, lines.into_iter().collect())),
        }
    }

    /// Fails with the story, and with how what happened differs from what was expected.
    #[track_caller]
    pub(super) fn fail(&self, what: &str, expected: &[String], actual: &[String]) -> ! {
        panic!("{what}\n{self}{}", difference(expected, actual))
    }

    /// Fails with the story.
    #[track_caller]
    pub(super) fn give_up(&self, why: &str) -> ! {
        panic!("{why}\n{self}")
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, lines) in &self.0 {
            if lines.is_empty() {
                writeln!(f, "\n{step} nothing")?;
                continue;
            }
            writeln!(f, "\n{step}")?;
            for line in lines.iter().flat_map(|lines| lines.lines()) {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

/// Line by line: `-` was expected and is not there, `+` is there and was not expected.
fn difference(expected: &[String], actual: &[String]) -> String {
    let [expected, actual] = [expected, actual].map(|lines| {
        let nothing = ["nothing".to_owned()];
        let lines = if lines.is_empty() { &nothing } else { lines };
        lines.join("\n") + "\n"
    });
    let mut text = String::from("\nthen (- expected, + happened)\n");
    for change in TextDiff::from_lines(&*expected, &*actual).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        write!(text, "  {sign} {change}").expect("a string takes everything");
    }
    text
}
