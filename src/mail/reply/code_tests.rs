//! What bare codes mean where no wording decides: the later stages of a dialogue, the enhanced codes that need the stage or the
//! words, and those that one provider means differently from the registry.

use super::*;

fn class(line: &str, stage: Stage, peer: Option<&str>) -> (Class, Option<Class>) {
    let context = Context {
        stage: Some(stage),
        peer,
        ..Context::default()
    };
    let got = classify(&Reply::parse(line), &context);
    (got.class, got.or)
}

#[test]
fn basic_codes_at_login_and_at_the_message() {
    use Class::*;
    // codes, stages, the class, a second reading
    type Row = (&'static [u16], &'static [Stage], Class, Option<Class>);
    let rows: &[Row] = &[
        (&[421, 454], &[Stage::Auth], LocalSystem, None),
        (&[454], &[Stage::Starttls], Tls, None),
        (
            &[500, 501, 502, 503, 504, 530, 534, 535],
            &[Stage::Auth],
            Relay,
            None,
        ),
        (&[523, 538], &[Stage::Auth], Tls, None),
        (&[421], &[Stage::Data, Stage::Dot], Rate, None),
        (&[450], &[Stage::Data, Stage::Dot], Greylist, None),
        (&[451, 452], &[Stage::Data, Stage::Dot], LocalSystem, None),
        (
            &[500, 501, 502, 503, 504],
            &[Stage::Data, Stage::Dot],
            Protocol,
            None,
        ),
        (&[550, 554, 571], &[Stage::Data, Stage::Dot], Content, None),
        (&[552], &[Stage::Data, Stage::Dot], Size, Some(Content)),
    ];
    for (codes, stages, expected, or) in rows {
        for code in *codes {
            for stage in *stages {
                let line = format!("{code} so it is");
                assert_eq!(
                    class(&line, *stage, None),
                    (*expected, *or),
                    "{line} at {stage:?}"
                );
            }
        }
    }
}

#[test]
fn enhanced_codes_that_need_the_stage_or_the_words() {
    use Class::*;
    let rows = [
        // x.0.0 says nothing: the stage does.
        ("550 5.0.0 so it is", Stage::Rcpt, RcptUnknown),
        ("550 5.0.0 so it is", Stage::Dot, Content),
        ("554 5.0.0 so it is", Stage::Connect, BlockIp),
        ("550 5.0.0 User unknown", Stage::Rcpt, RcptUnknown),
        ("550 5.0.0 relaying denied", Stage::Rcpt, Relay),
        // x.3.2: busy now, or closed to us.
        ("452 4.3.2 so it is", Stage::Mail, Rate),
        ("550 5.3.2 so it is", Stage::Mail, BlockIp),
        // x.7.1, the most overloaded one.
        ("550 5.7.1 Unable to relay", Stage::Rcpt, Relay),
        (
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example",
            Stage::Rcpt,
            BlockIp,
        ),
        ("550 5.7.1 so it is", Stage::Dot, Content),
        ("554 5.7.1 so it is", Stage::Connect, BlockIp),
    ];
    for (line, stage, expected) in rows {
        assert_eq!(class(line, stage, None).0, expected, "{line} at {stage:?}");
    }
}

#[test]
fn two_codes_mean_at_gmail_what_they_mean_nowhere_else() {
    use Class::*;
    let gmail = Some("gmail-smtp-in.l.google.com");
    for (peer, null_mx, require_tls) in [
        (gmail, Authpol, Authpol),
        (Some("mx.example.org"), Sender, Tls),
        (None, Sender, Tls),
    ] {
        for (line, expected) in [
            ("550 5.7.27 so it is", null_mx),
            ("550 5.7.30 so it is", require_tls),
        ] {
            assert_eq!(
                class(line, Stage::Dot, peer).0,
                expected,
                "{line} by {peer:?}"
            );
        }
    }
    // Its own words are enough.
    let words = "550 5.7.27 Gmail requires all senders to authenticate with either SPF or DKIM";
    assert_eq!(class(words, Stage::Dot, None).0, Authpol);
}
