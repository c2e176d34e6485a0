//! What is known of one tile of the ground: which cells reach into it, and the borders between them that pass through.
//!
//! Which cell has a place is told by the borders that lie between it and a reference point of the tile, for which the answer is
//! known: each one that is crossed on the straight way there changes the side of the cells it bounds. All of that is whole
//! numbers, so it is exact, and a place on a border is known to be on it. A cell that has the place in its interior goes before
//! one that has it on its border; of several the first.

use super::knot::Knot;
use crate::ids::CellId;

/// Cells of a tile that is told in one cache line.
const CELLS: usize = 4;
/// Corners of the borders in such a tile.
const CORNERS: usize = 8;
/// Borders in such a tile.
const EDGES: usize = 7;

/// A tile, in one cache line: most places are found with one read of memory. A tile that is all one cell's has no edges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(align(64))]
pub(super) struct Tile {
    /// The ends of edges, in micro-degrees from the reference point.
    x: [i16; CORNERS],
    y: [i16; CORNERS],
    cells: [u32; CELLS],
    /// The two corners that each edge joins, as bits. What is not used joins none.
    ends: [u8; EDGES],
    /// The cells that each edge bounds, as bits.
    owners: [u8; EDGES],
    /// The cells that have the reference point, as bits; [`CROWDED`] for a tile that does not fit.
    start: u8,
    /// Which of [`REFERENCES`] it is.
    reference: u8,
}

const _: () = assert!(size_of::<Tile>() == 64, "a tile is a cache line");

const CROWDED: u8 = u8::MAX;

/// Places to try as the reference point, from the middle of a tile.
pub(super) const REFERENCES: [[i8; 2]; 16] = [
    [0, 0],
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
    [2, 1],
    [1, -2],
    [-2, -1],
    [-1, 2],
    [3, -1],
    [1, 3],
    [-3, 2],
    [-2, -3],
    [4, 3],
    [-3, 4],
    [-4, -3],
];

/// How the straight way from the origin to a place meets an edge.
pub(super) struct Meeting {
    pub crosses: bool,
    /// The place lies on it.
    pub touches: bool,
}

/// On which side of the line through both ends of an edge a place is: positive to the left of it.
#[inline]
const fn turn([[ax, ay], [bx, by]]: [[i64; 2]; 2], [x, y]: [i64; 2]) -> i64 {
    (bx - ax) * (y - ay) - (x - ax) * (by - ay)
}

/// How a way meets an edge. The origin must not lie on the edge. An end of it on the way's line counts as being to the left of
/// that, so that a way through a corner crosses one of its edges.
#[inline]
pub(super) fn meet([a, b]: [[i64; 2]; 2], place: [i64; 2]) -> Meeting {
    let of_place = turn([a, b], place);
    let is_left = |end| turn([[0, 0], place], end) >= 0;
    let between = |part: usize| place[part] >= a[part].min(b[part]) && place[part] <= a[part].max(b[part]);
    Meeting {
        crosses: (is_left(a) != is_left(b)) & ((turn([a, b], [0, 0]) > 0) != (of_place > 0)),
        touches: (of_place == 0) & between(0) & between(1),
    }
}

impl Tile {
    /// Which is all one cell's, or nobody's.
    pub(super) const fn plain(cell: CellId) -> Self {
        Self {
            x: [0; CORNERS],
            y: [0; CORNERS],
            cells: [cell.0, CellId::NONE.0, CellId::NONE.0, CellId::NONE.0],
            ends: [0; EDGES],
            owners: [0; EDGES],
            start: cell.is_some() as u8,
            reference: 0,
        }
    }

    /// Which is told elsewhere.
    pub(super) const fn crowded(crowd: u32) -> Self {
        let mut tile = Self::plain(CellId(crowd));
        tile.start = CROWDED;
        tile
    }

    /// Of a knot, if it fits.
    pub(super) fn of(knot: &Knot<'_>) -> Option<Self> {
        let mut tile = Self::plain(CellId::NONE);
        tile.reference = knot.reference_number? as u8;
        let (mut corners, mut edges) = (Vec::with_capacity(CORNERS), 0);
        for (index, member) in knot.members.iter().enumerate() {
            *tile.cells.get_mut(index)? = member.cell.0;
            let own = 1 << index;
            tile.start |= if member.has_reference { own } else { 0 };
            for edge in &member.edges {
                let mut ends = 0;
                for end in knot.ends_of(edge) {
                    let position = match corners.iter().position(|corner| *corner == end) {
                        Some(position) => position,
                        None => {
                            let position = corners.len();
                            *tile.x.get_mut(position)? = i16::try_from(end[0]).ok()?;
                            tile.y[position] = i16::try_from(end[1]).ok()?;
                            corners.push(end);
                            position
                        }
                    };
                    ends |= 1 << position;
                }
                // Neighbours share their border; an edge that one cell has twice is two.
                match (0..edges).find(|known| tile.ends[*known] == ends && tile.owners[*known] & own == 0) {
                    Some(known) => tile.owners[known] |= own,
                    None => {
                        *tile.ends.get_mut(edges)? = ends;
                        tile.owners[edges] = own;
                        edges += 1;
                    }
                }
            }
        }
        // Corners that are not there would lie in the origin, and so on every way.
        for at in corners.len()..CORNERS {
            (tile.x[at], tile.y[at]) = (tile.x[0], tile.y[0]);
        }
        Some(tile)
    }

