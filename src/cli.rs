//! The command line: what was typed becomes what is asked for.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::api::keys::{Holder, Role};
use crate::check;
use crate::city::City;
use crate::corrections;
use crate::data::{self, DataFolder, Printed, ReplayError, Replayed, Run};
use crate::demo::{self, Opens};
use crate::eval;
use crate::explain;
use crate::failure::{Failure, tell};
use crate::ingest::input::STDIN;
use crate::inspect;
use crate::keys;
use crate::notices;
use crate::publish::{Press, Sink};
use crate::rehearsal::player::Play;
use crate::rehearsal::profile::Profile;
use crate::run::{self, Ran, Request};
use crate::serve;
use crate::shadow;
use crate::snapshots::{Start, no_beginning, to_the_beginning};
use crate::summary::{Outcome, Summary};
use crate::systemd;
use crate::time::At;
use crate::train;
use crate::trial;
use crate::view::decision::{Decisions, Emit};
use crate::view::explain::Lang;
use crate::view::overview;

const EXIT_CODES: &str = "\
Exit codes:
  0    done; `serve`, `demo` and --follow also: stopped by Ctrl-C or SIGTERM, with all that was read decided
  1    the machine failed: a file or disk cannot be read or written, or nobody reads the decisions any more
  2    refused: the command line, the city or an input is not acceptable. An input that turns out to be damaged ends where
       the damage begins; what came before, and every other input, is decided, and the ledger is closed
  3    the journal is damaged, or the ledger does not close
  130  interrupted: what was read is decided, and the ledger is closed";

/// 派单 paidan: reports in, durable assignments out.
#[derive(Parser, Debug)]
#[command(name = "paidan", version, about, after_help = EXIT_CODES, max_term_width = 100)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(RunLine),
    Serve(ServeLine),
    Keys(KeysLine),
    Demo(DemoLine),
    Replay(ReplayLine),
    Verify(VerifyLine),
    Explain(ExplainLine),
    Inspect(InspectLine),
    Check(CheckLine),
    Test(TestLine),
    Train(TrainLine),
    Eval(EvalLine),
    Corrections(CorrectionsLine),
    Completions(CompletionsLine),
}

const RUN_EXAMPLES: &str = "\
Examples:
  paidan run reports.ndjson --out decisions.ndjson
  paidan run day.ndjson --city my-city --data /var/lib/paidan/day --out day.out --emit assigned
  paidan run night.ndjson.gz day.ndjson.zst --source 12345 --summary summary.json > decisions.ndjson
  paidan run reports.ndjson --dead-letter bad.ndjson --data day    # then mend bad.ndjson, and:
  paidan run bad.ndjson --dead-letter still-bad.ndjson --data day
  paidan run --follow /var/log/app.ndjson --data follow

What an input is, its first bytes say: gzip and zstd are unpacked, and a file that begins with a dead letter holds mended \
dead letters. With --source NAME the city may declare how the lines of that source are to be read, and that its files are \
tables (CSV) or written in GB18030.

With --data the run survives anything: the same command again goes on behind the last decision that was on the disk, and \
--out ends as if nothing had happened. A complete run can be followed by others in the same folder: they go on with its \
cases and ids, and of a file that grew they read what is new. Without --city it takes the city that is kept there.";

/// Decide about files of reports: NDJSON in, decisions as NDJSON out, a summary on stderr
#[derive(Args, Debug)]
#[command(after_help = RUN_EXAMPLES)]
struct RunLine {
    /// Files of reports, one JSON object a line, compressed or not; several are merged by event time. - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Folder of the city [default: the one kept in --data, else Pudong, which is built in]
    #[arg(long, value_name = "DIR")]
    city: Option<PathBuf>,
    /// The source of lines that do not name one; its layout in the city is that of the files
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Write decisions to a file [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write rejected lines, each with its reason and place, to a file; mended, it is an input like any other
    #[arg(long, value_name = "FILE")]
    dead_letter: Option<PathBuf>,
    /// Write the summary as JSON to a file
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Which decisions are written
    #[arg(long, value_enum, default_value_t = EmitWord::All)]
    emit: EmitWord,
    /// Keep a durable journal in a folder; the same command again takes it up, another one goes on behind it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Wait for more when a file ends, and decide about each line as it comes, under the clock of this machine; the summary
    /// tells how long that took, against the city's budgets
    #[arg(long, short)]
    follow: bool,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Size of the pieces that workers read; decides nothing
    #[arg(long, value_name = "KIB", default_value_t = 256, hide = true, value_parser = clap::value_parser!(u32).range(1..=4096))]
    chunk_kib: u32,
    /// No facts, progress or summary on stderr
    #[arg(long, short)]
    quiet: bool,
}

/// Which decisions are written.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum EmitWord {
    /// Every effect
    All,
    /// Only assignments
    Assigned,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  paidan serve --data /var/lib/paidan
  paidan serve --data /var/lib/paidan --print-systemd-unit | sudo tee /etc/systemd/system/paidan.service
  paidan serve --data centre --city my-city --http 127.0.0.1:8080 --tcp 127.0.0.1:8081 --unix /run/paidan.sock

