//! Where the money went: every entry of the ledger, what was learned late, and what the studio bears itself.

use crate::{
    IMAGE, PRICED, at_work,
    jobs::{lab, with_worker},
    pages, setup, small,
};
use reqwest::Method;
use serde_json::{Value, json};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::Studio,
};

async fn entries(studio: &Studio, query: &str) -> Value {
    studio.get(&format!("/api/v1/usage/entries{query}")).await.unwrap().json()
}

#[tokio::test]
async fn every_entry_is_listed_newest_first_in_pages() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let mut jobs = Vec::new();
    for n in 0..3 {
        let made = studio.post(IMAGE, &small(&format!("picture {n}"))).await.unwrap().json();
        jobs.insert(0, made["jobId"].clone());
    }
    let seen = pages(&studio, "/api/v1/usage/entries?limit=2").await;
    let told: Vec<_> = seen.iter().map(|entry| (entry["kind"].clone(), entry["jobId"].clone())).collect();
    let expected: Vec<_> =
        jobs.iter().flat_map(|job| [(json!("post"), job.clone()), (json!("hold"), job.clone())]).collect();
    assert_eq!(told, expected);
    let post = &seen[0];
    assert_eq!((&post["charged"]["amount"], &post["held"]["amount"]), (&json!("0.002"), &json!("-0.002")));
    assert_eq!(
        (&post["priceList"], &post["attempt"], &post["modelId"]),
        (&json!("test-1"), &json!(1), &json!("sketch"))
    );
    let reference = post["providerRef"].as_str().unwrap();
    assert!(reference.ends_with(&format!("{}-1", jobs[0].as_str().unwrap())), "{reference}");
    let one = entries(&studio, &format!("?jobId={}", jobs[2].as_str().unwrap())).await;
    assert_eq!(one["items"].as_array().unwrap().len(), 2);
    // A day is its beginning; what is no time is refused by name.
    let times = ["?from=2001-01-01", "?until=2001-01-01", "?from=2999-01-01T00:00:00Z"];
    let mut counts = Vec::new();
    for query in times {
        let usage = studio.get(&format!("/api/v1/usage{query}")).await.unwrap().json();
        counts.push((entries(&studio, query).await["items"].as_array().unwrap().len(), usage["total"]["jobs"].clone()));
    }
    assert_eq!(counts, [(6, json!(3)), (0, json!(0)), (0, json!(0))]);
    for (query, field) in [
        ("?from=soon", "from"),
        ("?cursor=x", "cursor"),
        ("?format=pdf", "format"),
        ("?limit=0", "limit"),
        ("?all=1", "all"),
    ] {
        let refused = entries(&studio, query).await;
        assert_eq!(refused["details"]["fields"][0]["field"], field, "{query}: {refused}");
    }
    // Others see nothing of it.
    let stranger = studio.make_key("other@example.com", &[]).unwrap();
    let theirs = Studio::send(studio.request_as(&stranger, Method::GET, "/api/v1/usage/entries")).await.unwrap();
    assert_eq!(theirs.json()["items"], json!([]));
}

#[tokio::test]
async fn a_table_for_spreadsheets_has_every_entry_and_no_formula() {
    let config = "[[models]]\nid = \"-sketch\"\nmodality = \"image\"\nprovider = \"sketch\"\nupstream = \"sketch\"\n\
        [models.prices]\nversion = '=HYPERLINK(\"http://x\", \"y\")'\nimage = 0.002\n";
    let studio = Studio::start(setup().config(config)).unwrap();
    let mut body = small("a picture");
    body["modelId"] = json!("-sketch");
    let made = studio.post(IMAGE, &body).await.unwrap().json();
    let id = made["jobId"].as_str().unwrap();
    studio.run_json(&["job", "adjust", id, "--payer-pays", "0", "--reason", "@SUM(A1),\r\nsorry"]).unwrap();
    let request = studio.request(Method::GET, "/api/v1/usage/entries").header("accept", "text/csv");
    let reply = Studio::send(request).await.unwrap();
    let again = studio.get("/api/v1/usage/entries?format=csv").await.unwrap();
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert_eq!(again.body, reply.body);
    assert!(reply.header("content-type").starts_with("text/csv"), "{}", reply.header("content-type"));
    assert!(reply.header("content-disposition").contains("usage.csv"));
    let lines: Vec<_> = text.split("\r\n").collect();
    assert!(lines[0].starts_with("number,at,kind,jobId,"), "{text}");
    assert!(text.contains(",\"'@SUM(A1),\r\nsorry\"\r\n"), "{text}");
    assert!(
        text.contains(",\"'-sketch\",sketch,") && text.contains(",\"'=HYPERLINK(\"\"http://x\"\", \"\"y\"\")\","),
        "{text}"
    );
    // The numbers are numbers: what was held is let go, what was charged is given back.
    assert!(text.contains(",-0.002,0.002,0.002,0,USD,") && text.contains(",0,-0.002,0,0.002,USD,"), "{text}");
}

