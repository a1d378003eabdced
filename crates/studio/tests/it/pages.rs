//! Pages for people, in a real browser: an owner sets the studio up and lets someone in, what other sites send changes nothing,
//! what people are called stays words, and everyone can read and reach all of it.

use crate::{setup, studio};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{fs, path::Path};
use studio_testkit::{
    browser::{Browser, TAB},
    people::PASSWORD,
    studio::{Setup, Studio},
    website::WebSite,
};

const OWNER: &str = "ada@example.com";
/// Another one.
const BETTER: &str = "quiet harbour lantern seventeen";

fn link(studio: &Studio) -> String {
    fs::read_to_string(studio.data().join("setup-link")).unwrap().trim().to_owned()
}

/// Fills in fields and sends the form that this button is on.
async fn send(browser: &Browser, fields: &[(&str, &str)], button: &str) {
    for (field, text) in fields {
        browser.fill(&format!("#{field}"), text).await.unwrap();
    }
    browser.click(button).await.unwrap();
}

/// The first owner comes in by the link that the first start printed.
async fn set_up(browser: &Browser, studio: &Studio) {
    browser.open(&link(studio)).await.unwrap();
    assert_eq!(browser.title().await.unwrap(), "Set the studio up · Studio");
    send(browser, &[("email", OWNER), ("name", "Ada"), ("password", PASSWORD)], "main button").await;
    assert!(browser.url().await.unwrap().ends_with("/account?done=in"), "{}", browser.text().await.unwrap());
}

async fn sign_in(browser: &Browser, origin: &str, email: &str, password: &str) {
    browser.open(&format!("{origin}/sign-in")).await.unwrap();
    if browser.title().await.unwrap() == ACCOUNT {
        // They are in already.
        return;
    }
    send(browser, &[("email", email), ("password", password)], "main button").await;
}

async fn title_at(browser: &Browser, url: &str) -> String {
    browser.open(url).await.unwrap();
    browser.title().await.unwrap()
}

/// Its console has nothing to complain of, but for answers that are refusals.
async fn assert_quiet(browser: &Browser) {
    let lines = browser.console().await.unwrap();
    let loud: Vec<_> = lines.iter().filter(|line| !line.contains("Failed to load resource")).collect();
    assert!(loud.is_empty(), "{loud:?}");
}

const SIGN_IN: &str = "Sign in · Studio";
const ACCOUNT: &str = "Your account · Studio";

