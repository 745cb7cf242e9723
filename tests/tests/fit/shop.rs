use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::sync::Semaphore;

pub(crate) const ROSES: &str = "a dozen roses";

/// What a caller asks the shop to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ask {
    Answer,
    Fail,
    /// Answer once the gate was opened for it.
    Wait,
    Hang,
}

/// The service behind every cell of the matrix. It counts who reached it and how many were inside at once.
#[derive(Clone)]
pub(crate) struct Shop(Arc<Inside>);

struct Inside {
    gate: Semaphore,
    reached: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
}

/// The shop's own failure.
#[derive(Debug)]
pub(crate) struct Broken;

impl Ask {
    const ALL: [Self; 4] = [Self::Answer, Self::Fail, Self::Wait, Self::Hang];

    /// As it stands in a query or in a field of a message.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Fail => "fail",
            Self::Wait => "wait",
            Self::Hang => "hang",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let found = Self::ALL.into_iter().find(|ask| ask.as_str() == text);
        found.unwrap_or_else(|| panic!("nobody can ask the shop to {text}"))
    }
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inside {
            gate: Semaphore::new(0),
            reached: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }))
    }

    pub(crate) async fn serve(self, ask: Ask) -> Result<&'static str, Broken> {
        let _guest = Guest::enter(&self.0);
        match ask {
            Ask::Answer => {}
            Ask::Fail => return Err(Broken),
            Ask::Wait => self.0.gate.acquire().await.expect("never closed").forget(),
            Ask::Hang => pending().await,
        }
        Ok(ROSES)
    }

    /// Lets so many of those who wait have their answer.
    pub(crate) fn open_gate(&self, guests: usize) {
        self.0.gate.add_permits(guests);
    }

    pub(crate) fn reached(&self) -> usize {
        self.0.reached.load(SeqCst)
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.0.most.load(SeqCst)
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the shop is broken")
    }
}

impl std::error::Error for Broken {}

struct Guest<'a>(&'a Inside);

impl<'a> Guest<'a> {
    fn enter(shop: &'a Inside) -> Self {
        shop.reached.fetch_add(1, SeqCst);
        let inside = shop.inside.fetch_add(1, SeqCst) + 1;
        shop.most.fetch_max(inside, SeqCst);
        Self(shop)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, SeqCst);
    }
}
