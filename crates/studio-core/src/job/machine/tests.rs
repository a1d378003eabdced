//! The whole table of states and events, and random lives.

use super::*;
use crate::{
    catalog::Modality,
    id::{AssetId, JobId, RequestId, UserId},
    job::{ContentHash, Durability, NewJob, Payer},
    media::MediaType,
    parameter::Parameters,
    price::PriceList,
    request::{ImageRequest, Input},
    secret::Prompt,
};
use proptest::prelude::*;

const T0: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const HOLD: Nanos = Nanos::new(1000);

fn lease(n: u8) -> LeaseToken {
    LeaseToken::new(T0, [n; 10])
}

pub(crate) fn queued() -> Job {
    let user = UserId::new(T0, [1; 10]);
    NewJob {
        id: JobId::new(T0, [2; 10]),
        owner: user,
        payer: Payer::User(user),
        request: RequestId::new(T0, [3; 10]),
        modality: Modality::Image,
        model: "m".into(),
        provider: "p".into(),
        upstream: "m".into(),
        input: Input::Image(ImageRequest::new(Prompt::new("x"), Parameters::new())),
        deadline: Some(T0),
        hold: HOLD,
        price_list: Some(PriceList {
            version: "l".into(),
            from: "2026-01-01".into(),
            rates: Default::default(),
            by: Vec::new(),
        }),
        warnings: Vec::new(),
        durability: Durability::Power,
        now: T0,
    }
    .queued()
}

fn in_status(status: Status) -> Job {
    Job { status, lease: Some(lease(1)), attempt: 1, ..queued() }
}

fn output() -> Output {
    Output {
        asset: AssetId::new(T0, [4; 10]),
        hash: ContentHash([5; 32]),
        media_type: MediaType::Png,
        bytes: 9,
        seed: None,
    }
}

fn failed(kind: FailureKind, harmless: bool, charge: i64) -> Event {
    let failure = Failure::new(kind, "words");
    Event::AttemptFailed { failure, harmless, bill: Bill::of(Nanos::new(charge)), retry_at: T0 }
}

fn cut_short() -> Event {
    Event::CutShort { failure: Failure::new(FailureKind::CutOff, "words"), bill: Bill::of(Nanos::new(5)) }
}

fn adjusted(cost: i64, absorbed: i64) -> Event {
    Event::Adjusted { cost: Nanos::new(cost), absorbed: Nanos::new(absorbed), note: "a bill".into() }
}

/// Every kind of event, each with who may say it.
fn events() -> Vec<(Actor, Event)> {
    let holder = Actor::Holder(lease(1));
    vec![
        (Actor::Studio, Event::Claimed(lease(2))),
        (Actor::Studio, Event::TakenOver { lease: lease(2), seen: 1 }),
        (holder, Event::Submitted { handle: "h".into() }),
        (holder, Event::Progress { stage: None, progress: 500 }),
        (holder, Event::OutputsReady),
        (holder, Event::Completed { outputs: vec![output()], finish: None, bill: Bill::of(HOLD) }),
        (holder, failed(FailureKind::Lost, false, 0)),
        (holder, failed(FailureKind::WorkerDied, true, 0)),
        (holder, failed(FailureKind::BadOutput, true, 7)),
        (holder, Event::CanceledAtProvider { bill: Bill::of(Nanos::new(3)) }),
        (holder, Event::Completed { outputs: Vec::new(), finish: Some(Finish::Stop), bill: Bill::of(HOLD) }),
        (holder, cut_short()),
        (holder, Event::StopAnswered(StopAnswer::Stopping)),
        (Actor::Person, Event::CancelRequested),
        (Actor::Studio, Event::DeadlinePassed),
        (holder, Event::NotLanded { retry_at: T0 }),
        (Actor::Person, Event::Resolved { charge: HOLD, note: "looked up".into() }),
        (Actor::Person, adjusted(3, 2)),
    ]
}