#[tokio::test]
async fn more_than_a_page_fits_into_a_table() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..300 {
        let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0").json(&small(&format!("{n}")));
        tasks.spawn(async move { Studio::send(request).await.unwrap().json()["jobId"].as_str().unwrap().to_owned() });
    }
    let jobs = tasks.join_all().await;
    for job in &jobs {
        let canceled = studio.request(Method::POST, &format!("/api/v1/jobs/{job}/cancel")).header("prefer", "wait=60");
        Studio::send(canceled).await.unwrap();
    }
    let text = String::from_utf8(studio.get("/api/v1/usage/entries?format=csv").await.unwrap().body).unwrap();
    let numbers: Vec<u64> = text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=600).rev().collect::<Vec<u64>>(), "each once, newest first");
}

#[tokio::test]
async fn what_a_bill_says_later_is_an_adjustment() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let made = studio.post(IMAGE, &small("a picture")).await.unwrap().json();
    let id = made["jobId"].as_str().unwrap();
    let adjust = |more: &[&str]| studio.run(&[&["job", "adjust", id], more].concat()).unwrap();
    let dear = studio.run_json(&["job", "adjust", id, "--provider-charged", "0.003", "--reason", "bill 7"]).unwrap();
    assert_eq!((&dear["cost"], &dear["writtenOff"]), (&json!("0.003"), &json!("0")));
    let borne = studio
        .run_json(&["job", "adjust", id, "--provider-charged", "0.004", "--payer-pays", "0.003", "--reason", "bill 8"])
        .unwrap();
    assert_eq!((&borne["cost"], &borne["writtenOff"]), (&json!("0.003"), &json!("0.001")));
    let job = studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone();
    assert_eq!(
        (&job["status"], &job["cost"]["amount"], &job["writtenOff"]["amount"]),
        (&json!("succeeded"), &json!("0.003"), &json!("0.001"))
    );
    let total = studio.get("/api/v1/usage").await.unwrap().json()["total"].clone();
    assert_eq!((&total["cost"]["amount"], &total["writtenOff"]["amount"]), (&json!("0.003"), &json!("0.001")));
    // Again is nothing new; without a reason or an amount it is nothing at all.
    assert!(adjust(&["--payer-pays", "0.003", "--reason", "again"]).status.success());
    for bad in [
        &["--provider-charged", "9223372036", "--reason", "a slip"][..],
        &["--provider-charged", "0.005", "--reason", "who pays the rest?"],
        &["--payer-pays", "1", "--reason", " "][..],
        &["--reason", "x"],
        &["--payer-pays", "-1", "--reason", "x"],
    ] {
        assert!(!adjust(bad).status.success(), "{bad:?}");
    }
    let shown = studio.run_json(&["ledger", "show", id]).unwrap();
    let kinds: Vec<_> = shown["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds, ["hold", "post", "adjustment", "adjustment"]);
    let last = &shown["entries"][3];
    assert_eq!(last["note"], "bill 8");
    assert_eq!(
        last["lines"],
        json!([
            { "account": "write-offs", "amount": "-0.001" }, { "account": "provider:sketch", "amount": "0.001" },
        ])
    );
    let text = String::from_utf8(studio.run(&["ledger", "show", id]).unwrap().stdout).unwrap();
    assert!(text.contains("by price list test-1: 1 Image") && text.contains("bill 7"), "{text}");
    // The report names every rule.
    let report = String::from_utf8(studio.run(&["ledger", "verify"]).unwrap().stdout).unwrap();
    for rule in ["entry sums to zero", "a hold is resolved exactly once", "an entry is for an attempt that was made"] {
        assert!(report.lines().any(|line| line.trim_start().starts_with("ok") && line.contains(rule)), "{report}");
    }
    assert_eq!(studio.verify().unwrap()["checked"]["adjustment says why"], 2);
}

#[tokio::test]
async fn what_goes_on_is_not_adjusted() {
    let (worker, studio, id) = at_work(Behaviour::Async).await;
    let refused = studio.run(&["job", "adjust", &id, "--payer-pays", "0", "--reason", "early"]).unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("once it is over"));
    worker.release();
    assert_eq!(studio.end_of(&id).await.unwrap()["cost"]["amount"], "0.5");
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}

#[tokio::test]
async fn what_was_made_and_is_no_use_is_borne_by_the_studio() {
    let worker = CogWorker::start(Behaviour::NotAnImage).unwrap();
    let studio = with_worker(&worker);
    let refused = studio.post(IMAGE, &lab()).await.unwrap().json();
    assert_eq!(
        (&refused["details"]["reason"], &refused["details"]["cost"]["amount"]),
        (&json!("bad_output"), &json!("0"))
    );
    let shown = entries(&studio, "").await;
    let [written_off, void, hold] = &shown["items"].as_array().unwrap()[..] else { panic!("{shown}") };
    assert_eq!(
        (&written_off["kind"], &void["kind"], &hold["kind"]),
        (&json!("write_off"), &json!("void"), &json!("hold"))
    );
    assert_eq!(
        (&written_off["writtenOff"]["amount"], &written_off["provided"]["amount"]),
        (&json!("0.5"), &json!("0.5"))
    );
    assert_eq!(written_off["charged"]["amount"], "0");
    // Its bill says that it was more: still nobody pays for what nobody got.
    let id = written_off["jobId"].as_str().unwrap();
    let told = studio.run_json(&["job", "adjust", id, "--provider-charged", "0.6", "--reason", "bill 9"]).unwrap();
    assert_eq!((&told["cost"], &told["writtenOff"]), (&json!("0"), &json!("0.6")));
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}
