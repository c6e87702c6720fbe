//! The last events of a heap in a ring, written as the Trace Event JSON that Perfetto and Chrome
//! read: a collection with its phases and what it left, and an allocation that failed.

use crate::heap::stats::{Reason, Traced};

/// Takes the next bytes of the text.
pub type Put<'a> = &'a mut dyn FnMut(&[u8]);

/// What has happened.
#[derive(Clone, Copy, Debug)]
enum What {
    Collection {
        reason: Reason,
        /// Microseconds until all that lives was marked.
        mark_us: u32,
        took_us: u32,
        live_bytes: usize,
        freed_objects: usize,
    },
    Failure {
        bytes: usize,
    },
}

/// What has happened, and when.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    at: Time,
    what: What,
}

/// Since the clock was first read. In two words: most machines without an operating system divide
/// no 64 bits.
#[derive(Clone, Copy, Debug)]
struct Time {
    seconds: u32,
    micros: u32,
}

impl Time {
    fn after(self, us: u32) -> Time {
        let micros = self.micros + us % SECOND;
        Time {
            seconds: self.seconds.wrapping_add(us / SECOND + micros / SECOND),
            micros: micros % SECOND,
        }
    }
}

const SECOND: u32 = 1_000_000;

/// The last `N` events.
#[derive(Debug)]
pub struct Ring<const N: usize> {
    events: [Event; N],
    /// How many there were ever; wraps.
    count: usize,
    /// What the clock said last, and the time that it was.
    clock: u32,
    now: Time,
    started: bool,
    /// What the clock said when all was marked.
    marked: u32,
}

const ZERO: Time = Time {
    seconds: 0,
    micros: 0,
};

impl<const N: usize> Ring<N> {
    /// No event.
    pub const EMPTY: Self = Ring {
        events: [Event {
            at: ZERO,
            what: What::Failure { bytes: 0 },
        }; N],
        count: 0,
        clock: 0,
        now: ZERO,
        started: false,
        marked: 0,
    };

    /// Takes note of what the heap reports. Returns an event if that makes one.
    pub fn note(&mut self, clock: u32, traced: Traced) -> Option<Event> {
        let what = match traced {
            Traced::Marked => {
                self.marked = clock;
                return None;
            }
            Traced::Collected {
                reason,
                began_us,
                took_us,
                live_bytes,
                freed_objects,
            } => What::Collection {
                reason,
                mark_us: self.marked.wrapping_sub(began_us).min(took_us),
                took_us,
                live_bytes,
                freed_objects,
            },
            Traced::Failed { bytes } => What::Failure { bytes },
        };
        let since = match what {
            What::Collection { took_us, .. } => clock.wrapping_sub(took_us),
            What::Failure { .. } => clock,
        };
        let event = Event {
            at: self.time_of(since),
            what,
        };
        self.events[self.count % N] = event;
        self.count = self.count.wrapping_add(1);
        Some(event)
    }

    /// The clock wraps after 71 minutes; events further apart are shown closer.
    fn time_of(&mut self, clock: u32) -> Time {
        if self.started {
            self.now = self.now.after(clock.wrapping_sub(self.clock));
        }
        self.started = true;
        self.clock = clock;
        self.now
    }

    /// The numbers of the events that are there.
    pub fn numbers(&self) -> core::ops::Range<usize> {
        self.count.saturating_sub(N)..self.count
    }

    /// An event by its number; `None` if later ones have taken its place.
    pub fn get(&self, number: usize) -> Option<Event> {
        self.numbers()
            .contains(&number)
            .then(|| self.events[number % N])
    }
}

/// Writes what comes before all events.
pub fn begin(put: Put<'_>) {
    put(
        b"[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,\
          \"args\":{\"name\":\"mpgc\"}}",
    );
}

/// Writes what comes after all events.
pub fn end(put: Put<'_>) {
    put(b"\n]\n");
}

/// Writes a number in decimal, with at least so many digits.
fn number(put: Put<'_>, mut n: usize, least: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while n > 0 || digits.len() - at < least {
        let Some(next) = at.checked_sub(1) else { break };
        at = next;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (n % 10) as u8;
        }
        n /= 10;
    }
    put(digits.get(at..).unwrap_or_default());
}

