//! Sets budgets.

use studio_core::{
    id::{KeyId, UserId},
    job::Payer,
    ledger::Limits,
    ports::{BudgetRow, Store, StoreError},
    time::Timestamp,
};

/// Sets all budgets of a user or of a key, whichever has that id; how they stand then. Nothing: there is none.
pub async fn set_budgets(
    store: &dyn Store,
    id: UserId,
    limits: Limits,
    now: Timestamp,
) -> Result<Option<BudgetRow>, StoreError> {
    for payer in [Payer::Key(KeyId::from_uuid(id.as_uuid())), Payer::User(id)] {
        if store.set_budgets(payer, limits.clone()).await? {
            let rows = store.budgets(None, now).await?;
            return Ok(rows.into_iter().find(|row| row.payer == payer));
        }
    }
    Ok(None)
}
