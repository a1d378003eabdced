//! A job to test adapters with.

use studio_core::{
    catalog::Modality,
    id::{JobId, RequestId, UserId},
    job::{Job, NewJob, Payer, Status},
    money::Nanos,
    parameter::Parameters,
    request::{ImageRequest, Input},
    secret::Prompt,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

/// A job for pictures, about to be submitted for the first time.
pub(super) fn job(parameters: Parameters) -> Job {
    let user = UserId::new(NOW, [1; 10]);
    Job {
        status: Status::Submitting,
        version: 2,
        attempt: 1,
        ..NewJob {
            id: JobId::new(NOW, [2; 10]),
            owner: user,
            payer: Payer::User(user),
            request: RequestId::new(NOW, [3; 10]),
            modality: Modality::Image,
            model: "m".into(),
            provider: "lab".into(),
            upstream: "m".into(),
            input: Input::Image(ImageRequest { prompt: Prompt::new("a sea"), parameters }),
            deadline: None,
            hold: Nanos::ZERO,
            price_list: None,
            warnings: Vec::new(),
            now: NOW,
        }
        .queued()
    }
}
