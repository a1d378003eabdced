//! Users take turns, through the front door.

use crate::setup;
use studio_testkit::fairness::begun_before_another;

#[tokio::test]
async fn the_many_jobs_of_one_keep_anothers_first_waiting_for_one_turn() {
    // The one that is at work, and at most one more.
    assert!(begun_before_another(setup(), 200).await.unwrap() <= 1);
}
