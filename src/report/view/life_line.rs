//! The lives of listings as a picture: a line for each, dark while the list held the address, light when it was gone.

use super::history::ListingLife;
use super::moment::{When, Zone};
use super::picture::{Label, PictureView, Shape};

/// Size of the drawing.
const WIDTH: u64 = 720;
/// Where the lines begin, and how far apart they stand.
const LEFT: u64 = 270;
const ROW: u64 = 20;
const TOP: u64 = 26;
/// Lines drawn at most, the first found first; the table has all of them.
const LINES: usize = 30;
/// What a spell looks like, and its word in the legend.
const SHADES: &[(&str, usize, &str)] = &[
    ("listed", 0, "listed"),
    ("unknown", 2, "could not tell"),
    ("gone", 3, "not listed any more"),
];

/// The picture. None when all looks were at one moment: then there is nothing to see but what the table says.
pub(super) fn picture(lives: &[ListingLife], zone: &Zone) -> Option<PictureView> {
    let first = lives
        .iter()
        .map(|life| &life.first_seen)
        .min_by_key(|when| when.at)?;
    let last = lives
        .iter()
        .map(|life| &life.last_asked)
        .max_by_key(|when| when.at)?;
    let whole = u64::try_from(last.at.as_second() - first.at.as_second())
        .ok()
        .filter(|seconds| *seconds > 0)?;
    let place = |when: &When| {
        let since = u64::try_from(when.at.as_second() - first.at.as_second()).unwrap_or(0);
        LEFT + since.min(whole) * (WIDTH - LEFT) / whole
    };
    let label = |x, y, anchor, text: String| Label { x, y, anchor, text };
    let (mut boxes, mut labels) = (Vec::new(), Vec::new());
    for (number, (_, shade, word)) in SHADES.iter().enumerate() {
        let x = LEFT + number as u64 * 130;
        boxes.push(Shape {
            x,
            y: 4,
            width: 12,
            height: 12,
            shade: *shade,
        });
        labels.push(label(x + 18, 15, "start", (*word).to_owned()));
    }
    let mut y = TOP;
    for life in lives.iter().take(LINES) {
        labels.push(label(LEFT - 8, y + 12, "end", short(life)));
        for (number, spell) in life.spells.iter().enumerate() {
            let left = place(&spell.from);
            // until the next look that saw something else
            let right = life
                .spells
                .get(number + 1)
                .map_or_else(|| place(&spell.to), |next| place(&next.from));
            let shade = SHADES.iter().find(|(code, ..)| *code == spell.state.code);
            let left = left.min(WIDTH - 3);
            boxes.push(Shape {
                x: left,
                y,
                width: right.saturating_sub(left).max(3),
                height: 14,
                shade: shade.map_or(2, |(_, shade, _)| *shade),
            });
        }
        y += ROW;
    }
    // the zone once: both ends with it would run into each other
    labels.push(label(LEFT, y + 14, "start", first.short.clone()));
    labels.push(label(
        WIDTH,
        y + 14,
        "end",
        format!("{} {}", last.short, zone.name),
    ));
    let standing = lives
        .iter()
        .filter(|life| life.state.code != "gone")
        .count();
    let rows = lives.iter().map(|life| {
        vec![
            name(life),
            life.first_seen.short.clone(),
            life.last_seen.short.clone(),
            life.gone
                .as_ref()
                .map_or_else(|| life.state.text.clone(), |gone| gone.short.clone()),
            life.spells
                .iter()
                .map(|spell| spell.looks)
                .sum::<usize>()
                .to_string(),
        ]
    });
    Some(PictureView {
        id: "listing-lives".to_owned(),
        title: "The listings over time".to_owned(),
        description: match standing {
            0 => "All of them are gone.".to_owned(),
            _ => format!(
                "{} of {} {} not known to be gone. A list that could not be asked ends no listing.",
                standing,
                lives.len(),
                if standing == 1 { "is" } else { "are" }
            ),
        },
        width: WIDTH,
        height: y + 22,
        boxes,
        labels,
        heads: ["Listing", "First seen", "Last seen", "Gone", "Looks"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    })
}

fn name(life: &ListingLife) -> String {
    format!("{} on {}", life.target, life.list)
}

fn short(life: &ListingLife) -> String {
    let name = name(life);
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}
