//! What jobs say: kept as it comes, without a gap, from whoever works on them and nobody else; and what a job's input
//! brings along.

use crate::rig::{
    HOLD, Rig, advance, asset_id, at, brought, canceled, completed, cut_short, draft, failed, job_id, lease, plain,
    record, said, told, user,
};
use studio_core::{
    id::UserId,
    job::{Actor, Durability, Event, Refused, Status},
    money::Nanos,
    ports::{Admission, Admitted, Advance, Advanced, Checkpointed, PART_BYTES, Said, StoreError},
    retry::FailureKind,
    words::{Log, Segment, Voice},
};

stories![
    what_is_said_is_kept_in_order,
    every_voice_comes_back_as_it_was,
    it_is_read_in_parts_from_any_offset,
    only_whoever_works_on_it_is_heard,
    what_is_over_says_nothing_more,
    a_gap_is_refused,
    the_same_again_changes_nothing,
    nothing_said_is_nothing_kept,
    another_attempt_says_it_anew,
    an_end_brings_the_last_words,
    a_retry_keeps_what_the_attempt_before_it_said,
    words_of_a_refused_move_are_not_kept,
    a_move_fails_with_words_that_do_not_fit,
    a_move_may_bring_what_a_checkpoint_kept,
    assets_of_the_input_come_with_the_job,
    assets_of_what_is_not_accepted_do_not_come,
    an_admission_with_assets_may_be_run_again,
    an_admission_fails_whole_with_its_assets,
    promises_may_be_small_and_made_good_later,
];

/// A rig with job 1 at work, by lease 1.
async fn at_work(rig: Rig) -> Rig {
    rig.accept(plain(draft(1))).await;
    rig.claim(1).await;
    rig
}

fn log(text: &str) -> Log {
    [Segment::text(text)].into_iter().collect()
}

/// The end of job 1, by lease 1, with its last words.
fn last_words(event: Event, said: Said) -> Advance {
    Advance { said: Some(said), ..advance(1, Actor::Holder(lease(1)), event, at(2_000)) }
}

async fn what_is_said_is_kept_in_order(rig: Rig) {
    let rig = at_work(rig).await;
    assert_eq!(rig.log(1, 0).await, Log::default());
    for (offset, text) in [(0, "A"), (1, "nd then"), (8, " ☂ it rained"), (22, ".")] {
        assert_eq!(rig.checkpoint(1, 1, said(0, offset, text)).await, Checkpointed::Kept);
    }
    assert_eq!(rig.log(1, 0).await, log("And then ☂ it rained."));
    assert_eq!(rig.log(2, 0).await, Log::default(), "of a job that is not there, nothing");
    let job = rig.store.job_for_work(job_id(1)).await.unwrap().unwrap();
    assert_eq!(job.version, 2, "words are not news of the job");
}

async fn it_is_read_in_parts_from_any_offset(rig: Rig) {
    let rig = at_work(rig).await;
    let long = "ü🌊 ".repeat(12_000);
    let mut offset = 0;
    for text in ["aü", &long, "!", &long, "end"] {
        assert_eq!(rig.checkpoint(1, 1, said(0, offset, text)).await, Checkpointed::Kept);
        offset += text.len() as u64;
    }
    let whole = rig.log(1, 0).await;
    let part = |offset| rig.store.said_after(job_id(1), 0, offset);
    for first in [0, 1, 3, 4, 30_000, offset - 2] {
        let (mut read, mut at) = (Log::default(), first);
        loop {
            let part = part(at).await.unwrap();
            let bytes: usize = part.segments.iter().map(|segment| segment.text.len()).sum();
            assert_eq!((part.begins, part.end), (whole.beginning(at), offset));
            assert!(bytes <= PART_BYTES && (bytes > 0) == (at < offset), "{bytes} at {at}");
            if bytes == 0 {
                break;
            }
            at = part.begins + bytes as u64;
            part.segments.iter().for_each(|segment| read.append(&segment.voice, &segment.text));
        }
        assert_eq!(read, whole.after(first).into_iter().collect(), "{first}");
    }
    let beyond = part(offset + 9).await.unwrap();
    assert_eq!((beyond.begins, beyond.segments, beyond.end), (offset + 9, vec![], offset));
    let absent = rig.store.said_after(job_id(2), 0, 7).await.unwrap();
    assert_eq!((absent.segments, absent.end), (vec![], 0));
}

