//! The mind's state as bytes: little-endian, in a fixed order, so that equal states are equal bytes.

/// Bytes that no encoder wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupt;

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bytes are not a state of this version of the dispatcher and this city")
    }
}

impl std::error::Error for Corrupt {}

/// Gathers an encoded state.
#[derive(Default, Debug)]
pub(super) struct Out {
    bytes: Vec<u8>,
}

/// Reads an encoded state.
#[derive(Debug)]
pub(super) struct In<'a> {
    rest: &'a [u8],
}

macro_rules! number {
    ($($name:ident),+) => {
        impl Out {
            $(pub(super) fn $name(&mut self, value: $name) {
                self.bytes.extend_from_slice(&value.to_le_bytes());
            })+
        }
        impl In<'_> {
            $(pub(super) fn $name(&mut self) -> Result<$name, Corrupt> {
                let (bytes, rest) = self.rest.split_first_chunk().ok_or(Corrupt)?;
                self.rest = rest;
                Ok($name::from_le_bytes(*bytes))
            })+
        }
    };
}
number!(u8, u16, u32, u64, i32, i64);

impl Out {
    /// In place of bytes that nobody needs, with room for so many, to save moving them.
    pub(super) fn in_room_of(mut used: Vec<u8>, bytes: usize) -> Self {
        used.clear();
        used.reserve(bytes);
        Self { bytes: used }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A length, then each item.
    pub(super) fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.u64(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }
}

impl<'a> In<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all was read.
    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A number of items that are said to follow, but no more than there can be if each takes `bytes` bytes: what room is made
    /// for before they are read.
    pub(super) const fn room(&self, said: u64, bytes: usize) -> usize {
        let most = self.rest.len() / bytes;
        if said < most as u64 { said as usize } else { most }
    }

    /// What [`Out::list`] wrote.
    pub(super) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Result<T, Corrupt>) -> Result<Vec<T>, Corrupt> {
        let mut items = Vec::new();
        for _ in 0..self.u64()? {
            items.push(read(self)?);
        }
        Ok(items)
    }
}
