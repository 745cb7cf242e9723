//! Steps, run one after the other, with how long each took and a summary.

use std::{fmt, time::Duration};

use anyhow::bail;

use crate::{step::Step, stopwatch::Stopwatch};

/// Steps and what becomes of them.
pub(crate) struct Plan<'a> {
    steps: Vec<Step<'a>>,
    keep_going: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(
        mut steps: Vec<Step<'a>>,
        only: Option<&str>,
        keep_going: bool,
    ) -> anyhow::Result<Self> {
        if let Some(text) = only {
            let names: Vec<_> = steps.iter().map(|step| step.name.clone()).collect();
            steps.retain(|step| step.name.contains(text));
            if steps.is_empty() {
                bail!("no step contains {text:?}; there are: {}", names.join(", "));
            }
        }
        Ok(Self { steps, keep_going })
    }

    pub(crate) fn print(&self) {
        for step in &self.steps {
            step.print();
        }
    }

    /// Whether every step succeeded.
    #[must_use]
    pub(crate) fn run(self) -> bool {
        let clock = Stopwatch::start();
        let count = self.steps.len();
        let mut lines = Vec::with_capacity(count);
        let mut failed = false;
        for (at, step) in self.steps.into_iter().enumerate() {
            let name = step.name.clone();
            if failed && !self.keep_going {
                lines.push((name, None));
                continue;
            }
            println!("\n==> [{}/{count}] {name}", at + 1);
            let clock = Stopwatch::start();
            let result = step.finish();
            let took = clock.elapsed();
            if let Err(error) = &result {
                eprintln!("error: {name}: {error:#}");
                failed = true;
            }
            lines.push((name, Some((result.is_ok(), took))));
        }
        println!("\nsummary, {:.1} s in all", clock.elapsed().as_secs_f64());
        for (name, end) in lines {
            println!("{}", Line(&name, end));
        }
        !failed
    }
}

struct Line<'a>(&'a str, Option<(bool, Duration)>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some((ok, took)) => {
                let word = if ok { "ok" } else { "FAILED" };
                write!(f, "  {word:<7} {:>7.1} s  {}", took.as_secs_f64(), self.0)
            }
            None => write!(f, "  {:<7} {:>9}  {}", "not run", "", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use anyhow::ensure;

    use super::*;

    fn run_with_a_failure(keep_going: bool) -> (bool, Vec<&'static str>) {
        let ran = RefCell::new(Vec::new());
        let step = |name: &'static str, ok: bool| {
            let ran = &ran;
            Step::new(name).check(move || {
                ran.borrow_mut().push(name);
                ensure!(ok, "as asked");
                Ok(String::new())
            })
        };
        let steps = vec![
            step("first", true),
            step("second", false),
            step("third", true),
        ];
        let succeeded = Plan::new(steps, None, keep_going).unwrap().run();
        (succeeded, ran.into_inner())
    }

    #[test]
    fn the_first_failure_ends_the_run() {
        assert_eq!(run_with_a_failure(false), (false, vec!["first", "second"]));
    }

    #[test]
    fn on_request_the_other_steps_run_and_the_run_fails_all_the_same() {
        assert_eq!(
            run_with_a_failure(true),
            (false, vec!["first", "second", "third"])
        );
    }

    #[test]
    fn a_filter_that_matches_nothing_is_an_error() {
        let steps = || vec![Step::new("format").check(|| Ok(String::new()))];
        assert!(Plan::new(steps(), Some("form"), false).is_ok());
        assert!(Plan::new(steps(), Some("frm"), false).is_err());
    }
}