async fn every_voice_comes_back_as_it_was(rig: Rig) {
    let rig = at_work(rig).await;
    let call = |index, text: &str| Segment {
        voice: Voice::ToolCall { index, id: format!("call \"{index}\""), name: "näh".into() },
        text: text.into(),
    };
    let thought = Segment { voice: Voice::Reasoning, text: "hm\u{0}\u{7f}\\\"'\r\n".into() };
    let rounds = [
        vec![thought, Segment::text("ü🌊")],
        vec![Segment::text("\u{feff}e\u{301}"), call(0, "{\"a\":"), call(1, "[")],
        vec![call(1, "]"), call(0, " \"☂\"}"), Segment::text("</script>'; DROP TABLE words; --")],
    ];
    let mut whole = Log::default();
    for segments in rounds {
        let offset = whole.end();
        segments.iter().for_each(|segment| whole.append(&segment.voice, &segment.text));
        let checkpoint = Said { epoch: 0, offset, segments };
        assert_eq!(rig.checkpoint(1, 1, checkpoint).await, Checkpointed::Kept);
        assert_eq!(rig.log(1, 0).await, whole);
    }
    assert_eq!(rig.log(1, 0).await.tool_calls().len(), 2);
}

async fn only_whoever_works_on_it_is_heard(rig: Rig) {
    assert_eq!(rig.checkpoint(1, 1, said(0, 0, "a")).await, Checkpointed::Stale, "there is no such job");
    rig.accept(plain(draft(1))).await;
    assert_eq!(rig.checkpoint(1, 1, said(0, 0, "a")).await, Checkpointed::Stale, "nobody works on it");
    rig.claim(1).await;
    assert_eq!(rig.checkpoint(1, 2, said(0, 0, "a")).await, Checkpointed::Stale, "another does");
    assert_eq!(rig.checkpoint(1, 1, said(0, 0, "a")).await, Checkpointed::Kept);
    let holder = Actor::Holder(lease(1));
    rig.moved(1, holder, Event::Submitted { handle: "h".into() }).await;
    assert_eq!(rig.checkpoint(1, 1, said(0, 1, "b")).await, Checkpointed::Kept, "the lease outlives a move");
    rig.taken_over(1, 2).await;
    assert_eq!(rig.checkpoint(1, 1, said(0, 2, "c")).await, Checkpointed::Stale);
    assert_eq!(rig.checkpoint(1, 1, said(0, 1, "b")).await, Checkpointed::Stale, "even of what is kept");
    assert_eq!(rig.checkpoint(1, 2, said(0, 2, "c")).await, Checkpointed::Kept, "where the one before stopped");
    rig.moved(1, Actor::Holder(lease(2)), failed(FailureKind::Lost, 0, at(0))).await;
    assert_eq!(rig.checkpoint(1, 2, said(0, 3, "d")).await, Checkpointed::Stale, "while unknown it is nobody's");
    assert_eq!(rig.log(1, 0).await, log("abc"));
}

async fn what_is_over_says_nothing_more(rig: Rig) {
    let rig = at_work(rig).await;
    rig.checkpoint(1, 1, said(0, 0, "all")).await;
    let (job, _) = rig.moved(1, Actor::Holder(lease(1)), told(9)).await;
    assert_eq!((job.status, job.outputs.len()), (Status::Succeeded, 0), "words are a result");
    assert_eq!(rig.checkpoint(1, 1, said(0, 3, " and more")).await, Checkpointed::Stale);
    assert_eq!(rig.checkpoint(1, 1, said(0, 0, "all")).await, Checkpointed::Stale);
    assert_eq!(rig.log(1, 0).await, log("all"));
}

async fn a_gap_is_refused(rig: Rig) {
    let rig = at_work(rig).await;
    assert_eq!(rig.checkpoint(1, 1, said(0, 1, "x")).await, Checkpointed::Gap, "it begins at its beginning");
    rig.checkpoint(1, 1, said(0, 0, "abc")).await;
    for offset in [1, 2, 4, 9_000_000_000] {
        assert_eq!(rig.checkpoint(1, 1, said(0, offset, "x")).await, Checkpointed::Gap, "{offset}");
    }
    assert_eq!(rig.log(1, 0).await, log("abc"));
    assert_eq!(rig.checkpoint(1, 1, said(0, 3, "d")).await, Checkpointed::Kept);
    assert_eq!(rig.log(1, 0).await, log("abcd"));
}

