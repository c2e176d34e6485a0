//! What the journal needs of a disk, and the real one. The simulated one, which can lose and break things, is in
//! [`super::sim`].

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, OFlags, fallocate};

use super::buffer::{AlignedBuf, BLOCK};

/// One folder of files. Nothing done here is on the disk before [`DiskFile::sync`] (contents) or [`Disk::sync_dir`] (names).
pub trait Disk {
    /// A file of the folder.
    type File: DiskFile;

    /// Creates a file, or empties the one that is there, and gives it `bytes` bytes of zeros that are set aside on the disk.
    fn create(&self, name: &str, bytes: u64) -> io::Result<Self::File>;

    /// Opens a file that is there.
    fn open(&self, name: &str, access: Access) -> io::Result<Self::File>;

    /// Gives a file another name; a file of that name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Puts the names on the disk.
    fn sync_dir(&self) -> io::Result<()>;

    /// The full path of a file, for error texts.
    fn path(&self, name: &str) -> PathBuf;
}

/// A file of a [`Disk`].
pub trait DiskFile {
    /// Writes whole blocks: `at`, the length of `bytes` and its address are multiples of [`BLOCK`].
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Writes several parts, one behind the other, each as [`DiskFile::write_at`] takes it: at once where the system can.
    fn write_parts_at(&mut self, at: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut at = at;
        for part in parts {
            self.write_at(at, part)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    /// Reads until `bytes` is full or the file ends; gives how many bytes were read. Only for [`Access::Read`].
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// How long the file is, in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Cuts the file to `bytes`.
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;

    /// Puts the contents on the disk. Once this has failed, nothing is known about what was written since the last success.
    fn sync(&mut self) -> io::Result<()>;
}

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Reading, through the page cache.
    Read,
    /// Writing, around the page cache where the file system takes that.
    Write,
}

/// How the real disk writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// From the journal's buffer to the device (`O_DIRECT`).
    Direct,
    /// Through the page cache.
    Buffered,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Buffered => "buffered",
        })
    }
}

/// Locked by the one process that writes.
const LOCK: &str = "lock";
/// Written once to learn whether the file system takes direct writes.
const PROBE: &str = "probe";

/// A folder of a real file system.
#[derive(Debug)]
pub struct RealDisk {
    folder: PathBuf,
    /// The folder itself, for putting names on the disk.
    names: File,
    mode: Mode,
    /// Held as long as the disk; absent where the folder is only read.
    _lock: Option<File>,
}

impl RealDisk {
    /// Opens a folder for writing, creates it where it is missing, and locks it against every other process.
    ///
    /// # Errors
    /// If the folder cannot be created, opened or written, or another process holds it.
    pub fn open(folder: &Path) -> io::Result<Self> {
        create_folders(folder)?;
        let lock = lock(folder)?;
        let mode = probe(folder)?;
        Ok(Self { folder: folder.to_owned(), names: File::open(folder)?, mode, _lock: Some(lock) })
    }

    /// Opens a folder for reading only. A process that writes there is not disturbed, and what it has not synced may be seen.
    ///
    /// # Errors
    /// If the folder cannot be opened.
    pub fn read_only(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), names: File::open(folder)?, mode: Mode::Buffered, _lock: None })
    }

    /// Opens the folder of a process that writes, to give up and to pack what that process has left behind for good. It is that
    /// process's lock that keeps others away.
    ///
    /// # Errors
    /// If the folder cannot be opened.
    pub fn beside_the_writer(folder: &Path) -> io::Result<Self> {
        Self::read_only(folder)
    }

    /// How files are written here.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true);
        if self.mode == Mode::Direct {
            options.custom_flags(OFlags::DIRECT.bits().cast_signed());
        }
        options
    }
}

/// Creates a folder and those above it, and puts each new name on the disk: a folder whose name is lost is lost with all
/// that was synced in it.
fn create_folders(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(folder)?;
    for path in missing {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let parent = File::open(parent)?;
        sync(|| parent.sync_all())?;
    }
    Ok(())
}

fn lock(folder: &Path) -> io::Result<File> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::WouldBlock,
            format!("{} is locked: another process writes here; stop it, or use another folder", path.display()),
        )),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Asks the file system once whether it takes direct writes: some refuse when the file is opened, some when it is written.
fn probe(folder: &Path) -> io::Result<Mode> {
    let path = folder.join(PROBE);
    let direct = OFlags::DIRECT.bits().cast_signed();
    let mut block = AlignedBuf::new();
    block.space(BLOCK).fill(0);
    let answer = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(direct)
        .open(&path)
        .and_then(|file| file.write_all_at(block.as_slice(), 0));
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match answer {
        Ok(()) => Ok(Mode::Direct),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(Mode::Buffered),
        Err(error) => Err(error),
    }
}

/// The one place where something is put on the disk: through here goes every sync of the journal.
fn sync(how: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if cfg!(feature = "fault-no-sync") {
        return Ok(());
    }
    how()
}

