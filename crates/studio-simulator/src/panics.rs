//! A task that panics is quietly gone: the runtime catches it. Here it is a violation.

use std::{cell::RefCell, sync::Once};

static WATCHED: Once = Once::new();

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers panics of every thread from now on, beside what was done about them before.
pub(crate) fn watch() {
    WATCHED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            LAST.with(|last| last.replace(Some(panic.to_string())));
            before(panic);
        }));
    });
}

/// The last panic of this thread since it was asked for.
pub(crate) fn take() -> Option<String> {
    LAST.with(RefCell::take)
}