async fn the_same_again_changes_nothing(rig: Rig) {
    let rig = at_work(rig).await;
    for again in [said(0, 0, "abc"), said(0, 0, "abc"), said(0, 3, "de"), said(0, 3, "de"), said(0, 0, "abc")] {
        assert_eq!(rig.checkpoint(1, 1, again).await, Checkpointed::Kept);
    }
    for (other, why) in [
        (said(0, 0, "ab"), "less than was kept there"),
        (said(0, 3, "def"), "more"),
        (said(0, 3, "xy"), "as much, but not the same"),
        (
            Said { segments: vec![Segment { voice: Voice::Reasoning, text: "de".into() }], ..said(0, 3, "") },
            "the same in another voice",
        ),
    ] {
        assert_eq!(rig.checkpoint(1, 1, other).await, Checkpointed::Gap, "{why}");
    }
    assert_eq!(rig.log(1, 0).await, log("abcde"));
}

async fn nothing_said_is_nothing_kept(rig: Rig) {
    let rig = at_work(rig).await;
    rig.checkpoint(1, 1, said(0, 0, "abc")).await;
    for offset in [0, 3, 7] {
        let nothing = Said { epoch: 0, offset, segments: Vec::new() };
        assert_eq!(rig.checkpoint(1, 1, nothing.clone()).await, Checkpointed::Kept);
        assert_eq!(rig.checkpoint(1, 2, nothing).await, Checkpointed::Stale, "the lease counts all the same");
        assert_eq!(rig.checkpoint(1, 1, said(0, offset, "")).await, Checkpointed::Kept, "no text is nothing too");
    }
    assert_eq!(rig.checkpoint(1, 1, said(0, 3, "d")).await, Checkpointed::Kept, "nothing was in its way");
    let nothing = Said { epoch: 5, offset: 9, segments: Vec::new() };
    let moved = rig.store.advance(last_words(told(1), nothing)).await.unwrap();
    assert!(matches!(moved, Advanced::Moved { .. }), "{moved:?}");
    assert_eq!(rig.log(1, 0).await, log("abcd"));
}

async fn another_attempt_says_it_anew(rig: Rig) {
    let rig = at_work(rig).await;
    rig.checkpoint(1, 1, said(0, 0, "at first")).await;
    let (job, _) = rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::WorkerDied, 0, at(0))).await;
    assert_eq!((job.status, job.epoch), (Status::Queued, 1));
    assert_eq!(rig.checkpoint(1, 1, said(0, 8, "x")).await, Checkpointed::Stale, "its lease went with its attempt");
    rig.claim(2).await;
    assert_eq!(rig.checkpoint(1, 2, said(1, 8, "x")).await, Checkpointed::Gap, "from its beginning");
    assert_eq!(rig.checkpoint(1, 2, said(1, 0, "then")).await, Checkpointed::Kept);
    let last = Advance { said: Some(said(1, 4, " again")), ..advance(1, Actor::Holder(lease(2)), told(1), at(2_000)) };
    assert!(matches!(rig.store.advance(last).await.unwrap(), Advanced::Moved { .. }));
    assert_eq!((rig.log(1, 0).await, rig.log(1, 1).await), (log("at first"), log("then again")));
    assert_eq!(rig.log(1, 2).await, Log::default());
}

async fn an_end_brings_the_last_words(rig: Rig) {
    let ends = [
        (told(9), Status::Succeeded),
        (cut_short(9), Status::Failed),
        (canceled(9), Status::Failed),
        (failed(FailureKind::Rejected, 9, at(0)), Status::Failed),
    ];
    for (n, (event, status)) in (1..).zip(ends) {
        rig.accept(plain(draft(n))).await;
        rig.claim(n).await;
        rig.checkpoint(n, n, said(0, 0, "so far")).await;
        let end = advance(n, Actor::Holder(lease(n)), event, at(2_000));
        let name = end.event.name();
        let answer = rig.store.advance(Advance { said: Some(said(0, 6, ", and the rest")), ..end }).await.unwrap();
        let Advanced::Moved { job, .. } = answer else { panic!("{name}: {answer:?}") };
        assert_eq!((job.status, job.cost), (status, Some(Nanos::new(9))), "{name}");
        assert_eq!(rig.log(n, 0).await, log("so far, and the rest"), "{name}");
    }
    assert_eq!(rig.committed(1).await, Nanos::new(36));
}

