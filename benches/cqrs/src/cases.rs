//! What is measured, and what it is held against.

use watertight_benches::{
    events::{Keeper, Sizes, Work},
    row::{Figures, Row},
    target::Target::{self, AtLeast, AtLeastOf, AtMost, AtMostOf},
};

use crate::{parties::Side, rounds::Medians};

const OURS: &str = "watertight";
const SMALL: &str = "watertight, 10 events";
const TENTH: &str = "watertight, a tenth of the events";
const SHORT: &str = "watertight, the short stream";
const ONE_STREAM: &str = "watertight, one stream";
const INSERTS: &str = "floor: one insert";
const GROUPS: &str = "floor: group commit";
const BARE: &str = "floor: bare transactions";
const SCAN: &str = "floor: bare scan";
const CQRS_ES: &str = "cqrs-es";
const SNAPSHOTS: &str = "cqrs-es with snapshots";

/// Processes that are run in turn, and the rows that come of them.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) work: Work,
    pub(crate) keeper: Keeper,
    pub(crate) clients: usize,
    pub(crate) entrants: Vec<Entrant>,
    pub(crate) rows: Vec<Line>,
}

/// Who takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    pub(crate) side: Side,
    pub(crate) subject: &'static str,
    /// Whose tables it uses.
    pub(crate) stored: &'static str,
    /// Which part of the events it is about.
    pub(crate) share: u64,
}

/// One row: what is taken from the answers, and what it must keep to.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) case: String,
    unit: &'static str,
    figure: String,
    /// Other figures of ours, to compare with.
    beside: Vec<(&'static str, String)>,
    aims: Vec<Aim>,
}

#[derive(Clone, Copy, Debug)]
enum Aim {
    Target(Target),
    /// So many times what the best of the others does.
    Best(f64),
}

impl Bench {
    pub(crate) fn all(events: u64) -> Vec<Self> {
        let mut all = Vec::new();
        for clients in [1, 16, 64] {
            all.push(distinct(Keeper::Postgres, clients));
        }
        for clients in [1, 16, 64] {
            all.push(distinct(Keeper::Sqlite, clients));
        }
        for clients in [1, 16, 64] {
            all.push(distinct(Keeper::Memory, clients));
        }
        all.extend([Keeper::Postgres, Keeper::Sqlite, Keeper::Memory].map(hot));
        for keeper in [Keeper::Postgres, Keeper::Sqlite] {
            all.push(aged(Work::Warm, keeper, events));
            all.push(aged(Work::Cold, keeper, events));
        }
        all.extend([Keeper::Sqlite, Keeper::Postgres].map(|keeper| append(keeper, events)));
        all.extend([Keeper::Sqlite, Keeper::Postgres, Keeper::Memory].map(read));
        all.extend([Keeper::Sqlite, Keeper::Postgres, Keeper::Memory].map(catch_up));
        all
    }

    /// What fills the stores for this work.
    pub(crate) const fn fill(&self) -> Work {
        match self.work {
            Work::Append => Work::FillWide,
            _ => Work::Fill,
        }
    }

    /// The rows, with what came out.
    pub(crate) fn judged(&self, medians: &Medians) -> Vec<Row> {
        let rows = self.rows.iter().flat_map(|line| self.judge(line, medians));
        rows.collect()
    }

    fn judge(&self, line: &Line, medians: &Medians) -> Vec<Row> {
        let of = |name: &str, figure: &str| medians.get(name)?.get(figure).copied();
        let others = self.entrants.iter().filter(|it| !it.is_ours());
        let figure = |it: &Entrant| Some((it.name.to_owned(), of(it.name, &line.figure)?));
        let own = self
            .entrants
            .iter()
            .filter(|it| it.is_ours() && it.name != OURS);
        let beside = line.beside.iter();
        let beside = beside.filter_map(|(name, it)| Some(((*name).to_owned(), of(OURS, it)?)));
        let peers = others.chain(own).filter_map(figure).chain(beside).collect();
        let floor = self.entrants.iter().filter(|it| it.side == Side::Floor);
        let figures = Figures {
            case: line.case.clone(),
            unit: line.unit,
            ours: of(OURS, &line.figure),
            peers,
            floor: floor
                .filter_map(|it| of(it.name, &line.figure))
                .reduce(f64::max),
            discounted: None,
        };
        let best = self.entrants.iter().filter(|it| it.side == Side::Peers);
        let best = best.filter_map(|it| Some((it.name, of(it.name, &line.figure)?)));
        let best = best.max_by(|one, other| one.1.total_cmp(&other.1));
        let targets = line.aims.iter().filter_map(|aim| match aim {
            Aim::Target(target) => Some(*target),
            Aim::Best(share) => Some(AtLeastOf(best?.0, *share)),
        });
        figures.rows(&targets.collect::<Vec<_>>())
    }
}

