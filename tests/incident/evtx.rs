//! The binary log of Server 2008 and later, written by its layout. Each record brings a template of its own, in which all
//! values stand as they are: elements outside of a template are read in two ways by the readers that there are.

use super::{COMPUTER, Entry, Incident};

const CHUNK: usize = 65_536;
const CHUNK_HEADER: usize = 512;

fn sum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// One chunk in the making.
struct Chunk {
    bytes: Vec<u8>,
    last_record: usize,
    first: u64,
    last: u64,
}

impl Chunk {
    fn new() -> Self {
        Self {
            bytes: vec![0; CHUNK_HEADER],
            last_record: 0,
            first: 0,
            last: 0,
        }
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn here(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap()
    }

    /// A name that stands where it is used.
    fn name(&mut self, name: &str) {
        let at = self.here() + 4;
        self.u32(at);
        self.u32(0);
        let hash = name.encode_utf16().fold(0_u32, |hash, unit| {
            hash.wrapping_mul(65_599).wrapping_add(u32::from(unit))
        });
        self.u16(u16::try_from(hash & 0xffff).unwrap());
        self.u16(u16::try_from(name.encode_utf16().count()).unwrap());
        for unit in name.encode_utf16().chain([0]) {
            self.u16(unit);
        }
    }

    fn value(&mut self, text: &str) {
        self.bytes.extend([0x05, 0x01]);
        self.u16(u16::try_from(text.encode_utf16().count()).unwrap());
        for unit in text.encode_utf16() {
            self.u16(unit);
        }
    }

    /// An element with attributes, text and children.
    fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        text: Option<&str>,
        children: impl FnOnce(&mut Self),
    ) {
        self.bytes
            .push(if attributes.is_empty() { 0x01 } else { 0x41 });
        // It depends on no value.
        self.u16(0xffff);
        let size_at = self.bytes.len();
        self.u32(0);
        self.name(name);
        if !attributes.is_empty() {
            let list_at = self.bytes.len();
            self.u32(0);
            for (index, (name, value)) in attributes.iter().enumerate() {
                self.bytes.push(if index + 1 < attributes.len() {
                    0x46
                } else {
                    0x06
                });
                self.name(name);
                self.value(value);
            }
            self.patch(list_at);
        }
        self.bytes.push(0x02);
        if let Some(text) = text {
            self.value(text);
        }
        children(self);
        self.bytes.push(0x04);
        self.patch(size_at);
    }

    /// Writes into a size field what has come behind it.
    fn patch(&mut self, at: usize) {
        let size = u32::try_from(self.bytes.len() - at - 4).unwrap();
        self.bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    }

    fn record(&mut self, entry: &Entry) {
        let start = self.bytes.len();
        self.bytes.extend(*b"\x2a\x2a\x00\x00");
        self.u32(0);
        let number = u64::from(entry.number);
        self.bytes.extend(number.to_le_bytes());
        let filetime = u64::try_from(entry.time.as_second() + 11_644_473_600).unwrap() * 10_000_000;
        self.bytes.extend(filetime.to_le_bytes());
        self.bytes.extend([0x0f, 0x01, 0x01, 0x00, 0x0c, 0x01]);
        self.u32(entry.number);
        let definition = self.here() + 4;
        self.u32(definition);
        self.u32(0);
        self.u32(entry.number);
        self.bytes.extend([0; 12]);
        let template_at = self.bytes.len();
        self.u32(0);
        self.bytes.extend([0x0f, 0x01, 0x01, 0x00]);
        let level = match entry.kind {
            1 => "2",
            2 => "3",
            _ => "4",
        };
        let time = entry
            .time
            .strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
            .to_string();
        self.element(
            "Event",
            &[(
                "xmlns",
                "http://schemas.microsoft.com/win/2004/08/events/event",
            )],
            None,
            |x| {
                x.element("System", &[], None, |x| {
                    x.element("Provider", &[("Name", entry.source)], None, |_| {});
                    x.element(
                        "EventID",
                        &[("Qualifiers", &entry.qualifiers().to_string())],
                        Some(&entry.id.to_string()),
                        |_| {},
                    );
                    x.element("Level", &[], Some(level), |_| {});
                    x.element("Task", &[], Some(&entry.category.0.to_string()), |_| {});
                    x.element("Keywords", &[], Some("0x80000000000000"), |_| {});
                    x.element("TimeCreated", &[("SystemTime", &time)], None, |_| {});
                    x.element(
                        "EventRecordID",
                        &[],
                        Some(&entry.number.to_string()),
                        |_| {},
                    );
                    x.element("Channel", &[], Some("Application"), |_| {});
                    x.element("Computer", &[], Some(COMPUTER), |_| {});
                });
                x.element("EventData", &[], None, |x| {
                    for string in &entry.strings {
                        x.element("Data", &[], Some(string), |_| {});
                    }
                });
            },
        );
        self.bytes.push(0x00);
        self.patch(template_at);
        // No values.
        self.u32(0);
        self.bytes.push(0x00);
        while (self.bytes.len() - start) % 8 != 4 {
            self.bytes.push(0);
        }
        let size = u32::try_from(self.bytes.len() - start + 4).unwrap();
        self.bytes[start + 4..start + 8].copy_from_slice(&size.to_le_bytes());
        self.u32(size);
        self.last_record = start;
        if self.first == 0 {
            self.first = number;
        }
        self.last = number;
    }

    fn close(mut self) -> Vec<u8> {
        let end = self.bytes.len();
        let events = sum(&self.bytes[CHUNK_HEADER..end]);
        let mut head: Vec<u8> = b"ElfChnk\0".to_vec();
        for number in [self.first, self.last, self.first, self.last] {
            head.extend(number.to_le_bytes());
        }
        let at = |place: usize| u32::try_from(place).unwrap();
        for word in [128, at(self.last_record), at(end), events] {
            head.extend(word.to_le_bytes());
        }
        self.bytes[..head.len()].copy_from_slice(&head);
        let whole = [&self.bytes[..120], &self.bytes[128..512]].concat();
        let check = sum(&whole);
        self.bytes[124..128].copy_from_slice(&check.to_le_bytes());
        self.bytes.resize(CHUNK, 0);
        self.bytes
    }
}

/// The whole file.
pub(crate) fn file(log: &Incident) -> Vec<u8> {
    let mut chunks = Vec::new();
    let mut chunk = Chunk::new();
    for entry in &log.entries {
        if chunk.bytes.len() > CHUNK - 6_000 {
            chunks.push(std::mem::replace(&mut chunk, Chunk::new()).close());
        }
        chunk.record(entry);
    }
    chunks.push(chunk.close());
    let count = u16::try_from(chunks.len()).unwrap();
    let next = u64::from(log.entries[log.entries.len() - 1].number) + 1;
    let mut head: Vec<u8> = b"ElfFile\0".to_vec();
    for number in [0, u64::from(count) - 1, next] {
        head.extend(number.to_le_bytes());
    }
    head.extend(128_u32.to_le_bytes());
    for short in [1_u16, 3, 4096, count] {
        head.extend(short.to_le_bytes());
    }
    head.resize(120, 0);
    let check = sum(&head);
    head.extend(0_u32.to_le_bytes());
    head.extend(check.to_le_bytes());
    head.resize(4096, 0);
    [head, chunks.concat()].concat()
}