async fn a_retry_keeps_what_the_attempt_before_it_said(rig: Rig) {
    let rig = at_work(rig).await;
    let died = failed(FailureKind::WorkerDied, 0, at(0));
    let answer = rig.store.advance(last_words(died, said(0, 0, "I was about to"))).await.unwrap();
    assert!(matches!(answer, Advanced::Moved { job, .. } if job.epoch == 1), "the move itself begins a new epoch");
    assert_eq!((rig.log(1, 0).await, rig.log(1, 1).await), (log("I was about to"), Log::default()));
}

async fn words_of_a_refused_move_are_not_kept(rig: Rig) {
    let rig = at_work(rig).await;
    let stale = Advance { actor: Actor::Holder(lease(2)), ..last_words(told(1), said(0, 0, "x")) };
    let answer = rig.store.advance(stale).await.unwrap();
    assert!(matches!(answer, Advanced::Refused { reason: Refused::StaleLease, .. }), "{answer:?}");
    let nothing_new = last_words(Event::Progress { stage: None, progress: 0 }, said(0, 0, "x"));
    let answer = rig.store.advance(nothing_new).await.unwrap();
    assert!(matches!(answer, Advanced::Refused { reason: Refused::Nothing, .. }), "{answer:?}");
    rig.moved(1, Actor::Holder(lease(1)), told(1)).await;
    let late = rig.store.advance(last_words(cut_short(1), said(0, 0, "x"))).await.unwrap();
    assert!(matches!(late, Advanced::Refused { reason: Refused::Over, .. }), "{late:?}");
    let absent = Advance { job: job_id(9), ..last_words(told(1), said(0, 0, "x")) };
    assert_eq!(rig.store.advance(absent).await.unwrap(), Advanced::Absent);
    assert_eq!((rig.log(1, 0).await, rig.log(9, 0).await), (Log::default(), Log::default()));
}

