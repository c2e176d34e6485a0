//! A disk in memory that loses what was not synced, tears what was being written, fails, fills up and rots: all drawn from
//! one seed. Tests hold a handle of it while the journal writes.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::buffer::BLOCK;
use super::disk::{Access, Disk, DiskFile};

/// What a real disk writes whole or not at all.
const SECTOR: usize = 512;

/// A step at which something goes wrong. Steps are counted from 0; every call that changes anything is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The power fails in this step, and stays away until [`SimDisk::reboot`].
    Crash,
    /// This step fails. A sync that fails loses what it should have kept, though reads still show it, as on Linux.
    Fail,
}

/// A simulated folder. Clones share it.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<State>>);

/// A file of a [`SimDisk`].
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    id: usize,
    access: Access,
    /// A file that was opened before a crash is gone.
    boot: u64,
}

#[derive(Debug)]
struct State {
    random: Random,
    steps: u64,
    fault: Option<(u64, Fault)>,
    /// Counts how often the power came back.
    boot: u64,
    is_down: bool,
    lies: bool,
    /// How many bytes all files together may take.
    budget: u64,
    files: Vec<Contents>,
    /// Names as programs see them.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending_names: Vec<NameChange>,
}

#[derive(Debug, Default)]
struct Contents {
    /// As programs see them.
    cached: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize { len: usize },
}

#[derive(Clone, Debug)]
enum NameChange {
    Create { name: String, id: usize },
    Rename { from: String, to: String },
    Remove { name: String },
}

/// SplitMix64: small, seeded, and the same everywhere.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

impl SimDisk {
    /// An empty folder; what is lost and torn follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random(seed),
            steps: 0,
            fault: None,
            boot: 0,
            is_down: false,
            lies: false,
            budget: u64::MAX,
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere leaves nothing half done here: each call changes the state in one go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many steps were taken so far.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Lets something go wrong `steps` steps from now (0 is the very next one). Replaces what was planned before.
    pub fn plan(&self, steps: u64, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.steps + steps, fault));
    }

    /// Lets every sync do nothing and say that all is well.
    pub fn lie(&self) {
        self.state().lies = true;
    }

    /// Lets all files together take at most `bytes`.
    pub fn set_budget(&self, bytes: u64) {
        self.state().budget = bytes;
    }

    /// How many bytes all files together take.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// Cuts the power now: each change that was not synced is kept, lost, or (a write) torn at sectors.
    pub fn crash(&self) {
        self.state().crash();
    }

    /// Brings the power back, with no fault planned.
    pub fn reboot(&self) {
        let mut state = self.state();
        state.is_down = false;
        state.fault = None;
    }

    /// Whether the power is away.
    pub fn is_down(&self) -> bool {
        self.state().is_down
    }

    /// Flips a bit of a file at rest.
    ///
    /// # Panics
    /// If the file is not there or not that long.
    pub fn flip(&self, name: &str, byte: u64, bit: u32) {
        self.at_rest(name, |bytes| bytes[byte as usize] ^= 1 << bit);
    }

    /// Puts other bytes into a file at rest.
    ///
    /// # Panics
    /// If the file is not there or not that long.
    pub fn overwrite(&self, name: &str, at: u64, with: &[u8]) {
        self.at_rest(name, |bytes| bytes[at as usize..][..with.len()].copy_from_slice(with));
    }

    /// Cuts a file at rest.
    ///
    /// # Panics
    /// If the file is not there.
    pub fn cut(&self, name: &str, len: u64) {
        self.at_rest(name, |bytes| bytes.truncate(len as usize));
    }

    fn at_rest(&self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut state = self.state();
        let id = *state.names.get(name).expect("the file is there");
        let file = &mut state.files[id];
        change(&mut file.cached);
        change(&mut file.durable);
    }

    /// A disk of its own with the same files, all of them at rest.
    pub fn fork(&self, seed: u64) -> Self {
        let fork = Self::new(seed);
        let state = self.state();
        let mut new = fork.state();
        for (name, &id) in &state.names {
            let bytes = &state.files[id].cached;
            new.files.push(Contents { cached: bytes.clone(), durable: bytes.clone(), pending: Vec::new() });
            let id = new.files.len() - 1;
            new.names.insert(name.clone(), id);
        }
        new.durable_names = new.names.clone();
        drop(new);
        fork
    }

    /// What programs see of a file.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|&id| state.files[id].cached.clone())
    }
}

impl State {
    /// Counts a step. What happens in a step that crashes is done first, and then kept, lost or torn like all that is unsynced.
    fn step(&mut self) -> io::Result<Option<Fault>> {
        if self.is_down {
            return Err(io::Error::other("the power is away"));
        }
        let step = self.steps;
        self.steps += 1;
        Ok(self.fault.filter(|&(at, _)| at == step).map(|(_, fault)| fault))
    }

