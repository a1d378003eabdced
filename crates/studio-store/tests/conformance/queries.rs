//! What can be asked about jobs, by their owner and by those who work on them.

use crate::rig::{PROVIDER, Rig, at, completed, draft, job_id, lease, plain, user};
use studio_core::{
    catalog::Modality,
    job::{Actor, Event, Job, Status},
    ports::JobFilter,
};

stories![
    jobs_are_listed_newest_first_by_pages,
    a_list_can_be_narrowed,
    what_is_not_yours_is_not_there,
    a_place_in_the_queue_counts_who_is_ahead,
    unfinished_is_neither_queued_nor_over,
    overdue_is_told_most_overdue_first,
    the_next_time_to_look_at_a_queue,
    it_can_be_written,
];

fn ids(jobs: &[Job]) -> Vec<studio_core::id::JobId> {
    jobs.iter().map(|job| job.id).collect()
}

async fn jobs_are_listed_newest_first_by_pages(rig: Rig) {
    for n in [2, 1, 3, 5, 4] {
        rig.accept(plain(draft(n))).await;
    }
    let page = |before, limit| rig.store.jobs(user(1).id, JobFilter { before, limit, ..JobFilter::default() });
    let first = page(None, 2).await.unwrap();
    assert_eq!(ids(&first), [job_id(5), job_id(4)]);
    let second = page(Some(job_id(4)), 2).await.unwrap();
    assert_eq!(ids(&second), [job_id(3), job_id(2)]);
    let last = page(Some(job_id(2)), 2).await.unwrap();
    assert_eq!(last, [draft(1)]);
    assert!(page(None, 0).await.unwrap().is_empty());
}

async fn a_list_can_be_narrowed(rig: Rig) {
    for n in 1..=3 {
        rig.accept(plain(draft(n))).await;
    }
    rig.claim(1).await;
    let of = |status| JobFilter { status: Some(status), modality: Some(Modality::Image), before: None, limit: 9 };
    let queued = rig.store.jobs(user(1).id, of(Status::Queued)).await.unwrap();
    assert_eq!(ids(&queued), [job_id(3), job_id(2)]);
    let submitting = rig.store.jobs(user(1).id, of(Status::Submitting)).await.unwrap();
    assert_eq!(ids(&submitting), [job_id(1)]);
    assert!(rig.store.jobs(user(1).id, of(Status::Failed)).await.unwrap().is_empty());
}

async fn what_is_not_yours_is_not_there(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    assert_eq!(rig.store.job(user(2).id, job_id(1)).await.unwrap(), None);
    assert_eq!(rig.store.job(user(1).id, job_id(2)).await.unwrap(), None, "absent is the same");
    let theirs = rig.store.jobs(user(2).id, JobFilter { limit: 9, ..JobFilter::default() }).await.unwrap();
    assert!(theirs.is_empty());
}

async fn a_place_in_the_queue_counts_who_is_ahead(rig: Rig) {
    let mut elsewhere = draft(0);
    elsewhere.provider = "q".into();
    for job in [elsewhere, draft(1), draft(2), draft(3)] {
        rig.accept(plain(job)).await;
    }
    let place = |n| rig.store.queue_position(job_id(n));
    assert_eq!(place(1).await.unwrap(), Some(0));
    assert_eq!(place(3).await.unwrap(), Some(2));
    rig.claim(1).await;
    assert_eq!(place(1).await.unwrap(), None, "it does not wait any more");
    assert_eq!(place(3).await.unwrap(), Some(1));
    assert_eq!(place(7).await.unwrap(), None);
}

async fn unfinished_is_neither_queued_nor_over(rig: Rig) {
    for n in 1..=3 {
        rig.accept(plain(draft(n))).await;
    }
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 1)).await;
    rig.claim(2).await;
    assert_eq!(ids(&rig.store.unfinished().await.unwrap()), [job_id(2)]);
}

async fn overdue_is_told_most_overdue_first(rig: Rig) {
    for (n, deadline) in [(1, Some(700)), (2, Some(600)), (3, None), (4, Some(900))] {
        let mut job = draft(n);
        job.deadline = deadline.map(at);
        rig.accept(plain(job)).await;
    }
    assert_eq!(rig.store.overdue(at(800)).await.unwrap(), [job_id(2), job_id(1)]);
    // While it runs it can only be told; it is told once.
    rig.claim(1).await;
    assert_eq!(rig.store.overdue(at(800)).await.unwrap(), [job_id(2), job_id(1)]);
    rig.moved(1, Actor::Studio, Event::DeadlinePassed).await;
    assert_eq!(rig.store.overdue(at(800)).await.unwrap(), [job_id(2)]);
}

async fn the_next_time_to_look_at_a_queue(rig: Rig) {
    assert_eq!(rig.store.next_run_at(PROVIDER).await.unwrap(), None);
    for (n, run_at) in [(1, 700), (2, 500)] {
        let mut job = draft(n);
        job.run_at = at(run_at);
        rig.accept(plain(job)).await;
    }
    assert_eq!(rig.store.next_run_at(PROVIDER).await.unwrap(), Some(at(500)));
    assert_eq!(rig.store.next_run_at("q").await.unwrap(), None);
    let waiting = rig.store.waiting().await.unwrap();
    assert!(waiting.iter().all(|waiting| waiting.provider == PROVIDER), "{waiting:?}");
    rig.claim_at(&[1], at(500)).await;
    assert_eq!(rig.store.next_run_at(PROVIDER).await.unwrap(), Some(at(700)));
}

async fn it_can_be_written(rig: Rig) {
    for _ in 0..3 {
        assert_eq!(rig.store.check().await, Ok(()));
    }
}
