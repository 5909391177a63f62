//! Stamps, hosts and tables; what whole logs say is in the cases of `mail::events`.
#![allow(clippy::unwrap_used)]

use jiff::tz::TimeZone;

use super::host::{Host, bracketed};
use super::queue::Recent;
use super::syslog::{Clock, split};
use crate::mail::events::Options;

fn clock(until: &str, zone: &str) -> Clock {
    Clock::new(&Options {
        timezone: Some(TimeZone::get(zone).unwrap()),
        until: Some(until.parse().unwrap()),
        ..Options::default()
    })
}

#[test]
fn years_follow_from_the_end_of_the_log() {
    let mut clock = clock("2024-02-10T12:00:00Z", "UTC");
    let table = [
        ("Nov 30 23:59:59", "2023-11-30T23:59:59Z"),
        ("Dec 31 23:59:59", "2023-12-31T23:59:59Z"),
        ("Jan  1 00:00:00", "2024-01-01T00:00:00Z"),
        // a late line of the old year
        ("Dec 31 23:59:58", "2023-12-31T23:59:58Z"),
        ("Feb 10 11:00:60", "2024-02-10T11:00:59Z"),
    ];
    for (stamp, time) in table {
        assert_eq!(clock.read(stamp).0.unwrap().to_string(), time, "{stamp}");
    }
    let (time, local) = self::clock("2024-06-01T00:00:00Z", "Europe/Rome").read("May  5 10:20:30");
    assert_eq!(time.unwrap().to_string(), "2024-05-05T08:20:30Z");
    assert_eq!(local.unwrap().to_string(), "2024-05-05T10:20:30");
    // without a year and without an end nothing is invented
    assert_eq!(
        Clock::new(&Options::default()).read("May  5 10:20:30"),
        (None, None)
    );
}

#[test]
fn newer_stamps_state_their_zone() {
    let mut clock = clock("2024-06-01T00:00:00Z", "Europe/Rome");
    for (stamp, time, local) in [
        (
            "2024-05-05T10:20:30.123456+02:00",
            "2024-05-05T08:20:30Z",
            "2024-05-05T10:20:30",
        ),
        (
            "2024-05-05T10:20:31Z",
            "2024-05-05T10:20:31Z",
            "none, UTC is no wall clock",
        ),
        (
            "2024-05-05T10:20:32-05:00",
            "2024-05-05T15:20:32Z",
            "2024-05-05T10:20:32",
        ),
    ] {
        let (read, wall) = clock.read(stamp);
        assert_eq!(read.unwrap().to_string(), time);
        let wall = wall.map_or_else(
            || "none, UTC is no wall clock".to_owned(),
            |wall| wall.to_string(),
        );
        assert_eq!(wall, local);
    }
    for rubbish in [
        "",
        "x",
        "2024-99-99T99:99:99Z",
        "Foo 33 99:99:99",
        "2024-05-05T10",
        "May  5 1\u{e9}",
    ] {
        assert_eq!(clock.read(rubbish).0, None, "{rubbish}");
    }
}

#[test]
fn lines_are_taken_apart() {
    let line =
        split("<22>May  5 10:20:30 mx1 postfix/smtpd[99]: connect from a[192.0.2.1]").unwrap();
    assert_eq!(
        (line.host, line.program, line.pid),
        ("mx1", "postfix/smtpd", "99")
    );
    assert_eq!(line.text, "connect from a[192.0.2.1]");
    let line = split("May  5 10:20:30 mx1 sendmail[7]: [ID 801593 mail.info] q: x").unwrap();
    assert_eq!((line.program, line.text), ("sendmail", "q: x"));
    for no in [
        "",
        "May",
        "once upon a time there was a log: x",
        "2024-05-05 10:20:30 x y: z",
    ] {
        assert_eq!(split(no), None, "{no}");
    }
}

#[test]
fn hosts_are_read_in_every_dress() {
    let table = [
        (
            "mx.example.org[192.0.2.1]:25",
            Some(("mx.example.org", Some("192.0.2.1"))),
        ),
        ("unknown[192.0.2.1]", Some(("192.0.2.1", Some("192.0.2.1")))),
        (
            "unknown[IPv6:2001:db8::1]",
            Some(("2001:db8::1", Some("2001:db8::1"))),
        ),
        (
            "[2001:db8::1]:5555",
            Some(("2001:db8::1", Some("2001:db8::1"))),
        ),
        ("local", Some(("local", None))),
        ("192.0.2.9", Some(("192.0.2.9", Some("192.0.2.9")))),
        ("", None),
        ("[", None),
    ];
    for (text, expected) in table {
        let got = Host::read(text).map(|host| (host.name, host.address));
        let expected = expected.map(|(name, address)| (name, address.map(|a| a.parse().unwrap())));
        assert_eq!(got, expected, "{text}");
    }
    assert_eq!(
        bracketed("<\"a>, b\"@x.example>, c"),
        Some(("\"a>, b\"@x.example", ", c"))
    );
    assert_eq!(
        bracketed("<\"a@x.example>, c"),
        Some(("\"a@x.example", ", c"))
    );
    assert_eq!(bracketed("<a"), None);
}

#[test]
fn a_table_forgets_what_was_not_used() {
    let mut table: Recent<u32, u32> = Recent::default();
    for n in 0..200_000 {
        table.insert(n, n);
        assert_eq!(table.get(0), Some(&mut 0), "what is used is kept");
    }
    assert_eq!(table.get(1), None);
    assert_eq!(table.get(199_999), Some(&mut 199_999));
    assert_eq!(table.remove(199_999), Some(199_999));
    assert_eq!(table.get(199_999), None);
}
