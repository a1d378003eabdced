//! What is around every page: its title, who is signed in, where else one can go, and whether the connection can be read by
//! others.

use super::{
    form::{Faults, token},
    html::{Html, html, written},
};

/// A page.
pub(in crate::http) struct Page<'a> {
    /// Its title: the heading, and what the browser calls it.
    pub(in crate::http) title: &'a str,
    /// Where it is, of the places in the navigation.
    pub(in crate::http) here: &'static str,
    /// Who is signed in.
    pub(in crate::http) viewer: Option<Viewer<'a>>,
    /// Somebody between here and there could read along.
    pub(in crate::http) exposed: bool,
    /// What went well a moment ago.
    pub(in crate::http) notice: Option<&'static str>,
    /// What did not.
    pub(in crate::http) faults: Option<&'a Faults>,
    /// What is on it.
    pub(in crate::http) body: Html,
}

/// Who is signed in.
#[derive(Clone, Copy)]
pub(in crate::http) struct Viewer<'a> {
    /// Their address.
    pub(in crate::http) email: &'a str,
    /// What forms of their session must send.
    pub(in crate::http) csrf: &'a str,
    /// Whether they run the studio.
    pub(in crate::http) runs_it: bool,
}

impl Page<'_> {
    /// All of it.
    pub(in crate::http) fn html(&self) -> String {
        let failed = self.faults.filter(|faults| !faults.is_empty()).map(|_| html("That did not work: ", &[]));
        let page = html(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{}{} · Studio</title>\n<link rel=\"icon\" href=\"/favicon.ico\" type=\"image/svg+xml\">\n\
             <link rel=\"stylesheet\" href=\"/studio.css\">\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the content</a>\n{}{}\
             <main id=\"main\">\n{}{}<h1>{}</h1>\n{}\n</main>\n</body>\n</html>\n",
            &[
                &failed,
                &self.title,
                &self.header(),
                &self.exposed.then(banner),
                &self.faults.and_then(Faults::summary),
                &self.notice.map(|notice| html("<p class=\"notice good\" role=\"status\">{}</p>", &[&notice])),
                &self.title,
                &self.body,
            ],
        );
        page.into_text()
    }

    fn header(&self) -> Html {
        let link = |path: &'static str, words: &'static str| {
            let here = (path == self.here).then(|| html(" aria-current=\"page\"", &[]));
            html("<a href=\"{}\"{}>{}</a>", &[&path, &here, &words])
        };
        let mut links = vec![];
        match self.viewer {
            Some(viewer) => {
                links.push(link("/account", "Account"));
                links.extend(viewer.runs_it.then(|| link("/people", "People")));
            }
            None => links.push(link("/sign-in", "Sign in")),
        }
        links.push(link("/docs", "API"));
        let out = self.viewer.map(|viewer| {
            html(
                "<form class=\"out\" method=\"post\" action=\"/sign-out\">{}<span class=\"who\">{}</span>\
                 <button class=\"quiet\">Sign out</button></form>",
                &[&token(viewer.csrf), &written(viewer.email)],
            )
        });
        html(
            "<header><div class=\"bar\"><a class=\"home\" href=\"/\"><img src=\"/favicon.ico\" alt=\"\" width=\"24\" height=\"24\">\
             Studio</a><nav aria-label=\"Pages\">{}</nav>{}</div></header>\n",
            &[&links, &out],
        )
    }
}

fn banner() -> Html {
    html(
        "<aside class=\"warning\" aria-label=\"Connection\"><div><strong>This connection is not encrypted.</strong> \
         Whoever is on the network in between can read along: passwords, keys, pictures. Put a proxy that speaks https before the \
         studio and set <code>STUDIO_PUBLIC_URL</code> to its address, or come by an SSH tunnel. Until then the \
         session's cookie lacks the protections that browsers give by https alone; do not use a password here that you use \
         elsewhere.</div></aside>\n",
        &[],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(viewer: Option<Viewer<'_>>, exposed: bool, faults: Option<&Faults>) -> String {
        let body = html("<p>body</p>", &[]);
        Page { title: "A <title>", here: "/account", viewer, exposed, notice: None, faults, body }.html()
    }

    #[test]
    fn a_page_says_who_is_in_and_shows_the_way_that_they_may_go() {
        let viewer = Viewer { email: "a@\u{202e}<b>", csrf: "t0ken", runs_it: false };
        let member = page(Some(viewer), false, None);
        assert!(
            member.contains("<title>A &lt;title&gt; · Studio</title>") && member.contains("<h1>A &lt;title&gt;</h1>")
        );
        assert!(member.contains("<bdi>a@[U+202E]&lt;b&gt;</bdi>") && member.contains("value=\"t0ken\""));
        assert!(member.contains("<a href=\"/account\" aria-current=\"page\">") && !member.contains("/people"));
        assert!(!member.contains("not encrypted") && !member.contains("/sign-in"));
        assert!(page(Some(Viewer { runs_it: true, ..viewer }), false, None).contains("<a href=\"/people\">"));
        let stranger = page(None, true, Some(&Faults::one("", "No.")));
        assert!(stranger.contains("not encrypted") && stranger.contains("/sign-in") && !stranger.contains("Sign out"));
        assert!(stranger.contains("<title>That did not work: A"), "heard first by who can't see the page");
        for banned in ["<script", "style=", "javascript:", " onclick", "http://", "https://"] {
            assert!(!member.contains(banned) && !stranger.contains(banned), "{banned}");
        }
    }
}
