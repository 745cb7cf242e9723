//! The book and the README cannot drift from the code: every page is listed, compiled and linked.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Every page but the table of contents, by its path below `docs/src`.
fn pages() -> BTreeMap<String, String> {
    let mut pages = files("docs/src", "md");
    pages.remove("SUMMARY.md").expect("the table of contents");
    pages
}

/// The files below a folder by their path, with what is in them.
fn files(folder: &str, extension: &str) -> BTreeMap<String, String> {
    let root = Path::new(ROOT).join(folder);
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                let name = path.strip_prefix(&root).unwrap();
                let name = name.to_str().unwrap().replace('\\', "/");
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

/// The targets of the links of a page that lead to another page.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with('#'))
        .map(|target| target.split('#').next().unwrap())
}

/// The info strings of the code blocks of a page.
fn code_blocks(page: &str) -> impl Iterator<Item = &str> {
    let fences = page
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("```"));
    fences.step_by(2)
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = read("docs/src/SUMMARY.md");
    let listed: Vec<_> = links(&summary).collect();
    for page in pages().keys() {
        assert!(
            listed.contains(&page.as_str()),
            "docs/src/SUMMARY.md does not list {page}"
        );
    }
}

#[test]
fn every_page_is_compiled() {
    let compiled = read("tests/src/lib.rs");
    for page in pages().keys() {
        let line = format!("#[doc = include_str!(\"../../docs/src/{page}\")]");
        assert!(
            compiled.contains(&line),
            "tests/src/lib.rs needs a module with {line}"
        );
    }
}

#[test]
fn no_rust_block_hides_from_the_compiler() {
    for (name, page) in pages() {
        for info in code_blocks(&page) {
            assert!(!info.contains("ignore"), "{name}: a block is marked {info}");
        }
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let root = Path::new(ROOT).join("docs/src");
    let summary = [("SUMMARY.md".to_owned(), read("docs/src/SUMMARY.md"))];
    for (name, page) in pages().into_iter().chain(summary) {
        let folder: PathBuf = root.join(&name).parent().unwrap().into();
        for link in links(&page) {
            assert!(
                folder.join(link).exists(),
                "{name} links to {link}, which is not there"
            );
        }
    }
}

/// What a page names that reads like a test.
fn named_tests(page: &str) -> impl Iterator<Item = &str> {
    let spans = page.split('`').skip(1).step_by(2);
    spans.filter(|span| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        span.matches('_').count() >= 3 && span.chars().all(plain)
    })
}

#[test]
fn every_test_that_a_page_names_exists() {
    let mut sources = files("crates", "rs");
    sources.extend(files("tests/tests", "rs"));
    let sources: String = sources.into_values().collect();
    for page in ["fits.md", "guarantees.md", "stacks.md"] {
        for name in named_tests(&read(&format!("docs/src/{page}"))) {
            // One of a suite for any store is generic.
            let known = ["(", "<"].map(|after| format!("fn {name}{after}"));
            assert!(
                known.iter().any(|known| sources.contains(known)),
                "{page} names {name}, and there is no such test"
            );
        }
    }
}

#[test]
fn every_cell_of_the_fit_matrix_is_published() {
    let page = read("docs/src/fits.md");
    for (file, source) in files("tests/tests/fit", "rs") {
        let cells = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("fn ")?.split_once("() = "));
        for (cell, _) in cells {
            assert!(
                page.contains(&format!("`{cell}`")),
                "docs/src/fits.md leaves out {cell} of {file}"
            );
        }
    }
}

#[test]
fn the_readme_is_compiled_by_the_facade_and_stays_short() {
    let facade = read("crates/watertight/src/lib.rs");
    assert!(facade.contains("#[doc = include_str!(\"../../../README.md\")]"));
    let readme = read("README.md");
    assert!(
        readme.lines().count() <= 200,
        "the README is a page, not a book"
    );
    for link in links(&readme) {
        assert!(
            Path::new(ROOT).join(link).exists(),
            "the README links to {link}"
        );
    }
}
