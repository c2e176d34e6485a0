//! The overview: what is shown of a log up to a record, as bytes. A snapshot holds it, so that whoever starts from there need
//! not fold what came before.

use serde::{Deserialize, Serialize};

use super::board::{Board, KeptBoard};
use super::ledger::Ledger;
use crate::city::City;

/// Version of the bytes. Another one is as good as nothing: everything is folded again then.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Out<'a, B> {
    version: u32,
    board: B,
    ledger: &'a Ledger,
}

#[derive(Deserialize)]
struct In {
    board: KeptBoard,
    ledger: Ledger,
}

/// A board and a ledger as bytes.
pub fn encode(board: &Board, ledger: &Ledger) -> Vec<u8> {
    let out = Out { version: VERSION, board: board.kept(), ledger };
    postcard::to_allocvec(&out).expect("numbers, and lists of known length")
}

/// What [`encode`] wrote for the same city; nothing if it is not that.
pub fn decode(city: &City, bytes: &[u8]) -> Option<(Board, Ledger)> {
    let (version, rest) = postcard::take_from_bytes::<u32>(bytes).ok()?;
    (version == VERSION).then_some(())?;
    let In { board, ledger } = postcard::from_bytes(rest).ok()?;
    ledger.is_of(city.sources.len()).then_some(())?;
    Some((Board::restored(city, city.memory.cases_max as usize, board)?, ledger))
}