/// Where each event leads from each state; `-` is a refusal.
const TABLE: [(&str, &str); 5] = [
    ("queued", "submitting - - - - - - - - - - - - canceled expired - - -"),
    (
        "submitting",
        "- - running submitting collecting - unknown queued failed failed succeeded failed submitting submitting
            submitting - - -",
    ),
    (
        "running",
        "- running - running collecting - unknown queued failed failed succeeded failed running running running - - -",
    ),
    (
        "collecting",
        "- collecting - - - succeeded unknown queued failed failed succeeded - collecting collecting collecting - - -",
    ),
    ("unknown", "- unknown running - collecting - unknown queued failed failed - - - unknown unknown queued failed -"),
];

#[test]
fn every_event_in_every_state_does_what_the_table_says() {
    for (from, row) in TABLE {
        let job = in_status(Status::parse(from).unwrap());
        let job = if job.status == Status::Queued { queued() } else { job };
        let row: Vec<_> = row.split_whitespace().collect();
        assert_eq!(row.len(), events().len());
        for ((actor, event), wanted) in events().into_iter().zip(row) {
            let got = step(&job, actor, event.clone(), T0).map_or("-", |moved| moved.job.status.as_str());
            assert_eq!(got, wanted, "{from} + {event:?}");
        }
    }
    for status in Status::ALL.into_iter().filter(|s| s.is_terminal()) {
        for (actor, event) in events().into_iter().filter(|(_, event)| !matches!(event, Event::Adjusted { .. })) {
            assert_eq!(step(&in_status(status), actor, event, T0), Err(Refused::Over));
        }
    }
}

/// What an arrow of the picture says.
fn label(event: &Event) -> &'static str {
    match event {
        Event::AttemptFailed { failure, harmless, .. } => match verdict(failure.kind, *harmless) {
            Verdict::Unknown => "sent, and the answer is lost",
            Verdict::Retry(_) => "a fault that is harmless to repeat",
            Verdict::Fail => "failed",
        },
        event => event.name(),
    }
}

/// The machine as a picture, drawn by walking through it: every arrow is a move that `step` makes.
fn picture() -> String {
    let mut lines = vec!["stateDiagram-v2".to_owned(), "    [*] --> queued: admitted".to_owned()];
    // As it is, or flagged so that it ends in a certain way.
    let walked = |from: Status, flagged: Option<Status>| {
        let job = if from == Status::Queued { queued() } else { in_status(from) };
        let flag = |end| (flagged == Some(end)).then_some(T0);
        let job = Job { cancel_requested_at: flag(Status::Canceled), deadline_passed_at: flag(Status::Expired), ..job };
        let moves = events().into_iter().filter_map(move |(actor, event)| {
            let to = step(&job, actor, event.clone(), T0).ok()?.job.status;
            Some((to, label(&event)))
        });
        moves.filter(move |(to, _)| *to != from).collect::<Vec<_>>()
    };
    for from in Status::ALL {
        for to in Status::ALL {
            let mut labels: Vec<_> =
                walked(from, None).into_iter().filter(|(end, _)| *end == to).map(|(_, l)| l).collect();
            // What was to stop ends so by whatever would have failed it, or had it tried again.
            if labels.is_empty() && walked(from, Some(to)).iter().any(|(end, _)| *end == to) {
                labels.push(if to == Status::Canceled {
                    "over, after a wish to stop"
                } else {
                    "over, after its deadline"
                });
            }
            labels.dedup();
            if !labels.is_empty() {
                lines.push(format!("    {} --> {}: {}", from.as_str(), to.as_str(), labels.join(", ")));
            }
        }
    }
    lines.extend(
        Status::ALL.iter().filter(|s| s.is_terminal()).map(|status| format!("    {} --> [*]", status.as_str())),
    );
    lines.join("\n")
}

#[test]
fn architecture_md_has_the_picture_of_this_machine() {
    let page = include_str!("../../../../../ARCHITECTURE.md");
    let drawn = page.split_once("```mermaid\n").and_then(|(_, rest)| rest.split_once("\n```")).map(|(drawn, _)| drawn);
    assert!(drawn == Some(&picture()), "ARCHITECTURE.md must have this, between ```mermaid and ```:\n{}", picture());
}

