//! Keys: who may come in, and what for.
//!
//! A key is 256 random bits, so what is kept of it is its SHA-256: a fast hash is right for what nobody can guess, and looking up
//! a hash tells nobody how much of a guess was right. The file is read again when it changes. Once there is one, it is asked: where
//! it goes away, nobody comes in any more, and where it cannot be read, what was read last stays.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::{info, warn};

use super::bucket::Bucket;
use crate::city::City;
use crate::ids::SourceId;
use crate::rights::Rights;

/// The file in the data folder.
const FILE: &str = "keys.toml";
/// Locked by whoever changes the file.
const LOCK: &str = "keys.lock";
/// Most bytes of the file: some ten thousand keys.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// What a key begins with, so that people and scanners recognise one that lies about.
const PREFIX: &str = "paidan_";
/// Most bytes of what can be a key.
const KEY_BYTES_MAX: usize = 128;

/// What a key that names no source is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Actions on orders, and units' status.
    Dispatch,
    /// The review desk: rulings, whatever dispatch may, and reading.
    Desk,
    /// Reads, feeds, and the page.
    Read,
    /// Everything.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dispatch, Self::Desk, Self::Read, Self::Admin];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dispatch => "dispatch",
            Self::Desk => "desk",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// The hash of a key.
type Hash = [u8; 32];

/// A key as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What people call it: the first digits of its hash.
    pub id: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// The source that it sends reports of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Or what else it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Lines a second that it may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    /// When it was made.
    pub added: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.role) {
            (Some(source), _) => write!(f, "{} source {source}", self.id)?,
            (None, role) => write!(f, "{} role {}", self.id, role.map_or("-", Role::word))?,
        }
        match self.rate_limit {
            Some(limit) => write!(f, ", {limit} lines/s, added {}", self.added),
            None => write!(f, ", added {}", self.added),
        }
    }
}

/// The keys of a data folder, as its file holds them.
#[derive(Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The keys.
    #[serde(default, rename = "key")]
    pub entries: Vec<Entry>,
}

impl KeyFile {
    /// Where a data folder keeps them.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Reads the file of a data folder; nothing where there is none.
    ///
    /// # Errors
    /// If it cannot be read, is not what it should be, or others than its owner may use it.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        Ok(read(&Self::path(folder))?.map(|(file, _)| file))
    }

    /// Changes the file of a data folder, and syncs it. Whoever changes it at the same time waits.
    ///
    /// # Errors
    /// As [`KeyFile::read`], or if it cannot be written.
    pub fn change<T>(folder: &Path, change: impl FnOnce(&mut Self) -> T) -> io::Result<T> {
        let private = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).mode(0o600);
            options
        };
        let lock = private().truncate(false).open(folder.join(LOCK))?;
        lock.lock()?;
        let mut file = Self::read(folder)?.unwrap_or_default();
        let done = change(&mut file);
        let text = toml::to_string(&file).map_err(io::Error::other)?;
        let (path, new) = (Self::path(folder), folder.join("keys.new"));
        let mut written = private().truncate(true).open(&new)?;
        written.write_all(text.as_bytes())?;
        // The service may run as somebody else than whoever makes a key: it owns the folder, and so the file.
        let owner = fs::metadata(folder)?;
        if owner.uid() != written.metadata()?.uid() {
            fchown(&written, Some(owner.uid()), Some(owner.gid()))?;
        }
        written.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()?;
        Ok(done)
    }

    /// Adds a key, and gives its name.
    pub fn add(&mut self, key: &Key, holder: Holder, rate_limit: Option<u32>, added: String) -> String {
        let sha256 = hexadecimal(&hash(&key.0));
        let id = sha256[..12].to_owned();
        let (source, role) = match holder {
            Holder::Source(name) => (Some(name), None),
            Holder::Role(role) => (None, Some(role)),
        };
        self.entries.push(Entry { id: id.clone(), sha256, source, role, rate_limit, added });
        id
    }

    /// Takes a key out. Whether it was there.
    pub fn revoke(&mut self, id: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }
}

/// Whom a key is given to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holder {
    /// A source of the city.
    Source(String),
    /// Whoever does something else.
    Role(Role),
}

/// A new key. It is shown once, and not kept.
pub struct Key(String);

