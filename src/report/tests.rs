#![allow(clippy::unwrap_used)]

use super::*;
use crate::templates::Templates;

#[test]
fn dump() {
    for (name, events) in fixture::cases() {
        let view = View::of(&events).unwrap();
        for (template, format) in [
            ("handover", Format::Markdown),
            ("handover", Format::Html),
            ("technical", Format::Markdown),
            ("technical", Format::Html),
            ("summary", Format::Markdown),
            ("isp-ptr-request", Format::Markdown),
            ("x", Format::Json),
        ] {
            let made = render(&view, template, format, &Templates::default(), None)
                .unwrap_or_else(|e| panic!("{name} {template} {e} {:?}", e));
            std::fs::write(
                format!("/tmp/out-{name}-{template}.{}", format.as_str()),
                made,
            )
            .unwrap();
        }
    }
}