#[tokio::test]
async fn an_owner_sets_up_makes_a_key_and_goes() {
    let studio = studio();
    let at = |path: &str| format!("{}{path}", studio.address());
    let browser = Browser::start().await.unwrap();
    assert_eq!(title_at(&browser, &at("/account")).await, SIGN_IN, "nobody is in");
    set_up(&browser, &studio).await;
    let text = browser.text().await.unwrap();
    assert!(text.contains("Welcome.") && text.contains(OWNER) && text.contains("this one"), "{text}");
    let cookies = browser.cookies().await.unwrap();
    let told: Vec<_> =
        cookies.iter().map(|cookie| (&cookie["name"], &cookie["httpOnly"], &cookie["sameSite"])).collect();
    assert_eq!(told, [(&json!("studio_session"), &json!(true), &json!("Strict"))]);
    // The link is used up, and says so kindly.
    let stranger = browser.another().await.unwrap();
    assert_eq!(title_at(&stranger, &link(&studio)).await, "This link is not good any more · Studio");
    assert!(stranger.text().await.unwrap().contains("studio user setup-link"));

    // A key is shown once.
    send(&browser, &[("name", "night shop"), ("day", "much")], "#keys form[action='/account/keys'] button").await;
    assert_eq!(browser.title().await.unwrap(), "That did not work: Your account · Studio");
    assert!(browser.text().await.unwrap().contains("This is no amount in US dollars"));
    assert_eq!(
        browser.property("#name", "value").await.unwrap().as_deref(),
        Some("night shop"),
        "what was typed stays"
    );
    assert_eq!(browser.property("[autofocus]", "className").await.unwrap().as_deref(), Some("notice bad"));
    send(&browser, &[("day", "0.25")], "#keys form[action='/account/keys'] button").await;
    assert_eq!(browser.title().await.unwrap(), "Your new key · Studio");
    let shown = browser.find("#key").await.unwrap();
    let key = browser.text_of(&shown).await.unwrap();
    let models =
        || async { Studio::send(studio.request_as(&key, Method::GET, "/api/v1/models")).await.unwrap().status };
    assert_eq!(models().await, StatusCode::OK);
    browser.click("main section a").await.unwrap();
    let text = browser.text().await.unwrap();
    assert!(text.contains("night shop") && text.contains(&key[key.len() - 4..]) && text.contains("0.25"), "{text}");
    assert!(!text.contains(&key), "never again");
    let of_it = browser.run(
        "return [...document.querySelectorAll('#keys li')].find(li => li.innerText.includes('night shop')).querySelector('form').id = 'it'",
        &[],
    );
    of_it.await.unwrap();
    browser.click("#it button").await.unwrap();
    assert!(browser.text().await.unwrap().contains("The key is revoked"));
    assert_eq!(models().await, StatusCode::UNAUTHORIZED);

    // Out, and in again.
    browser.click(".out button").await.unwrap();
    assert!(browser.text().await.unwrap().contains("You are signed out."));
    assert_eq!(browser.cookies().await.unwrap().len(), 0);
    assert_eq!(title_at(&browser, &at("/account")).await, SIGN_IN);
    sign_in(&browser, studio.address(), OWNER, BETTER).await;
    assert!(browser.text().await.unwrap().contains("The e-mail address or the password is wrong"));
    let kept = |field: &'static str| browser.property(field, "value");
    assert_eq!(kept("#email").await.unwrap().as_deref(), Some(OWNER));
    assert_eq!(kept("#password").await.unwrap().as_deref(), Some(""), "a password is never shown again");
    sign_in(&browser, studio.address(), OWNER, PASSWORD).await;
    assert_eq!(browser.title().await.unwrap(), ACCOUNT);
    assert!(title_at(&browser, &at("/")).await.starts_with("The studio is running"));
    assert!(browser.text().await.unwrap().contains("Good to see you, Ada."));
    assert_quiet(&browser).await;
}

#[tokio::test]
async fn someone_is_invited_joins_and_changes_their_password() {
    let studio = studio();
    let at = |path: &str| format!("{}{path}", studio.address());
    let owner = Browser::start().await.unwrap();
    set_up(&owner, &studio).await;
    owner.open(&at("/people")).await.unwrap();
    send(&owner, &[("email", "grace@example.com")], "#invitations button").await;
    assert_eq!(owner.title().await.unwrap(), "A link, once · Studio");
    let shown = owner.find("#link").await.unwrap();
    let invitation = owner.text_of(&shown).await.unwrap();

    let member = owner.another().await.unwrap();
    assert_eq!(title_at(&member, &invitation).await, "Join the studio · Studio");
    send(&member, &[("password", "too short")], "main button").await;
    assert!(member.text().await.unwrap().contains("must have 12 to 200 characters"));
    send(&member, &[("name", "Grace"), ("password", PASSWORD)], "main button").await;
    assert_eq!(member.title().await.unwrap(), ACCOUNT);
    assert!(member.find_all("nav a[href='/people']").await.unwrap().is_empty());
    assert_eq!(title_at(&member, &at("/people")).await, "You may not do this · Studio");
    assert!(member.text().await.unwrap().contains("missing_scope"));

    // Another session of hers ends with her password.
    let other = owner.another().await.unwrap();
    sign_in(&other, studio.address(), "grace@example.com", PASSWORD).await;
    assert_eq!(other.title().await.unwrap(), ACCOUNT);
    member.open(&at("/account")).await.unwrap();
    let button = "form[action='/account/password'] button";
    send(&member, &[("present", BETTER), ("password", BETTER)], button).await;
    assert!(member.text().await.unwrap().contains("This is not your present password."));
    send(&member, &[("present", PASSWORD), ("password", BETTER)], button).await;
    assert!(member.text().await.unwrap().contains("Your password is changed"));
    assert_eq!(title_at(&other, &at("/account")).await, SIGN_IN);
    sign_in(&other, studio.address(), "grace@example.com", BETTER).await;
    assert_eq!(other.title().await.unwrap(), ACCOUNT);
    // She ends it from the first one.
    member.open(&at("/account")).await.unwrap();
    member.click("#sessions li form button").await.unwrap();
    assert!(member.text().await.unwrap().contains("The session has ended."));
    assert_eq!(title_at(&other, &at("/account")).await, SIGN_IN);

    // Whoever runs the studio changes what she may, and shuts the door.
    owner.open(&at("/people")).await.unwrap();
    owner.run("document.querySelector('.items select').value = 'viewer'", &[]).await.unwrap();
    owner.click(".items form[action$='/role'] button").await.unwrap();
    assert!(owner.text().await.unwrap().contains("The role is changed."));
    member.open(&at("/account")).await.unwrap();
    assert!(member.text().await.unwrap().contains("viewer: looks at what is theirs"));
    owner.click(".items form[action$='/disable'] button").await.unwrap();
    assert!(owner.text().await.unwrap().contains("disabled"));
    assert_eq!(title_at(&member, &at("/account")).await, SIGN_IN);
    for browser in [&owner, &member, &other] {
        assert_quiet(browser).await;
    }
}

