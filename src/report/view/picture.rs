//! Pictures of logs as shapes that a template draws, and the same numbers as a table.
//!
//! Shades differ by lightness and each has an outline, so that they hold in print and without colour.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::read::{get, list, text};
use super::usage::users;
use super::words::refusal;

/// Size of the drawing.
const WIDTH: u64 = 720;
/// Height of the columns, and where they stand.
const HEIGHT: u64 = 140;
const TOP: u64 = 24;
const LEFT: u64 = 56;
/// Classes that are told apart; all others share the last shade.
const SHADES: usize = 4;
/// Bars of a ranking, at most.
const BARS: usize = 10;
/// Rows of the table beside a picture, at most.
const ROWS: usize = 48;

/// One picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PictureView {
    /// Unique in the document.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// What is to be seen in it, in a sentence.
    pub description: String,
    /// Width in units of the drawing.
    pub width: u64,
    /// Height.
    pub height: u64,
    /// Filled boxes.
    pub boxes: Vec<Shape>,
    /// Texts.
    pub labels: Vec<Label>,
    /// Heads of the table.
    pub heads: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

/// A filled box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Left edge.
    pub x: u64,
    /// Upper edge.
    pub y: u64,
    /// Width.
    pub width: u64,
    /// Height.
    pub height: u64,
    /// 0 (dark) to 3 (light).
    pub shade: usize,
}

/// A text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Where it is anchored.
    pub x: u64,
    /// Its base line.
    pub y: u64,
    /// `start`, `middle`, `end`.
    pub anchor: &'static str,
    /// The text.
    pub text: String,
}

/// The pictures of one analysis. `number` makes their ids unique.
pub(super) fn pictures(outputs: &Value, number: usize) -> Vec<PictureView> {
    let remotes = list(outputs, "remotes").iter().map(|remote| {
        let host = text(remote, "host");
        (host, count_of(get(remote, "failures")))
    });
    let accounts = users(outputs)
        .iter()
        .filter(|user| matches!(text(user, "kind").as_str(), "account" | "mailbox"))
        .map(|user| {
            let count = |key| count_of(get(user, key));
            // Who logs in to send is logged twice where messages are logged.
            let sent = match count("messages") {
                0 => count("log_ins"),
                messages => messages,
            };
            (text(user, "name"), sent)
        });
    [
        over_time(get(outputs, "timeline")),
        ranking("Hosts that refused most", "failures", remotes.collect()),
        ranking(
            "Accounts that sent most",
            "messages or log-ins",
            accounts.collect(),
        ),
    ]
    .into_iter()
    .flatten()
    .enumerate()
    .map(|(place, picture)| PictureView {
        id: format!("picture-{number}-{place}"),
        ..picture
    })
    .collect()
}

