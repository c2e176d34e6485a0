//! An inbox: where reports come in that are said to this process, as parcels of whole lines, each with who waits for receipts.
//!
//! It is a bounded ring, so that a full one is an answer: whoever sends gets the parcel back, and decides. The room of parcels
//! goes back to the sender, so that nothing is allocated for it once it is under way.

use std::sync::Arc;
use std::time::Duration;

use memchr::{memchr, memrchr};

use crate::ids::SourceId;
use crate::meter::Moment;
use crate::rights::Rights;
use crate::ring::{Bell, Consumer, Full, Producer, ring};

/// How long nothing may come before the reader is told so.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Takes the receipts of a parcel, a line for each of its lines, once all of them are on the disk. Where they cannot be given any
/// more, it is dropped.
pub type Reply = Box<dyn FnOnce(Vec<u8>) + Send>;

/// Whole lines, and when and by whom they were sent.
pub struct Parcel {
    /// The lines, each with its end.
    pub lines: Vec<u8>,
    /// How many lines its sender said before: receipts count on.
    pub lines_before: u64,
    /// When they came to the door.
    pub sent: Moment,
    /// The source of lines that do not name one.
    pub speaker: Option<SourceId>,
    /// What the lines may say.
    pub rights: Rights,
    /// Who waits for receipts, if anybody does.
    pub reply: Option<Reply>,
}

/// An inbox for so many parcels, and who puts them in. It ends when the sender is dropped.
pub fn inbox(parcels: usize) -> (Sender, Inbox) {
    let (to_inbox, from_sender) = ring(parcels);
    // One more than can lie in the inbox: the one that is being read.
    let (to_sender, from_inbox) = ring(parcels + 1);
    let bell = Arc::new(Bell::new());
    let sender = Sender { parcels: to_inbox, used: from_inbox, bell: Ring(bell.clone()) };
    (sender, Inbox { parcels: from_sender, used: to_sender, next: None, bell })
}

/// Where the first parcel of some lines ends that may have so many bytes: with a whole line, though it be longer.
pub fn parcel_end(lines: &[u8], bytes: usize) -> usize {
    if lines.len() <= bytes {
        return lines.len();
    }
    match memrchr(b'\n', &lines[..bytes]) {
        Some(end) => end + 1,
        None => memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
    }
}

/// Who puts parcels in.
pub struct Sender {
    parcels: Producer<Parcel>,
    used: Consumer<Vec<u8>>,
    /// Dropped last: it tells the reader that the ring is closed.
    bell: Ring,
}

struct Ring(Arc<Bell>);

impl Drop for Ring {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl Sender {
    /// Puts in a parcel.
    ///
    /// # Errors
    /// [`Full`] with the parcel, if there is no room.
    pub fn push(&mut self, parcel: Parcel) -> Result<(), Full<Parcel>> {
        self.parcels.push(parcel)?;
        self.bell.0.ring();
        Ok(())
    }

    /// Empty room for the next parcel's lines: that of one that was read, if there is one.
    pub fn room(&mut self) -> Vec<u8> {
        self.used.pop().unwrap_or_default()
    }
}

/// What was found in an inbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Parcels of one speaker with the same rights, the first of them sent at a moment.
    Parcels {
        /// When the first was sent.
        sent: Moment,
        /// The source of lines that do not name one.
        speaker: Option<SourceId>,
        /// What the lines may say.
        rights: Rights,
    },
    /// Nothing in a while.
    Nothing,
    /// Nothing, and nothing more will come.
    End,
}

/// Who reads parcels.
pub struct Inbox {
    parcels: Consumer<Parcel>,
    used: Producer<Vec<u8>>,
    /// Taken, and not yet read.
    next: Option<Parcel>,
    bell: Arc<Bell>,
}

impl Inbox {
    /// Gives what has piled up to `each` (lines, how many its sender said before, and who waits): parcels of one speaker, of no more than `bytes` in all unless the first alone is larger.
    /// Waits for the first one.
    pub fn take(&mut self, bytes: usize, mut each: impl FnMut(&[u8], u64, Option<Reply>)) -> Found {
        let mut found = Found::Nothing;
        let mut left = bytes;
        loop {
            let Some(parcel) = self.look(found == Found::Nothing) else {
                return if found == Found::Nothing && self.parcels.is_closed() { Found::End } else { found };
            };
            let fits = match found {
                Found::Parcels { speaker, rights, .. } => {
                    (speaker, rights) == (parcel.speaker, parcel.rights) && parcel.lines.len() <= left
                }
                Found::Nothing | Found::End => true,
            };
            if !fits {
                self.next = Some(parcel);
                return found;
            }
            if found == Found::Nothing {
                found = Found::Parcels { sent: parcel.sent, speaker: parcel.speaker, rights: parcel.rights };
            }
            left = left.saturating_sub(parcel.lines.len());
            let Parcel { mut lines, lines_before, reply, .. } = parcel;
            each(&lines, lines_before, reply);
            lines.clear();
            // Where all rooms are under way, this one is let go.
            let _ = self.used.push(lines);
        }
    }

