//! Sets budgets.

use super::people::{Desk, Doer, NotByKey, may_say_of_money};
use serde_json::{Map, Value};
use studio_core::{
    id::{KeyId, UserId},
    job::Payer,
    ledger::Limits,
    people::Action,
    ports::BudgetRow,
};

/// Sets all budgets of a user or of a key, whichever has that id; how they stand then. Nothing: there is none.
pub async fn set_budgets(
    desk: Desk<'_>,
    doer: &Doer,
    id: UserId,
    limits: Limits,
) -> Result<Option<BudgetRow>, NotByKey> {
    may_say_of_money(desk, doer).await?;
    for payer in [Payer::Key(KeyId::from_uuid(id.as_uuid())), Payer::User(id)] {
        let details: Map<_, _> =
            limits.iter().map(|(window, limit)| (window.as_str().to_owned(), Value::from(limit.to_string()))).collect();
        let entry = desk.entry(doer, Action::BudgetsSet).with(details.into());
        let entry = match payer {
            Payer::Key(id) => entry.of("key", id),
            Payer::User(id) | Payer::OwnKey(id) => entry.of("user", id),
        };
        if desk.store.set_budgets(payer, limits.clone(), entry).await? {
            let rows = desk.store.budgets(None, desk.clock.now()).await?;
            return Ok(rows.into_iter().find(|row| row.payer == payer));
        }
    }
    Ok(None)
}
