//! The page of facts: what a service says about itself when it is ready.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use crate::city::City;
use crate::dispatch::Dispatcher;
use crate::journal::disk::Mode;
use crate::view::board::Board;

/// Everything that is said.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Its names and version.
    pub city: String,
    pub data: PathBuf,
    /// Records of the log that were decided again, and the last of all.
    pub decided: Range<u64>,
    pub recovery: Duration,
    pub mode: Mode,
    pub memory: Memory,
    /// Names and places of the doors.
    pub doors: Vec<(&'static str, String)>,
    /// Most connections of a door.
    pub connections: usize,
    /// How many keys there are; nothing where none is needed, and only this machine is served.
    pub keys: Option<usize>,
}

/// The most that is planned for, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub ids: u32,
    pub cases: u32,
    /// What the lane remembers; the replayer has as much while it works.
    pub mind: u64,
    /// Cases, units and cells as they are shown, and once more for the replayer.
    pub views: u64,
    /// Decisions for those who follow.
    pub feed: u64,
    /// What is under way through the doors.
    pub doors: u64,
}

impl Memory {
    pub(crate) fn of(city: &City, feed: u64, doors: u64) -> Self {
        Self {
            ids: city.memory.ids_max,
            cases: city.memory.cases_max,
            mind: Dispatcher::bytes_max(city),
            views: Board::bytes_max(city.memory.cases_max as usize),
            feed,
            doors,
        }
    }

    const fn total(&self) -> u64 {
        2 * (self.mind + self.views) + self.feed + self.doors
    }
}

/// What the processor has of what this program uses.
fn cpu() -> String {
    #[cfg(target_arch = "x86_64")]
    let has = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
        ("pclmulqdq", std::arch::is_x86_feature_detected!("pclmulqdq")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let has: [(&str, bool); 0] = [];
    let names: Vec<&str> = has.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores, {} {}", std::env::consts::ARCH, names.join(" "))
}

const fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { city, data, decided, recovery, mode, memory, doors, connections, keys } = self;
        writeln!(f, "派单 paidan {}, process {}", env!("CARGO_PKG_VERSION"), std::process::id())?;
        writeln!(f, "城市 city {city}")?;
        writeln!(
            f,
            "日志 journal {} ({} records, {} of them decided again in {:.2} s), {mode} writes, synced before every receipt",
            data.display(),
            decided.end,
            decided.end - decided.start,
            recovery.as_secs_f64()
        )?;
        writeln!(
            f,
            "内存 memory at most about {} MiB: {} ids and {} cases {} MiB, shown {} MiB, both again for the replayer; decisions \
             for followers {} MiB, doors {} MiB",
            mib(memory.total()),
            memory.ids,
            memory.cases,
            mib(memory.mind),
            mib(memory.views),
            mib(memory.feed),
            mib(memory.doors)
        )?;
        writeln!(f, "处理器 processor {}", cpu())?;
        for (name, place) in doors {
            writeln!(f, "{name} {place}")?;
        }
        writeln!(f, "连接 connections {connections} at each door")?;
        match keys {
            None => writeln!(f, "只在本机提供服务 only this machine is served: there are no keys")?,
            Some(keys) => writeln!(f, "需要密钥 a key is needed at every door: there are {keys}")?,
        }
        f.write_str("就绪 ready\n")
    }
}

impl Facts {
    /// The same for programs: one notice.
    pub(crate) fn note(&self) {
        let doors: Vec<String> = self.doors.iter().map(|(name, place)| format!("{name} {place}")).collect();
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            city = self.city,
            data = %self.data.display(),
            records = self.decided.end,
            decided_again = self.decided.end - self.decided.start,
            recovery_s = self.recovery.as_secs_f64(),
            disk = %self.mode,
            memory_max_bytes = self.memory.total(),
            processor = cpu(),
            doors = doors.join(", "),
            connections = self.connections,
            only_this_machine = self.keys.is_none(),
            keys = self.keys,
            "就绪 ready"
        );
    }
}
