//! Small things in words for people: when something was, and what a browser is.

use super::html::{Html, html};
use std::time::Duration;
use studio_core::time::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long ago, roughly; exactly for whoever asks the page.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> Html {
    let words = match now.since(then).as_secs() {
        0..120 => "just now".to_owned(),
        seconds @ 120..HOUR => format!("{} minutes ago", seconds / MINUTE),
        seconds if seconds < 2 * HOUR => "an hour ago".to_owned(),
        seconds if seconds < DAY => format!("{} hours ago", seconds / HOUR),
        seconds if seconds < 2 * DAY => "a day ago".to_owned(),
        seconds if seconds < 60 * DAY => format!("{} days ago", seconds / DAY),
        _ => format!("on {}", then.day()),
    };
    timed(then, &words)
}

/// How long something still lasts, roughly.
pub(super) fn left(then: Timestamp, now: Timestamp) -> Html {
    let words = match then.since(now).as_secs() {
        0 => "now".to_owned(),
        seconds @ 1..HOUR => several(seconds.div_ceil(MINUTE), "minute"),
        seconds if seconds < 2 * DAY => several(seconds.div_ceil(HOUR), "hour"),
        seconds => several(seconds.div_ceil(DAY), "day"),
    };
    timed(then, &words)
}

/// A day, in UTC.
pub(super) fn day(then: Timestamp) -> Html {
    timed(then, &then.day())
}

fn timed(then: Timestamp, words: &str) -> Html {
    let exact = then.to_string();
    html("<time datetime=\"{}\" title=\"{}\">{}</time>", &[&exact, &exact, &words])
}

/// So many of something.
pub(super) fn several(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A life in whole days or hours.
pub(super) fn life(life: Duration) -> String {
    match life.as_secs() {
        seconds if seconds >= 2 * DAY => several(seconds / DAY, "day"),
        seconds => several(seconds / HOUR, "hour"),
    }
}

/// What a browser is, from what it calls itself: all of them also call themselves by others' names.
pub(super) fn browser(agent: &str) -> String {
    let first =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let program = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS", "Firefox"),
        ("HeadlessChrome/", "Chrome"),
        ("CriOS", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        _ => agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_roughly_and_browsers_by_their_own_name() {
        let at = |seconds: u64| Timestamp::from_millis(1_790_000_000_000).plus(Duration::from_secs(seconds));
        let ago = |seconds: u64| ago(at(0), at(seconds)).into_text();
        assert!(
            ago(0).contains(">just now<")
                && ago(600).contains(">10 minutes ago<")
                && ago(3700).contains(">an hour ago<")
        );
        assert!(ago(5 * DAY).contains(">5 days ago<") && ago(400 * DAY).contains(">on 2026-09-21<"));
        let left = |seconds: u64| left(at(seconds), at(0)).into_text();
        assert!(left(0).contains(">now<") && left(59).contains(">1 minute<") && left(7 * DAY).contains(">7 days<"));
        assert_eq!(life(Duration::from_secs(DAY)), "24 hours");
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser(&format!("{chrome} Edg/148.0")), "Edge on Linux");
        assert_eq!(browser("<script>"), "<script>");
    }
}