fn set_aside(file: &File, bytes: u64) -> io::Result<()> {
    if bytes == 0 {
        // The system takes that for a mistake.
        return Ok(());
    }
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        // Such a file system sets nothing aside; a full disk then shows when a frame is written.
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(bytes),
        Err(error) => Err(error.into()),
    }
}

impl Disk for RealDisk {
    type File = RealFile;

    fn create(&self, name: &str, bytes: u64) -> io::Result<RealFile> {
        let file = self.options().create(true).truncate(true).open(self.path(name))?;
        set_aside(&file, bytes)?;
        Ok(RealFile(file))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<RealFile> {
        match access {
            Access::Read => File::open(self.path(name)),
            Access::Write => self.options().open(self.path(name)),
        }
        .map(RealFile)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        // A name that is not UTF-8 is none of the journal's.
        let names = fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn sync_dir(&self) -> io::Result<()> {
        sync(|| self.names.sync_all())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Most parts that are given to the system in one call.
const PARTS_AT_ONCE: usize = 64;

/// A file of a [`RealDisk`].
#[derive(Debug)]
pub struct RealFile(File);

impl DiskFile for RealFile {
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, at)
    }

    /// One system call keeps the device busy with all parts, where one for each would wait for each.
    fn write_parts_at(&mut self, mut at: u64, mut parts: &[&[u8]]) -> io::Result<()> {
        while let Some(first) = parts.first() {
            let mut slices = [IoSlice::new(&[]); PARTS_AT_ONCE];
            for (slice, part) in slices.iter_mut().zip(parts) {
                *slice = IoSlice::new(part);
            }
            let mut written = rustix::io::pwritev(&self.0, &slices[..parts.len().min(PARTS_AT_ONCE)], at)? as u64;
            if written < first.len() as u64 {
                // Cut short within a part: what is left of it is written as it would be alone.
                self.0.write_all_at(&first[written as usize..], at + written)?;
                written = first.len() as u64;
            }
            // Whole parts are done; one that was cut short later is written again from its beginning.
            while let Some(done) = parts.first().filter(|part| part.len() as u64 <= written) {
                written -= done.len() as u64;
                at += done.len() as u64;
                parts = &parts[1..];
            }
        }
        Ok(())
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < bytes.len() {
            match self.0.read_at(&mut bytes[read..], at + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        sync(|| self.0.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(byte: u8) -> AlignedBuf {
        let mut block = AlignedBuf::new();
        block.space(BLOCK).fill(byte);
        block
    }

    #[test]
    fn a_real_folder_does_what_the_journal_asks() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b/c");
        let disk = RealDisk::open(&folder).unwrap();
        let mut file = disk.create("x", 3 * BLOCK as u64).unwrap();
        file.write_at(BLOCK as u64, block(7).as_slice()).unwrap();
        file.write_parts_at(0, &[]).unwrap();
        file.sync().unwrap();
        disk.rename("x", "y").unwrap();
        disk.sync_dir().unwrap();
        assert!(disk.open("x", Access::Read).is_err());

        let reader = disk.open("y", Access::Read).unwrap();
        let mut bytes = vec![0xff; 5 * BLOCK];
        assert_eq!(reader.read_at(0, &mut bytes).unwrap(), 3 * BLOCK);
        assert!(bytes[..BLOCK].iter().all(|&byte| byte == 0) && bytes[BLOCK..2 * BLOCK].iter().all(|&byte| byte == 7));
        assert_eq!(reader.read_at(9 * BLOCK as u64, &mut bytes).unwrap(), 0);

        let mut writer = disk.open("y", Access::Write).unwrap();
        writer.truncate(BLOCK as u64).unwrap();
        assert_eq!(reader.size().unwrap(), BLOCK as u64);

        let mut names = disk.list().unwrap();
        names.sort();
        assert_eq!(names, [LOCK, "y"], "the probe is gone");
        disk.remove("y").unwrap();
        assert_eq!(disk.list().unwrap(), [LOCK]);
    }

    #[test]
    fn parts_lie_one_behind_the_other_however_many() {
        let folder = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(folder.path()).unwrap();
        let blocks: Vec<AlignedBuf> = (0..PARTS_AT_ONCE + 7).map(|n| block(n as u8 + 1)).collect();
        let parts: Vec<&[u8]> = blocks.iter().map(AlignedBuf::as_slice).collect();
        let mut file = disk.create("x", ((parts.len() + 1) * BLOCK) as u64).unwrap();
        file.write_parts_at(BLOCK as u64, &parts).unwrap();
        let mut bytes = vec![0; (parts.len() + 1) * BLOCK];
        disk.open("x", Access::Read).unwrap().read_at(0, &mut bytes).unwrap();
        assert_eq!(bytes[BLOCK..], parts.concat());
    }

    #[test]
    fn a_folder_has_one_writer_and_any_number_of_readers() {
        let folder = tempfile::tempdir().unwrap();
        let first = RealDisk::open(folder.path()).unwrap();
        let error = RealDisk::open(folder.path()).expect_err("the folder is locked");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(error.to_string().contains("another process writes here"), "{error}");
        RealDisk::read_only(folder.path()).unwrap();
        drop(first);
        RealDisk::open(folder.path()).unwrap();
    }
}