async fn a_move_fails_with_words_that_do_not_fit(rig: Rig) {
    let rig = at_work(rig).await;
    rig.checkpoint(1, 1, said(0, 0, "abc")).await;
    let before = rig.store.job_for_work(job_id(1)).await.unwrap();
    for (words, why) in [
        (said(0, 4, "e"), "a gap"),
        (said(0, 0, "abcd"), "what is kept, and more"),
        (said(0, 2, "c"), "within what is kept"),
        (said(1, 0, "x"), "an epoch to come"),
        (said(1, 3, "x"), "an epoch to come, where this one ends"),
    ] {
        // The last one begins that epoch, but was said before it.
        for event in [told(1), cut_short(1), failed(FailureKind::WorkerDied, 0, at(0))] {
            let refused = rig.store.advance(last_words(event, words.clone())).await;
            assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{why}: {refused:?}");
        }
    }
    assert_eq!(rig.store.job_for_work(job_id(1)).await.unwrap(), before, "nothing of it was done");
    assert_eq!((rig.log(1, 0).await, rig.log(1, 1).await), (log("abc"), Log::default()));
    assert_eq!(rig.committed(1).await, HOLD);
    // An epoch that is over is not this one's either, though its log is there.
    rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::WorkerDied, 0, at(0))).await;
    rig.claim(1).await;
    for words in [said(0, 3, "d"), said(0, 0, "abc")] {
        let refused = rig.store.advance(last_words(told(1), words)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    // Its words fit, but its outputs don't: neither is kept.
    rig.moved(1, Actor::Holder(lease(1)), Event::OutputsReady).await;
    rig.accept(Admission { assets: vec![brought(7, &user(1), job_id(2))], ..plain(draft(2)) }).await;
    let doubled = rig.store.advance(last_words(completed(7, 1), said(1, 0, "x"))).await;
    assert!(matches!(doubled, Err(StoreError::Unavailable(_))), "{doubled:?}");
    assert_eq!((rig.log(1, 0).await, rig.log(1, 1).await), (log("abc"), Log::default()));
}

async fn a_move_may_bring_what_a_checkpoint_kept(rig: Rig) {
    // The answer of the checkpoint was lost, so it is told again, with the end.
    let rig = at_work(rig).await;
    rig.checkpoint(1, 1, said(0, 0, "abc")).await;
    let answer = rig.store.advance(last_words(told(1), said(0, 0, "abc"))).await.unwrap();
    assert!(matches!(answer, Advanced::Moved { .. }), "{answer:?}");
    assert_eq!(rig.log(1, 0).await, log("abc"));
}

async fn assets_of_the_input_come_with_the_job(rig: Rig) {
    // Whatever job they name: it is this one that brings them.
    let assets = vec![brought(1, &user(1), job_id(1)), brought(2, &user(1), job_id(99))];
    rig.accept(Admission { assets, ..plain(draft(1)) }).await;
    for n in [1, 2] {
        let mine = rig.store.asset(user(1).id, asset_id(n)).await.unwrap();
        assert_eq!(mine, Some(brought(n, &user(1), job_id(1))));
        assert_eq!(rig.store.asset(user(2).id, asset_id(n)).await.unwrap(), None, "not yours = not there");
    }
}

async fn assets_of_what_is_not_accepted_do_not_come(rig: Rig) {
    let known = |n: u32, body| Admission {
        idempotency: Some(record(&user(1), "k", body)),
        assets: vec![brought(n, &user(1), job_id(n))],
        ..plain(draft(n))
    };
    rig.accept(known(1, 1)).await;
    assert!(matches!(rig.store.admit(known(2, 1)).await.unwrap(), Admitted::Replayed(job) if job.id == job_id(1)));
    assert_eq!(rig.store.admit(known(3, 2)).await.unwrap(), Admitted::KeyReused);
    rig.cap(199).await;
    let dear = Admission { idempotency: None, ..known(4, 1) };
    assert!(matches!(rig.store.admit(dear).await.unwrap(), Admitted::OverCap { .. }));
    for n in 2..=4 {
        assert_eq!(rig.store.asset(user(1).id, asset_id(n)).await.unwrap(), None, "{n}");
    }
}

async fn an_admission_with_assets_may_be_run_again(rig: Rig) {
    let plainly = Admission { assets: vec![brought(1, &user(1), job_id(1))], ..plain(draft(1)) };
    let known = Admission {
        idempotency: Some(record(&user(1), "k", 1)),
        assets: vec![brought(2, &user(1), job_id(2))],
        ..plain(draft(2))
    };
    for admission in [plainly, known] {
        let first = rig.accept(admission.clone()).await;
        assert_eq!(rig.accept(admission).await, first);
    }
}

async fn an_admission_fails_whole_with_its_assets(rig: Rig) {
    rig.accept(Admission { assets: vec![brought(1, &user(1), job_id(1))], ..plain(draft(1)) }).await;
    let nobody = studio_core::caller::User { id: UserId::new(at(0), [99; 10]), ..user(1) };
    for (assets, why) in [
        (vec![brought(1, &user(1), job_id(2))], "a name that is taken"),
        (vec![brought(2, &user(1), job_id(2)), brought(2, &user(1), job_id(2))], "one name for two"),
        (vec![brought(2, &nobody, job_id(2))], "nobody's"),
    ] {
        let refused = rig.store.admit(Admission { assets, ..plain(draft(2)) }).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{why}: {refused:?}");
    }
    assert_eq!(rig.store.job_for_work(job_id(2)).await.unwrap(), None);
    assert_eq!(rig.store.asset(user(1).id, asset_id(2)).await.unwrap(), None);
    assert_eq!(rig.committed(1).await, HOLD);
}

async fn promises_may_be_small_and_made_good_later(rig: Rig) {
    let mut job = draft(1);
    job.durability = Durability::Process;
    assert_eq!(rig.accept(plain(job)).await.durability, Durability::Process);
    rig.claim(1).await;
    let end = Advance { durability: Durability::Process, ..last_words(told(1), said(0, 0, "done")) };
    assert!(matches!(rig.store.advance(end).await.unwrap(), Advanced::Moved { .. }));
    for _ in 0..2 {
        assert_eq!(rig.store.harden().await, Ok(()));
    }
    assert_eq!(rig.log(1, 0).await, log("done"));
}