#[tokio::test]
async fn who_tries_too_often_is_told_to_come_back() {
    let studio = Studio::start(setup().variable("STUDIO_LIMITS__AUTH", "3/15min")).unwrap();
    let browser = Browser::start().await.unwrap();
    for _ in 0..3 {
        sign_in(&browser, studio.address(), "nobody@example.com", BETTER).await;
        assert!(browser.text().await.unwrap().contains("The e-mail address or the password is wrong"));
    }
    sign_in(&browser, studio.address(), "nobody@example.com", BETTER).await;
    let text = browser.text().await.unwrap();
    assert!(text.contains("Too many tries") && text.contains("ry again in"), "{text}");
}

/// A page that sends a form as soon as it is opened, and one that sends it in the background.
fn forged(target: &str, fields: &[(&str, &str)], kind: &str) -> [String; 2] {
    let inputs: String = fields.iter().map(|(name, value)| format!("<input name='{name}' value='{value}'>")).collect();
    let pairs = serde_json::to_string(fields).unwrap();
    [
        format!(
            "<!doctype html><title>evil</title><form method=post action='{target}' enctype='{kind}'>{inputs}</form>\
             <script>document.forms[0].submit()</script>"
        ),
        format!(
            "<!doctype html><title>evil</title><script>fetch('{target}', {{ method: 'POST', mode: 'no-cors', credentials: 'include', \
             body: new URLSearchParams({pairs}) }}).catch(() => 0).then(() => document.title = 'sent')</script>"
        ),
    ]
}