#[test]
fn what_is_over_may_only_turn_out_to_have_cost_something_else() {
    let over = Job { cost: Some(Nanos::new(5)), ..in_status(Status::Failed) };
    let adjust = |actor, cost, absorbed| step(&over, actor, adjusted(cost, absorbed), T0);
    let moved = adjust(Actor::Person, 3, 2).unwrap();
    assert_eq!((moved.job.status, moved.job.cost, moved.job.absorbed.get()), (Status::Failed, Some(Nanos::new(3)), 2));
    assert_eq!((moved.job.version, moved.effects), (over.version + 1, vec![Effect::Adjust]));
    assert!(adjust(Actor::Studio, 0, 0).is_ok(), "late news of a provider");
    assert_eq!(adjust(Actor::Person, 5, 0), Err(Refused::Nothing), "said twice, it is so already");
    for (actor, cost, absorbed) in [(Actor::Holder(lease(1)), 3, 0), (Actor::Person, -1, 0), (Actor::Person, 3, -4)] {
        assert!(
            matches!(adjust(actor, cost, absorbed), Err(Refused::Impossible { .. })),
            "{actor:?} {cost} {absorbed}"
        );
    }
    assert!(step(&in_status(Status::Running), Actor::Person, adjusted(3, 0), T0).is_err(), "not before the end");
}

#[test]
fn a_wish_to_stop_is_answered_honestly() {
    let holder = Actor::Holder(lease(1));
    let wished = step(&in_status(Status::Running), Actor::Person, Event::CancelRequested, T0).unwrap().job;
    let answered = step(&wished, holder, Event::StopAnswered(StopAnswer::NotPossible), T0).unwrap().job;
    assert_eq!(answered.stop, Some(StopAnswer::NotPossible));
    let again = step(&answered, holder, Event::StopAnswered(StopAnswer::NotPossible), T0);
    assert_eq!(again, Err(Refused::Nothing));
}

#[test]
fn only_the_holder_of_the_lease_reports_work() {
    let job = in_status(Status::Running);
    for (actor, event) in events() {
        if matches!(actor, Actor::Holder(_)) {
            for other in [Actor::Holder(lease(9)), Actor::Studio, Actor::Person] {
                assert_eq!(step(&job, other, event.clone(), T0), Err(Refused::StaleLease), "{event:?}");
            }
        }
    }
    let wish = step(&job, Actor::Holder(lease(1)), Event::CancelRequested, T0);
    assert!(matches!(wish, Err(Refused::Impossible { .. })), "a worker can't cancel in its owner's name");
    let verdict = step(
        &in_status(Status::Unknown),
        Actor::Studio,
        Event::Resolved { charge: HOLD, note: "looked up".into() },
        T0,
    );
    assert!(verdict.is_err(), "only a person may say what was charged");
}

#[test]
fn faults_are_bounded_and_busy_does_not_count() {
    let mut job = queued();
    let mut rounds = 0;
    while job.status == Status::Queued {
        rounds += 1;
        job = step(&job, Actor::Studio, Event::Claimed(lease(1)), T0).unwrap().job;
        let kind = if rounds <= 5 { FailureKind::Busy } else { FailureKind::WorkerDied };
        job = step(&job, Actor::Holder(lease(1)), failed(kind, true, 0), T0).unwrap().job;
    }
    assert_eq!((job.status, rounds, job.faults), (Status::Failed, 5 + MAX_FAULTS, MAX_FAULTS));
    assert_eq!(job.error.unwrap().kind, FailureKind::WorkerDied);
}

