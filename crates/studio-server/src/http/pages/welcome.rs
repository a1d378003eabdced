//! `GET /`: for people who open the address in a browser. Until the web studio is built in, it says what this is, where to go, and
//! how to make the first picture.

use super::{
    Answer, Seen, View,
    html::{Html, html, written},
    show,
};
use crate::{
    app::App,
    http::call::{Call, Caller},
};
use http::StatusCode;
use std::sync::Arc;

/// What is on it, for someone of that name, or for a stranger, at this address of the studio.
fn body(who: Option<&str>, origin: &str) -> Html {
    let begin = match who {
        Some(who) => html(
            "<p>Good to see you, {}. Your <a href=\"/account\">account</a> has your keys, your sessions and your password.</p>",
            &[&written(who)],
        ),
        None => html(
            "<p>This is the Multi-Modal Generation Studio: one API for chat and pictures, over many providers and the engines \
             built in. <a href=\"/sign-in\">Sign in</a> to make keys and to look after your account. At its first start the studio \
             printed a link by which its owner chooses a password.</p>",
            &[],
        ),
    };
    html(
        "{}<section><h2>Make a picture</h2><p>The web studio is not part of this version yet; a terminal makes the first \
         picture. A key is made in your account.</p><pre tabindex=\"0\">curl -s {}/api/v1/generate/image \\\n  -H \"Authorization: Bearer $STUDIO_KEY\" \\\n  \
         -H \"Content-Type: application/json\" \\\n  -d &#39;{\"prompt\": \"a sea at dusk\"}&#39;</pre><p>The answer names the picture&#39;s address. \
         Signed in, this browser shows it; a program fetches it with the same key.</p></section>\
         <section><h2>Look around</h2><ul><li><a href=\"/docs\">The whole API</a>, also as \
         <a href=\"/openapi.json\">openapi.json</a></li><li><code>GET /api/v1/models</code> lists models and their prices</li>\
         <li><code>GET /api/v1/jobs</code> lists your jobs, <code>GET /api/v1/usage</code> what they cost</li>\
         <li><a href=\"/api/v1/health\">Health</a> says whether all is well</li></ul></section>",
        &[&begin, &origin],
    )
}

pub(in crate::http) fn page(_: Arc<App>, caller: Option<Caller>, call: Call) -> Answer {
    Box::pin(async move {
        let person = caller.as_ref().map(Caller::person);
        let who = person.map(|person| person.name.as_deref().unwrap_or(&person.email));
        let view = View::of(&call);
        let seen = Seen { here: "/", ..Seen::of(caller.as_ref(), &view) };
        show(StatusCode::OK, "The studio is running", &seen, body(who, &view.origin))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_greets_who_is_in_and_tells_a_stranger_where_to_go() {
        let stranger = body(None, "https://studio.example.com\"><b>").into_text();
        assert!(
            stranger.contains("/sign-in")
                && stranger.contains("curl -s https://studio.example.com&quot;&gt;&lt;b&gt;/api")
        );
        let known = body(Some("<i>Ada</i>"), "http://x").into_text();
        assert!(known.contains("<bdi>&lt;i&gt;Ada&lt;/i&gt;</bdi>") && known.contains("/account"));
    }
}