impl Key {
    /// Of 256 random bits.
    pub fn new(bits: [u64; 4]) -> Self {
        Self(bits.iter().fold(PREFIX.to_owned(), |text, bits| text + &format!("{bits:016x}")))
    }

    /// What is shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What tells one state of the file from another.
type Stamp = (u64, i64, i64, u64);

/// Reads a file of keys, if there is one.
fn read(path: &Path) -> io::Result<Option<(KeyFile, Stamp)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(why),
    };
    let facts = file.metadata()?;
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if facts.mode() & 0o077 != 0 {
        return Err(wrong("others than its owner may use it; chmod 600 mends it".to_owned()));
    }
    if facts.len() > FILE_BYTES_MAX {
        return Err(wrong(format!("it has {} bytes; {FILE_BYTES_MAX} are read at most", facts.len())));
    }
    let text = io::read_to_string(io::Read::take(file, FILE_BYTES_MAX))?;
    let keys = toml::from_str(&text).map_err(|why| wrong(why.to_string()))?;
    Ok(Some((keys, stamp(&facts))))
}

fn stamp(facts: &fs::Metadata) -> Stamp {
    (facts.ino(), facts.ctime(), facts.ctime_nsec(), facts.len())
}

fn hash(key: &str) -> Hash {
    Sha256::digest(key.as_bytes()).into()
}

fn hexadecimal(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hexadecimal(text: &str) -> Option<Hash> {
    let bytes: Option<Vec<u8>> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
    bytes?.try_into().ok()
}

/// Who has come in.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What it may say.
    pub rights: Rights,
    /// It may send at all.
    pub may_send: bool,
    /// It may read.
    pub may_read: bool,
    /// How many lines a second it may send.
    pub bucket: Option<Arc<Bucket>>,
    /// Its key's; nothing where none was needed.
    hash: Option<Hash>,
}

impl Caller {
    /// Who asks for what is open to everybody.
    pub(super) const fn nobody() -> Self {
        Self { rights: Rights::ALL, may_send: false, may_read: false, bucket: None, hash: None }
    }
}

/// Why somebody does not come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotIn {
    /// No key was shown.
    NoKey,
    /// Nobody has this key.
    Unknown,
}

impl NotIn {
    /// In both languages.
    pub(super) const fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::NoKey => ("需要密钥", "a key is needed: Authorization: Bearer KEY; `paidan keys add` makes one"),
            Self::Unknown => ("密钥无效", "this key is not known, or no more; `paidan keys list` shows those that are"),
        }
    }
}

/// The keys of a service.
pub struct Keys {
    folder: PathBuf,
    city: Arc<City>,
    /// Lines a second of whoever has no limit of its own.
    rate_limit: Option<u32>,
    state: Mutex<State>,
    refused: [AtomicU64; 3],
}

/// What was read last.
#[derive(Default)]
struct State {
    /// Of the file that was tried last.
    stamp: Option<Stamp>,
    /// There has been a file.
    is_needed: bool,
    by_hash: HashMap<Hash, Caller>,
    trouble: Option<String>,
}

/// Why requests are refused, in the order in which they are counted.
pub const REFUSED: [&str; 3] = ["no_key", "unknown_key", "not_allowed"];

impl Keys {
    /// Those of a data folder.
    ///
    /// # Errors
    /// If there is a file of them that cannot be read, or that names a source the city does not know.
    pub fn open(folder: &Path, city: Arc<City>, rate_limit: Option<u32>) -> io::Result<Self> {
        let keys =
            Self { folder: folder.to_owned(), city, rate_limit, state: Mutex::default(), refused: Default::default() };
        let trouble = keys.state().trouble.clone();
        trouble.map_or(Ok(keys), |why| Err(io::Error::new(io::ErrorKind::InvalidData, why)))
    }

    /// A bucket for whoever needs no key.
    pub fn door_bucket(&self) -> Option<Arc<Bucket>> {
        self.rate_limit.map(|limit| Arc::new(Bucket::new(limit)))
    }

    /// Whether a key is needed.
    pub fn is_needed(&self) -> bool {
        self.state().is_needed
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state().by_hash.len()
    }

