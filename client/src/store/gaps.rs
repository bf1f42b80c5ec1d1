//! Stores which message numbers of an author have arrived, as ranges, so that missing ones are
//! known even after the messages around them are deleted.

use super::{StoreError, Tx};
use crate::limits::MAX_RECEIVED_RANGES;
use crate::model::Member;

/// How many numbers are missing just before the message `m`, as an expression.
pub(super) const MISSING_BEFORE: &str = "CASE WHEN m.author IS NULL THEN 0 \
     ELSE ifnull((SELECT r.first - 1 - ifnull((SELECT max(p.last) FROM received_range p \
     WHERE p.conversation = r.conversation AND p.author = r.author AND p.first < r.first), 0) \
     FROM received_range r WHERE r.conversation = m.conversation AND r.author = m.author \
     AND r.first = m.counter), 0) END";

/// A message with this number came.
pub async fn record(tx: &mut Tx, author: Member, counter: i64) -> Result<(), StoreError> {
    let beside = "DELETE FROM received_range WHERE conversation = ? AND author = ? \
                  AND first <= ? AND last >= ? RETURNING first, last";
    let beside: Vec<(i64, i64)> = sqlx::query_as(beside)
        .bind(author.conversation)
        .bind(author.contact)
        .bind(counter.saturating_add(1))
        .bind(counter - 1)
        .fetch_all(&mut **tx)
        .await?;
    let first = beside.iter().map(|range| range.0).fold(counter, i64::min);
    let last = beside.iter().map(|range| range.1).fold(counter, i64::max);
    add(tx, author, first, last).await?;
    forget_oldest_gap(tx, author).await
}

async fn add(tx: &mut Tx, author: Member, first: i64, last: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO received_range (conversation, author, first, last) VALUES (?, ?, ?, ?)",
    )
    .bind(author.conversation)
    .bind(author.contact)
    .bind(first)
    .bind(last)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// One who leaves gaps on purpose costs no more than [`MAX_RECEIVED_RANGES`].
async fn forget_oldest_gap(tx: &mut Tx, author: Member) -> Result<(), StoreError> {
    let ranges = "SELECT count(*) FROM received_range WHERE conversation = ? AND author = ?";
    let ranges = sqlx::query_scalar(ranges).bind(author.conversation).bind(author.contact);
    let ranges: u32 = ranges.fetch_one(&mut **tx).await?;
    if ranges <= MAX_RECEIVED_RANGES {
        return Ok(());
    }

    let oldest: Vec<(i64, i64)> = sqlx::query_as(
        "DELETE FROM received_range WHERE conversation = ?1 AND author = ?2 AND first IN \
         (SELECT first FROM received_range WHERE conversation = ?1 AND author = ?2 \
         ORDER BY first LIMIT 2) RETURNING first, last",
    )
    .bind(author.conversation)
    .bind(author.contact)
    .fetch_all(&mut **tx)
    .await?;
    match (oldest.iter().map(|range| range.0).min(), oldest.iter().map(|range| range.1).max()) {
        (Some(first), Some(last)) => add(tx, author, first, last).await,
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::messages::tests::contact;
    use crate::store::{Store, scratch};

    async fn ranges(store: &Store, author: Member) -> Vec<(i64, i64)> {
        let mut tx = store.begin().await.unwrap();
        let rows = "SELECT first, last FROM received_range WHERE conversation = ? AND author = ? \
                    ORDER BY first";
        let rows = sqlx::query_as(rows).bind(author.conversation).bind(author.contact);
        rows.fetch_all(&mut *tx).await.unwrap()
    }

    async fn hear(store: &Store, author: Member, counters: impl IntoIterator<Item = i64>) {
        let mut tx = store.begin().await.unwrap();
        for counter in counters {
            record(&mut tx, author, counter).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    #[tokio::test]
    async fn ranges_join_and_have_a_limit() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        hear(&store, bob, [1, 2, 5, i64::MAX, 4, 2]).await;
        assert_eq!(ranges(&store, bob).await, [(1, 2), (4, 5), (i64::MAX, i64::MAX)]);
        let limit = i64::from(MAX_RECEIVED_RANGES);
        hear(&store, bob, (10..2 * limit).map(|n| 2 * n)).await;
        let kept = ranges(&store, bob).await;
        assert_eq!(kept.len(), usize::try_from(limit).unwrap());
        assert_eq!(
            (kept[0].0, kept.last().unwrap().1),
            (1, i64::MAX),
            "the oldest gaps are forgotten"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_order_gives_the_same_ranges(
            counters in proptest::collection::vec(1..40_i64, 1..60)
        ) {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().unwrap();
            runtime.block_on(async {
                let (store, _directory) = scratch().await;
                let bob = contact(&store, "Bob").await;
                hear(&store, bob, counters.clone()).await;
                let received: std::collections::BTreeSet<i64> = ranges(&store, bob)
                    .await
                    .into_iter()
                    .flat_map(|(first, last)| first..=last)
                    .collect();
                assert_eq!(received, counters.into_iter().collect());
            });
        }
    }
}
