//! Every rule of the language, both ways.

use super::checked;
use crate::yaml::cases;

#[test]
fn every_rule_both_ways() {
    cases::hold("runbook", 82, |text| checked(text).map(|_| ()));
}
