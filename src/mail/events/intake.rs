//! One file on its way in: recognised by its beginning, decoded, and read piece by piece.

use std::sync::Arc;

use jiff::Timestamp;

use super::decode::{Lines, Splitter, encoding_of, head_text};
use super::formats::{ReadError, named, recognised};
use super::log::{Log, Unparsed, Why};
use super::model::Event;
use super::reader::{Format, Head, LineReader, Options, Out, Reader, Sink, Unfinished};

/// Bytes by which a format is recognised.
const HEAD: usize = 64 << 10;

/// Reads one file whose bytes are pushed in pieces of any size.
pub struct Intake<'u> {
    file: Arc<str>,
    format: Option<&'static dyn Format>,
    options: Options,
    /// What files before this one have left open.
    unfinished: Option<&'u mut Unfinished>,
    stage: Stage,
}

enum Stage {
    /// Collecting the beginning.
    Head(Vec<u8>),
    Text {
        format: &'static dyn Format,
        reader: Box<dyn LineReader>,
        splitter: Splitter,
        log: Log,
    },
    Binary {
        reader: Box<dyn super::reader::ByteReader>,
        log: Log,
    },
}

impl<'u> Intake<'u> {
    /// Begins a file. Without `format` the content decides.
    ///
    /// # Errors
    /// When there is no format of that name.
    pub fn new(file: &str, format: Option<&str>, options: &Options) -> Result<Self, ReadError> {
        Ok(Self {
            file: Arc::from(file),
            format: format.map(named).transpose()?,
            options: options.clone(),
            unfinished: None,
            stage: Stage::Head(Vec::new()),
        })
    }

    /// Goes on where the files before have ended, and leaves what is open at the end of this one.
    #[must_use]
    pub fn joined(self, unfinished: &'u mut Unfinished) -> Self {
        Self {
            unfinished: Some(unfinished),
            ..self
        }
    }

    /// The next bytes.
    ///
    /// # Errors
    /// When the beginning is of no known format.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ReadError> {
        if let Stage::Head(head) = &mut self.stage {
            head.extend_from_slice(bytes);
            if head.len() < HEAD {
                return Ok(());
            }
            return self.begin(sink);
        }
        self.feed(bytes, sink);
        Ok(())
    }

    /// The file has ended.
    ///
    /// # Errors
    /// When it was empty, or of no known format.
    pub fn finish(mut self, sink: &mut dyn Sink) -> Result<Log, ReadError> {
        if matches!(self.stage, Stage::Head(_)) {
            self.begin(sink)?;
        }
        let mut log = match self.stage {
            Stage::Head(_) => Log::default(),
            Stage::Text {
                format,
                mut reader,
                mut splitter,
                mut log,
            } => {
                splitter.end(&mut Numbered {
                    reader: reader.as_mut(),
                    out: Out {
                        file: &self.file,
                        log: &mut log,
                        sink,
                    },
                });
                reader.end(&mut Out {
                    file: &self.file,
                    log: &mut log,
                    sink,
                });
                if let Some(unfinished) = self.unfinished {
                    unfinished.put(format, reader.leave());
                }
                if splitter.damaged > 0 {
                    log.notes.push(format!(
                        "{} lines or characters are not valid {}; they were read as well as it goes",
                        splitter.damaged, log.encoding
                    ));
                }
                log
            }
            Stage::Binary {
                mut reader,
                mut log,
            } => {
                reader.end(&mut Out {
                    file: &self.file,
                    log: &mut log,
                    sink,
                });
                log
            }
        };
        log.close();
        Ok(log)
    }

    /// Recognises the format and feeds what was collected.
    fn begin(&mut self, sink: &mut dyn Sink) -> Result<(), ReadError> {
        let Stage::Head(collected) = &mut self.stage else {
            return Ok(());
        };
        let collected = std::mem::take(collected);
        let sample = &collected[..collected.len().min(HEAD)];
        let encoding = encoding_of(sample);
        let text = head_text(sample, encoding);
        if collected.len() < HEAD && text.trim().is_empty() {
            return Err(ReadError::Empty {
                file: self.file.to_string(),
            });
        }
        let format = match self.format {
            Some(format) => format,
            None => recognised(
                &self.file,
                &Head {
                    bytes: sample,
                    text: &text,
                },
            )?,
        };
        sink.begins(format.name());
        self.stage = match format.reader(&self.options) {
            Reader::Lines(mut reader) => {
                let open = self.unfinished.as_mut().and_then(|open| open.take(format));
                if let Some(open) = open {
                    reader.take_over(open);
                }
                Stage::Text {
                    format,
                    reader,
                    splitter: Splitter::new(encoding),
                    log: Log::new(&self.file, format.name(), encoding.name()),
                }
            }
            Reader::Bytes(reader) => Stage::Binary {
                reader,
                log: Log::new(&self.file, format.name(), ""),
            },
        };
        self.feed(&collected, sink);
        Ok(())
    }

    fn feed(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        match &mut self.stage {
            Stage::Head(_) => {}
            Stage::Text {
                reader,
                splitter,
                log,
                ..
            } => splitter.push(
                bytes,
                &mut Numbered {
                    reader: reader.as_mut(),
                    out: Out {
                        file: &self.file,
                        log,
                        sink,
                    },
                },
            ),
            Stage::Binary { reader, log } => reader.bytes(
                bytes,
                &mut Out {
                    file: &self.file,
                    log,
                    sink,
                },
            ),
        }
    }
}