#[tokio::test]
async fn forms_of_other_sites_change_nothing() {
    let studio = studio();
    let evil = WebSite::start().unwrap();
    let browser = Browser::start().await.unwrap();
    set_up(&browser, &studio).await;
    let port = |origin: &str| origin.rsplit(':').next().unwrap().to_owned();
    let (ours, theirs) = (port(studio.address()), port(&evil.origin()));
    let state = || async {
        let mut state = Vec::new();
        for path in ["/api/v1/keys", "/api/v1/users", "/api/v1/invitations"] {
            let list = studio.get(path).await.unwrap().json();
            let items = list["items"].as_array().unwrap().iter();
            state.push(
                items.map(|item| json!([item["id"], item["role"], item["disabledAt"], item["revokedAt"]])).collect(),
            );
        }
        let audit = studio.get("/api/v1/audit?limit=100").await.unwrap().json();
        state.push(Value::from(audit["items"].as_array().unwrap().len()));
        state
    };
    let targets: &[(&str, &[(&str, &str)])] = &[
        ("/account/keys", &[("name", "stolen"), ("scope_admin", "yes"), ("expires", "never")]),
        ("/account/keys", &[("name", "stolen"), ("scope_admin", "yes"), ("csrf", "guessed")]),
        ("/account/password", &[("present", PASSWORD), ("password", BETTER)]),
        ("/account/sessions/end-others", &[]),
        ("/people/invitations", &[("email", "evil@example.com"), ("role", "owner")]),
        ("/sign-out", &[]),
        ("/api/v1/auth/logout", &[]),
        ("/api/v1/keys", &[("{\"name\":\"stolen\",\"x\":\"", "\"}")]),
        // To have someone work in an account that another can look into.
        ("/sign-in", &[("email", OWNER), ("password", PASSWORD)]),
    ];
    // A neighbour on the same machine, which is the same site; another site; and both without the headers that browsers send
    // where they trust the way.
    let places = [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("localhost", "127.0.0.1"),
        ("studio.test", "other.studio.test"),
        ("studio.test", "evil.test"),
    ];
    let (mut tried, mut accepted) = (0, Vec::new());
    for (our, their) in places {
        let our = format!("http://{our}:{ours}");
        sign_in(&browser, &our, OWNER, PASSWORD).await;
        assert_eq!(title_at(&browser, &format!("{our}/account")).await, ACCOUNT);
        let before = state().await;
        for (path, fields) in targets {
            let kind = if path.starts_with("/api") { "text/plain" } else { "application/x-www-form-urlencoded" };
            for (way, page) in forged(&format!("{our}{path}"), fields, kind).into_iter().enumerate() {
                evil.put("/", "text/html", page);
                browser.open(&format!("http://{their}:{theirs}/")).await.unwrap();
                let done = if way == 0 {
                    format!("return location.origin == '{our}' && document.readyState == 'complete'")
                } else {
                    "return document.title == 'sent'".to_owned()
                };
                browser.wait_for(&done).await.unwrap();
                tried += 1;
                if way == 0 && browser.title().await.unwrap() == ACCOUNT || state().await != before {
                    accepted.push(format!("{their} to {our}{path}, {way}"));
                }
            }
        }
        assert_eq!(title_at(&browser, &format!("{our}/account")).await, ACCOUNT, "they are still in");
    }
    println!("forms of other sites: {tried} sent, {} accepted", accepted.len());
    assert!(accepted.is_empty(), "{accepted:#?}");
    // Nor can one put a page of ours into its own and have somebody click there.
    evil.put("/frame", "text/html", format!("<!doctype html><iframe src='{}/account'></iframe>", studio.address()));
    browser.open(&format!("{}/frame", evil.origin())).await.unwrap();
    // It is refused, and said so.
    browser.console_until("frame").await.unwrap();
}

#[tokio::test]
async fn what_people_and_things_are_called_stays_words() {
    let studio = studio();
    let at = |path: &str| format!("{}{path}", studio.address());
    let browser = Browser::start().await.unwrap();
    set_up(&browser, &studio).await;
    let hostile = [
        "<script>document.title='ran'</script>",
        "<img src=x: onerror=document.title='ran'>",
        "\"><svg onload=document.title='ran'>",
        "' onfocus='document.title=1' autofocus='",
        "</title></h2></section><style>body{display:none}</style>",
        "{{7*7}} ${7*7} &lt;b&gt; &#60;script&#62;",
        "\u{202e}drowssap",
        "tag\u{e0041}\u{e0042}",
        "zero\u{200b}width",
        "שלום 👩\u{200d}💻 naïve",
    ];
    let mut made = 0;
    for name in hostile {
        let key = studio.post("/api/v1/keys", &json!({ "name": name })).await.unwrap();
        made += usize::from(key.status == StatusCode::OK);
        let invited =
            studio.post("/api/v1/invitations", &json!({ "email": format!("h{made}@example.com") })).await.unwrap();
        let token = invited.json()["link"]["token"].clone();
        let joined = json!({ "token": token, "password": PASSWORD, "name": name });
        assert_eq!(studio.post_bare("/api/v1/auth/accept", &joined).await.unwrap().status, StatusCode::OK, "{name}");
    }
    assert_eq!(made, hostile.len());
    let foreign =
        "return document.querySelectorAll('script, style, svg, main img, [onerror], [onload], [onfocus]').length";
    for path in ["/account", "/people", "/"] {
        assert!(!title_at(&browser, &at(path)).await.contains("ran"), "{path}");
        assert_eq!(browser.run(foreign, &[]).await.unwrap(), json!(0), "{path}");
    }
    for path in ["/account", "/people"] {
        browser.open(&at(path)).await.unwrap();
        let text = browser.text().await.unwrap();
        for shown in [
            hostile[0],
            hostile[2],
            hostile[5],
            "[U+202E]drowssap",
            "tag[U+E0041][U+E0042]",
            "zero[U+200B]width",
            hostile[9],
        ] {
            assert!(text.contains(shown), "{path} does not show {shown}");
        }
    }
    // What was typed comes back in its field, as it was.
    browser.open(&at("/account")).await.unwrap();
    let button = "#keys form[action='/account/keys'] button";
    send(&browser, &[("name", hostile[2]), ("day", hostile[0])], button).await;
    assert!(browser.title().await.unwrap().starts_with("That did not work"));
    assert_eq!(browser.property("#name", "value").await.unwrap().as_deref(), Some(hostile[2]));
    assert_eq!(browser.run(foreign, &[]).await.unwrap(), json!(0));
    assert_quiet(&browser).await;
}

