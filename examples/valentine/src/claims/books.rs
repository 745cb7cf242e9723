use super::{Bound, Claim, Figure};
use crate::{
    day::{Accounts, Played},
    shop::World,
};

/// Checks what the protected shop's books must say of the whole day.
pub(super) fn check(day: &[Played]) -> Vec<Claim> {
    let protected = day.iter().filter(|played| played.world == World::Protected);
    let not_once = protected.clone().map(|played| played.people.not_once).sum();
    let accounts = Accounts::sum(protected.map(|played| played.accounts));
    accounts.map_or_else(Vec::new, |accounts| claims(&accounts, not_once))
}

fn claims(accounts: &Accounts, not_once: usize) -> Vec<Claim> {
    let Accounts {
        charged,
        refunded,
        shipped,
        stock,
        ..
    } = *accounts;
    vec![
        told(
            "charged = shipped + refunded",
            "equal",
            format!("{charged} = {shipped} + {refunded}"),
            accounts.unbalanced == 0 && charged == shipped + refunded,
        ),
        told(
            "reserved = shipped + given back, stock never below 0",
            "equal",
            format!("{} = {shipped} + {}", stock.reserved, stock.given_back),
            stock.reserved == shipped + stock.given_back && stock.lowest >= 0,
        ),
        none(
            "mails about an order that was not shipped",
            accounts.mails_for_nothing,
        ),
        none(
            "confirmed orders not reserved, charged and shipped",
            accounts.half_done,
        ),
        none("confirmed orders not recorded exactly once", not_once),
    ]
}

fn none(says: &str, count: usize) -> Claim {
    let bound = Bound::AtMost(Figure::Count(0));
    let found = Some(Figure::Count(count));
    Claim::new(None, World::Protected, says, bound, found)
}

fn told(says: &str, wanted: &str, found: String, holds: bool) -> Claim {
    Claim {
        act: None,
        world: World::Protected,
        says: says.to_owned(),
        wanted: wanted.to_owned(),
        found,
        holds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Stock;

    fn good() -> Accounts {
        Accounts {
            charged: 5,
            refunded: 2,
            shipped: 3,
            stock: Stock {
                reserved: 6,
                given_back: 3,
                lowest: 0,
            },
            ..Accounts::default()
        }
    }

    fn failed(accounts: &Accounts) -> Vec<String> {
        failed_with(accounts, 0)
    }

    fn failed_with(accounts: &Accounts, not_once: usize) -> Vec<String> {
        let claims = claims(accounts, not_once);
        let failed = claims.into_iter().filter(|claim| !claim.holds);
        failed.map(|claim| claim.says).collect()
    }

    #[test]
    fn books_that_balance_fail_nothing() {
        assert_eq!(failed(&good()), [""; 0]);
    }

    #[test]
    fn every_error_in_the_books_fails_the_claim_about_it() {
        type Error = fn(&mut Accounts);
        let errors: [(&str, Error); 6] = [
            ("charged =", |books| books.charged += 1),
            ("charged =", |books| books.unbalanced += 2),
            ("reserved =", |books| books.stock.given_back -= 1),
            ("reserved =", |books| books.stock.lowest = -1),
            ("mails", |books| books.mails_for_nothing += 1),
            ("confirmed orders", |books| books.half_done += 1),
        ];
        for (says, error) in errors {
            let mut books = good();
            error(&mut books);
            let failed = failed(&books);
            assert_eq!(failed.len(), 1, "{says}: {failed:?}");
            assert!(failed[0].starts_with(says), "{says}: {failed:?}");
        }
    }

    #[test]
    fn an_order_that_is_recorded_twice_fails_its_claim() {
        let failed = failed_with(&good(), 1);
        assert_eq!(failed, ["confirmed orders not recorded exactly once"]);
    }

    #[test]
    fn a_day_without_a_protected_shop_has_no_books_to_check() {
        assert!(check(&[]).is_empty());
    }
}
