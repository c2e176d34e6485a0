//! 派单 paidan, the dispatcher of a city operations centre.
//!
//! **Reports enter by many doors, one log puts them in order and makes them durable, a pure dispatcher decides, and everything
//! anyone sees is a fold of its decisions.**
//!
//! ```text
//!  doors                     order + ink              decision                  doors
//!  bytes ─► understand ─► ring ─► lane { stamp ► journal ► apply } ─► effects ─► views ─► files, receipts, feeds
//!   many threads, pure      one thread at a time, the only place        many threads, each at its own pace
//!   decode·locate·classify  where Seq and At are given
//!                           replay:  journal ─► apply ─► digest      (the same call)
//! ```
//!
//! # Rooms
//!
//! | room | modules | may import | may not know |
//! |---|---|---|---|
//! | **words** (values) | [`report`], [`record`], [`effect`], [`ids`], [`geo`], [`datum`], [`time`], [`fingerprint`], [`limits`], [`quoted`], [`rights`], [`weighed`] | words | I/O, threads |
//! | **city** (immutable, validated) | [`city`], [`mod@understand`] | words | clocks, state |
//! | **mind** (pure state) | [`dispatch`] | words, city | clocks, I/O, threads, atomics, random hashers, bodies |
//! | **views** (pure folds) | [`view`] | words, city | the inside of `dispatch` |
//! | **hands** (mechanisms) | [`ring`], [`journal`], [`meter`] | words | departments, grid, policy |
//! | **doors** (outside world) | [`ingest`], [`api`], [`feed`], [`rehearsal`] | words, city, views, hands | the inside of `dispatch` |
//! | **house** (wiring) | [`order`], [`lane`], [`engine`], [`publish`], [`data`], [`run`], `replayer`, [`mod@serve`], [`demo`], `facts`, [`keys`], [`notices`], [`systemd`], [`explain`], [`snapshots`], [`inspect`], [`check`], [`trial`], [`shadow`], [`train`], [`eval`], [`corrections`], [`summary`], [`failure`], [`cli`]; for tests `fuzz` | all | policy |
//!
//! `tests/architecture.rs` reads the sources and keeps this table. `unsafe` lives in `ring/` and in `ingest/scan.rs`.
//!
//! # Where a change belongs
//!
//! * a new source, department, class, unit, area or plane of coordinates, also a source with fields, times and words of its
//!   own: the city's files, no Rust at all (`src/city/pudong/` is an example);
//! * where the built-in city's streets and towns lie: `loadtest/pudong/`, then `loadtest gen-areas` writes its `area_cells.csv`;
//! * a new class policy (what "same place" means, which unit is chosen): [`city::Policy`], then [`dispatch`]'s `incident.rs`
//!   (same place) or `desk.rs` (choice);
//! * a new effect: [`effect::Effect`] (append a variant and its encoding), where it is decided in [`dispatch`], and its line in
//!   [`view::decision`]; the compiler names the places;
//! * what words say for certain: the city's `keywords.csv`; what becomes of rules and model: [`city::text::Classifier`];
//! * what exactly can be the matter with something of a class, how pressing that is and how long it may take: the city's
//!   `conditions.csv`; what becomes of it when reports are merged: [`dispatch`]'s `orders.rs`;
//! * what people can rule on: [`record::Ruling`], then [`dispatch`]'s `review.rs`; what their desk shows: [`api`]'s `review.rs`;
//! * how texts are made comparable, and what they are weighed by: [`city::text`], and train models again; how models are fitted:
//!   [`train`]; what they are worth: [`eval`];
//! * files of another layout (a table, an encoding): the source's `layout` in the city; a new kind of layout:
//!   [`city::Layout`], then a converter beside [`ingest::text`];
//! * a new field of the input: [`report`], [`ingest`]'s `decode.rs`, [`city::Shape`], [`mod@understand`];
//! * a new reason to turn a line away: [`report::Reason`];
//! * another door: a [`api::Counter`] for it and a thread that only moves bytes, in [`api`]; it is wired in [`mod@serve`];
//! * what the demo's city says, and how its crews work: [`rehearsal`];
//! * what a sender is told of a line: [`view`]'s `receipt.rs`; what can be read of the service: [`api`]'s `reads.rs`;
//! * what the live page shows: a module by noun in `src/page/web`, named in [`api`]'s `page.rs`; what it is told is in [`api`]'s
//!   `shown.rs`, and `tests/page.rs` opens it in a browser;
//! * a stage of the way that is to be measured: [`meter::Stage`] and [`meter::Journey`], stamped in [`engine`].
//!
//! # Decisions that everything depends on
//!
//! * **The body of a record never reaches the mind.** A frame of the journal is the text of a chunk as it was read, then the
//!   understood heads; one write, no copy. A replay reads heads only and needs neither parser nor input.
//! * **Rejected lines are tallies with a place in the log**, one each, so that where a chunk was cut never shows in a number.
//! * **A place is a nano-degree until it is located**, so that rounding carries none across a border, and a micro-degree from
//!   then on.
//! * **Cells that are polygons have corners of whole micro-degrees**, and so have the places that are sought in them: then the way to a place
//!   is worked out within 32 bits, and what lies on a border is known to.
//! * **Words locate only what nothing else does**, and only where all of them agree: a wrong certain street costs more than a question.
//! * **Words say the class of what names none**, rules before the model, and below a threshold nobody but people does. They may make
//!   anything more urgent, and nothing less.
//! * **A deadline belongs to the filing condition**, and to the class only while none is known. It may come nearer, and moves away by
//!   exactly the time for which an order was suspended, on the clock of its limit.
//! * **Whom a complaint is about is asked before everything else that the duty list says**, and kept for the few cases that are complaints.
//! * **What people rule is an input**, with its place in the log, so that a replay needs nobody. Who looks at which case meanwhile is a
//!   courtesy between them, and lies in the memory of the service alone.
//! * **Dedup windows belong to sources**, merge windows to classes: what makes two messages the same message is the sender's
//!   numbering, and a re-send may well be classified differently.
//! * **Log time of a run** is the largest event time that is believed; see [`order`].
//! * **The lane of a run is a baton**: whichever worker has brought something runs it. See [`engine`] for the threads.
//! * **A snapshot is a cache.** [`journal::snapshot`] keeps a mind's bytes with the header of the frame that comes next, so that it
//!   fits one log and one place in it; the digest of the frame behind says whether the bytes are right. What does not fit is
//!   not there. [`explain`] leaves them as it walks, and begins at them.
//! * **A data folder holds runs one behind the other.** Ids, cases and loads live on; a file that was read before is read on
//!   behind what was decided, so that nothing is decided twice because a log grew.
//! * **Everything becomes JSON lines before the door**, deterministically: a compressed file, a table or a file of mended dead
//!   letters is taken up again by making the same text anew. A line that cannot be made carries a fault, and is turned away.
//! * **The service is a run that ends when it is asked to.** Its doors hand parcels of lines to the engine's inboxes, and each parcel
//!   carries who waits for its receipts; they come out where decisions are published, so behind the sync. What is under way is
//!   bounded by bytes at the door's counter, so a full door is an answer, and no queue behind it can be full.
//! * **The demo's clock is led, not read.** [`rehearsal::player`] leads it on as far as it has spoken, and no faster than its lines are
//!   decided: a slow machine makes a long day, not late reports. Everything else of the demo is the service.
//! * **An input is recognised** by size, time of change, samples, and a sum over the lines that were decided on.

// In the order of a report's journey: the words, then doors, city, order, mind, ink, views, and the wiring around them.
pub mod datum;
pub mod effect;
pub mod fingerprint;
pub mod geo;
pub mod ids;
pub mod limits;
pub mod quoted;
pub mod record;
pub mod report;
pub mod rights;
pub mod time;
pub mod trial;
pub mod weighed;

pub mod api;
pub mod feed;
pub mod ingest;
pub mod rehearsal;

pub mod check;
pub mod city;
pub mod understand;

pub mod order;

pub mod ring;

pub mod lane;

pub mod journal;

pub mod dispatch;

pub mod view;

pub mod meter;

pub mod cli;
pub mod corrections;
pub mod data;
pub mod demo;
pub mod engine;
pub mod eval;
pub mod explain;
mod facts;
pub mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod inspect;
pub mod keys;
pub mod notices;
pub mod publish;
mod replayer;
pub mod run;
pub mod serve;
pub mod shadow;
pub mod snapshots;
pub mod summary;
pub mod systemd;
pub mod train;
