//! Money: caps stop work before it is submitted, and every cent is accounted for.

use crate::{IMAGE, PRICED, setup, small};
use reqwest::Method;
use serde_json::{Value, json};
use studio_testkit::studio::{Reply, Studio};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_cap_is_never_passed_however_many_ask_at_once() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    // Room for ten pictures at 0.002 and a bit.
    let key = studio.make_key("capped@example.com", &["--budget", "0.0215"]).unwrap();
    let mut posts = JoinSet::new();
    for n in 0..1000 {
        let request = studio.request_as(&key, Method::POST, IMAGE).json(&small(&format!("picture {n}")));
        posts.spawn(async move { Studio::send(request).await.unwrap() });
    }
    let replies = posts.join_all().await;
    let made = replies.iter().filter(|reply| reply.status == 200).count();
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status == 402).collect();
    assert_eq!((made, refused.len()), (10, 990));
    let body = refused[0].json();
    assert_eq!((&body["error"], &body["details"]["budget"]), (&json!("over_budget"), &json!("0.0215")));
    assert_eq!((&body["details"]["whose"], &body["details"]["window"]), (&json!("key"), &json!("lifetime")));
    let keys = studio.run_json(&["key", "list"]).unwrap();
    let capped = keys["keys"].as_array().unwrap().iter().find(|key| key["user"] == "capped@example.com").unwrap();
    assert_eq!(capped["committed"], "0.02");
    let verified = studio.verify().unwrap();
    assert_eq!((&verified["sum"], &verified["violations"], &verified["jobs"]), (&json!("0"), &json!([]), &json!(10)));
}

#[tokio::test]
async fn several_pictures_cost_several_times_one() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let mut body = small("four of them");
    body["numImages"] = json!(4);
    let made = studio.post(IMAGE, &body).await.unwrap().json();
    assert_eq!(made["cost"], json!({ "amount": "0.008", "currency": "USD" }));
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_under_a_budget_only() {
    let config = "[[models]]\nid = \"mystery\"\nmodality = \"image\"\nprovider = \"sketch\"\nupstream = \"sketch\"\n";
    let studio = Studio::start(setup().config(config)).unwrap();
    let mut body = small("x");
    body["modelId"] = json!("mystery");
    assert_eq!(studio.post(IMAGE, &body).await.unwrap().status, 200);
    let key = studio.make_key("capped@example.com", &["--budget", "1"]).unwrap();
    let reply = Studio::send(studio.request_as(&key, Method::POST, IMAGE).json(&body)).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (402, &json!("unpriced_model")));
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}

/// Makes a key: its text and its id.
fn key_of(studio: &Studio, user: &str, more: &[&str]) -> (String, String) {
    let made = studio.run_json(&[&["key", "create", "--user", user, "--name", "app"], more].concat()).unwrap();
    (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
}

async fn put(studio: &Studio, id: &str, body: &Value) -> Reply {
    Studio::send(studio.request(Method::PUT, &format!("/api/v1/budgets/{id}")).json(body)).await.unwrap()
}

#[tokio::test]
async fn users_and_keys_have_budgets_by_day_by_month_and_for_ever() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let (key, id) = key_of(&studio, "app@example.com", &["--budget-day", "1"]);
    let post =
        |n: u32| Studio::send(studio.request_as(&key, Method::POST, IMAGE).json(&small(&format!("picture {n}"))));
    let listed = Studio::send(studio.request_as(&key, Method::GET, "/api/v1/budgets")).await.unwrap().json();
    let [user, own] = &listed["items"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&user["kind"], &user["user"], &own["id"]), (&json!("user"), &json!("app@example.com"), &json!(id)));
    assert_eq!((&own["windows"][0]["limit"]["amount"], own["windows"][1].get("limit")), (&json!("1"), None));
    // Set as a whole: the day's is gone. Amounts may be numbers or texts.
    let set = put(&studio, &id, &json!({ "month": 0.005, "lifetime": "0.02", "day": null })).await;
    let windows = set.json()["budget"]["windows"].clone();
    assert_eq!(
        (set.status.as_u16(), windows[0].get("limit"), &windows[1]["left"]["amount"]),
        (200, None, &json!("0.005"))
    );
    for n in 0..2 {
        assert_eq!(post(n).await.unwrap().status, 200);
    }
    let refused = post(2).await.unwrap();
    let details = refused.json()["details"].clone();
    assert_eq!(
        (refused.status.as_u16(), &details["window"], &details["committed"]),
        (402, &json!("month"), &json!("0.004"))
    );
    let text = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(text.contains("for the month") && text.contains("begins anew at 20"), "{text}");
    // The user's own budget counts all of their keys, and is the tighter one now.
    let owner = user["id"].as_str().unwrap();
    assert_eq!(put(&studio, owner, &json!({ "day": "0.005" })).await.status, 200);
    assert_eq!(put(&studio, &id, &json!({})).await.status, 200);
    let (other, _) = key_of(&studio, "app@example.com", &[]);
    let refused = Studio::send(studio.request_as(&other, Method::POST, IMAGE).json(&small("x"))).await.unwrap().json();
    assert_eq!((&refused["details"]["whose"], &refused["details"]["window"]), (&json!("user"), &json!("day")));
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
    // The command line says the same.
    let shown = studio.run_json(&["budget", "list"]).unwrap();
    let row = shown["budgets"].as_array().unwrap().iter().find(|row| row["id"] == owner).unwrap();
    assert_eq!(row["windows"]["day"], json!({ "limit": "0.005", "committed": "0.004" }));
    let set = studio.run_json(&["budget", "set", "app@example.com", "--lifetime", "7"]).unwrap();
    let limit = |set: &Value, window: &str| set["windows"][window]["limit"].clone();
    assert_eq!((limit(&set, "day"), limit(&set, "lifetime")), (json!("0.005"), json!("7")), "what is not named stays");
    let set = studio.run_json(&["budget", "set", "app@example.com", "--day", "none"]).unwrap();
    assert_eq!((limit(&set, "day"), limit(&set, "lifetime")), (json!(null), json!("7")));
    assert_eq!(post(3).await.unwrap().status, 200);
}

