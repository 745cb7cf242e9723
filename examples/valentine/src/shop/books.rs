use std::collections::HashSet;

/// What a service has done, order by order.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    /// Done, and not undone.
    pub(crate) done: HashSet<u64>,
    /// How often something that was done was undone.
    pub(crate) taken_back: usize,
    /// The most that was done at any moment.
    pub(crate) most: usize,
    // What was undone before it came must not be done when it comes: a charge may be slower than its refund.
    cancelled: HashSet<u64>,
    limit: usize,
}

impl Books {
    /// Books of a service that can serve so many orders, like a shop with so many roses.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            done: HashSet::new(),
            taken_back: 0,
            most: 0,
            cancelled: HashSet::new(),
            limit,
        }
    }

    /// Notes that an order's work is done, however often it is; false if it was cancelled, or nothing is left for it.
    pub(super) fn enter(&mut self, order: u64) -> bool {
        if self.done.contains(&order) {
            return true;
        }
        if self.cancelled.contains(&order) || self.done.len() >= self.limit {
            return false;
        }
        self.done.insert(order);
        self.most = self.most.max(self.done.len());
        true
    }

    /// Undoes an order's work, also before it comes.
    pub(super) fn undo(&mut self, order: u64) {
        self.taken_back += usize::from(self.done.remove(&order));
        self.cancelled.insert(order);
    }

    /// What was ever done, undone or not.
    pub(crate) fn ever(&self) -> usize {
        self.done.len() + self.taken_back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_done_once_however_often_it_comes() {
        let mut books = Books::new(10);
        assert!(books.enter(1) && books.enter(1));
        assert_eq!((books.ever(), books.most), (1, 1));
    }

    #[test]
    fn what_was_undone_first_is_not_done_later() {
        let mut books = Books::new(10);
        books.undo(1);
        assert!(!books.enter(1));
        assert_eq!(books.ever(), 0);
    }

    #[test]
    fn undoing_twice_takes_back_once() {
        let mut books = Books::new(10);
        books.enter(1);
        books.undo(1);
        books.undo(1);
        assert_eq!(
            (books.done.len(), books.taken_back, books.ever()),
            (0, 1, 1)
        );
    }

    #[test]
    fn nothing_is_done_beyond_the_limit() {
        let mut books = Books::new(1);
        assert!(books.enter(1) && !books.enter(2));
        books.undo(1);
        assert!(books.enter(3));
        assert_eq!(books.most, 1);
    }
}