#[test]
fn waiting_for_a_busy_provider_is_bounded_by_age_alone_and_interruptions_by_their_number() {
    let again = |job: &Job, kind, now| {
        let job = step(job, Actor::Studio, Event::Claimed(lease(1)), now).unwrap().job;
        step(&job, Actor::Holder(lease(1)), failed(kind, true, 0), now).unwrap().job
    };
    let mut job = queued();
    for _ in 0..1000 {
        job = again(&job, FailureKind::Busy, T0);
    }
    assert_eq!((job.status, job.attempt), (Status::Queued, 1000));
    assert_eq!(again(&job, FailureKind::Busy, T0.plus(LONGEST_LIFE)).status, Status::Failed);
    for _ in 1..MAX_INTERRUPTIONS {
        job = again(&job, FailureKind::Interrupted, T0);
    }
    assert_eq!(job.status, Status::Queued);
    assert_eq!(again(&job, FailureKind::Interrupted, T0).status, Status::Failed);
}

#[test]
fn what_was_answered_at_once_has_a_name_to_be_asked_by() {
    let ready = step(&in_status(Status::Submitting), Actor::Holder(lease(1)), Event::OutputsReady, T0).unwrap().job;
    assert_eq!(ready.handle, Some(ready.attempt_name()));
    let named = Job { handle: Some("h".into()), ..in_status(Status::Running) };
    let ready = step(&named, Actor::Holder(lease(1)), Event::OutputsReady, T0).unwrap().job;
    assert_eq!(ready.handle.as_deref(), Some("h"));
}

#[test]
fn a_wish_to_stop_is_kept_until_there_is_something_to_stop() {
    let job = step(&in_status(Status::Submitting), Actor::Person, Event::CancelRequested, T0).unwrap().job;
    let moved = step(&job, Actor::Holder(lease(1)), Event::Submitted { handle: "h".into() }, T0).unwrap();
    assert_eq!(moved.effects, [Effect::AskProviderToStop]);
    let canceled =
        step(&moved.job, Actor::Holder(lease(1)), Event::CanceledAtProvider { bill: Bill::of(Nanos::new(4)) }, T0)
            .unwrap();
    assert_eq!(canceled.job.status, Status::Canceled);
    assert_eq!((canceled.effects, canceled.job.cost), (vec![Effect::Settle], Some(Nanos::new(4))));
    // A fault ends it as wished instead of starting it again; completion that came first wins.
    let died = step(&moved.job, Actor::Holder(lease(1)), failed(FailureKind::WorkerDied, true, 0), T0).unwrap();
    assert_eq!(died.job.status, Status::Canceled);
    let ready = step(&moved.job, Actor::Holder(lease(1)), Event::OutputsReady, T0).unwrap().job;
    let done = step(
        &ready,
        Actor::Holder(lease(1)),
        Event::Completed { outputs: vec![output()], finish: None, bill: Bill::of(HOLD) },
        T0,
    );
    assert_eq!(done.unwrap().job.status, Status::Succeeded);
}

#[test]
fn a_deadline_expires_what_it_can_and_flags_what_it_cannot() {
    let early = Timestamp::from_millis(T0.as_millis() - 1);
    assert!(step(&queued(), Actor::Studio, Event::DeadlinePassed, early).is_err(), "not before its time");
    let flagged = step(&in_status(Status::Unknown), Actor::Studio, Event::DeadlinePassed, T0).unwrap();
    assert_eq!(flagged.job.status, Status::Unknown, "the money stays held");
    let over = step(&flagged.job, Actor::Holder(lease(1)), Event::NotLanded { retry_at: T0 }, T0).unwrap();
    assert_eq!(over.job.status, Status::Expired);
    assert_eq!((over.effects, over.job.cost), (vec![Effect::Settle], Some(Nanos::ZERO)));
}