    /// The next parcel; waits a while for it, or not.
    fn look(&mut self, waits: bool) -> Option<Parcel> {
        if let Some(parcel) = self.next.take() {
            return Some(parcel);
        }
        loop {
            let seen = self.bell.listen();
            let is_closed = self.parcels.is_closed();
            match self.parcels.pop() {
                Some(parcel) => return Some(parcel),
                None if waits && !is_closed && self.bell.wait_for(seen, LOOK_EVERY) => {}
                None => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(lines: &str, sent: u64, speaker: Option<u16>) -> Parcel {
        let (lines, speaker) = (lines.as_bytes().to_vec(), speaker.map(SourceId));
        Parcel { lines, lines_before: 0, sent: Moment(sent), speaker, rights: Rights::ALL, reply: None }
    }

    /// Takes once, and compares what was found and the lines.
    fn check(inbox: &mut Inbox, bytes: usize, expected: (Found, &str)) {
        let mut lines = Vec::new();
        let found = inbox.take(bytes, |parcel, _, _| lines.extend_from_slice(parcel));
        assert_eq!((found, lines.as_slice()), (expected.0, expected.1.as_bytes()));
    }

    const fn parcels(sent: u64, speaker: Option<u16>) -> Found {
        let speaker = match speaker {
            Some(speaker) => Some(SourceId(speaker)),
            None => None,
        };
        Found::Parcels { sent: Moment(sent), speaker, rights: Rights::ALL }
    }

    #[test]
    fn what_has_piled_up_comes_together_if_it_fits_and_has_one_speaker() {
        let (mut sender, mut inbox) = inbox(8);
        for (lines, sent, speaker) in [
            ("too long\n", 10, None),
            ("a\n", 20, None),
            ("b\n", 30, None),
            ("c\n", 40, Some(1)),
            ("d\n", 50, Some(1)),
            ("e\n", 60, None),
        ] {
            sender.push(parcel(lines, sent, speaker)).expect("room");
        }
        check(&mut inbox, 4, (parcels(10, None), "too long\n"));
        check(&mut inbox, 4, (parcels(20, None), "a\nb\n"));
        check(&mut inbox, 4, (parcels(40, Some(1)), "c\nd\n"));
        check(&mut inbox, 4, (parcels(60, None), "e\n"));
        check(&mut inbox, 4, (Found::Nothing, ""));
        assert!((0..8).any(|_| sender.room().capacity() >= 9), "the room of the first parcel comes back");
        sender.push(parcel("f\n", 70, None)).expect("room");
        drop(sender);
        check(&mut inbox, 4, (parcels(70, None), "f\n"));
        check(&mut inbox, 4, (Found::End, ""));
    }

    #[test]
    fn lines_are_cut_into_parcels_of_whole_lines() {
        for (lines, bytes, end) in [
            ("", 4, 0),
            ("a\nb\n", 4, 4),
            ("a\nb\nc\n", 4, 4),
            ("a\nb\nc\n", 3, 2),
            ("long\nb\n", 1, 5),
            ("long", 1, 4),
        ] {
            assert_eq!(parcel_end(lines.as_bytes(), bytes), end, "{lines:?} by {bytes}");
        }
    }

    #[test]
    fn a_full_inbox_gives_the_parcel_back() {
        let (mut sender, _inbox) = inbox(2);
        sender.push(parcel("a\n", 1, None)).expect("room");
        sender.push(parcel("b\n", 2, None)).expect("room");
        let Err(Full(back)) = sender.push(parcel("c\n", 3, None)) else { panic!("there is no room") };
        assert_eq!(back.lines, b"c\n");
    }

    #[test]
    fn replies_are_given_with_their_lines_and_dropped_with_the_inbox() {
        let (mut sender, mut inbox) = inbox(2);
        let (told, answers) = std::sync::mpsc::sync_channel(2);
        for lines in ["a\n", "b\n"] {
            let told = told.clone();
            let reply: Reply = Box::new(move |receipts| told.send(receipts).expect("somebody hears"));
            sender.push(Parcel { reply: Some(reply), ..parcel(lines, 1, None) }).expect("room");
        }
        drop(told);
        inbox.take(1, |lines, _, reply| reply.expect("somebody waits")(lines.to_ascii_uppercase()));
        drop(inbox);
        assert_eq!(
            answers.iter().collect::<Vec<_>>(),
            [b"A\n"],
            "who waits for the second learns that it will not come"
        );
    }

    #[test]
    fn a_reader_that_waits_is_woken_by_a_parcel_and_by_the_end() {
        let (mut sender, mut inbox) = inbox(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let mut all = Vec::new();
                while inbox.take(64, |lines, _, _| all.extend_from_slice(lines)) != Found::End {}
                all
            });
            for n in 0..1000 {
                let mut next = parcel(&format!("{n}\n"), n, None);
                while let Err(Full(back)) = sender.push(next) {
                    next = back;
                    std::thread::yield_now();
                }
            }
            drop(sender);
            let expected: String = (0..1000).map(|n| format!("{n}\n")).collect();
            assert_eq!(reader.join().expect("reads on"), expected.as_bytes());
        });
    }
}
