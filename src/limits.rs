//! How much one line may say. Limits stand here and nowhere else.

/// Longest line, without its newline.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of arrays and objects; the line's own object is the first level.
pub const DEPTH_MAX: u32 = 64;
/// Longest `source`, unescaped.
pub const SOURCE_BYTES_MAX: usize = 64;
/// Longest `id`, unescaped.
pub const ID_BYTES_MAX: usize = 128;
/// Longest `cell`, `component` and `category`, unescaped.
pub const TEXT_BYTES_MAX: usize = 256;
/// Longest `address`, unescaped.
pub const ADDRESS_BYTES_MAX: usize = 4096;
/// Longest name of an order, unescaped.
pub const ORDER_BYTES_MAX: usize = 64;
/// Longest code of a unit, unescaped.
pub const UNIT_BYTES_MAX: usize = 64;
/// Most orders that a unit may say it can hold.
pub const CAPACITY_ORDERS_MAX: u32 = 1_000_000;
/// Furthest longitude from Greenwich, in micro-degrees.
pub const LNG_MICRODEGREES_MAX: i32 = 180_000_000;
/// Furthest latitude from the equator, in micro-degrees.
pub const LAT_MICRODEGREES_MAX: i32 = 90_000_000;
/// Longest line of a file of dead letters: one that holds a rejected line of [`LINE_BYTES_MAX`] as text with every byte escaped
/// (six for one) and in hexadecimal beside it.
pub const LETTER_BYTES_MAX: usize = 9 * LINE_BYTES_MAX;
/// Most columns of a table.
pub const COLUMNS_MAX: usize = 4096;
/// Most bytes that one compressed byte may stand for, beyond the first [`UNPACKED_FREE_BYTES`]. Logs that repeat themselves stay
/// below 200; gzip cannot say more than 1032, zstd can.
pub const UNPACKED_RATIO_MAX: u64 = 1000;
/// So much of a compressed input is read whatever its ratio: its first lines may well be the most alike.
pub const UNPACKED_FREE_BYTES: u64 = 64 << 20;
/// Most bytes that a compressed input may unpack to.
pub const UNPACKED_BYTES_MAX: u64 = 1 << 40;
/// Largest window of a zstd input, as a power of two: what it costs in memory. All levels of `zstd` without `--long` keep to it.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;
