//! `paidan demo`: the service with a made-up day played into it, for whoever wants to see it at work.

use std::fs::DirBuilder;
use std::io::{self, IsTerminal};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::api::Phase;
use crate::city::City;
use crate::data::DataFolder;
use crate::failure::{Failure, tell};
use crate::meter::Led;
use crate::notices;
use crate::rehearsal::player::Play;
use crate::run;
use crate::serve::{self, Guest, Visit};

/// How many ports are tried, the one that was asked for first.
const PORTS: u16 = 100;

/// What a demo is asked to be.
pub struct Request {
    /// The data folder; a temporary one without it.
    pub data: Option<PathBuf>,
    /// Where the page is served, if the port is free.
    pub http: SocketAddr,
    /// Worker threads.
    pub threads: usize,
    /// Whether the page is opened.
    pub opens: Opens,
    /// What is played.
    pub play: Play,
}

/// Whether the page is opened in a browser.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opens {
    /// Yes.
    Always,
    /// Where somebody sees it: from a terminal, and where there is a display.
    Seen,
    /// No.
    Never,
}

/// Plays until the days are over, or somebody calls what `on_end` is given.
///
/// # Errors
/// Whatever keeps a service from serving, or ends it before it was asked to.
pub fn demo(request: Request, on_end: impl FnOnce(Box<dyn Fn() + Send>)) -> Result<(), Failure> {
    let Request { data, http, threads, opens, play } = request;
    let folder = Folder::new(data)?;
    check_city(&folder.path)?;
    let served = serve::Request {
        data: folder.path.clone(),
        city: None,
        http: free(http),
        tcp: None,
        unix: None,
        rate_limit: None,
        threads,
        // What nobody keeps shall not fill a disk, however long the city goes on.
        keep_gib: folder.is_temporary.then_some(1),
        notices: notices::Form::Text,
    };
    tell(format_args!(
        "演示 demo: {}; {} 倍速 times as fast as the world, {} 条/秒 reports a second, 种子 seed {}\n",
        play.profile.says(),
        play.speed,
        play.rate,
        play.seed
    ));
    let clock = Led::new(play.begin());
    let led = clock.clone();
    let speak = Box::new(move |visit: &Visit<'_>| {
        show_page(&visit.http, opens);
        if let Err(cause) = play.play(visit.office, visit.counter, &led) {
            tell(format_args!("无法演示 nothing can be played: {cause}\n"));
            visit.office.move_on(Phase::Closing);
        }
    });
    serve::serve(&served, Some(Guest { name: "demo", clock, speak }), on_end)
}

/// What is made up is about the built-in city: a folder of another one would turn all of it away.
fn check_city(folder: &Path) -> Result<(), Failure> {
    let kept = run::city(None, Some(&DataFolder::new(folder.to_owned())))?;
    if kept.version == City::pudong().version {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "{} 属于另一座城市 is of another city, {} ({}) version {:016x}: the demo is about the built-in one; give another folder with \
         --data, or none",
        folder.display(),
        kept.name_zh,
        kept.name_en,
        kept.version
    )))
}

/// The first port from the one that is wanted on that is free. Where none is, or the address cannot be used, whoever listens
/// there says why.
fn free(wanted: SocketAddr) -> SocketAddr {
    let is_taken =
        |address: &SocketAddr| TcpListener::bind(address).is_err_and(|cause| cause.kind() == io::ErrorKind::AddrInUse);
    let ports = (0..PORTS).map_while(|further| wanted.port().checked_add(further));
    let free = ports.map(|port| SocketAddr::new(wanted.ip(), port)).find(|address| !is_taken(address));
    let free = free.unwrap_or(wanted);
    if free != wanted {
        let (taken, free) = (wanted.port(), free.port());
        tell(format_args!("端口 {taken} 已被占用，改用 {free} port {taken} is taken, {free} is used instead\n"));
    }
    free
}

/// Says where the page is, and opens it.
fn show_page(http: &str, opens: Opens) {
    let page = format!("http://{http}/");
    tell(format_args!("页面 the page: {page}\nCtrl-C 结束 ends it\n"));
    let is_seen = || io::stderr().is_terminal() && has_display();
    if opens == Opens::Always || opens == Opens::Seen && is_seen() {
        open(&page);
    }
}

fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// Opens a page with what this machine opens pages with. Where that fails, the page is where it was said to be.
fn open(page: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Ok(mut opening) = command.spawn() {
        // It may stay as long as the browser does.
        std::thread::spawn(move || opening.wait());
    }
}

/// Where the journal is. A temporary folder is removed when it is dropped.
struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    fn new(asked_for: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(path) = asked_for {
            return Ok(Self { path, is_temporary: false });
        }
        let path = std::env::temp_dir().join(format!("paidan-demo-{:016x}", run::entropy()?));
        // What reports say is nobody else's business, even if it is made up.
        DirBuilder::new().mode(0o700).create(&path).map_err(|cause| Failure::file("create", &path, &cause))?;
        tell(format_args!("临时目录，结束时删除 a temporary folder, removed at the end: {}\n", path.display()));
        Ok(Self { path, is_temporary: true })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(cause) = std::fs::remove_dir_all(&self.path)
        {
            tell(format_args!("无法删除 cannot remove {}: {cause}\n", self.path.display()));
        }
    }
}
