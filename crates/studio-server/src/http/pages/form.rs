//! Fields of forms, and what is wrong with them: each with its label, a hint, and its fault beside it, which a screen reader
//! tells with the field; and all faults above, with a link to each.

use super::html::{Html, Piece, html};
use std::collections::BTreeMap;
use studio_core::people::MIN_PASSWORD_CHARS;

/// What is wrong with a form, by field. An empty name is the form as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::http) struct Faults(Vec<(&'static str, String)>);

impl Faults {
    /// One fault.
    pub(in crate::http) fn one(field: &'static str, message: impl Into<String>) -> Self {
        Self(vec![(field, message.into())])
    }

    /// One more.
    pub(in crate::http) fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.0.push((field, message.into()));
    }

    /// Whether all is well.
    pub(in crate::http) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field.
    fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, message)| message.as_str())
    }

    /// All of them, for the top of the page: read aloud at once, and reached first by the keyboard.
    pub(super) fn summary(&self) -> Option<Html> {
        let line = |(field, message): &(&'static str, String)| match *field {
            "" => html("<li>{}</li>", &[message]),
            field => html("<li><a href=\"#{}\">{}</a></li>", &[&field, message]),
        };
        let lines: Vec<_> = self.0.iter().map(line).collect();
        (!lines.is_empty()).then(|| {
            html(
                "<div class=\"notice bad\" role=\"alert\" tabindex=\"-1\" autofocus><h2>That did not work</h2><ul>{}</ul></div>",
                &[&lines],
            )
        })
    }
}

/// What was typed, to be shown again. Passwords are never.
pub(in crate::http) type Typed = BTreeMap<String, String>;

/// What helps to choose a password.
pub(in crate::http) fn password_hint() -> String {
    format!("At least {MIN_PASSWORD_CHARS} characters. A few words that have nothing to do with each other are good.")
}

/// One field.
pub(in crate::http) struct Field<'a> {
    /// Its name, and its id on the page.
    pub(in crate::http) name: &'static str,
    /// What it is called.
    pub(in crate::http) label: &'static str,
    /// Its type, as in HTML.
    pub(in crate::http) kind: &'static str,
    /// What a browser or a password manager may fill in.
    pub(in crate::http) autocomplete: &'static str,
    /// What helps to fill it in.
    pub(in crate::http) hint: &'a str,
    /// Whether it must be filled in.
    pub(in crate::http) required: bool,
}

impl Field<'_> {
    /// It, with what was typed and what was wrong with it.
    pub(in crate::http) fn show(&self, typed: &Typed, faults: &Faults) -> Html {
        let typed = typed.get(self.name).filter(|_| self.kind != "password").map_or("", String::as_str);
        let fault = faults.of(self.name);
        let about = match (self.hint, fault) {
            ("", None) => html("", &[]),
            ("", Some(_)) => html(" aria-describedby=\"{}-fault\"", &[&self.name]),
            (_, None) => html(" aria-describedby=\"{}-hint\"", &[&self.name]),
            (_, Some(_)) => html(" aria-describedby=\"{}-hint {}-fault\"", &[&self.name, &self.name]),
        };
        let plain = self.kind == "text" && self.autocomplete == "off";
        html(
            "<div class=\"field\"><label for=\"{}\">{}</label>{}{}\
             <input id=\"{}\" name=\"{}\" type=\"{}\" autocomplete=\"{}\" value=\"{}\"{}{}{}{}></div>",
            &[
                &self.name,
                &self.label,
                &(!self.hint.is_empty())
                    .then(|| html("<p class=\"hint\" id=\"{}-hint\">{}</p>", &[&self.name, &self.hint])),
                &fault.map(|fault| html("<p class=\"fault\" id=\"{}-fault\">{}</p>", &[&self.name, &fault])),
                &self.name,
                &self.name,
                &self.kind,
                &self.autocomplete,
                &typed,
                &about,
                &fault.map(|_| html(" aria-invalid=\"true\"", &[])),
                &self.required.then(|| html(" required", &[])),
                &plain.then(|| html(" autocapitalize=\"none\" spellcheck=\"false\"", &[])),
            ],
        )
    }
}

/// A choice of one of these, as value and words.
pub(in crate::http) fn choice(
    id: &dyn Piece,
    name: &'static str,
    label: &dyn Piece,
    options: &[(&str, &str)],
    chosen: &str,
) -> Html {
    let option = |(value, words): &(&str, &str)| {
        let selected = (*value == chosen).then(|| html(" selected", &[]));
        html("<option value=\"{}\"{}>{}</option>", &[value, &selected, words])
    };
    let options: Vec<_> = options.iter().map(option).collect();
    html(
        "<div class=\"field\"><label for=\"{}\">{}</label><select id=\"{}\" name=\"{}\">{}</select></div>",
        &[&id, &label, &id, &name, &options],
    )
}

/// A form that is one button. `what` is the address to post to, `whom` is told to those who hear the page instead of seeing it.
pub(in crate::http) fn button(
    what: &str,
    csrf: &str,
    words: &'static str,
    whom: &dyn Piece,
    class: &'static str,
) -> Html {
    html(
        "<form method=\"post\" action=\"{}\">{}<button class=\"{}\">{}<span class=\"heard\"> {}</span></button></form>",
        &[&what, &token(csrf), &class, &words, &whom],
    )
}

/// The field by which a form proves that it was on a page of ours.
pub(in crate::http) fn token(csrf: &str) -> Html {
    html("<input type=\"hidden\" name=\"csrf\" value=\"{}\">", &[&csrf])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: Field<'static> = Field {
        name: "email",
        label: "E-mail",
        kind: "email",
        autocomplete: "username",
        hint: "As it was invited.",
        required: true,
    };

    #[test]
    fn a_fault_is_told_above_and_beside_its_field_and_what_was_typed_stays() {
        let typed = Typed::from([("email".to_owned(), "\"><script>".to_owned()), ("password".into(), "secret".into())]);
        let faults = Faults::one("email", "Is <no> address.");
        let shown = FIELD.show(&typed, &faults).into_text();
        for wanted in [
            "<label for=\"email\">E-mail</label>",
            "aria-describedby=\"email-hint email-fault\"",
            "aria-invalid=\"true\"",
            "value=\"&quot;&gt;&lt;script&gt;\"",
            "<p class=\"fault\" id=\"email-fault\">Is &lt;no&gt; address.</p>",
        ] {
            assert!(shown.contains(wanted), "{wanted}: {shown}");
        }
        let summary = faults.summary().unwrap().into_text();
        assert!(
            summary.contains("role=\"alert\"") && summary.contains("<a href=\"#email\">Is &lt;no&gt; address.</a>")
        );
        assert_eq!(Faults::default().summary(), None);
        let password = Field { name: "password", kind: "password", ..FIELD };
        assert!(!password.show(&typed, &Faults::default()).into_text().contains("secret"), "never shown again");
    }
}