#[tokio::test]
async fn only_whoever_runs_the_studio_sets_budgets_and_sees_those_of_others() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let (key, id) = key_of(&studio, "app@example.com", &["--budget", "0.004"]);
    let raise =
        studio.request_as(&key, Method::PUT, &format!("/api/v1/budgets/{id}")).json(&json!({ "lifetime": "9" }));
    let refused = Studio::send(raise).await.unwrap();
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (403, &json!("missing_scope")));
    for path in ["/api/v1/budgets?all=true", "/api/v1/usage/entries?all=true", "/api/v1/dead-letters"] {
        let refused = Studio::send(studio.request_as(&key, Method::GET, path)).await.unwrap();
        assert_eq!(refused.status.as_u16(), 403, "{path}");
        assert_eq!(studio.get(path).await.unwrap().status, 200, "{path}");
    }
    let owners = studio.get("/api/v1/budgets").await.unwrap().json();
    assert!(!owners.to_string().contains("app@example.com"), "one's own, unless everyone's are asked for");
    let all = studio.get("/api/v1/budgets?all=true").await.unwrap().json();
    assert!(all.to_string().contains(&id), "{all}");
    for (body, field) in [
        (json!({ "week": "1" }), "week"),
        (json!({ "day": "much" }), "day"),
        (json!({ "day": -1 }), "day"),
        (json!({ "month": 1e-10 }), "month"),
        (json!([]), "body"),
    ] {
        let refused = put(&studio, &id, &body).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["details"]["fields"][0]["field"]),
            (400, &json!(field)),
            "{body}"
        );
    }
    let stranger = "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b";
    assert_eq!(put(&studio, stranger, &json!({ "day": "1" })).await.status, 404);
    studio.run_json(&["key", "revoke", &id]).unwrap();
    assert_eq!(put(&studio, &id, &json!({ "lifetime": "9" })).await.status, 404, "a revoked key spends nothing more");
    for wrong in
        [&["budget", "set", stranger, "--day", "1"][..], &["budget", "set", &id, "--day", "1"], &["budget", "set", &id]]
    {
        assert!(!studio.run(wrong).unwrap().status.success(), "{wrong:?}");
    }
    let listed = studio.run_json(&["key", "list"]).unwrap();
    let row = listed["keys"].as_array().unwrap().iter().find(|row| row["id"] == json!(id)).unwrap();
    assert_eq!(row["budget"], "0.004", "nothing of this changed it");
}

#[tokio::test]
async fn whatever_a_model_is_priced_by_is_held_for_and_charged() {
    // By the step, the second, the character and the call: none of them has a price for each picture.
    let model = |id: &str, more: &str, price: &str| {
        format!(
            "[[models]]\nid = \"{id}\"\nmodality = \"image\"\nprovider = \"sketch\"\nupstream = \"sketch\"\n\
             total_limit_s = 60\n{more}[models.prices]\nversion = \"v1\"\n{price}\n"
        )
    };
    let config = [
        model("by-second", "", "second = 0.001"),
        model("by-character", "", "characters = 1000"),
        model("by-call", "", "call = 0.25\nimage = 0.01"),
    ];
    let studio = Studio::start(setup().config(&config.concat())).unwrap();
    for (model, most, least, cost, units) in [
        ("by-second", "0.06", "0.001", None, "second"),
        ("by-character", "0.011", "0.011", Some("0.011"), "characters"),
        ("by-call", "0.27", "0.27", Some("0.27"), "image"),
    ] {
        let mut body = small("eleven char");
        body["modelId"] = model.into();
        if model == "by-call" {
            body["numImages"] = 2.into();
        }
        let tried = studio.post(&format!("{IMAGE}?dryRun=true"), &body).await.unwrap().json();
        let price = &tried["price"];
        assert_eq!((&price["atMost"]["amount"], &price["atLeast"]["amount"]), (&json!(most), &json!(least)), "{tried}");
        let made = studio.post(IMAGE, &body).await.unwrap().json();
        let charged: f64 = made["cost"]["amount"].as_str().unwrap().parse().unwrap();
        assert!(charged > 0.0 && charged <= most.parse().unwrap(), "{made}");
        if let Some(cost) = cost {
            assert_eq!(made["cost"]["amount"], cost, "{model}");
        }
        let job = studio.get(&format!("/api/v1/jobs/{}", made["jobId"].as_str().unwrap())).await.unwrap().json();
        assert!(job["job"]["billedUnits"][units].as_u64().unwrap() > 0, "{job}");
    }
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
    // What can't be counted is no price, and every command says so.
    for (model, word) in
        [(model("x", "", "step = 0.001"), "steps"), (model("x", "", "input_tokens = 1"), "input_tokens")]
    {
        studio.configure(&model).unwrap();
        let refused = studio.run(&["openapi"]).unwrap();
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && error.contains(word), "{error}");
    }
}