    /// Why the file could not be read again, if it could not.
    pub fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// Who comes in with a key, or without one. `door` is the bucket of the door for those who need none.
    ///
    /// # Errors
    /// If nobody does.
    pub fn admit(&self, key: Option<&str>, door: Option<&Arc<Bucket>>) -> Result<Caller, NotIn> {
        // What is longer is no key, and is not worth its hash.
        let hash = key.map(|key| (key.len() <= KEY_BYTES_MAX).then(|| hash(key)));
        let state = self.state();
        if !state.is_needed {
            let bucket = door.cloned();
            return Ok(Caller { rights: Rights::ALL, may_send: true, may_read: true, bucket, hash: None });
        }
        let found = match hash {
            None => Err(NotIn::NoKey),
            Some(hash) => hash.and_then(|hash| state.by_hash.get(&hash).cloned()).ok_or(NotIn::Unknown),
        };
        drop(state);
        if let Err(why) = found {
            self.note(usize::from(why == NotIn::Unknown));
        }
        found
    }

    /// Who has come in, as the keys are now: what it may has perhaps changed, or its key is gone.
    pub fn still(&self, caller: &Caller) -> Option<Caller> {
        let state = self.state();
        match caller.hash {
            Some(hash) => state.by_hash.get(&hash).cloned(),
            None => (!state.is_needed).then(|| caller.clone()),
        }
    }

    /// Counts what a key was not allowed.
    pub fn note_not_allowed(&self) {
        self.note(2);
    }