/// Counts the lines on their way to the reader.
struct Numbered<'n, 'o> {
    reader: &'n mut dyn LineReader,
    out: Out<'o>,
}

impl Lines for Numbered<'_, '_> {
    fn line(&mut self, line: &str, cut: bool) {
        self.out.log.lines += 1;
        let number = u32::try_from(self.out.log.lines).unwrap_or(u32::MAX);
        if cut {
            self.out.unparsed(number, line, Why::BeyondLimit);
        } else {
            self.reader.line(number, line, &mut self.out);
        }
    }
}

/// A file that was read into memory as a whole, for small ones.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// How it went.
    pub log: Log,
    /// The events, in file order.
    pub events: Vec<Event<'static>>,
    /// All lines that were not understood.
    pub unparsed: Vec<Unparsed>,
}

impl Sink for Collected {
    fn event(&mut self, event: &Event<'_>) {
        self.events.push(event.clone().into_owned());
    }

    fn unparsed(&mut self, line: &Unparsed) {
        self.unparsed.push(line.clone());
    }
}

/// When the first and the last line in the first bytes of a file (64 KiB are enough) were written. `None` where nothing
/// depends on it: files of most formats stand for themselves; or where it cannot be told.
pub fn beginning(
    file: &str,
    bytes: &[u8],
    format: Option<&str>,
    options: &Options,
) -> Option<(Timestamp, Timestamp)> {
    let sample = &bytes[..bytes.len().min(HEAD)];
    let text = head_text(sample, encoding_of(sample));
    let head = Head {
        bytes: sample,
        text: &text,
    };
    let format = format.map_or_else(|| recognised(file, &head), named).ok()?;
    format.span(&head, options)
}

/// Reads a small file as a whole and keeps all its events. Without `format` the content decides.
///
/// # Errors
/// When the format is unknown, or the file is empty.
pub fn read(
    file: &str,
    bytes: &[u8],
    format: Option<&str>,
    options: &Options,
) -> Result<Collected, ReadError> {
    let mut collected = Collected::default();
    let mut intake = Intake::new(file, format, options)?;
    intake.push(bytes, &mut collected)?;
    let log = intake.finish(&mut collected)?;
    collected.log = log;
    collected.unparsed.sort_by_key(|line| line.line);
    Ok(collected)
}