/// Columns of failures over time, stacked by class.
fn over_time(timeline: &Value) -> Option<PictureView> {
    let unit = text(timeline, "unit");
    let seconds = match unit.as_str() {
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 7 * 86_400,
        _ => return None,
    };
    let points: Vec<(i64, &serde_json::Map<String, Value>)> = list(timeline, "points")
        .iter()
        .filter_map(|point| {
            let start: Timestamp = get(point, "start").as_str()?.parse().ok()?;
            Some((start.as_second(), get(point, "classes").as_object()?))
        })
        .collect();
    let (first, last) = (
        points.iter().map(|p| p.0).min()?,
        points.iter().map(|p| p.0).max()?,
    );
    let column = |start: i64| u64::try_from((start - first) / seconds).unwrap_or(0);
    let columns = column(last).saturating_add(1).min(1_000);
    let classes = busiest_classes(&points);
    let shade = |name: &str| {
        let place = classes.iter().position(|class| class == name);
        place.unwrap_or(SHADES - 1).min(SHADES - 1)
    };
    let stacked: Vec<(u64, [u64; SHADES], i64)> = points
        .iter()
        .map(|(start, counts)| {
            let mut shades = [0; SHADES];
            for (name, count) in *counts {
                shades[shade(name)] += count_of(count);
            }
            (column(*start), shades, *start)
        })
        .collect();
    let total = |shades: &[u64; SHADES]| shades.iter().sum::<u64>();
    let most = stacked
        .iter()
        .map(|(_, shades, _)| total(shades))
        .max()
        .filter(|most| *most > 0)?;
    let all: u64 = stacked.iter().map(|(_, shades, _)| total(shades)).sum();
    let wide = WIDTH - LEFT;
    let mut boxes = Vec::new();
    for (column, shades, _) in &stacked {
        let left = LEFT + column * wide / columns;
        let width = (LEFT + (column + 1) * wide / columns).saturating_sub(left);
        let mut below = 0;
        for (shade, count) in shades.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (from, to) = (below * HEIGHT / most, (below + count) * HEIGHT / most);
            below += count;
            boxes.push(Shape {
                x: left,
                y: TOP + HEIGHT - to,
                width: width.max(1),
                height: (to - from).max(1),
                shade,
            });
        }
    }
    let label = |x, y, anchor, text: String| Label { x, y, anchor, text };
    let below = TOP + HEIGHT + 18;
    let mut labels = vec![
        label(LEFT - 6, TOP + 10, "end", most.to_string()),
        label(LEFT - 6, TOP + 24, "end", format!("per {unit}")),
        label(LEFT - 6, TOP + HEIGHT, "end", "0".to_owned()),
        label(LEFT, below, "start", format!("{} UTC", moment(first))),
        label(WIDTH, below, "end", format!("{} UTC", moment(last))),
    ];
    let mut names: Vec<String> = classes
        .iter()
        .take(SHADES)
        .map(|name| refusal(name))
        .collect();
    if classes.len() > SHADES {
        names[SHADES - 1] = "all others".to_owned();
    }
    for (shade, name) in names.iter().enumerate() {
        let x = LEFT + shade as u64 * 160;
        boxes.push(Shape {
            x,
            y: 4,
            width: 12,
            height: 12,
            shade,
        });
        labels.push(label(x + 18, 15, "start", name.clone()));
    }
    let mut ranked: Vec<&(u64, [u64; SHADES], i64)> = stacked.iter().collect();
    ranked.sort_by_key(|(_, shades, _)| std::cmp::Reverse(total(shades)));
    ranked.truncate(ROWS);
    ranked.sort_by_key(|(column, ..)| *column);
    let mut heads = vec![format!("Start of the {unit} (UTC)")];
    heads.extend(names.iter().cloned());
    let rows = ranked.iter().map(|(_, shades, start)| {
        let counts = shades.iter().take(names.len()).map(u64::to_string);
        std::iter::once(moment(*start)).chain(counts).collect()
    });
    Some(PictureView {
        title: format!("Failures by {unit} and class"),
        description: format!("{all} failures; the busiest {unit} has {most}. Times are UTC."),
        width: WIDTH,
        height: TOP + HEIGHT + 28,
        boxes,
        labels,
        heads,
        rows: rows.collect(),
        ..PictureView::default()
    })
}

/// All classes, the most frequent first.
fn busiest_classes(points: &[(i64, &serde_json::Map<String, Value>)]) -> Vec<String> {
    let mut sums: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for (_, counts) in points {
        for (name, count) in *counts {
            *sums.entry(name).or_insert(0) += count_of(count);
        }
    }
    let mut sums: Vec<(&str, u64)> = sums.into_iter().collect();
    sums.sort_by_key(|(name, sum)| (std::cmp::Reverse(*sum), *name));
    sums.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// Bars, the longest first.
fn ranking(title: &str, unit: &str, mut counts: Vec<(String, u64)>) -> Option<PictureView> {
    counts.retain(|(name, count)| *count > 0 && !name.is_empty());
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let all = counts.len();
    counts.truncate(BARS);
    let most = counts.first()?.1;
    let (names, widest) = (260, WIDTH - 260 - 70);
    let (mut boxes, mut labels, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let mut y = 4;
    for (name, count) in &counts {
        let width = (count.saturating_mul(widest) / most).max(1);
        boxes.push(Shape {
            x: names,
            y,
            width,
            height: 14,
            shade: 1,
        });
        let short: String = match name.char_indices().nth(38) {
            Some((end, _)) => format!("{}…", &name[..end]),
            None => name.clone(),
        };
        labels.push(Label {
            x: names - 8,
            y: y + 12,
            anchor: "end",
            text: short,
        });
        labels.push(Label {
            x: names + width + 6,
            y: y + 12,
            anchor: "start",
            text: count.to_string(),
        });
        rows.push(vec![name.clone(), count.to_string()]);
        y += 20;
    }
    Some(PictureView {
        title: title.to_owned(),
        description: match counts.len() == all {
            true => format!("All {all}, by {unit}; the first has {most}."),
            false => format!(
                "The {} busiest, by {unit}; the first has {most}.",
                counts.len()
            ),
        },
        width: WIDTH,
        height: y + 2,
        boxes,
        labels,
        heads: vec!["Name".to_owned(), super::words::capital(unit)],
        rows,
        ..PictureView::default()
    })
}

/// A count, small enough to be calculated with.
fn count_of(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0).min(u64::from(u32::MAX))
}

/// `4 Mar 2024 08:00`.
fn moment(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(
        |_| String::new(),
        |at| at.strftime("%-d %b %Y %H:%M").to_string(),
    )
}