    /// The crowd that tells it, if it does not fit.
    #[inline]
    pub(super) fn crowd(&self) -> Option<u32> {
        (self.start == CROWDED).then_some(self.cells[0])
    }

    /// The cell of a place, given from the middle of the tile. It must lie in the tile, and the tile must be smaller than
    /// [`SIZE_MAX`]: then all corners are on their side of the way within 32 bits.
    #[inline]
    pub(super) fn cell(&self, [x, y]: [i32; 2]) -> CellId {
        if self.owners[0] == 0 {
            return self.first_of(self.start);
        }
        let [from_x, from_y] = REFERENCES[usize::from(self.reference) % REFERENCES.len()];
        let [x, y] = [x - i32::from(from_x), y - i32::from(from_y)];
        // On which side of the way's line each corner is, all at once. Few edges have their ends on both.
        let (corners_x, corners_y) = (self.x.map(i32::from), self.y.map(i32::from));
        let sides: [i32; CORNERS] = std::array::from_fn(|at| x * corners_y[at] - y * corners_x[at]);
        if sides.contains(&0) {
            return self.cell_on_line([x, y]);
        }
        let right = (0..CORNERS).fold(0, |corners, at| corners | (sides[at] >> 31) & 1 << at);
        let mut met = self.split_by(right as u8);
        let mut inside = self.start;
        let place = [i64::from(x), i64::from(y)];
        while met != 0 {
            let edge = met.trailing_zeros() as usize / 8;
            met &= met - 1;
            let ends = self.ends(edge);
            let (of_origin, of_place) = (turn(ends, [0, 0]), turn(ends, place));
            if of_place == 0 {
                return self.cell_on_line([x, y]);
            }
            // No branch: whether it is crossed cannot be guessed.
            inside ^= self.owners[edge] & ((of_origin ^ of_place) >> 63) as u8;
        }
        self.first_of(inside)
    }

    /// The same, of a place from the reference point, where a corner lies on the way or the place on an edge.
    #[inline(never)]
    fn cell_on_line(&self, [x, y]: [i32; 2]) -> CellId {
        let (mut inside, mut border) = (self.start, 0);
        for (edge, owners) in self.owners.into_iter().enumerate().filter(|(_, owners)| *owners != 0) {
            let Meeting { crosses, touches } = meet(self.ends(edge), [i64::from(x), i64::from(y)]);
            inside ^= if crosses { owners } else { 0 };
            border |= if touches { owners } else { 0 };
        }
        inside &= !border;
        self.first_of(if inside != 0 { inside } else { border })
    }

    /// The first of the cells that these bits say; without any, a bit beyond the last cell stands for nobody.
    #[inline]
    fn first_of(&self, bits: u8) -> CellId {
        let position = (bits | 1 << CELLS).trailing_zeros() as usize;
        self.cells.get(position).map_or(CellId::NONE, |cell| CellId(*cell))
    }

    /// The ends of all edges, a byte for each.
    #[inline]
    const fn all_ends(&self) -> u64 {
        let [a, b, c, d, e, f, g] = self.ends;
        u64::from_le_bytes([a, b, c, d, e, f, g, 0])
    }

    /// The edges of which one end is among these corners and one is not: the highest bit of their bytes.
    #[inline]
    const fn split_by(&self, corners: u8) -> u64 {
        let ends = self.all_ends();
        let within = ends & u64::from_le_bytes([corners; 8]);
        not_zero(within) & not_zero(within ^ ends)
    }

    #[inline]
    fn ends(&self, edge: usize) -> [[i64; 2]; 2] {
        let ends = u32::from(self.ends[edge]);
        let corner = |at: u32| {
            let at = at as usize % CORNERS;
            [i64::from(self.x[at]), i64::from(self.y[at])]
        };
        [corner(ends.trailing_zeros()), corner((ends & ends.wrapping_sub(1)).trailing_zeros())]
    }

    /// Its edges with the cells that they bound, from the middle of the tile.
    pub(super) fn edges(&self) -> impl Iterator<Item = (CellId, [[i64; 2]; 2])> {
        let [x, y] = REFERENCES[usize::from(self.reference)].map(i64::from);
        (0..EDGES).flat_map(move |edge| {
            let ends = self.ends(edge).map(|[end_x, end_y]| [end_x + x, end_y + y]);
            let bits = (0..CELLS).filter(move |bit| self.owners[edge] & 1 << bit != 0);
            bits.map(move |bit| (CellId(self.cells[bit]), ends))
        })
    }
}

/// The highest bit of each byte that is not zero.
#[inline]
const fn not_zero(bytes: u64) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    (((bytes & LOW) + LOW) | bytes) & !LOW
}

/// Size of a tile, in micro-degrees, from which on places in it are too far from its corners for 32 bits.
pub(super) const SIZE_MAX: u32 = 1 << 14;
