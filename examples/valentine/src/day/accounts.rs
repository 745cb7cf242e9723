use crate::shop::{Books, Leaf, STOCK, Shop};

/// What the shop's books say once an act is over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Accounts {
    pub(crate) charged: usize,
    pub(crate) refunded: usize,
    pub(crate) shipped: usize,
    /// Orders that were charged for good and not shipped, or shipped and not charged.
    pub(crate) unbalanced: usize,
    pub(crate) stock: Stock,
    /// Mails about orders that were not shipped.
    pub(crate) mails_for_nothing: usize,
    /// Confirmed orders that were not reserved, charged and shipped.
    pub(crate) half_done: usize,
    /// Confirmed orders that got no points.
    pub(crate) without_points: usize,
    /// Confirmed orders that got no mail.
    pub(crate) without_mail: usize,
}

/// What became of the stock.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Stock {
    pub(crate) reserved: usize,
    pub(crate) given_back: usize,
    /// How little there was at the worst moment.
    pub(crate) lowest: i64,
}

impl Accounts {
    /// Audits a shop against the orders that it has confirmed.
    pub(super) fn of(shop: &Shop, confirmed: &[u64]) -> Self {
        Self::audit(|leaf| shop.backend(leaf).books(), confirmed)
    }

    fn audit(books: impl Fn(Leaf) -> Books, confirmed: &[u64]) -> Self {
        let [inventory, payment, shipping, loyalty, email] = [
            Leaf::Inventory,
            Leaf::Payment,
            Leaf::Shipping,
            Leaf::Loyalty,
            Leaf::Email,
        ]
        .map(books);
        let without = |books: &[&Books]| {
            let lacks = |order: &&u64| books.iter().any(|books| !books.done.contains(order));
            confirmed.iter().filter(lacks).count()
        };
        Self {
            charged: payment.ever(),
            refunded: payment.taken_back,
            shipped: shipping.done.len(),
            unbalanced: payment.done.symmetric_difference(&shipping.done).count(),
            stock: Stock {
                reserved: inventory.ever(),
                given_back: inventory.taken_back,
                lowest: STOCK as i64 - inventory.most as i64,
            },
            mails_for_nothing: email.done.difference(&shipping.done).count(),
            half_done: without(&[&inventory, &payment, &shipping]),
            without_points: without(&[&loyalty]),
            without_mail: without(&[&email]),
        }
    }

    /// The accounts of several acts taken together.
    pub(crate) fn sum(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, other| Self {
            charged: one.charged + other.charged,
            refunded: one.refunded + other.refunded,
            shipped: one.shipped + other.shipped,
            unbalanced: one.unbalanced + other.unbalanced,
            stock: Stock {
                reserved: one.stock.reserved + other.stock.reserved,
                given_back: one.stock.given_back + other.stock.given_back,
                lowest: one.stock.lowest.min(other.stock.lowest),
            },
            mails_for_nothing: one.mails_for_nothing + other.mails_for_nothing,
            half_done: one.half_done + other.half_done,
            without_points: one.without_points + other.without_points,
            without_mail: one.without_mail + other.without_mail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(done: impl Fn(Leaf) -> &'static [u64]) -> Accounts {
        let books = |leaf| {
            let mut books = Books::new(usize::MAX);
            books.done.extend(done(leaf));
            books.most = books.done.len();
            books
        };
        Accounts::audit(books, &[1, 2])
    }

    #[test]
    fn a_good_day_balances() {
        let accounts = audit(|_| &[1, 2]);
        let expected = Accounts {
            charged: 2,
            shipped: 2,
            stock: Stock {
                reserved: 2,
                given_back: 0,
                lowest: STOCK as i64 - 2,
            },
            ..Accounts::default()
        };
        assert_eq!(accounts, expected);
    }

    #[test]
    fn an_order_charged_and_not_shipped_does_not_balance() {
        let accounts = audit(|leaf| match leaf {
            Leaf::Shipping => &[2],
            _ => &[1, 2],
        });
        assert_eq!((accounts.unbalanced, accounts.half_done), (1, 1));
        assert_eq!(accounts.mails_for_nothing, 1);
    }

    #[test]
    fn as_many_charged_as_shipped_is_not_enough_if_they_are_others() {
        let accounts = audit(|leaf| match leaf {
            Leaf::Shipping => &[1, 3],
            _ => &[1, 2],
        });
        assert_eq!((accounts.charged, accounts.shipped), (2, 2));
        assert_eq!(accounts.unbalanced, 2);
    }

    #[test]
    fn confirmed_orders_may_lack_points_and_mails() {
        let accounts = audit(|leaf| match leaf {
            Leaf::Loyalty => &[],
            Leaf::Email => &[1],
            _ => &[1, 2],
        });
        assert_eq!((accounts.without_points, accounts.without_mail), (2, 1));
        assert_eq!(accounts.half_done, 0);
    }

    #[test]
    fn the_days_lowest_stock_is_the_lowest_of_its_acts() {
        let (one, two) = (audit(|_| &[1]), audit(|_| &[1, 2, 3]));
        let sum = Accounts::sum([one, two]).unwrap();
        assert_eq!((sum.charged, sum.stock.reserved), (4, 4));
        assert_eq!(sum.stock.lowest, STOCK as i64 - 3);
        assert_eq!(Accounts::sum([]), None);
    }
}
