//! What must be true when all has come to rest: by the front door, by the books of those who asked, and by those of the
//! providers.

use super::{
    Report,
    books::{Kind, Order, Seen},
    chats,
    rest::{Rest, charge, get},
    town::{Town, price},
};
use crate::{
    clock::WallClock,
    openai::ChatRecord,
    studio::{Studio, nanos},
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

/// Most violations of a kind that are told in words.
const MOST_WORDS: usize = 20;

/// What the log says only of bugs.
const BUGS: [&str; 3] = ["a job is stuck", "an attempt broke", "panicked"];

/// How long it may take until what nobody names is removed, once it may be.
const PATIENCE: Duration = Duration::from_secs(60);

/// Checks everything. With the hashes of all that is named.
pub(super) async fn check(town: &Town, studio: &Studio, rest: &Rest) -> Result<(Report, BTreeSet<String>)> {
    let Seen { orders, told, violations, doubled, lost } = town.books.read();
    let mut found = Found { report: Report { told, violations, doubled, lost, ..Report::default() } };
    found.report.accepted = orders.iter().filter(|order| order.job.is_some()).count() as u64;
    found.report.resolved = rest.resolved.len() as u64;
    found.report.stuck = rest.stuck.len() as u64;
    for job in rest.stuck.iter().take(MOST_WORDS) {
        found.wrong(format!("stuck: {job}"));
    }
    let by_id: BTreeMap<&str, &Value> = rest.jobs.iter().map(|(_, job)| (text(job, "id"), job)).collect();
    found.accepted_jobs_are_there(&orders, &by_id);
    found.one_job_for_each_order(&orders, &rest.jobs);
    found.nothing_was_sent_twice(town);
    found.money(town, rest)?;
    found.words(town, studio, rest, &orders).await?;
    let hashes = found.outputs(town, studio, rest).await?;
    found.books_of_the_studio(studio)?;
    found.blobs(studio, &hashes)?;
    Ok((found.report, hashes))
}

/// Starts the studio when a day has gone by: then what nobody names goes away, and nothing else.
pub(super) fn a_day_later(studio: &mut Studio, named: &BTreeSet<String>, report: &mut Report) -> Result<()> {
    let clock = WallClock::new()?;
    clock.set(25)?;
    studio.kill()?;
    studio.live_by(&clock);
    studio.launch()?;
    let begun = Instant::now();
    let left = loop {
        let left = blobs_of(studio)?.0;
        if left.iter().all(|blob| named.contains(blob)) || begun.elapsed() > PATIENCE {
            break left;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    // A stop lets it come to the end of what it is at.
    studio.stop()?;
    report.orphans_after_a_day = left.difference(named).count() as u64;
    for lost in named.difference(&blobs_of(studio)?.0).take(MOST_WORDS) {
        report.lost += 1;
        report.violations.push(format!("blob {lost} is named, and was removed"));
    }
    Ok(())
}

/// The hashes of the blobs that are there, and the names of those that are under way.
fn blobs_of(studio: &Studio) -> Result<(BTreeSet<String>, Vec<String>)> {
    let (mut blobs, mut passing) = (BTreeSet::new(), Vec::new());
    for part in fs::read_dir(studio.data().join("blobs/blobs"))? {
        let part = part?;
        for blob in fs::read_dir(part.path())? {
            let name = blob?.file_name().to_string_lossy().into_owned();
            if part.file_name() == "tmp" {
                passing.push(name);
            } else {
                blobs.insert(name);
            }
        }
    }
    Ok((blobs, passing))
}

struct Found {
    report: Report,
}

fn text<'a>(job: &'a Value, field: &str) -> &'a str {
    job[field].as_str().unwrap_or_default()
}

/// The number of the order that a prompt begins with.
fn order_of(job: &Value) -> Option<usize> {
    text(job, "prompt").strip_prefix("order-")?.split(' ').next()?.parse().ok()
}

impl Found {
    fn wrong(&mut self, what: String) {
        self.report.violations.push(what);
    }

    fn accepted_jobs_are_there(&mut self, orders: &[Order], jobs: &BTreeMap<&str, &Value>) {
        for (number, order) in orders.iter().enumerate() {
            let Some(id) = &order.job else { continue };
            match jobs.get(id.as_str()) {
                None => {
                    self.report.lost += 1;
                    self.wrong(format!("order {number} was accepted as job {id}, which is not there"));
                }
                Some(job) => {
                    let now = text(job, "status");
                    if order.ended.as_deref().is_some_and(|ended| ended != now) {
                        self.wrong(format!("order {number} had ended as {:?} and is {now} now", order.ended));
                    }
                }
            }
        }
    }

    /// However often it was asked for, and whether or not an answer was read.
    fn one_job_for_each_order(&mut self, orders: &[Order], jobs: &[(usize, Value)]) {
        let mut made: BTreeMap<(usize, String), Vec<&str>> = BTreeMap::new();
        for (who, job) in jobs {
            *self.report.ends.entry(format!("{} {}", text(job, "provider"), text(job, "status"))).or_default() += 1;
            match order_of(job).filter(|number| orders.get(*number).is_some_and(|order| order.who == *who)) {
                Some(number) => {
                    made.entry((number, text(job, "retryOf").to_owned())).or_default().push(text(job, "id"));
                }
                None => self.wrong(format!("nobody has asked for this: {job}")),
            }
        }
        for ((number, retry_of), jobs) in made.into_iter().filter(|(_, jobs)| jobs.len() > 1) {
            self.report.doubled += jobs.len() as u64 - 1;
            self.wrong(format!("order {number} (retry of {retry_of:?}) has several jobs: {jobs:?}"));
        }
    }

    /// By the books of those who charge: no attempt came twice, and of no job more than one was taken.
    fn nothing_was_sent_twice(&mut self, town: &Town) {
        let caller =
            |headers: &BTreeMap<String, String>| headers.get("x-client-request-id").cloned().unwrap_or_default();
        let requests = town.api.requests();
        let posts = requests.iter().map(|request| caller(&request.headers));
        let sent = town.lab.submissions().into_iter().chain(town.plain.submissions()).chain(posts);
        let mut attempts = BTreeSet::new();
        for attempt in sent {
            if !attempts.insert(attempt.clone()) {
                self.report.doubled += 1;
                self.wrong(format!("attempt {attempt} was sent twice"));
            }
        }
        let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let painted = town.api.pictures().into_iter().map(|(name, _)| name);
        let told = town.api.chats().into_iter().map(|chat| caller(&chat.headers));
        let landed = town.lab.bill().into_keys().chain(town.plain.bill().into_keys()).chain(painted).chain(told);
        for attempt in landed {
            let job = attempt.rsplit_once('-').map_or("", |(job, _)| job).to_owned();
            taken.entry(job).or_default().push(attempt);
        }
        for (job, attempts) in taken.into_iter().filter(|(_, attempts)| attempts.len() > 1) {
            self.report.doubled += attempts.len() as u64 - 1;
            self.wrong(format!("job {job} was taken more than once by who charges: {attempts:?}"));
        }
    }

    /// What a picture cost is what its provider sends a bill for, whoever bears it.
    fn money(&mut self, town: &Town, rest: &Rest) -> Result<()> {
        let mut bills: BTreeMap<String, u64> = BTreeMap::new();
        let all = [
            (Kind::Lab, town.lab.bill().into_iter().collect()),
            (Kind::Plain, town.plain.bill().into_iter().collect()),
        ];
        for (kind, bill) in all.into_iter().chain([(Kind::Paint, town.api.pictures())]) {
            let bill: Vec<(String, u64)> = bill;
            for (attempt, pictures) in bill {
                let (job, _) = attempt.rsplit_once('-').context("the name of an attempt")?;
                *bills.entry(job.to_owned()).or_default() += pictures * price(kind);
            }
        }
        for (_, job) in rest.jobs.iter().filter(|(_, job)| job["modality"] == "image") {
            let cost = nanos(&job["cost"]["amount"]) + nanos(&job["writtenOff"]["amount"]);
            let pictures = job["outputs"].as_array().map_or(0, Vec::len) as u64;
            let right = match text(job, "provider") {
                "sketch" => pictures * price(Kind::Sketch),
                _ => bills.get(text(job, "id")).copied().unwrap_or(0),
            };
            if cost != right {
                self.wrong(format!("costs {cost} nano-USD instead of {right}: {job}"));
            }
            if job["status"] == "succeeded" && job["parameters"]["numImages"].as_u64() != Some(pictures) {
                self.wrong(format!("{pictures} pictures are not what was wanted: {job}"));
            }
        }
        Ok(())
    }

    /// Conversations: what is kept is what was said, and what it costs follows from that.
    async fn words(&mut self, town: &Town, studio: &Studio, rest: &Rest, orders: &[Order]) -> Result<()> {
        let chats = town.api.chats();
        let by_attempt: BTreeMap<&str, &ChatRecord> =
            chats.iter().filter_map(|chat| Some((chat.headers.get("x-client-request-id")?.as_str(), chat))).collect();
        let seen: BTreeMap<&str, &str> =
            orders.iter().filter_map(|order| Some((order.job.as_deref()?, order.seen.as_str()))).collect();
        for (who, job) in rest.jobs.iter().filter(|(_, job)| job["modality"] != "image") {
            let id = text(job, "id");
            let whole = get(town, studio, *who, &format!("/api/v1/jobs/{id}")).await?.json()["job"].clone();
            if text(job, "provider") != "openai" {
                if whole["status"] == "succeeded" && text(&whole["message"], "content").is_empty() {
                    self.wrong(format!("says nothing: {whole}"));
                }
                continue;
            }
            let attempts = 1..=whole["attempt"].as_u64().unwrap_or(0);
            let record = attempts.filter_map(|n| by_attempt.get(format!("{id}-{n}").as_str()).copied()).next();
            let resolved = rest.resolved.get(id).copied();
            if let Err(error) = chats::check(&whole, record, resolved, seen.get(id).copied().unwrap_or_default()) {
                self.wrong(format!("{error:#}: {whole}, said {record:?}"));
            }
        }
        for (id, charged) in &rest.resolved {
            let attempt = rest.jobs.iter().find(|(_, job)| text(job, "id") == id);
            let right = attempt.and_then(|(_, job)| charge(town, job, &format!("{id}-{}", job["attempt"])));
            if right.unwrap_or(0) != *charged {
                self.wrong(format!("a person said of job {id} that it cost {charged}, and its provider {right:?}"));
            }
        }
        Ok(())
    }

    /// Every output is there, byte for byte; the hashes of all.
    async fn outputs(&mut self, town: &Town, studio: &Studio, rest: &Rest) -> Result<BTreeSet<String>> {
        let mut hashes = BTreeSet::new();
        for (who, job) in &rest.jobs {
            for output in job["outputs"].as_array().into_iter().flatten() {
                let reply = get(town, studio, *who, text(output, "url")).await?;
                let hash: String = Sha256::digest(&reply.body).iter().map(|byte| format!("{byte:02x}")).collect();
                if reply.status != 200 || hash != text(output, "sha256") || output["bytes"] != reply.body.len() {
                    self.report.lost += 1;
                    self.wrong(format!(
                        "{} with {} bytes instead of {output} of {job}",
                        reply.status,
                        reply.body.len()
                    ));
                }
                hashes.insert(text(output, "sha256").to_owned());
            }
        }
        Ok(hashes)
    }

    /// The ledger and the budgets.
    fn books_of_the_studio(&mut self, studio: &Studio) -> Result<()> {
        let verified = studio.verify()?;
        if verified["sum"] != "0" || verified["violations"] != json!([]) || verified["openHolds"] != 0 {
            self.wrong(format!("the ledger: {verified}"));
        }
        let budgets = studio.run_json(&["budget", "list"])?;
        for budget in budgets["budgets"].as_array().context("no budgets")? {
            for (window, standing) in budget["windows"].as_object().into_iter().flatten() {
                let limit = standing["limit"].as_str().map(|_| nanos(&standing["limit"]));
                if limit.is_some_and(|limit| nanos(&standing["committed"]) > limit) {
                    self.wrong(format!("the budget of the {window} is passed: {budget}"));
                }
            }
        }
        // It heals itself of some bugs; they are bugs all the same.
        let log = studio.log();
        for line in log.lines().filter(|line| BUGS.iter().any(|bug| line.contains(bug))).take(MOST_WORDS) {
            self.wrong(format!("the log says: {line}"));
        }
        Ok(())
    }

    /// Bytes that nobody names: a crash between bytes and their commit leaves some. And nothing half-written stays.
    fn blobs(&mut self, studio: &Studio, named: &BTreeSet<String>) -> Result<()> {
        let (blobs, passing) = blobs_of(studio)?;
        self.report.orphans = blobs.difference(named).count() as u64;
        for name in passing {
            self.wrong(format!("{name} is left half-written"));
        }
        Ok(())
    }
}
