//! The mistakes that users make with these layers, and what the compiler tells them.
//!
//! Each compiler words it in its own way: the answers are those of one, and others are not asked. With it,
//! `TRYBUILD=overwrite cargo test --all-features --test compile_errors` writes them anew.
#![cfg(all(feature = "reqwest", feature = "grpc"))]

use std::{env, process::Command};

const COMPILER: &str = "rustc 1.95.";

#[test]
fn the_usual_mistakes_are_explained_by_the_compiler() {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .unwrap()
        .stdout;
    if version.starts_with(COMPILER.as_bytes()) {
        trybuild::TestCases::new().compile_fail("tests/compile_errors/*.rs");
    }
}