    /// How many were refused, as [`REFUSED`].
    pub fn refused(&self) -> [u64; 3] {
        self.refused.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn note(&self, why: usize) {
        self.refused[why].fetch_add(1, Ordering::Relaxed);
    }

    /// What the file says now.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let path = KeyFile::path(&self.folder);
        match fs::metadata(&path) {
            Ok(facts) if state.stamp == Some(stamp(&facts)) => {}
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                state.by_hash.clear();
                state.stamp = None;
            }
            facts => {
                state.stamp = facts.ok().map(|facts| stamp(&facts));
                self.read_again(&path, &mut state);
            }
        }
        state
    }

    #[cold]
    fn read_again(&self, path: &Path, state: &mut State) {
        let taken = read(path).and_then(|found| match found {
            Some((file, stamp)) => Ok(Some((self.callers(&file, &state.by_hash)?, stamp))),
            None => Ok(None),
        });
        match taken {
            Ok(Some((by_hash, stamp))) => {
                info!(keys = by_hash.len(), "已读取密钥 the keys were read");
                *state = State { stamp: Some(stamp), is_needed: true, by_hash, trouble: None };
            }
            // It went away between two looks; the next look sees that.
            Ok(None) => {}
            Err(why) => {
                // Until it can be read, nobody gets in who did not before.
                state.is_needed = true;
                warn!(file = %path.display(), %why, "密钥读不了，沿用上次读到的 the keys cannot be read, those read last stay");
                state.trouble = Some(format!("{}: {why}", path.display()));
            }
        }
    }

    /// What each key is for. Buckets stay as full as they are.
    fn callers(&self, file: &KeyFile, before: &HashMap<Hash, Caller>) -> io::Result<HashMap<Hash, Caller>> {
        let wrong = |id: &str, why: String| io::Error::new(io::ErrorKind::InvalidData, format!("key {id}: {why}"));
        let mut callers = HashMap::with_capacity(file.entries.len());
        for entry in &file.entries {
            let hash = from_hexadecimal(&entry.sha256);
            let hash = hash.ok_or_else(|| wrong(&entry.id, "sha256 must have 64 hexadecimal digits".to_owned()))?;
            let (rights, may_send, may_read) = match (&entry.source, entry.role) {
                (Some(name), None) => (Rights::of_source(self.source(name, &entry.id)?), true, false),
                (None, Some(Role::Dispatch)) => (Rights::DISPATCH, true, false),
                (None, Some(Role::Desk)) => (Rights::DESK, true, true),
                (None, Some(Role::Read)) => (Rights::ALL, false, true),
                (None, Some(Role::Admin)) => (Rights::ALL, true, true),
                _ => return Err(wrong(&entry.id, "give it a source or a role".to_owned())),
            };
            let limit = entry.rate_limit.or(self.rate_limit);
            let known = before.get(&hash).and_then(|caller| caller.bucket.as_ref());
            let bucket = limit.map(|limit| match known {
                Some(bucket) if bucket.lines_per_second() == limit => bucket.clone(),
                _ => Arc::new(Bucket::new(limit)),
            });
            callers.insert(hash, Caller { rights, may_send, may_read, bucket, hash: Some(hash) });
        }
        Ok(callers)
    }

    fn source(&self, name: &str, id: &str) -> io::Result<SourceId> {
        self.city.source_names.get(name).map(SourceId).ok_or_else(|| {
            let why = format!("key {id}: the city knows no source {name}; revoke the key, or declare the source");
            io::Error::new(io::ErrorKind::InvalidData, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn add(folder: &Path, bits: u64, holder: Holder) -> (Key, String) {
        let key = Key::new([bits, 2, 3, 4]);
        let id = KeyFile::change(folder, |file| file.add(&key, holder, Some(5), "now".to_owned())).expect("written");
        (key, id)
    }

    fn open(folder: &Path) -> io::Result<Keys> {
        Keys::open(folder, Arc::new(City::pudong()), None)
    }

    #[test]
    fn keys_come_and_go_while_the_service_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = open(folder.path()).expect("no keys");
        let free = keys.admit(None, None).expect("nobody needs one");
        assert!(!keys.is_needed() && free.may_read && free.may_send);
        let (key, id) = add(folder.path(), 1, Holder::Source("app".to_owned()));
        assert_eq!(keys.admit(None, None).map(drop), Err(NotIn::NoKey));
        assert_eq!(keys.admit(Some("paidan_0"), None).map(drop), Err(NotIn::Unknown));
        assert!(keys.still(&free).is_none(), "who came in without one needs one now");
        let caller = keys.admit(Some(key.reveal()), None).expect("a key");
        assert!(caller.may_send && !caller.may_read && caller.rights.only().is_some());
        let bucket = caller.bucket.clone().expect("a limit");
        let (_, other) = add(folder.path(), 9, Holder::Role(Role::Admin));
        let again = keys.still(&caller).expect("still there").bucket.expect("a limit");
        assert!(Arc::ptr_eq(&bucket, &again), "what was sent is remembered");
        assert!(KeyFile::change(folder.path(), |file| file.revoke(&id)).expect("written"));
        assert!(keys.still(&caller).is_none());
        assert_eq!(keys.count(), 1);
        assert!(!KeyFile::change(folder.path(), |file| file.revoke(&id)).expect("written"));
        assert!(KeyFile::change(folder.path(), |file| file.revoke(&other)).expect("written"));
        fs::remove_file(KeyFile::path(folder.path())).expect("removed");
        assert_eq!(keys.admit(None, None).map(drop), Err(NotIn::NoKey), "a file that is gone lets nobody in");
        assert_eq!(keys.refused(), [2, 1, 0]);
    }

    #[test]
    fn a_file_that_cannot_be_read_lets_in_who_was_in_and_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, _) = add(folder.path(), 1, Holder::Role(Role::Read));
        let keys = open(folder.path()).expect("keys");
        let path = KeyFile::path(folder.path());
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("text");
        assert!(!text.contains(key.reveal()), "only the hash is kept");
        fs::write(&path, text.clone() + "x").expect("written");
        assert!(keys.admit(Some(key.reveal()), None).is_ok_and(|caller| caller.may_read && !caller.may_send));
        assert!(keys.trouble().is_some() && open(folder.path()).is_err());
        fs::write(&path, &text).expect("written");
        assert!(keys.trouble().is_none());
        for (broken, why) in [
            (text.replace("role = \"read\"", ""), "a source or a role"),
            (text.replace("role = \"read\"", "source = \"nobody\""), "no source nobody"),
            (text.replace("role = \"read\"", "role = \"king\""), "king"),
            (text.replace("sha256 = \"", "sha256 = \"x"), "64 hexadecimal"),
        ] {
            fs::write(&path, &broken).expect("written");
            let said = open(folder.path()).map(drop).expect_err(why).to_string();
            assert!(said.contains(why), "{said}");
        }
        fs::write(&path, &text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        assert!(open(folder.path()).map(drop).expect_err("others may read it").to_string().contains("chmod 600"));
    }
}