  curl -s localhost:8080/v1/reports --json '{\"source\":\"app\",\"id\":\"1\",\"lng\":121.53,\"lat\":31.21,\"category\":\"01037\"}'
  curl -s localhost:8080/v1/reports -H 'Content-Type: application/x-ndjson' --data-binary @reports.ndjson
  curl -N localhost:8080/v1/events                         # decisions as they are made; Last-Event-ID goes on exactly
  curl -s 'localhost:8080/v1/explain/SL000000000195?lang=en'
  socat - TCP:127.0.0.1:8081 < reports.ndjson              # lines in, receipts out, in the same order

A receipt comes when the report and its decision are on the disk, not before: a report with a receipt is never lost. What \
got none may be sent again; under the same source and id it is recognised and gets the same tracking number.

Without keys only this machine is served. With keys (paidan keys --help) every door wants one, and other machines may come. \
http://ADDRESS/v1/docs describes all requests, to be tried.

Ctrl-C or SIGTERM: nothing new is taken, what was taken is answered, the ledger is closed. Started again on the same \
folder the service goes on where it was, also after a crash.";

/// Take reports over HTTP, TCP and a Unix socket, decide about them as they come, and tell who asks and who follows
#[derive(Args, Debug)]
#[command(after_help = SERVE_EXAMPLES)]
struct ServeLine {
    /// Keep the durable journal in a folder; the same folder goes on where it was
    #[arg(long, value_name = "DIR", default_value = "paidan-data")]
    data: PathBuf,
    /// Folder of the city [default: the one kept in --data, else Pudong, which is built in]
    #[arg(long, value_name = "DIR")]
    city: Option<PathBuf>,
    /// Where HTTP is served; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    http: std::net::SocketAddr,
    /// Take lines over TCP, too
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<std::net::SocketAddr>,
    /// Take lines on a Unix socket, too
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// Most lines a second that a key without a limit of its own, or a door without keys, takes; a second's worth at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate_limit: Option<u32>,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// How much of the journal is kept at least; what is older is given up when a snapshot stands for it [default: all]
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u32).range(1..))]
    keep_gib: Option<u32>,
    /// How it says what happens, on stderr
    #[arg(long, value_enum, default_value_t = NoticesWord::Text)]
    log: NoticesWord,
    /// Print a unit for systemd that runs the service with these arguments, and do nothing else
    #[arg(long)]
    print_systemd_unit: bool,
}

/// How a service says what happens.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum NoticesWord {
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}

const KEYS_EXAMPLES: &str = "\
Examples:
  paidan keys add --data /var/lib/paidan --source app --rate-limit 500
  paidan keys add --data /var/lib/paidan --role read
  paidan keys list --data /var/lib/paidan
  paidan keys revoke --data /var/lib/paidan 3f9c0a17b2d4

  curl -H 'Authorization: Bearer KEY' …                            # HTTP
  (echo '{\"key\":\"KEY\"}'; cat reports.ndjson) | socat - TCP:…     # TCP and Unix sockets: the first line

A key is shown once; what is kept of it in DIR/keys.toml is its SHA-256. A service that runs sees changes at once. With the \
first key the service wants one for everything but /livez, /readyz and files that hold nothing of the city, and may be \
reached from other machines; put TLS before it there.";

/// Make, list and take back the keys of a service
#[derive(Args, Debug)]
#[command(after_help = KEYS_EXAMPLES)]
struct KeysLine {
    #[command(subcommand)]
    what: KeysCommand,
}

#[derive(Subcommand, Debug)]
enum KeysCommand {
    /// Make a key, and print it once
    Add(KeysAddLine),
    /// Print what is kept: name, whom it was given to, limit
    List {
        /// The data folder
        #[arg(long, value_name = "DIR", default_value = "paidan-data")]
        data: PathBuf,
    },
    /// Take a key back
    Revoke {
        /// The data folder
        #[arg(long, value_name = "DIR", default_value = "paidan-data")]
        data: PathBuf,
        /// Its name, as in the list
        id: String,
    },
}

#[derive(Args, Debug)]
struct KeysAddLine {
    /// The data folder; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "paidan-data")]
    data: PathBuf,
    /// Folder of the city, where it is not the one kept in --data or Pudong
    #[arg(long, value_name = "DIR")]
    city: Option<PathBuf>,
    /// The source that it may send reports of
    #[arg(long, value_name = "NAME", required_unless_present = "role", conflicts_with = "role")]
    source: Option<String>,
    /// What else it is for
    #[arg(long, value_enum)]
    role: Option<RoleWord>,
    /// Most lines a second that it may send
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate_limit: Option<u32>,
}

/// What a key is for that is no source's.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum RoleWord {
    /// Actions on orders, and units' status
    Dispatch,
    /// The review desk: rulings, whatever dispatch may, and reading
    Desk,
    /// Reads, feeds, and the page
    Read,
    /// Everything
    Admin,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  paidan demo                                    # a day with a typhoon in 24 minutes, and the page to watch it
  paidan demo --speed 600 --rate 2000            # the same day in less than three minutes
  paidan demo --profile outage --no-open --http 127.0.0.1:9000
  paidan demo --data rehearsal --days 1          # kept: then paidan explain, inspect, replay and verify have a day to look at

