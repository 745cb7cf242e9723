//! What can be set, done and seen of a layer is told on its page, and links lead to the place they name.

use std::{collections::BTreeSet, fs, path::Path};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The page of the book that tells of these types of a crate.
struct Told {
    page: &'static str,
    by: &'static str,
    types: &'static [&'static str],
}

const PAGES: [Told; 8] = [
    Told {
        page: "circuit-breaker.md",
        by: "watertight-circuit-breaker",
        types: &[
            "BreakerEvent",
            "BreakerPermit",
            "Cancelled",
            "CircuitBreaker",
            "CircuitBreakerBuilder",
            "Counts",
            "Ramp",
            "Round",
            "Snapshot",
            "State",
            "Trip",
            "WindowTotals",
        ],
    },
    Told {
        page: "bulkhead.md",
        by: "watertight-bulkhead",
        types: &["Bulkhead", "BulkheadBuilder", "BulkheadEvent", "Snapshot"],
    },
    Told {
        page: "timeouts.md",
        by: "watertight-timeout",
        types: &[
            "BodyTimeoutLayer",
            "ClientDeadlineLayer",
            "DeadlineLayer",
            "Snapshot",
            "Timeout",
            "TimeoutBuilder",
            "TimeoutEvent",
            "TimeoutLayer",
        ],
    },
    Told {
        page: "timeouts.md",
        by: "watertight-core",
        types: &["Deadline"],
    },
    Told {
        page: "fallback.md",
        by: "watertight-fallback",
        types: &[
            "Cause",
            "Failure",
            "Fallback",
            "FallbackBuilder",
            "FallbackLayer",
            "FallbackSnapshot",
            "Fell",
            "Handled",
            "HttpStaleBuilder",
            "Made",
            "Only",
            "StaleBuilder",
        ],
    },
    Told {
        page: "refusals.md",
        by: "watertight-core",
        types: &["AdmissionLayer", "Error", "Reason", "Rejected", "Verdict"],
    },
    Told {
        page: "keyed.md",
        by: "watertight-core",
        types: &["KeyLimits", "Keyed", "TopKeys", "TopKeysReport"],
    },
    Told {
        page: "keyed.md",
        by: "watertight-bulkhead",
        types: &["Share"],
    },
];

/// What every type of its kind has, and no page need repeat.
const USUAL: [&str; 4] = ["as_str", "at", "new", "ALL"];

#[test]
fn every_method_field_and_variant_is_on_its_page() {
    let mut untold = Vec::new();
    for told in PAGES {
        let page = fs::read_to_string(Path::new(ROOT).join("docs/src").join(told.page)).unwrap();
        let words = words_in_code(&page);
        let source = sources(&Path::new(ROOT).join("crates").join(told.by).join("src"));
        for name in told.types {
            let members = members(&source, name);
            assert!(!members.is_empty(), "{} has no {name}", told.by);
            let unknown = members
                .into_iter()
                .filter(|member| !USUAL.contains(&&**member) && !words.contains(member));
            untold.extend(unknown.map(|member| format!("{}: {name}::{member}", told.page)));
        }
    }
    assert!(
        untold.is_empty(),
        "not on their pages:\n{}",
        untold.join("\n")
    );
}

#[test]
fn links_to_headings_lead_to_one() {
    let folder = Path::new(ROOT).join("docs/src");
    let read = |page: &str| fs::read_to_string(folder.join(page)).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".md") {
            continue;
        }
        let page = read(&name);
        let targets = page
            .split("](")
            .skip(1)
            .filter_map(|it| it.split(')').next());
        let targets = targets.filter(|target| !target.contains("://"));
        for (to, heading) in targets.filter_map(|target| target.split_once('#')) {
            let to = if to.is_empty() { &*name } else { to };
            let there = read(to)
                .lines()
                .any(|line| anchor(line) == Some(heading.to_owned()));
            assert!(there, "{name} links to {to}#{heading}, which is no heading");
        }
    }
}

/// The anchor that mdBook and GitHub give a heading.
fn anchor(line: &str) -> Option<String> {
    let heading = line.trim_start_matches('#').strip_prefix(' ');
    let heading = heading.filter(|_| line.starts_with('#'))?;
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

/// The words in the code spans and code blocks of a page.
fn words_in_code(page: &str) -> BTreeSet<String> {
    let spans = page.split('`').skip(1).step_by(2);
    spans.flat_map(words).map(String::from).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// The public methods, fields and variants of a type, found by the way rustfmt writes them.
fn members(source: &str, name: &str) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    let mut kind = None;
    for line in source.lines() {
        if !line.starts_with(' ') {
            let heads = ["impl", "pub enum", "pub struct"].into_iter();
            let mut head = heads.filter_map(|head| Some((head, line.strip_prefix(head)?)));
            let head = head.find(|(_, rest)| is_about(rest, name));
            // A head may be broken into lines; the block goes on until its brace.
            if head.is_some() || line.starts_with('}') {
                kind = head.map(|(head, _)| head);
            }
            continue;
        }
        let item = line.strip_prefix("    ").filter(|it| !it.starts_with(' '));
        let (Some(kind), Some(item)) = (kind, item) else {
            continue;
        };
        let member = match kind {
            "impl" => {
                let method = item.strip_prefix("pub const fn ");
                method.or_else(|| item.strip_prefix("pub fn "))
            }
            "pub struct" => item.strip_prefix("pub "),
            _ => Some(item).filter(|it| it.starts_with(char::is_uppercase)),
        };
        members.extend(member.and_then(|rest| words(rest).next()).map(String::from));
    }
    members
}

/// Whether the head of a block, without its keyword, is about this type itself.
fn is_about(head: &str, name: &str) -> bool {
    let subject = words(head).find(|word| word.len() > 2 && word.starts_with(char::is_uppercase));
    !head.contains(" for ") && (subject == Some(name) || head.contains(&format!("> {name}<")))
}

/// All Rust sources below a folder.
fn sources(folder: &Path) -> String {
    let mut source = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source += &sources(&path);
        } else if path.extension().is_some_and(|it| it == "rs") {
            source += &fs::read_to_string(path).unwrap();
        }
    }
    source
}
