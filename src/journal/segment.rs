//! Segments.
/// Bytes of a segment.
pub const SEGMENT_BYTES: u64 = 64 << 20;