impl Event {
    /// Writes it, as several events of the format: those of a collection lie within one another.
    pub fn write(&self, put: Put<'_>) {
        match self.what {
            What::Collection {
                reason,
                mark_us,
                took_us,
                live_bytes,
                freed_objects,
            } => {
                span(put, b"collect", self.at, took_us);
                put(b",\"args\":{\"reason\":\"");
                put(match reason {
                    Reason::Asked => b"asked",
                    Reason::Full => b"full",
                    Reason::Threshold => b"threshold",
                    Reason::Idle => b"idle",
                });
                put(b"\",\"freed_objects\":");
                number(put, freed_objects, 1);
                put(b"}}");
                span(put, b"mark", self.at, mark_us);
                put(b"}");
                span(put, b"sweep", self.at.after(mark_us), took_us - mark_us);
                put(b"}");
                head(put, b"live bytes", b"C", self.at.after(took_us));
                put(b",\"args\":{\"live\":");
                number(put, live_bytes, 1);
                put(b"}}");
            }
            What::Failure { bytes } => {
                head(put, b"allocation failed", b"i", self.at);
                put(b",\"s\":\"g\",\"args\":{\"bytes\":");
                number(put, bytes, 1);
                put(b"}}");
            }
        }
    }
}

fn head(put: Put<'_>, name: &[u8], phase: &[u8], at: Time) {
    put(b",\n{\"name\":\"");
    put(name);
    put(b"\",\"cat\":\"gc\",\"ph\":\"");
    put(phase);
    put(b"\",\"pid\":1,\"tid\":1,\"ts\":");
    if at.seconds > 0 {
        number(put, at.seconds as usize, 1);
    }
    number(put, at.micros as usize, if at.seconds > 0 { 6 } else { 1 });
}

fn span(put: Put<'_>, name: &[u8], at: Time, us: u32) {
    head(put, name, b"X", at);
    put(b",\"dur\":");
    number(put, us as usize, 1);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::String;

    fn text(write: impl Fn(Put<'_>)) -> String {
        let mut bytes = std::vec::Vec::new();
        write(&mut |piece: &[u8]| bytes.extend_from_slice(piece));
        String::from_utf8(bytes).expect("JSON is text")
    }

    fn collected(began_us: u32, took_us: u32) -> Traced {
        Traced::Collected {
            reason: Reason::Full,
            began_us,
            took_us,
            live_bytes: 4096,
            freed_objects: 0,
        }
    }

    #[test]
    fn a_collection_is_shown_with_its_phases_and_what_is_left() {
        let mut ring = Ring::<4>::EMPTY;
        assert!(ring.note(130, Traced::Marked).is_none());
        let event = ring.note(150, collected(100, 50)).expect("an event");
        assert_eq!(
            text(|put| event.write(put)),
            concat!(
                ",\n{\"name\":\"collect\",\"cat\":\"gc\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\
                 \"ts\":0,",
                "\"dur\":50,\"args\":{\"reason\":\"full\",\"freed_objects\":0}}",
                ",\n{\"name\":\"mark\",\"cat\":\"gc\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":0,",
                "\"dur\":30}",
                ",\n{\"name\":\"sweep\",\"cat\":\"gc\",\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":30,",
                "\"dur\":20}",
                ",\n{\"name\":\"live bytes\",\"cat\":\"gc\",\"ph\":\"C\",\"pid\":1,\"tid\":1,",
                "\"ts\":50,\"args\":{\"live\":4096}}",
            )
        );
    }

    #[test]
    fn times_go_on_where_the_clock_wraps_and_past_a_second() {
        let mut ring = Ring::<4>::EMPTY;
        ring.note(u32::MAX - 4, Traced::Failed { bytes: 1 });
        let next = ring.note(5, Traced::Failed { bytes: 2 }).expect("an event");
        assert!(text(|put| next.write(put)).contains("\"ts\":10,\"s\""));
        let later = ring.note(5 + 3 * SECOND, Traced::Failed { bytes: 3 });
        let later = text(|put| later.expect("an event").write(put));
        assert!(later.contains("\"ts\":3000010,\"s\""), "{later}");
    }

    #[test]
    fn the_last_events_are_kept() {
        let mut ring = Ring::<4>::EMPTY;
        for bytes in 0..11 {
            ring.note(0, Traced::Failed { bytes });
        }
        assert_eq!(ring.numbers(), 7..11);
        assert!(ring.get(6).is_none() && ring.get(11).is_none());
        let kept = text(|put| ring.get(9).expect("it is there").write(put));
        assert!(kept.contains("\"bytes\":9}"), "{kept}");
    }
}
