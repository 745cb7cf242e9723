//! A small run of everything that is in this workspace, so that a benchmark does not rot until it is needed.

use std::process::Command;

use watertight_benches::{report::read, row::Row};

const POSTGRES: &str = "PostgreSQL";

/// The rows of a run without other people's crates.
fn small_run(only: &str) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cqrs"));
    if only != POSTGRES {
        command.env_remove("WATERTIGHT_POSTGRES");
    }
    let output = command
        .args(["--ours", env!("CARGO_BIN_EXE_cqrs-ours")])
        .args(["--floor", env!("CARGO_BIN_EXE_cqrs-floor")])
        .arg("--stores")
        .arg(folder.path().join("stores"))
        .arg("--folder")
        .arg(folder.path())
        .args(["--events", "2000", "--rounds", "1", "--millis", "20"])
        .arg("--any-server")
        .args(["--only", only])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    read(&folder.path().join("cqrs.json")).unwrap()
}

fn assert_complete(rows: &[Row]) {
    assert!(!rows.is_empty());
    for row in rows {
        let ours = row.ours.unwrap_or(f64::NAN);
        assert!(ours.is_finite(), "{row:?}");
        if row.unit != "events" && row.unit != "per command" {
            assert!(ours > 0.0, "{row:?}");
        }
    }
    let lost = rows.iter().filter(|row| row.case.ends_with("lost updates"));
    assert!(lost.clone().count() > 0 && lost.clone().all(|row| row.ours == Some(0.0)));
}

#[test]
fn memory_and_sqlite_give_every_figure_and_lose_nothing() {
    let mut rows = small_run("memory");
    rows.extend(small_run("SQLite"));
    assert_complete(&rows);
    let bare: Vec<_> = rows.iter().filter(|row| row.floor.is_some()).collect();
    assert_eq!(bare.len(), 2, "{bare:?}");
}

#[test]
fn a_figure_with_a_target_is_judged_though_others_are_missing() {
    let rows = small_run("SQLite FULL, append");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.holds.is_some()), "{rows:?}");
}

#[cfg(feature = "server-tests")]
#[test]
fn postgresql_gives_every_figure_and_loses_nothing() {
    let rows = small_run(POSTGRES);
    assert_complete(&rows);
    let floors = rows.iter().filter(|row| row.floor.is_some());
    assert!(floors.count() >= 5);
}