/// What is wrong with a page for whoever can't see it, has no mouse, or has a small screen.
const FAULTS: &str = r"
    const faults = [], all = selector => [...document.querySelectorAll(selector)];
    const name = e => e.outerHTML.slice(0, 90);
    if (document.documentElement.lang != 'en') faults.push('no language');
    if (all('h1').length != 1) faults.push('not one heading');
    if (all('main').length != 1 || all('header').length != 1) faults.push('landmarks');
    for (const e of all('input:not([type=hidden]):not([hidden]), select')) if (!e.labels.length) faults.push('no label: ' + name(e));
    for (const e of all('[aria-describedby]')) for (const id of e.getAttribute('aria-describedby').split(' '))
        if (!document.getElementById(id)) faults.push('describes nothing: ' + id);
    const ids = all('[id]').map(e => e.id);
    if (new Set(ids).size != ids.length) faults.push('an id is there twice');
    for (const e of all('button, select, input:not([type=hidden]):not([hidden]):not([type=checkbox]), nav a')) {
        const box = e.getBoundingClientRect();
        if (box.height < 24 || box.width < 24) faults.push('too small to hit: ' + name(e));
    }
    for (const e of all('button')) if (!e.innerText.trim()) faults.push('a button without words');
    if (document.documentElement.scrollWidth > innerWidth)
        faults.push('wider than the window: ' + document.documentElement.scrollWidth + ' > ' + innerWidth);
    const channels = colour => (colour.match(/[\d.]+/g) || []).map(Number);
    const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
        const part = c[i] / 255; return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    }, 0);
    const behind = e => { for (; e; e = e.parentElement) {
        const c = channels(getComputedStyle(e).backgroundColor); if (c.length && (c.length < 4 || c[3] == 1)) return c;
    } return [255, 255, 255]; };
    for (const e of all('body *')) {
        if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
        const box = e.getBoundingClientRect();
        if (box.width <= 1 || box.bottom < 0) continue;
        const [a, b] = [light(channels(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) faults.push('contrast ' + contrast.toFixed(2) + ': ' + name(e));
    }
    return faults;";

#[tokio::test]
async fn everyone_can_read_and_reach_every_page() {
    let proxied = Setup::variable(setup(), "STUDIO_TRUSTED_PROXIES", "127.0.0.1/32");
    let studio = Studio::start(proxied).unwrap();
    let at = |path: &str| format!("{}{path}", studio.address());
    let setup_link = link(&studio);
    let owner = Browser::start().await.unwrap();
    let stranger = owner.another().await.unwrap();
    // From another machine, by plain http: the banner is on every page.
    let far = json!({ "headers": { "X-Forwarded-For": "192.0.2.9" } });
    stranger.devtools("Network.enable", json!({})).await.unwrap();
    stranger.devtools("Network.setExtraHTTPHeaders", far).await.unwrap();
    let look = async |browser: &Browser, name: &str| {
        let mut faults = Vec::new();
        for scheme in ["light", "dark"] {
            browser.prefer_scheme(scheme).await.unwrap();
            for width in [320, 1000] {
                browser.resize(width, 900).await.unwrap();
                let found = browser.run(FAULTS, &[]).await.unwrap();
                faults
                    .extend(found.as_array().unwrap().iter().map(|fault| format!("{name} {scheme} {width}: {fault}")));
                // For whoever wants to look at them.
                let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{name}-{scheme}-{width}.png"));
                fs::write(path, browser.screenshot().await.unwrap()).unwrap();
            }
        }
        faults
    };
    let mut faults = Vec::new();
    for (name, path) in
        [("welcome", at("/")), ("sign-in", at("/sign-in")), ("setup", setup_link), ("dead-link", at("/invitations/x"))]
    {
        stranger.open(&path).await.unwrap();
        assert!(stranger.text().await.unwrap().contains("This connection is not encrypted."), "{name}");
        faults.extend(look(&stranger, name).await);
    }
    set_up(&owner, &studio).await;
    assert!(!owner.text().await.unwrap().contains("not encrypted"), "nobody is in between");
    for (name, role) in [("Grace", "admin"), ("Linus", "viewer")] {
        studio.invite(&format!("{}@example.com", name.to_lowercase()), role).await.unwrap();
    }
    studio
        .post("/api/v1/invitations", &json!({ "email": "someone.with.a.very.long.address@example.com" }))
        .await
        .unwrap();
    let day = json!({ "name": "nightly run", "scopes": ["generate"], "budgets": { "day": "2.50" }, "expiresAt": "2099-01-31T00:00:00Z" });
    assert_eq!(studio.post("/api/v1/keys", &day).await.unwrap().status, StatusCode::OK);
    for (name, path) in
        [("account", "/account"), ("people", "/people"), ("welcome-in", "/"), ("account-in", "/account?done=in")]
    {
        owner.open(&at(path)).await.unwrap();
        faults.extend(look(&owner, name).await);
    }
    owner.open(&at("/account")).await.unwrap();
    send(&owner, &[("name", "shop"), ("day", "-1")], "#keys form[action='/account/keys'] button").await;
    faults.extend(look(&owner, "account-refused").await);
    send(&owner, &[("day", "1")], "#keys form[action='/account/keys'] button").await;
    faults.extend(look(&owner, "key").await);
    assert!(faults.is_empty(), "{faults:#?}");

    // By keyboard: over the navigation to the form, and where one is can be seen.
    owner.resize(1000, 900).await.unwrap();
    owner.open(&at("/account")).await.unwrap();
    let mut reached = Vec::new();
    for _ in 0..60 {
        owner.press(TAB).await.unwrap();
        let focus = "const e = document.activeElement; return [e.tagName + ' ' + (e.name || e.innerText || e.href || ''), \
                     getComputedStyle(e).outlineStyle, e.offsetTop]";
        let focus = owner.run(focus, &[]).await.unwrap();
        let what = focus[0].as_str().unwrap().replace('\n', " ");
        if what.starts_with("BODY") || reached.first().is_some_and(|first| *first == what) {
            break;
        }
        assert_eq!(focus[1], "solid", "{what} does not show that it has the focus");
        reached.push(what);
    }
    assert!(reached.first().is_some_and(|first| first.contains("Skip to the content")), "{reached:?}");
    for wanted in
        ["name", "scope_generate", "expires", "day", "Make key", "present", "password", "Change password", "Sign out"]
    {
        assert!(reached.iter().any(|what| what.contains(wanted)), "{wanted} can't be reached: {reached:?}");
    }
}

#[tokio::test]
async fn a_page_may_do_nothing_but_show_itself_and_send_its_forms() {
    let studio = studio();
    for path in ["/", "/sign-in", "/account", "/people", "/setup/x", "/invitations/x"] {
        let page = Studio::send(studio.bare_request(Method::GET, path)).await.unwrap();
        let policy = page.header("content-security-policy");
        for wanted in [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(wanted), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{path}: {policy}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        let text = String::from_utf8(page.body).unwrap();
        assert!(!text.contains("<script") && !text.contains(" style=") && !text.contains("<style"), "{path}");
    }
    let style = Studio::send(studio.bare_request(Method::GET, "/studio.css")).await.unwrap();
    assert!(style.header("content-type").starts_with("text/css") && style.header("cache-control").contains("max-age"));
    assert!(!String::from_utf8(style.body).unwrap().contains("url("), "nothing from elsewhere");
}