impl Entrant {
    const fn new(name: &'static str, side: Side, subject: &'static str) -> Self {
        let stored = match side {
            Side::Floor => "floor",
            Side::Ours | Side::Peers => subject,
        };
        Self {
            name,
            side,
            subject,
            stored,
            share: 1,
        }
    }
}

impl Line {
    fn new(case: String, unit: &'static str, figure: impl Into<String>) -> Self {
        Self {
            case,
            unit,
            figure: figure.into(),
            beside: Vec::new(),
            aims: Vec::new(),
        }
    }

    fn beside(mut self, name: &'static str, figure: impl Into<String>) -> Self {
        self.beside.push((name, figure.into()));
        self
    }

    fn target(mut self, target: Target) -> Self {
        self.aims.push(Aim::Target(target));
        self
    }

    fn best(mut self, share: f64) -> Self {
        self.aims.push(Aim::Best(share));
        self
    }
}

fn ours() -> Entrant {
    Entrant::new(OURS, Side::Ours, OURS)
}

fn cqrs_es() -> [Entrant; 2] {
    [CQRS_ES, SNAPSHOTS].map(|name| Entrant::new(name, Side::Peers, name))
}

/// The others that have this store.
fn peers(keeper: Keeper) -> Vec<Entrant> {
    let mut peers = cqrs_es().to_vec();
    match keeper {
        Keeper::Memory => peers.truncate(1),
        Keeper::Sqlite => {}
        Keeper::Postgres => {
            peers
                .extend(["esrs", "disintegrate"].map(|name| Entrant::new(name, Side::Peers, name)));
        }
    }
    peers
}

fn inserts() -> [Entrant; 2] {
    [
        Entrant::new(INSERTS, Side::Floor, "one insert"),
        Entrant::new(GROUPS, Side::Floor, "group commit"),
    ]
}

const fn place(keeper: Keeper) -> &'static str {
    match keeper {
        Keeper::Memory => "memory",
        Keeper::Sqlite => "SQLite FULL",
        Keeper::Postgres => "PostgreSQL",
    }
}

fn entrants(keeper: Keeper) -> Vec<Entrant> {
    let mut entrants = vec![ours()];
    if keeper == Keeper::Postgres {
        entrants.extend(inserts());
    }
    entrants.extend(peers(keeper));
    entrants
}

fn distinct(keeper: Keeper, clients: usize) -> Bench {
    let case = format!(
        "{}, distinct aggregates, {clients} in flight",
        place(keeper)
    );
    let line = Line::new(case, "commands/s", "per_second");
    let mut entrants = entrants(keeper);
    let line = match (keeper, clients) {
        (Keeper::Postgres, 1) => line.target(AtLeastOf(INSERTS, 0.85)),
        (Keeper::Postgres, 16) => line.target(AtLeastOf(GROUPS, 0.8)).best(2.7),
        (Keeper::Postgres, _) => line.target(AtLeastOf(GROUPS, 0.8)).best(8.0),
        (Keeper::Sqlite, 1) => {
            entrants.push(Entrant::new(BARE, Side::Floor, "transactions"));
            line.target(AtLeastOf(BARE, 0.75))
        }
        (Keeper::Sqlite, 16) => line.target(AtLeastOf(CQRS_ES, 10.0)),
        (Keeper::Sqlite, _) => line.target(AtLeastOf(CQRS_ES, 30.0)),
        (Keeper::Memory, _) => line.target(AtLeastOf(CQRS_ES, 3.0)),
    };
    Bench {
        work: Work::Distinct,
        keeper,
        clients,
        entrants,
        rows: vec![line],
    }
}

