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