    /// Takes a step that changes something: `change` is made unless the step fails.
    fn change<T>(&mut self, change: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        match self.step()? {
            None => change(self),
            Some(Fault::Fail) => Err(failed()),
            Some(Fault::Crash) => {
                // Whatever comes of it is lost with the power.
                let _ = change(self);
                self.crash();
                Err(io::Error::other("the power fails"))
            }
        }
    }

    fn crash(&mut self) {
        let Self { files, random, .. } = self;
        for file in files {
            file.settle(random, true);
            file.cached = file.durable.clone();
        }
        for change in std::mem::take(&mut self.pending_names) {
            if self.random.below(2) == 0 {
                change.apply(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
        self.is_down = true;
        self.boot += 1;
    }

    fn used(&self) -> u64 {
        self.names.values().map(|&id| self.files[id].cached.len() as u64).sum()
    }

    fn id(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no file {name}")))
    }

    fn rename_all(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    fn resize(&mut self, id: usize, len: usize) -> io::Result<()> {
        let more = len.saturating_sub(self.files[id].cached.len());
        if self.used() + more as u64 > self.budget {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.files[id].change(Change::Resize { len });
        Ok(())
    }
}

impl Contents {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.cached);
        self.pending.push(change);
    }

    /// Lets each change that was not synced be kept or lost, and writes be torn where `tears` says so.
    fn settle(&mut self, random: &mut Random, tears: bool) {
        for change in std::mem::take(&mut self.pending) {
            match (random.below(3), change) {
                (0, _) => {}
                (1, Change::Write { at, bytes }) if tears => {
                    for (i, sector) in bytes.chunks(SECTOR).enumerate() {
                        if random.below(2) == 0 {
                            Change::Write { at: at + i * SECTOR, bytes: sector.to_vec() }.apply(&mut self.durable);
                        }
                    }
                }
                (_, change) => change.apply(&mut self.durable),
            }
        }
    }

    fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Resize { len } => contents.resize(*len, 0),
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

impl NameChange {
    /// A change whose file is not there (the change that made it was lost) changes nothing.
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create { name, id } => {
                names.insert(name.clone(), *id);
            }
            Self::Rename { from, to } => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
            Self::Remove { name } => {
                names.remove(name);
            }
        }
    }
}

fn failed() -> io::Error {
    io::Error::other("the disk reports an input/output error")
}

impl Disk for SimDisk {
    type File = SimFile;

    fn create(&self, name: &str, bytes: u64) -> io::Result<SimFile> {
        let mut state = self.state();
        let id = state.change(|state| {
            if let Some(&id) = state.names.get(name) {
                state.resize(id, 0)?;
                state.resize(id, bytes as usize)?;
                return Ok(id);
            }
            state.files.push(Contents::default());
            let id = state.files.len() - 1;
            state.rename_all(NameChange::Create { name: name.to_owned(), id });
            state.resize(id, bytes as usize)?;
            Ok(id)
        })?;
        Ok(SimFile { disk: self.clone(), id, access: Access::Write, boot: state.boot })
    }

    fn open(&self, name: &str, access: Access) -> io::Result<SimFile> {
        let state = self.state();
        if state.is_down {
            return Err(io::Error::other("the power is away"));
        }
        Ok(SimFile { disk: self.clone(), id: state.id(name)?, access, boot: state.boot })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().change(|state| {
            state.id(from)?;
            state.rename_all(NameChange::Rename { from: from.to_owned(), to: to.to_owned() });
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().change(|state| {
            state.id(name)?;
            state.rename_all(NameChange::Remove { name: name.to_owned() });
            Ok(())
        })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        if state.is_down {
            return Err(io::Error::other("the power is away"));
        }
        Ok(state.names.keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.state().change(|state| {
            if !state.lies {
                for change in std::mem::take(&mut state.pending_names) {
                    change.apply(&mut state.durable_names);
                }
            }
            Ok(())
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("sim").join(name)
    }
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        match self.boot == state.boot {
            true => Ok(state),
            false => Err(io::Error::other("the file was opened before the power failed")),
        }
    }

    fn assert_access(&self, access: Access) {
        assert_eq!(self.access, access, "the file was opened for the other");
    }
}

impl DiskFile for SimFile {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.assert_access(Access::Write);
        let is_aligned = [at as usize, bytes.len(), bytes.as_ptr().addr()].iter().all(|n| n.is_multiple_of(BLOCK));
        assert!(is_aligned, "direct writes are of whole blocks, from aligned memory");
        let id = self.id;
        self.state()?.change(|state| {
            let end = at as usize + bytes.len();
            let more = end.saturating_sub(state.files[id].cached.len());
            if state.used() + more as u64 > state.budget {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.files[id].change(Change::Write { at: at as usize, bytes: bytes.to_vec() });
            Ok(())
        })
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.assert_access(Access::Read);
        let state = self.state()?;
        let there = state.files[self.id].cached.get(at as usize..).unwrap_or_default();
        let len = there.len().min(bytes.len());
        bytes[..len].copy_from_slice(&there[..len]);
        Ok(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.state()?.files[self.id].cached.len() as u64)
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.assert_access(Access::Write);
        let id = self.id;
        self.state()?.change(|state| state.resize(id, bytes as usize))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.assert_access(Access::Write);
        let id = self.id;
        let mut guard = self.state()?;
        let state = &mut *guard;
        match state.step()? {
            None if state.lies => Ok(()),
            None => {
                state.files[id].sync();
                Ok(())
            }
            Some(Fault::Crash) => {
                state.crash();
                Err(io::Error::other("the power fails"))
            }
            Some(Fault::Fail) => {
                // The pages count as clean from now on, so a second sync would succeed and keep nothing.
                state.files[id].settle(&mut state.random, true);
                Err(failed())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::buffer::AlignedBuf;

    fn blocks(byte: u8, count: usize) -> AlignedBuf {
        let mut blocks = AlignedBuf::new();
        blocks.space(count * BLOCK).fill(byte);
        blocks
    }

    /// The contents of "x" after a crash, over many seeds.
    fn outcomes(act: impl Fn(&SimDisk)) -> Vec<Option<Vec<u8>>> {
        let run = |seed| {
            let disk = SimDisk::new(seed);
            act(&disk);
            disk.crash();
            assert!(disk.list().is_err(), "without power nothing answers");
            disk.reboot();
            disk.contents("x")
        };
        (0..200).map(run).collect()
    }

    fn write_synced(disk: &SimDisk) -> SimFile {
        let mut file = disk.create("x", 2 * BLOCK as u64).unwrap();
        file.write_at(0, blocks(1, 2).as_slice()).unwrap();
        file.sync().unwrap();
        disk.sync_dir().unwrap();
        file
    }

    #[test]
    fn what_was_synced_stays() {
        let all = outcomes(|disk| drop(write_synced(disk)));
        assert!(all.iter().all(|contents| contents.as_deref() == Some(blocks(1, 2).as_slice())));
    }

    #[test]
    fn an_unsynced_name_is_kept_or_lost() {
        let all = outcomes(|disk| {
            disk.create("x", 0).unwrap();
        });
        assert!(all.iter().any(Option::is_some) && all.iter().any(Option::is_none));
    }

    #[test]
    fn an_unsynced_write_is_kept_lost_or_torn_at_sectors() {
        let all = outcomes(|disk| write_synced(disk).write_at(0, blocks(2, 2).as_slice()).unwrap());
        let sectors = |contents: &Option<Vec<u8>>| -> Vec<u8> {
            let contents = contents.as_ref().unwrap();
            assert!(contents.chunks(SECTOR).all(|sector| sector.iter().all(|&byte| byte == sector[0])));
            contents.iter().copied().step_by(SECTOR).collect()
        };
        let all: Vec<_> = all.iter().map(sectors).collect();
        assert!(all.iter().any(|sectors| sectors.iter().all(|&byte| byte == 1)), "lost");
        assert!(all.iter().any(|sectors| sectors.iter().all(|&byte| byte == 2)), "kept");
        assert!(all.iter().any(|sectors| sectors.contains(&1) && sectors.contains(&2)), "torn");
    }

    #[test]
    fn a_lying_disk_keeps_nothing_for_sure() {
        let all = outcomes(|disk| {
            disk.lie();
            write_synced(disk);
        });
        assert!(all.iter().any(|contents| contents.as_deref() != Some(blocks(1, 2).as_slice())));
    }

    #[test]
    fn a_failed_sync_loses_pages_that_reads_still_show_and_a_second_one_does_not_help() {
        let all = outcomes(|disk| {
            let mut file = write_synced(disk);
            file.write_at(0, blocks(2, 2).as_slice()).unwrap();
            disk.plan(0, Fault::Fail);
            assert!(file.sync().is_err());
            assert_eq!(disk.contents("x").as_deref(), Some(blocks(2, 2).as_slice()));
            file.sync().unwrap();
        });
        assert!(all.iter().any(|contents| contents.as_deref() == Some(blocks(1, 2).as_slice())));
    }

    #[test]
    fn a_full_disk_says_so_and_old_handles_die_with_the_power() {
        let disk = SimDisk::new(0);
        disk.set_budget(2 * BLOCK as u64);
        let mut file = write_synced(&disk);
        assert_eq!(disk.used(), 2 * BLOCK as u64);
        assert_eq!(disk.create("y", 1).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(
            file.write_at(BLOCK as u64, blocks(1, 2).as_slice()).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        disk.crash();
        assert!(disk.is_down());
        disk.reboot();
        assert!(file.sync().is_err());
    }
}
