//! Everybody in turn, and the medians.

use std::collections::{BTreeMap, HashMap};

use watertight_benches::{
    events::{Answer, Keeper, Work},
    rounds::Plan,
    row::Row,
    stats::median,
};

use crate::{
    cases::{Bench, Entrant},
    parties::{Parties, Side, Task},
    tables::Tables,
};

pub(crate) struct Runs<'a> {
    parties: &'a Parties,
    plan: Plan,
    /// How large a table is that was filled.
    filled: HashMap<(&'static str, Keeper, Work), Option<f64>>,
}

/// The medians of each entrant, under the name of the figure.
pub(crate) type Medians = BTreeMap<&'static str, Answer>;

impl<'a> Runs<'a> {
    pub(crate) fn new(parties: &'a Parties, plan: Plan) -> Self {
        Self {
            parties,
            plan,
            filled: HashMap::new(),
        }
    }

    /// Rounds in which each entrant runs once.
    pub(crate) fn measure(&mut self, bench: &Bench) -> anyhow::Result<Vec<Row>> {
        let (clients, keeper) = (bench.clients, bench.keeper);
        eprintln!("{:?} in {keeper:?}, {clients} at a time", bench.work);
        for entrant in &bench.entrants {
            self.fill(bench, entrant)?;
        }
        let mut answers: BTreeMap<_, Vec<Answer>> = BTreeMap::new();
        for _ in 0..self.plan.rounds {
            for entrant in &bench.entrants {
                let task = self.task(bench, bench.work, entrant.share);
                let (side, subject) = (entrant.side, entrant.subject);
                if let Some(answer) = self.parties.ask(side, subject, task)? {
                    answers.entry(entrant.name).or_default().push(answer);
                }
            }
        }
        let medians = answers.into_iter().map(|(name, all)| (name, middle(&all)));
        Ok(bench.judged(&medians.collect()))
    }

    /// What was filled, and how large it is.
    pub(crate) fn tables(&self) -> Tables {
        let sizes = self.filled.iter();
        let sizes = sizes.filter_map(|((subject, keeper, _), bytes)| {
            Some((*keeper, *subject, bytes.as_ref().copied()?))
        });
        Tables::new(self.parties.events, sizes)
    }

    fn fill(&mut self, bench: &Bench, entrant: &Entrant) -> anyhow::Result<()> {
        let filled = (entrant.stored, bench.keeper, bench.fill());
        if bench.keeper == Keeper::Memory || self.filled.contains_key(&filled) {
            return Ok(());
        }
        let task = self.task(bench, bench.fill(), 1);
        let answer = self.parties.ask(entrant.side, entrant.subject, task)?;
        let bytes = answer.and_then(|answer| answer.get("bytes").copied());
        self.filled.insert(filled, bytes);
        Ok(())
    }

    fn task(&self, bench: &Bench, work: Work, share: u64) -> Task {
        Task {
            work,
            keeper: bench.keeper,
            clients: bench.clients,
            millis: u64::try_from(self.plan.slice.as_millis()).unwrap_or(u64::MAX),
            events: (self.parties.events / share).max(1),
        }
    }
}

fn middle(answers: &[Answer]) -> Answer {
    let names = answers.first().into_iter().flat_map(Answer::keys);
    let medians = names.map(|name| {
        let values: Vec<_> = answers
            .iter()
            .filter_map(|it| it.get(name).copied())
            .collect();
        (name.clone(), median(&values))
    });
    medians.collect()
}

impl Entrant {
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self.side, Side::Ours)
    }
}