#[test]
fn what_landed_is_not_sent_again_because_its_provider_forgot_it() {
    let forgotten = Job { handle: Some("h".into()), ..in_status(Status::Unknown) };
    let not_landed = Event::NotLanded { retry_at: T0 };
    assert!(step(&forgotten, Actor::Holder(lease(1)), not_landed.clone(), T0).is_err());
    // Without a handle it takes a while until "I don't know it" is proof.
    let lost = step(&in_status(Status::Submitting), Actor::Holder(lease(1)), failed(FailureKind::Lost, false, 0), T0);
    let lost = lost.unwrap().job;
    let take = |job: &Job, n, seen| step(job, Actor::Studio, Event::TakenOver { lease: lease(n), seen }, T0);
    let taken = take(&lost, 1, lost.version).unwrap().job;
    let second = take(&taken, 2, lost.version);
    assert_eq!(second, Err(Refused::StaleLease), "of two who ask after it, one goes on with it");
    assert!(step(&taken, Actor::Holder(lease(1)), not_landed.clone(), T0).is_err());
    let later = T0.plus(crate::retry::LANDING);
    assert_eq!(step(&taken, Actor::Holder(lease(1)), not_landed, later).unwrap().job.status, Status::Queued);
}

#[test]
fn success_needs_outputs() {
    let none = Event::Completed { outputs: Vec::new(), finish: None, bill: Bill::of(HOLD) };
    assert!(step(&in_status(Status::Collecting), Actor::Holder(lease(1)), none, T0).is_err());
}

proptest! {
    #[test]
    fn any_life_settles_exactly_once_at_its_end(choices in prop::collection::vec(0usize..18, 0..60)) {
        let (mut job, mut settled, mut versions) = (queued(), 0, vec![1]);
        for choice in choices {
            let (actor, event) = events().swap_remove(choice);
            // The holder is whoever was told last.
            let actor = match (actor, job.lease) { (Actor::Holder(_), Some(lease)) => Actor::Holder(lease), _ => actor };
            let was_over = job.status.is_terminal();
            if let Ok(moved) = step(&job, actor, event, T0) {
                prop_assert!(!was_over || moved.effects == [Effect::Adjust], "terminal states never change");
                prop_assert!(!was_over || moved.job.status == job.status);
                settled += moved.effects.iter().filter(|e| **e == Effect::Settle).count();
                job = moved.job;
                versions.push(job.version);
            }
            prop_assert_eq!(settled, usize::from(job.status.is_terminal()));
            prop_assert_eq!(job.ended_at.is_some(), job.status.is_terminal());
            prop_assert_eq!(job.cost.is_some(), job.status.is_terminal());
            let made_something = !job.outputs.is_empty() || job.finish.is_some();
            prop_assert_eq!(job.status == Status::Succeeded, made_something);
        }
        prop_assert!(versions.windows(2).all(|pair| pair[1] == pair[0] + 1), "one number for each change");
    }
}

#[test]
fn an_answer_that_was_cut_short_is_charged_and_never_asked_for_again() {
    let running = in_status(Status::Running);
    let moved = step(&running, Actor::Holder(lease(1)), cut_short(), T0).unwrap();
    assert_eq!((moved.job.status, moved.job.cost), (Status::Failed, Some(Nanos::new(5))));
    assert_eq!(moved.job.error.unwrap().kind, FailureKind::CutOff);
    assert_eq!(moved.effects, [Effect::Settle]);
    let wanted = Job { cancel_requested_at: Some(T0), ..running };
    let moved = step(&wanted, Actor::Holder(lease(1)), cut_short(), T0).unwrap();
    assert_eq!((moved.job.status, moved.job.cost), (Status::Canceled, Some(Nanos::new(5))));
}

#[test]
fn what_may_have_been_said_is_said_anew_in_another_epoch() {
    for (kind, epoch) in [
        (FailureKind::Busy, 0),
        (FailureKind::Unavailable, 0),
        (FailureKind::WorkerDied, 1),
        (FailureKind::Interrupted, 1),
        (FailureKind::CutOff, 1),
    ] {
        let moved = step(&in_status(Status::Running), Actor::Holder(lease(1)), failed(kind, true, 0), T0).unwrap();
        assert_eq!((moved.job.status, moved.job.epoch), (Status::Queued, epoch), "{kind:?}");
    }
}
