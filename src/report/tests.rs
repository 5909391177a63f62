#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn dump() {
    for (name, events) in fixture::cases() {
        let view = View::of(&events).unwrap();
        std::fs::write(format!("/tmp/view-{name}.json"), serde_json::to_string_pretty(&view).unwrap()).unwrap();
    }
}
