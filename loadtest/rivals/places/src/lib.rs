//! Rivals of the index of cells: see `benches/places.rs`, where they are measured beside it.
