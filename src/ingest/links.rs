//! Remembers which key followed which, because a source writes its lines in one shape.
//!
//! A link is all that stands between two values: `,"lng":`, or `{"source":` before the first. After each link the ones that
//! followed it before are compared with the text, 32 bytes at once. A hit replaces reading the comma, the key, the colon
//! and the space, and looking the key up. A miss costs a comparison, and the key is read as JSON and learned. What is
//! remembered changes how fast a line is read and nothing else: a link holds bytes that were valid here before, and it is
//! followed only where the same bytes stand again.

use super::scan::{BLOCK, stands_at};
use crate::report::Field;

/// Links that are kept. When they are used up, all are forgotten: shapes are few, or there is no shape.
const LINKS: usize = 64;

/// Followers that are tried after a link.
const FOLLOWERS: usize = 4;

/// A remembered link.
#[derive(Clone, Copy)]
struct Link {
    /// Its bytes, as many as `mask` has ones.
    bytes: [u8; BLOCK],
    mask: u32,
    length: u32,
    /// The field that its key names, if it is one of the schema.
    field: Option<Field>,
    /// What followed it before. Links are learned in order, so the rest are [`LinkId::NONE`].
    followers: [LinkId; FOLLOWERS],
}

/// The position of a link in the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LinkId(u8);

impl LinkId {
    /// Before the first key of a line.
    pub const START: Self = Self(0);
    /// Behind a link that is too long to be remembered.
    const LONG: Self = Self(1);
    /// No link. The start follows nothing, so its number is free.
    const NONE: Self = Self::START;
}

/// A link that stands in the text.
#[derive(Clone, Copy)]
pub struct Hit {
    /// Which.
    pub link: LinkId,
    /// The field of its key.
    pub field: Option<Field>,
    /// Where the value behind it begins.
    pub value_at: usize,
}

/// The table of links, and who follows whom.
pub struct Links {
    links: Vec<Link>,
}

impl Links {
    /// A table that knows nothing yet.
    pub fn new() -> Self {
        let mut links = Self { links: Vec::with_capacity(LINKS) };
        links.forget();
        links
    }

    /// The link behind `from` that stands at `at`, if one of those that did before does now.
    #[inline(always)]
    pub fn follow(&self, from: LinkId, text: &[u8], at: usize) -> Option<Hit> {
        for link in self.links[from.0 as usize].followers {
            if link == LinkId::NONE {
                break;
            }
            let Link { bytes, mask, length, field, .. } = &self.links[link.0 as usize];
            if stands_at(text, at, bytes, *mask) {
                return Some(Hit { link, field: *field, value_at: at + *length as usize });
            }
        }
        None
    }

    /// Remembers that `bytes`, whose key names `field`, followed `from`.
    #[inline(never)]
    pub fn learn(&mut self, from: LinkId, bytes: &[u8], field: Option<Field>) -> LinkId {
        if bytes.len() > BLOCK {
            return LinkId::LONG;
        }
        let known = self.links[2..].iter().position(|link| link.bytes[..link.length as usize] == *bytes);
        let link = match known {
            Some(position) => position + 2,
            None if self.links.len() == LINKS => {
                self.forget();
                return LinkId::LONG;
            }
            None => {
                self.links.push(Link::new(bytes, field));
                self.links.len() - 1
            }
        };
        let link = LinkId(link as u8);
        let followers = &mut self.links[from.0 as usize].followers;
        let free = followers.iter().position(|&follower| follower == LinkId::NONE).unwrap_or(FOLLOWERS - 1);
        followers[free] = link;
        link
    }

    /// Back to the two links that are always there.
    fn forget(&mut self) {
        self.links.clear();
        self.links.extend([Link::new(b"", None); 2]);
    }
}

impl Link {
    fn new(text: &[u8], field: Option<Field>) -> Self {
        let mut bytes = [0; BLOCK];
        bytes[..text.len()].copy_from_slice(text);
        let mask = ((1u64 << text.len()) - 1) as u32;
        Self { bytes, mask, length: text.len() as u32, field, followers: [LinkId::NONE; FOLLOWERS] }
    }
}