fn hot(keeper: Keeper) -> Bench {
    let case = |what: &str| format!("{}, one hot aggregate, 16 in flight{what}", place(keeper));
    let rate = Line::new(case(""), "commands/s", "per_second");
    Bench {
        work: Work::Hot,
        keeper,
        clients: 16,
        entrants: entrants(keeper),
        rows: vec![
            match keeper {
                Keeper::Postgres => rate.best(13.0),
                _ => rate,
            },
            Line::new(case(", lost updates"), "events", "lost").target(AtMost(0.0)),
            Line::new(case(", retries by the caller"), "per command", "conflicts")
                .target(AtMost(0.0)),
        ],
    }
}

fn aged(work: Work, keeper: Keeper, events: u64) -> Bench {
    let how = match work {
        Work::Cold => "after a restart",
        _ => "in use",
    };
    let [small, middle, large] = Sizes::of(events).0;
    let line = |size: u64| {
        let case = format!("{}, an aggregate of {size} events, {how}", place(keeper));
        Line::new(case, "ms/command", size.to_string())
    };
    let last = match (work, keeper) {
        (Work::Cold, Keeper::Sqlite) => line(large).target(AtMostOf(CQRS_ES, 1.0 / 30.0)),
        (Work::Cold, _) => line(large),
        _ => line(large)
            .beside(SMALL, small.to_string())
            .target(AtMostOf(SMALL, 1.1)),
    };
    let mut entrants = vec![ours()];
    entrants.extend(peers(keeper));
    Bench {
        work,
        keeper,
        clients: 1,
        entrants,
        rows: vec![line(small), line(middle), last],
    }
}

fn append(keeper: Keeper, events: u64) -> Bench {
    let case = |what: String| format!("{}, append to {what}", place(keeper));
    Bench {
        work: Work::Append,
        keeper,
        clients: 16,
        entrants: vec![ours()],
        rows: vec![
            Line::new(
                case(format!("a stream of {events} events")),
                "events/s",
                "long",
            )
            .beside(SHORT, "short")
            .target(AtLeastOf(SHORT, 0.8)),
            Line::new(case(format!("any of {events} streams")), "events/s", "many")
                .beside(ONE_STREAM, "few")
                .target(AtLeastOf(ONE_STREAM, 0.8)),
        ],
    }
}

fn read(keeper: Keeper) -> Bench {
    let line = Line::new(
        format!("{}, read_all", place(keeper)),
        "events/s",
        "per_second",
    );
    let mut entrants = vec![ours()];
    let line = match keeper {
        Keeper::Sqlite => {
            entrants.push(Entrant::new(SCAN, Side::Floor, "scan"));
            line.target(AtLeast(1_000_000.0))
        }
        _ => line,
    };
    Bench {
        work: Work::Read,
        keeper,
        clients: 1,
        entrants,
        rows: vec![line],
    }
}

fn catch_up(keeper: Keeper) -> Bench {
    let case = |what: &str| format!("{}, projection catch-up{what}", place(keeper));
    let tenth = Entrant {
        name: TENTH,
        share: 10,
        ..ours()
    };
    let rate = Line::new(case(""), "events/s", "per_second");
    let peak = Line::new(case(", peak memory"), "MiB", "peak_mib");
    // In memory the view itself grows with the events.
    let rows = match keeper {
        Keeper::Memory => [rate, peak],
        Keeper::Sqlite => [
            rate.target(AtLeast(100_000.0)),
            peak.target(AtMostOf(TENTH, 1.5)),
        ],
        Keeper::Postgres => [
            rate.target(AtLeast(60_000.0)),
            peak.target(AtMostOf(TENTH, 1.5)),
        ],
    };
    Bench {
        work: Work::CatchUp,
        keeper,
        clients: 1,
        entrants: vec![ours(), tenth],
        rows: rows.into(),
    }
}