The reports are made up, by the profiles with which the load harness measures; crews that are made up too take the orders, give \
some back, finish and close them. The same seed makes the same reports. A day starts at midnight in Shanghai; when it is over \
the next one begins, with other reports. Log time is that of the demo, not of this machine, so a folder that a demo \
has written is for demos: the next one begins with the next day. Without options, the journal of a day takes about 450 MB; of one \
that is not kept, what is older than the newest GiB is given up.

While it runs it is a service like any other: whatever `paidan serve` answers, it answers too.";

/// Watch a city at work, without any of your own: the service, with a made-up day that turns into a typhoon, and its page
#[derive(Args, Debug)]
#[command(after_help = DEMO_EXAMPLES)]
struct DemoLine {
    /// Keep the journal in a folder [default: a temporary folder, which is removed at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the page is served; where the port is taken, the next free one is used
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    http: std::net::SocketAddr,
    /// How many times as fast as the world the city's time goes; a machine that cannot keep up goes slower
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    speed: u32,
    /// Reports a second, on the average of a day
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// What happens
    #[arg(long, value_name = "NAME", default_value = "typhoon", value_parser = clap::builder::PossibleValuesParser::new(Profile::NAMES))]
    profile: String,
    /// Another seed gives another day
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// End after so many days of 24 hours [default: when it is asked to]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    days: Option<u64>,
    /// Open the page in a browser [default: only from a terminal, and where there is a display]
    #[arg(long, overrides_with = "no_open")]
    open: bool,
    /// Do not open it
    #[arg(long)]
    no_open: bool,
    /// Worker threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  paidan replay data                                    # the digest of all that was decided, and the ledger
  paidan replay data --out decisions.ndjson --emit assigned
  paidan replay data --city next                        # what would be decided otherwise in the city in the folder next
  paidan replay data --city next --out changes.ndjson --summary changes.json

Another city than the one that the folder keeps makes it a shadow run: every body is read and understood again by that city, a \
second mind decides with it, and what differs is told, by class and area. Nothing in the folder changes. A case is \
named after its first report, so the same case has the same number on both sides. It needs a journal that is kept from its first record on.";

/// Decide again about a journal: the same digest, and the decisions if asked for; or what another city would change
#[derive(Args, Debug)]
#[command(after_help = REPLAY_EXAMPLES)]
struct ReplayLine {
    /// The data folder
    dir: PathBuf,
    /// Folder of the city [default: the one kept in the data folder]; another one than that makes a shadow run
    #[arg(long, value_name = "DIR")]
    city: Option<PathBuf>,
    /// Write the decisions to a file; of a shadow run, those that would change
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Which decisions are written; of a shadow run, all that would change
    #[arg(long, value_enum, default_value_t = EmitWord::All)]
    emit: EmitWord,
    /// Write the summary as JSON to a file
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

/// Audit a journal: every checksum, the chain, the digest at every frame, the ledger
#[derive(Args, Debug)]
struct VerifyLine {
    /// The data folder
    dir: PathBuf,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  paidan explain 12345/SZ20260101-77 --data day     a report of a source
  paidan explain 4711 --data day                    a case; else a record; else a report of that id
  paidan explain '#4711' --data day                 a record, also of a line that was turned away
  paidan explain 4711-2 --data day --lang en        an order: the second attempt at case 4711
  paidan explain SL000000471189 --data day --json   a report, by its tracking number

The journal alone answers; a run may be writing to it. What speeds up the next answer is left in DIR/snapshots, which may be \
deleted at any time. Times are UTC. --json prints one object a line with everything, the \
line as it came included: it may hold what a person wrote.";

/// Why: any report, case or order, from the data folder alone
#[derive(Args, Debug)]
#[command(after_help = EXPLAIN_EXAMPLES)]
struct ExplainLine {
    /// What to explain: source/id, id, case, #record, case-attempt or tracking number
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the city [default: the one kept in the data folder]
    #[arg(long, value_name = "DIR")]
    city: Option<PathBuf>,
    /// Take every ID for a report's id of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Print everything as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Language of the text [default: by LC_ALL, LC_MESSAGES or LANG: en where they name another language than Chinese, else zh]
    #[arg(long, value_enum)]
    lang: Option<LangWord>,
}

/// Language of a text.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum LangWord {
    /// 中文
    Zh,
    /// English
    En,
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  paidan inspect day --what segments
  paidan inspect day --source 12345 --area 310115004 --limit 20
  paidan inspect day --what effects --case 4711
  paidan inspect day --kind tally --bodies | head

Every line is one JSON object. Filters are joined by \"and\"; a filter that does not apply to a kind of line lets none \
pass.";

/// What a journal holds: segments, frames, records or effects as NDJSON
#[derive(Args, Debug)]
#[command(after_help = INSPECT_EXAMPLES)]
struct InspectLine {
    /// The data folder
    dir: PathBuf,
    /// Folder of the city [default: the one kept in the data folder]
    #[arg(long, value_name = "DIR")]
    city: Option<PathBuf>,
    /// What a line stands for
    #[arg(long, value_enum, default_value_t = WhatWord::Records)]
    what: WhatWord,
    /// From this record on
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Up to this record
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
    /// From this log time on: RFC 3339 or milliseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = inspect::time)]
    since: Option<At>,
    /// Up to this log time
    #[arg(long, value_name = "TIME", value_parser = inspect::time)]
    until: Option<At>,
    /// Of this source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Of this class
    #[arg(long, value_name = "CODE")]
    class: Option<String>,
    /// In this area
    #[arg(long, value_name = "CODE")]
    area: Option<String>,
    /// In this cell
    #[arg(long, value_name = "CODE")]
    cell: Option<String>,
    /// Of this unit
    #[arg(long, value_name = "CODE")]
    unit: Option<String>,
    /// About this case
    #[arg(long, value_name = "N")]
    case: Option<u64>,
    /// Effects of this name, as in decisions: opened, merged, assigned, …
    #[arg(long, value_name = "WORD")]
    effect: Option<String>,
    /// Records of this kind
    #[arg(long, value_enum)]
    kind: Option<KindWord>,
    /// At most so many lines
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// With the line as it came: it may hold what a person wrote
    #[arg(long)]
    bodies: bool,
}

/// What a line of `inspect` stands for.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum WhatWord {
    /// Files of the journal
    Segments,
    /// Batches
    Frames,
    /// What came in, as understood
    Records,
    /// What was decided, as `replay --out` writes it
    Effects,
}

/// A kind of record.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum KindWord {
    /// A report
    Report,
    /// An action on an order
    Action,
    /// A unit's status
    Unit,
    /// What people decided about a case that went to review
    Ruling,
    /// A line that was turned away, or something counted
    Tally,
}

const CORRECTIONS_EXAMPLES: &str = "\
Examples:
  paidan corrections data --out corrections.jsonl
  paidan corrections data --json | jq '.shares[] | select(.right < .ruled)'
  paidan train texts.jsonl corrections.jsonl --out my-city/text.model

Every ruling on the class of a case in review is a message with the class that people gave it. What had said the class before, a rule, \
the model or the sender's category, is counted: how often people ruled on it, and how often they left the class as it was. \
The messages hold what people wrote.";

/// What people ruled at the review desk, as messages to train on, and how often each rule had been right
#[derive(Args, Debug)]
#[command(after_help = CORRECTIONS_EXAMPLES)]
struct CorrectionsLine {
    /// The data folder
    dir: PathBuf,
    /// Folder of the city [default: the one kept in the data folder]
    #[arg(long, value_name = "DIR")]
    city: Option<PathBuf>,
    /// Where the messages go, a line each; without it they are only counted
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The counts as JSON
    #[arg(long)]
    json: bool,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  paidan check my-city
  paidan check my-city --strict && paidan serve --city my-city --data data
  paidan check my-city --json | jq '.errors[] | .file, .line, .mend'
  paidan check                                   # the city that is built in

Every mistake is shown with its line, the value underlined, and what to do about it; the exit code is 2 then. Warnings are about \
what is allowed, but hardly meant: nobody answers for a class somewhere, or has no units; units that can never be chosen; \
classes without a limit; policies that no class has; borders that do not fit; \
cells under others, areas without cells, duty lines of closed cells.";

/// Whether a city is in order: every mistake in its line, with the mend
#[derive(Args, Debug)]
#[command(after_help = CHECK_EXAMPLES)]
struct CheckLine {
    /// Folder of the city [default: Pudong, which is built in]
    folder: Option<PathBuf>,
    /// Warnings are mistakes, too: the exit code is 2
    #[arg(long)]
    strict: bool,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

const TEST_EXAMPLES: &str = "\
Examples:
  paidan test my-city
  paidan test my-city --json | jq '.coverage'
  paidan test                                    # the city that is built in

The cases lie in tests.ndjson beside the city's files, one a line:
  {\"name\":\"a burst main goes to the water company\",
   \"given\":[{\"source\":\"12345\",\"id\":\"1\",\"ts\":\"2026-03-06T17:00:00+08:00\",\"lng\":121.51,\"lat\":31.24,\"category\":\"90001\"}],
   \"expect\":[{\"effect\":\"assigned\",\"department\":\"U-WATER\",\"urgency\":\"A\",\"due\":\"2026-03-06T18:00:00+08:00\"}]}
given is what comes in, in its order, to a dispatcher that knows nothing yet; expect tells of each what its decisions shall say: any \
member that `paidan run` writes, null for one that must not be there. What the cases touch of classes, areas and duty lines is \
counted. The exit code is 2 if anything is not as expected.";

/// Whether a city decides as its people expect: the cases that lie beside it
#[derive(Args, Debug)]
#[command(after_help = TEST_EXAMPLES)]
struct TestLine {
    /// Folder of the city [default: Pudong, which is built in]
    folder: Option<PathBuf>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

const TRAIN_EXAMPLES: &str = "\
Examples:
  paidan train messages.jsonl --out text.model
  paidan train 2025.jsonl 2026.jsonl titles.jsonl --out text.model --strict
  paidan train messages.jsonl --out text.model --json | jq '.held_out.macro_f1'

A line is a message and the class that people gave it; title or text may be null or absent, and other members are left aside:
  {\"title\":\"路灯不亮\",\"text\":\"祖冲之路一排路灯全灭\",\"label\":\"01037\"}
It may have a group, a text that it shares with messages of its kind: one incident, one person. They are held out together.

As text.model in a city's folder the model tells the class of reports without a category; then its labels are category words of the \
city, or stand under none in [text] of city.toml.

A fifth of the messages at a time is held out, together with what is nearly the same. That tells when to stop, how sure the model may \
say that it is, and what it is worth; then it learns from all. The same messages and seed make the same file, whatever the \
threads. Lines that are no message are told with file, line and reason, and left out.";

/// Train a text classifier: messages with their classes in, a model out
#[derive(Args, Debug)]
#[command(after_help = TRAIN_EXAMPLES)]
struct TrainLine {
    /// Files of messages, one JSON object a line
    #[arg(required = true, value_name = "DATA")]
    files: Vec<PathBuf>,
    /// Write the model to a file
    #[arg(long, value_name = "MODEL")]
    out: PathBuf,
    /// Another seed holds out other messages at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A line that is no message is a mistake: nothing is trained, and the exit code is 2
    #[arg(long)]
    strict: bool,
    /// Threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

const EVAL_EXAMPLES: &str = "\
Examples:
  paidan eval text.model held-out.jsonl
  paidan eval text.model held-out.jsonl --json figures.json --svg figures.svg
  paidan eval text.model held-out.jsonl --json - | jq '.macro_f1, .accuracy, .ece'

Lines are those of `paidan train`. Told are macro-F1, accuracy and the expected calibration error (15 bins); precision, recall and F1 of \
each class; the accuracy of the most confident messages, and the confidence from which on so many are let through; which classes \
are taken for which. Measure with messages that the model was not trained on, or it seems better than it is.";

/// Measure a text classifier on messages whose class is known
#[derive(Args, Debug)]
#[command(after_help = EVAL_EXAMPLES)]
struct EvalLine {
    /// The model, as `paidan train` wrote it
    model: PathBuf,
    /// Files of messages, one JSON object a line
    #[arg(required = true, value_name = "DATA")]
    files: Vec<PathBuf>,
    /// Write the figures as JSON to a file; - is standard output, in place of the text
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the figures as a picture to a file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// A line that is no message is a mistake: the exit code is 2
    #[arg(long)]
    strict: bool,
}

/// Print a completion script for a shell
#[derive(Args, Debug)]
struct CompletionsLine {
    /// The shell
    shell: clap_complete::Shell,
}

/// Does what the command line asks for.
pub fn main(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // Clap knows which stream and which code: 0 for --help, 2 for a line it cannot take.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let done = match line.command {
        Command::Run(line) => run(line),
        Command::Serve(line) => serve(line),
        Command::Keys(line) => keys(line),
        Command::Demo(line) => demo(line),
        Command::Replay(line) => replay(line),
        Command::Verify(line) => verify(line),
        Command::Explain(line) => explain(&line),
        Command::Inspect(line) => inspect(&line),
        Command::Check(line) => check(&line),
        Command::Test(line) => test(&line),
        Command::Train(line) => train(line),
        Command::Eval(line) => eval(&line),
        Command::Corrections(line) => corrections(&line),
        Command::Completions(line) => completions(line),
    };
    done.unwrap_or_else(|failure| {
        tell(format_args!("paidan: {failure}\n"));
        ExitCode::from(failure.code())
    })
}

impl From<EmitWord> for Emit {
    fn from(word: EmitWord) -> Self {
        match word {
            EmitWord::All => Self::All,
            EmitWord::Assigned => Self::Assigned,
        }
    }
}

fn serve(line: ServeLine) -> Result<ExitCode, Failure> {
    if line.print_systemd_unit {
        return print_systemd_unit(&line);
    }
    let request = serve::Request {
        data: line.data,
        city: line.city,
        http: line.http,
        tcp: line.tcp,
        unix: line.unix,
        rate_limit: line.rate_limit,
        threads: threads(line.threads),
        keep_gib: line.keep_gib,
        notices: match line.log {
            NoticesWord::Text => notices::Form::Text,
            NoticesWord::Json => notices::Form::Json,
        },
    };
    serve::serve(&request, None, |end| {
        let _ = ctrlc::set_handler(end);
    })?;
    Ok(ExitCode::SUCCESS)
}

fn demo(line: DemoLine) -> Result<ExitCode, Failure> {
    let profile = Profile::by_name(&line.profile).expect("the command line takes no other name");
    let request = demo::Request {
        data: line.data,
        http: line.http,
        threads: threads(line.threads),
        opens: match (line.open, line.no_open) {
            (true, _) => Opens::Always,
            (_, true) => Opens::Never,
            _ => Opens::Seen,
        },
        play: Play { profile, seed: line.seed, speed: line.speed, rate: line.rate, days: line.days },
    };
    demo::demo(request, |end| {
        let _ = ctrlc::set_handler(end);
    })?;
    Ok(ExitCode::SUCCESS)
}

fn keys(line: KeysLine) -> Result<ExitCode, Failure> {
    match line.what {
        KeysCommand::Add(KeysAddLine { data, city, source, role, rate_limit }) => {
            let holder = match (source, role) {
                (Some(name), _) => Holder::Source(name),
                (None, Some(RoleWord::Dispatch)) => Holder::Role(Role::Dispatch),
                (None, Some(RoleWord::Desk)) => Holder::Role(Role::Desk),
                (None, Some(RoleWord::Read)) => Holder::Role(Role::Read),
                (None, Some(RoleWord::Admin)) => Holder::Role(Role::Admin),
                (None, None) => unreachable!("clap wants one of them"),
            };
            let (id, key) = keys::add(&keys::Request { data, city, holder, rate_limit })?;
            tell(format_args!("密钥 {id} 只显示这一次 the key {id} is shown this once:\n"));
            to_stdout(|out| writeln!(out, "{}", key.reveal()).map_err(|cause| ReplayError::Output(cause).into()))
        }
        KeysCommand::List { data } => {
            let entries = keys::list(&data)?;
            to_stdout(|out| {
                let mut each = entries.iter().map(|entry| writeln!(out, "{entry}"));
                each.try_for_each(|written| written).map_err(|cause| ReplayError::Output(cause).into())
            })
        }
        KeysCommand::Revoke { data, id } => {
            keys::revoke(&data, &id)?;
            tell(format_args!("密钥 {id} 已收回 the key {id} is revoked\n"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(line: &CheckLine) -> Result<ExitCode, Failure> {
    let checked = check::check(line.folder.as_deref());
    print(&checked, line.json, |out| checked.tell(out))?;
    Ok(accepted(checked.ok && (!line.strict || checked.warnings.is_empty())))
}

fn test(line: &TestLine) -> Result<ExitCode, Failure> {
    let tried = trial::test(line.folder.as_deref())?;
    print(&tried, line.json, |out| tried.tell(out))?;
    Ok(accepted(tried.is_as_expected()))
}

fn train(line: TrainLine) -> Result<ExitCode, Failure> {
    let request = train::Request {
        files: line.files,
        out: line.out,
        seed: line.seed,
        threads: threads(line.threads),
        strict: line.strict,
        shows_progress: !line.quiet && io::stderr().is_terminal(),
    };
    let trained = train::train(&request)?;
    print(&trained, line.json, |out| trained.tell(out))
}

fn eval(line: &EvalLine) -> Result<ExitCode, Failure> {
    let request = eval::Request { model: line.model.clone(), files: line.files.clone(), strict: line.strict };
    let evaluated = eval::evaluate(&request)?;
    let to_file =
        |path: &PathBuf, text: String| std::fs::write(path, text).map_err(|cause| Failure::file("write", path, &cause));
    if let Some(path) = &line.svg {
        to_file(path, evaluated.picture())?;
    }
    let to_stdout = line.json.as_deref().is_some_and(|path| path == std::path::Path::new(STDIN));
    if let Some(path) = line.json.as_ref().filter(|_| !to_stdout) {
        to_file(path, serde_json::to_string_pretty(&evaluated).expect("figures are JSON") + "\n")?;
    }
    print(&evaluated, to_stdout, |out| evaluated.tell(out))
}

fn corrections(line: &CorrectionsLine) -> Result<ExitCode, Failure> {
    let request = corrections::Request { data: line.dir.clone(), city: line.city.clone() };
    let found = match &line.out {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|cause| Failure::file("write", path, &cause))?;
            corrections::corrections(&request, &mut io::BufWriter::new(file))?
        }
        None => corrections::corrections(&request, &mut io::sink())?,
    };
    print(&found, line.json, |out| found.tell(out))
}

/// Prints what was found: as JSON, or for people.
fn print(
    found: &impl Serialize,
    as_json: bool,
    tell: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<ExitCode, Failure> {
    to_stdout(|out| {
        let told = match as_json {
            true => serde_json::to_writer_pretty(&mut *out, found).map_err(Into::into).and_then(|()| writeln!(out)),
            false => tell(out),
        };
        told.map_err(|cause| ReplayError::Output(cause).into())
    })
}

/// The exit code of a city that is accepted, or refused.
fn accepted(is_accepted: bool) -> ExitCode {
    const REFUSED: u8 = 2;
    if is_accepted { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

/// Relative paths would be looked for in systemd's own folder.
fn print_systemd_unit(line: &ServeLine) -> Result<ExitCode, Failure> {
    let absolute = |path: &PathBuf| std::path::absolute(path).map_err(|cause| Failure::file("find", path, &cause));
    let program =
        std::env::current_exe().map_err(|cause| Failure::Machine(format!("cannot find this program: {cause}")))?;
    let data = absolute(&line.data)?;
    let mut command = vec![program, "serve".into(), "--data".into(), data.clone()];
    if let Some(city) = &line.city {
        command.extend(["--city".into(), absolute(city)?]);
    }
    command.extend(["--http".into(), line.http.to_string().into()]);
    if let Some(tcp) = line.tcp {
        command.extend(["--tcp".into(), tcp.to_string().into()]);
    }
    if let Some(unix) = &line.unix {
        command.extend(["--unix".into(), absolute(unix)?]);
    }
    if let Some(limit) = line.rate_limit {
        command.extend(["--rate-limit".into(), limit.to_string().into()]);
    }
    if let Some(threads) = line.threads {
        command.extend(["--threads".into(), threads.to_string().into()]);
    }
    if let Some(gib) = line.keep_gib {
        command.extend(["--keep-gib".into(), gib.to_string().into()]);
    }
    if matches!(line.log, NoticesWord::Json) {
        command.extend(["--log".into(), "json".into()]);
    }
    let command: Vec<String> = command.iter().map(|word| word.display().to_string()).collect();
    to_stdout(|out| {
        out.write_all(systemd::unit(&command, &data).as_bytes()).map_err(|cause| ReplayError::Output(cause).into())
    })
}

/// One for each core, unless it is said.
fn threads(said: Option<u16>) -> usize {
    said.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

fn run(line: RunLine) -> Result<ExitCode, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = stop.clone();
    // Only a second handler in one process can fail, and then the first one stays: the run works without.
    let _ = ctrlc::set_handler(move || on_signal.store(true, Ordering::Relaxed));
    let request = Request {
        files: line.files,
        city: line.city,
        source: line.source,
        out: line.out,
        dead_letter: line.dead_letter,
        emit: line.emit.into(),
        data: line.data,
        follow: line.follow,
        threads: threads(line.threads),
        chunk_bytes: line.chunk_kib as usize * 1024,
        quiet: line.quiet,
    };
    let Ran { summary, broken } = run::run(&request, &stop)?;
    show(&summary, line.summary, line.quiet)?;
    if let Some(broken) = broken {
        return Err(broken);
    }
    if summary.complete {
        return Ok(ExitCode::SUCCESS);
    }
    if request.follow {
        tell(format_args!("已停止 stopped after record {}; all that was read is decided\n", summary.last_seq));
        return Ok(ExitCode::SUCCESS);
    }
    let mend = match &request.data {
        Some(_) => "the same command again goes on from here",
        None => "with --data the same command would go on from here",
    };
    tell(format_args!("已中断 interrupted after record {}; {mend}\n", summary.last_seq));
    Ok(ExitCode::from(130))
}

fn show(summary: &Summary, file: Option<PathBuf>, quiet: bool) -> Result<(), Failure> {
    if let Some(path) = file {
        let json = serde_json::to_string_pretty(summary).expect("a summary is JSON");
        std::fs::write(&path, json + "\n").map_err(|cause| Failure::file("write", &path, &cause))?;
    }
    if !quiet {
        tell(format_args!("{}", summary.text()));
    }
    if summary.closes { Ok(()) } else { Err(Failure::Ledger(format!("{:?} {:?}", summary.total, summary.work))) }
}

fn replay(line: ReplayLine) -> Result<ExitCode, Failure> {
    if let Some(folder) = &line.city {
        let now = Arc::new(run::city(Some(folder), None)?);
        // Where no city is kept, or none that can be read, the one that is given must be the one that was in force.
        if let Ok(Some(was)) = DataFolder::new(line.dir.clone()).kept_city()
            && was.version != now.version
        {
            return shadow_run(&line, Arc::new(was), now);
        }
    }
    let out = match &line.out {
        Some(path) => Sink::file(path, false).map_err(|cause| Failure::file("write", path, &cause))?,
        None => Sink::Null,
    };
    let (summary, _) = decide_again(&line.dir, line.city.as_deref(), out, line.emit.into())?;
    println!("{}", summary.digest);
    show(&summary, line.summary, false)?;
    Ok(ExitCode::SUCCESS)
}

fn shadow_run(line: &ReplayLine, was: Arc<City>, now: Arc<City>) -> Result<ExitCode, Failure> {
    let shadow = shadow::shadow(&shadow::Request { data: &line.dir, was, now, out: line.out.clone() })?;
    if let Some(path) = &line.summary {
        let mut json = serde_json::to_vec_pretty(&shadow).expect("what was counted is JSON");
        json.push(b'\n');
        std::fs::write(path, json).map_err(|cause| Failure::file("write", path, &cause))?;
    }
    to_stdout(|out| shadow.tell(out).map_err(|cause| ReplayError::Output(cause).into()))
}

fn decide_again(
    dir: &std::path::Path,
    city: Option<&std::path::Path>,
    out: Sink,
    emit: Emit,
) -> Result<(Summary, Replayed), Failure> {
    let started = std::time::Instant::now();
    let data = DataFolder::new(dir.to_owned());
    let city = Arc::new(run::city(city, Some(&data))?);
    let decisions = Decisions::new(&city);
    let mut press = Press::new(&decisions, emit, out, None);
    let mut reader = data::reader(&data)?;
    let Start { place, lane, views, .. } = to_the_beginning(&data, &city, &mut reader)?;
    if place.is_some() {
        let first = lane.next();
        tell(format_args!(
            "日志从第 {first} 条记录起保留 the log is kept from record {first} on; a snapshot stands for what was before\n"
        ));
        let (_, ledger) = overview::decode(&city, &views).ok_or_else(|| no_beginning(&data))?;
        press.ledger = ledger;
    }
    let mut replayed = data::replay(&mut reader, lane, Printed::All, &mut press, |_, _| {})?;
    // A replay shows all that is there, synced or not: whoever asks for it wants to see what the journal holds now.
    let rest = replayed.unproven.iter_mut().try_for_each(|page| press.print(page));
    rest.and_then(|()| press.finish()).map_err(|cause| Failure::Machine(format!("cannot write decisions: {cause}")))?;
    if let Some(cut) = reader.cut() {
        tell(format_args!("断尾 a torn tail follows the last whole batch: {cut}\n"));
    }
    let outcome = Outcome {
        digest: replayed.lane.digest(),
        next: replayed.lane.next(),
        complete: replayed.runs.last().is_some_and(Run::is_complete),
        resumed: false,
        threads: 1,
        wall_s: started.elapsed().as_secs_f64(),
    };
    Ok((Summary::new(&city, &press.ledger, None, outcome), replayed))
}

fn verify(line: VerifyLine) -> Result<ExitCode, Failure> {
    let (summary, replayed) = decide_again(&line.dir, None, Sink::Null, Emit::Assigned)?;
    show(&summary, None, false)?;
    let end = match (replayed.runs.len(), summary.complete) {
        (0 | 1, true) => "the run was complete".to_owned(),
        (runs, true) => format!("all {runs} runs were complete"),
        (_, false) => {
            "the last run was not complete; the same `paidan run` again goes on behind its last batch".to_owned()
        }
    };
    println!(
        "完好 sound: {} batches, {} records, chain and checksums whole, digest {} at every batch, ledger closed; {end}",
        replayed.frames, summary.last_seq, summary.digest
    );
    Ok(ExitCode::SUCCESS)
}

fn explain(line: &ExplainLine) -> Result<ExitCode, Failure> {
    // A question is over before huge pages pay for their clearing; where they cannot be refused, it takes a little longer.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let request = explain::Request {
        ids: line.ids.clone(),
        data: line.data.clone(),
        city: line.city.clone(),
        source: line.source.clone(),
        every: explain::EVERY,
    };
    let lang = match line.lang {
        Some(LangWord::Zh) => Lang::Zh,
        Some(LangWord::En) => Lang::En,
        None => lang_of_the_place(),
    };
    let mut is_first = true;
    to_stdout(|out| {
        explain::explain(&request, |explanation| {
            let text = match line.json {
                true => serde_json::to_string(explanation).expect("an explanation is JSON") + "\n",
                false => [if is_first { "" } else { "\n\n" }, &explanation.text(lang)].concat(),
            };
            is_first = false;
            out.write_all(text.as_bytes()).map_err(ReplayError::Output)?;
            Ok(())
        })
        .map(drop)
    })
}

/// The language that the environment names; Chinese where it names none.
fn lang_of_the_place() -> Lang {
    let named = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let place = named.unwrap_or_default();
    let language = place.split(['_', '.', '@']).next().unwrap_or_default();
    if matches!(language, "" | "C" | "POSIX" | "zh") { Lang::Zh } else { Lang::En }
}

fn inspect(line: &InspectLine) -> Result<ExitCode, Failure> {
    let request = inspect::Request {
        data: line.dir.clone(),
        city: line.city.clone(),
        what: match line.what {
            WhatWord::Segments => inspect::What::Segments,
            WhatWord::Frames => inspect::What::Frames,
            WhatWord::Records => inspect::What::Records,
            WhatWord::Effects => inspect::What::Effects,
        },
        from: line.from,
        to: line.to,
        since: line.since,
        until: line.until,
        source: line.source.clone(),
        class: line.class.clone(),
        area: line.area.clone(),
        cell: line.cell.clone(),
        unit: line.unit.clone(),
        case: line.case,
        effect: line.effect.clone(),
        kind: line.kind.map(|kind| match kind {
            KindWord::Report => inspect::RecordKind::Report,
            KindWord::Action => inspect::RecordKind::Action,
            KindWord::Unit => inspect::RecordKind::Unit,
            KindWord::Ruling => inspect::RecordKind::Ruling,
            KindWord::Tally => inspect::RecordKind::Tally,
        }),
        limit: line.limit,
        bodies: line.bodies,
    };
    to_stdout(|out| inspect::inspect(&request, out))
}

/// Writes to standard output. What was written before a failure is seen before it is told, and a reader who has read enough
/// (`head`) is no failure.
fn to_stdout(write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<ExitCode, Failure> {
    let mut out = Pipe { out: io::BufWriter::new(io::stdout().lock()), is_closed: false };
    let written = write(&mut out);
    let flushed = out.flush();
    match written {
        _ if out.is_closed => Ok(ExitCode::SUCCESS),
        Err(failure) => Err(failure),
        Ok(()) => flushed.map(|()| ExitCode::SUCCESS).map_err(|cause| ReplayError::Output(cause).into()),
    }
}

/// A stream that knows whether its reader has gone.
struct Pipe<W> {
    out: W,
    is_closed: bool,
}

impl<W> Pipe<W> {
    fn noted<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        self.is_closed |= done.as_ref().is_err_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe);
        done
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.out.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.out.flush();
        self.noted(done)
    }
}

fn completions(line: CompletionsLine) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(line.shell, &mut Line::command(), "paidan", &mut script);
    if io::stdout().is_terminal() {
        tell(format_args!("# put this into the place where your shell looks for completions\n"));
    }
    io::stdout().write_all(&script).map_err(|cause| Failure::Machine(format!("cannot write: {cause}")))?;
    Ok(ExitCode::SUCCESS)
}
