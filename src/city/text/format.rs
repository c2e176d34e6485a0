//! A model as a file: little-endian, versioned, under a hash.
//!
//! `PAIDANTX`, version (u32), length of the body (u64), SHA-256 of the body, body. The body: number of classes (u16), for each
//! its label (length u16, UTF-8) and its bias (i32), unit (u64), steepness, slope and offset of confidence (i32 each), messages trained on (u32), number of
//! rows without that of unknown runs (u32), binary logarithm of the index's entries (u32), the index (u32 each), and for each row its
//! share in a length and its weights (i16 each).

use std::fmt;

use sha2::{Digest, Sha256};

use super::model::{CLASSES_MAX, INDEX_BITS_MAX, LANES, Model, ROW, WEIGHT_MAX, chunks, fall, worth};

const MAGIC: &[u8; 8] = b"PAIDANTX";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 4 + 8 + 32;
/// Files are at most so long.
const FILE_BYTES_MAX: u64 = 16 << 20;
const LABEL_BYTES_MAX: usize = 512;
/// Greater ones stand for weights that nobody has.
const UNIT_MAX: u64 = 1 << 35;

/// Why a file is no model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// It does not begin as one.
    NoModel,
    /// It was written by another version of this program.
    Version(u32),
    /// It has not the length that it says.
    Length {
        /// What it says.
        said: u64,
        /// What it has.
        found: u64,
    },
    /// Its hash is another one.
    Damaged,
    /// It is whole, but holds something that no model does.
    Content(&'static str),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModel => write!(f, "不是分类模型 this is no model: it does not begin with PAIDANTX"),
            Self::Version(version) => {
                write!(
                    f,
                    "模型版本不符 the model has version {version}, and this program reads version {VERSION}; train it again"
                )
            }
            Self::Length { said, found } => write!(
                f,
                "模型不完整 the model is not whole: it says that it has {said} bytes, and has {found}; copy or train it again"
            ),
            Self::Damaged => {
                write!(f, "模型已损坏 the model is damaged: its SHA-256 does not fit; copy or train it again")
            }
            Self::Content(what) => write!(f, "模型内容有误 the model is not one that `paidan train` writes: {what}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Model {
    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend((self.labels.len() as u16).to_le_bytes());
        for (label, bias) in self.labels.iter().zip(&self.biases) {
            body.extend((label.len() as u16).to_le_bytes());
            body.extend(label.as_bytes());
            body.extend(bias.to_le_bytes());
        }
        body.extend(self.unit.to_le_bytes());
        self.sureness.iter().for_each(|number| body.extend(number.to_le_bytes()));
        body.extend(self.trained_on.to_le_bytes());
        body.extend((self.runs() as u32).to_le_bytes());
        body.extend(self.index.len().trailing_zeros().to_le_bytes());
        self.index.iter().for_each(|entry| body.extend(entry.to_le_bytes()));
        for row in self.rows.chunks_exact(self.chunks()).skip(1) {
            row.as_flattened()[..=self.labels.len()].iter().for_each(|weight| body.extend(weight.to_le_bytes()));
        }
        let mut file = Vec::with_capacity(HEADER_BYTES + body.len());
        file.extend(MAGIC);
        file.extend(VERSION.to_le_bytes());
        file.extend((body.len() as u64).to_le_bytes());
        file.extend(Sha256::digest(&body));
        file.extend(body);
        file
    }

    /// A model of the bytes of its file.
    ///
    /// # Errors
    /// If they are not exactly those that were written.
    pub fn from_bytes(file: &[u8]) -> Result<Self, Unreadable> {
        let mut header = Bytes(file);
        if header.take(MAGIC.len()).ok_or(Unreadable::NoModel)? != MAGIC {
            return Err(Unreadable::NoModel);
        }
        let cut = Unreadable::Length { said: HEADER_BYTES as u64, found: file.len() as u64 };
        let version = header.array().map(u32::from_le_bytes).ok_or(cut.clone())?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        let length = header.array().map(u64::from_le_bytes).ok_or(cut.clone())?;
        let hash: [u8; 32] = header.array().ok_or(cut)?;
        let Bytes(body) = header;
        if length != body.len() as u64 || file.len() as u64 > FILE_BYTES_MAX {
            let said = length.saturating_add(HEADER_BYTES as u64);
            return Err(Unreadable::Length { said, found: file.len() as u64 });
        }
        if hash != *Sha256::digest(body) {
            return Err(Unreadable::Damaged);
        }
        Self::of_body(Bytes(body)).map_err(Unreadable::Content)
    }

    fn of_body(mut body: Bytes<'_>) -> Result<Self, &'static str> {
        const ENDS: &str = "it ends too early";
        let classes = usize::from(body.array().map(u16::from_le_bytes).ok_or(ENDS)?);
        if !(1..=CLASSES_MAX).contains(&classes) {
            return Err("it has no classes, or too many");
        }
        let (mut labels, mut biases) = (Vec::<Box<str>>::new(), Vec::new());
        for _ in 0..classes {
            let length = usize::from(body.array().map(u16::from_le_bytes).ok_or(ENDS)?);
            let label = str::from_utf8(body.take(length).ok_or(ENDS)?).map_err(|_| "a label is not UTF-8")?;
            if label.is_empty() || length > LABEL_BYTES_MAX || labels.iter().any(|other| **other == *label) {
                return Err("a label is empty, too long, or stands twice");
            }
            labels.push(label.into());
            biases.push(body.array().map(i32::from_le_bytes).ok_or(ENDS)?);
        }
        let unit = body.array().map(u64::from_le_bytes).ok_or(ENDS)?;
        let mut sureness = [0; 3];
        for number in &mut sureness {
            *number = body.array().map(i32::from_le_bytes).ok_or(ENDS)?;
        }
        let trained_on = body.array().map(u32::from_le_bytes).ok_or(ENDS)?;
        let runs = body.array().map(u32::from_le_bytes).ok_or(ENDS)? as usize;
        let bits = body.array().map(u32::from_le_bytes).ok_or(ENDS)?;
        // Room is made only for what is there: the file is not long, and its length is that of its parts.
        let parts = (size_of::<u32>() << bits.min(INDEX_BITS_MAX)) + runs * (classes + 1) * size_of::<i16>();
        if unit > UNIT_MAX || bits > INDEX_BITS_MAX || sureness[0] < 1 || parts != body.0.len() {
            return Err("a number is out of its range");
        }
        let mut index = vec![0; 1 << bits];
        for entry in &mut index {
            *entry = body.array().map(u32::from_le_bytes).ok_or(ENDS)?;
            if (*entry & ROW) as usize > runs {
                return Err("the index names a row that is not there");
            }
        }
        let chunks = chunks(classes);
        let mut rows = vec![[0; LANES]; (runs + 1) * chunks];
        for row in rows.chunks_exact_mut(chunks).skip(1) {
            for weight in &mut row.as_flattened_mut()[..=classes] {
                *weight = body.array().map(i16::from_le_bytes).ok_or(ENDS)?;
                if weight.unsigned_abs() > WEIGHT_MAX.unsigned_abs() {
                    return Err("a weight is out of its range");
                }
            }
            if row[0][0] < 0 {
                return Err("a share is out of its range");
            }
        }
        Ok(Self { labels, biases, unit, sureness, worth: worth(sureness), fall: fall(), trained_on, index, rows })
    }
}

/// Bytes that are still to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N).and_then(|bytes| bytes.try_into().ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::model::tests::of_three;
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let model = of_three();
        assert_eq!(Model::from_bytes(&model.to_bytes()), Ok(model));
    }

    #[test]
    fn what_is_no_model_is_told_apart() {
        let file = of_three().to_bytes();
        let check = |file: &[u8], expected: &str| {
            let told = Model::from_bytes(file).expect_err("no model").to_string();
            assert!(told.contains(expected), "{told}");
        };
        check(b"", "PAIDANTX");
        check(b"{\"city\":1}", "PAIDANTX");
        check(&file[..20], "has 20");
        check(&file[..file.len() - 1], "not whole");
        check(&[&file[..], b"x"].concat(), "not whole");
        let with = |at: usize, byte: u8| {
            let mut file = file.clone();
            file[at] ^= byte;
            file
        };
        check(&with(8, 2), "version 3");
        check(&with(HEADER_BYTES + 3, 1), "SHA-256");
        check(&with(30, 1), "SHA-256");
    }

    #[test]
    fn content_that_is_none_is_refused_although_its_hash_fits() {
        let check = |change: fn(&mut Model), expected: &str| {
            let mut model = of_three();
            change(&mut model);
            let told = Model::from_bytes(&model.to_bytes()).expect_err("no model").to_string();
            assert!(told.contains(expected), "{told}");
        };
        check(|model| model.labels[0] = "".into(), "a label is empty");
        check(|model| model.labels[1] = model.labels[0].clone(), "stands twice");
        check(|model| model.rows[1][1] = 3_000, "a weight");
        check(|model| model.rows[1][0] = -1, "a share");
        check(|model| model.index[5] = ROW, "a row that is not there");
        check(|model| model.unit = u64::MAX, "out of its range");
        check(|model| model.sureness[0] = 0, "out of its range");
        check(|model| model.rows.truncate(2), "a row that is not there");
    }

    proptest! {
        #[test]
        fn what_was_cut_or_turned_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let file = of_three().to_bytes();
            let at = at.index(file.len());
            prop_assert!(Model::from_bytes(&file[..at]).is_err());
            let mut turned = file;
            turned[at] ^= 1 << bit;
            prop_assert!(Model::from_bytes(&turned).is_err());
        }

        #[test]
        fn any_body_under_a_right_hash_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut file = MAGIC.to_vec();
            file.extend(VERSION.to_le_bytes());
            file.extend((body.len() as u64).to_le_bytes());
            file.extend(Sha256::digest(&body));
            file.extend(body);
            let _ = Model::from_bytes(&file);
        }
    }
}
