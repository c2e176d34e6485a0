//! A service: the real program at work on free ports of this machine, and somebody who talks to it.

#![allow(dead_code, reason = "each test that talks to a service uses another part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// How long anything may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);

/// A service at work. Dropped, it is killed.
pub struct Service {
    child: Child,
    pub http: SocketAddr,
    pub tcp: SocketAddr,
    /// What it said until it was ready.
    pub facts: String,
    /// What it says after it was ready.
    rest: Option<JoinHandle<String>>,
}

impl Service {
    /// Starts a program on a data folder, and waits until it is ready.
    pub fn start(data: &Path) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_paidan")), data)
    }

    /// The same, with another place for HTTP and further arguments.
    pub fn start_at(data: &Path, http: &str, more: &[&str]) -> Self {
        Self::start_by_at(Command::new(env!("CARGO_BIN_EXE_paidan")), data, http, more)
    }

    /// The same, by a command to which the program's arguments are added.
    pub fn start_by(command: Command, data: &Path) -> Self {
        Self::start_by_at(command, data, "127.0.0.1:0", &[])
    }

    /// Starts one on a data folder where another one was, so that those who knew its address find it again.
    pub fn start_again(data: &Path, http: SocketAddr) -> Self {
        Self::start_at(data, &http.to_string(), &[])
    }

    fn start_by_at(mut command: Command, data: &Path, http: &str, more: &[&str]) -> Self {
        command.args(["serve", "--http", http, "--tcp", "127.0.0.1:0"]).args(more).arg("--data").arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut facts = String::new();
        while !facts.ends_with("ready\n") {
            let read = stderr.read_line(&mut facts).expect("the program writes UTF-8");
            assert!(read > 0, "the service ended before it was ready:\n{facts}");
        }
        let place = |name: &str| {
            let line = facts.lines().find_map(|line| line.strip_prefix(name)).expect("every door tells its place");
            line.trim().parse().expect("an address")
        };
        let (http, tcp) = (place("http "), place("tcp "));
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = stderr.read_to_string(&mut rest);
            rest
        });
        Self { child, http, tcp, facts, rest: Some(rest) }
    }

    /// Kills it with SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end, and gives its exit code and what it said.
    pub fn end(mut self) -> (Option<i32>, String) {
        self.ask_to_end();
        let code = self.child.wait().expect("it ends").code();
        (code, self.rest.take().expect("once").join().expect("text"))
    }

    /// Sends SIGTERM: to the service itself, also where another program started it, who else would leave it behind.
    pub fn ask_to_end(&self) {
        let said = self.facts.split("process ").nth(1).and_then(|rest| rest.lines().next());
        let kill = Command::new("kill").arg(said.expect("its number")).status().expect("kill starts");
        assert!(kill.success());
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        try_ask(self.http, method, path, headers, body).expect("the service answers")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub fn post(&self, kind: &str, body: &[u8]) -> Answer {
        self.ask("POST", "/v1/reports", &[("Content-Type", kind)], body)
    }

    /// Sends bytes to the door for lines, and reads receipts to the end.
    pub fn lines(&self, bytes: &[u8]) -> Vec<Value> {
        let mut stream = connect(self.tcp).expect("connected");
        let mut writing = stream.try_clone().expect("a handle");
        std::thread::scope(|scope| {
            scope.spawn(move || {
                writing.write_all(bytes).expect("written");
                writing.shutdown(std::net::Shutdown::Write).expect("shut");
            });
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("receipts");
            text.lines().map(|line| serde_json::from_str(line).expect("a receipt is JSON")).collect()
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that does not wait for ever.
pub fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// What stands before the body, in small letters.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    /// The value of a header, in small letters as its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find_map(|(known, value)| (known == name).then_some(value))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// One request on a connection of its own.
///
/// # Errors
/// If the connection fails before the answer is whole.
pub fn try_ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = connect(address)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    if headers.iter().all(|(name, _)| *name != "Host") {
        head += &format!("Host: {address}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    // An answer may come before all was sent.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(broken)?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let body = answer[end + 4..].to_vec();
    let said = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|len| len.parse().ok());
    if said.is_some_and(|said: usize| said != body.len()) {
        return Err(broken());
    }
    Ok(Answer { status, head, body })
}
