//! The metric names that the code exports are those that the book documents.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

use crate::workspace::Workspace;

const MACROS: [&str; 3] = ["counter!(", "gauge!(", "histogram!("];

type Names = BTreeSet<String>;

pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<String> {
    let mut exported = Names::new();
    for package in workspace.crates() {
        let folder = package.manifest_path.with_file_name("src");
        for file in files(folder.as_std_path(), "rs")? {
            let source = read(&file)?;
            exported.extend(exported_by(&source).with_context(|| file.display().to_string())?);
        }
    }
    let mut documented = Names::new();
    for file in files(&workspace.root().join("docs/src"), "md")? {
        documented.extend(documented_by(&read(&file)?));
    }
    compare(&exported, &documented)?;
    Ok(format!("{} metric names, each in the book", exported.len()))
}

fn compare(exported: &Names, documented: &Names) -> anyhow::Result<()> {
    let untold: Vec<_> = exported.difference(documented).collect();
    let gone: Vec<_> = documented.difference(exported).collect();
    ensure!(
        untold.is_empty(),
        "exported but in no page of docs/src: {untold:?}"
    );
    ensure!(
        gone.is_empty(),
        "in docs/src but exported by nothing: {gone:?}"
    );
    Ok(())
}

fn exported_by(source: &str) -> anyhow::Result<Names> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: Vec<_> = source.lines().filter(is_code).collect();
    let code = code.join("\n");
    let calls = MACROS.iter().flat_map(|name| code.split(name).skip(1));
    calls
        .map(|call| {
            let literal = call.trim_start().strip_prefix('"');
            let name = literal.and_then(|rest| rest.split('"').next());
            let name =
                name.context("a metric's name must be written out where it is registered")?;
            Ok(name.to_owned())
        })
        .collect()
}

/// Documented is what stands in backticks with its labels, like `name_total{name,outcome}`.
fn documented_by(page: &str) -> impl Iterator<Item = String> {
    page.split('`').filter_map(|span| {
        let (name, labels) = span.split_once('{')?;
        let plain = |text: &str, also: char| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '_' || c == also)
        };
        let is_metric = plain(name, '_') && plain(labels.strip_suffix('}')?, ',');
        is_metric.then(|| name.to_owned())
    })
}

fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    Ok(found)
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Names {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_found_in_code_across_lines() {
        let source = r#"counter!("a_total", "name" => name); gauge!(
            "b", &labels)"#;
        assert_eq!(exported_by(source).unwrap(), names(&["a_total", "b"]));
    }

    #[test]
    fn names_in_comments_are_no_names_of_ours() {
        let source = "/// counter!(\"theirs\")\ncounter!(\"ours\")";
        assert_eq!(exported_by(source).unwrap(), names(&["ours"]));
    }

    #[test]
    fn a_name_that_is_not_written_out_is_an_error() {
        assert!(exported_by("counter!(NAME)").is_err());
    }

    #[test]
    fn names_are_found_in_pages_by_their_labels() {
        let page = "counts `a_total{name,outcome}` and `b{name}`, not `Error { .. }` or `plain`";
        let found: Names = documented_by(page).collect();
        assert_eq!(found, names(&["a_total", "b"]));
    }

    #[test]
    fn a_name_on_one_side_only_fails() {
        assert!(compare(&names(&["a"]), &names(&["a"])).is_ok());
        assert!(compare(&names(&["a"]), &names(&[])).is_err());
        assert!(compare(&names(&[]), &names(&["a"])).is_err());
    }
}
