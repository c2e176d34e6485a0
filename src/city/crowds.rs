//! Crowds: tiles whose cells or borders are more than fit a cache line, or lie too far apart.

use super::border::Edge;
use super::knot::Knot;
use super::tile::meet;
use crate::ids::CellId;

/// The tiles that do not fit a cache line.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Crowds {
    /// Of each crowd: its reference point from the middle of the tile, and where its members end.
    pub crowds: Vec<([i64; 2], u32)>,
    /// Of each member: its cell, whether it has the reference point, and where its edges end.
    pub members: Vec<(u32, bool, u32)>,
    /// Ends of edges, from the reference point.
    pub edges: Vec<[[i32; 2]; 2]>,
}

impl Crowds {
    /// Keeps a knot; its number.
    pub(super) fn add(&mut self, knot: &Knot<'_>) -> u32 {
        for member in &knot.members {
            // A city is less than 2^31 micro-degrees wide.
            let ends = |edge: &&Edge| knot.ends_of(edge).map(|end| end.map(|part| part as i32));
            self.edges.extend(member.edges.iter().map(ends));
            self.members.push((member.cell.0, member.has_reference, self.edges.len() as u32));
        }
        self.crowds.push((knot.offset(), self.members.len() as u32));
        self.crowds.len() as u32 - 1
    }

    /// The cells of a crowd, each with whether it has the reference point, and its edges.
    fn members(&self, crowd: u32) -> impl Iterator<Item = (CellId, bool, &[[[i32; 2]; 2]])> {
        let crowd = crowd as usize;
        let from = crowd.checked_sub(1).map_or(0, |before| self.crowds[before].1) as usize;
        (from..self.crowds[crowd].1 as usize).map(|member| {
            let (cell, has_reference, to) = self.members[member];
            let from = member.checked_sub(1).map_or(0, |before| self.members[before].2);
            (CellId(cell), has_reference, &self.edges[from as usize..to as usize])
        })
    }

    /// The cell of a place, given from the middle of its tile.
    #[inline(never)]
    pub(super) fn cell(&self, crowd: u32, [x, y]: [i32; 2]) -> CellId {
        let [from_x, from_y] = self.crowds[crowd as usize].0;
        let place = [i64::from(x) - from_x, i64::from(y) - from_y];
        let mut on_border = CellId::NONE;
        for (cell, has_reference, edges) in self.members(crowd) {
            let (mut inside, mut border) = (has_reference, false);
            for edge in edges {
                let met = meet(edge.map(|end| end.map(i64::from)), place);
                inside ^= met.crosses;
                border |= met.touches;
            }
            if border {
                on_border = on_border.min(cell);
            } else if inside {
                return cell;
            }
        }
        on_border
    }

    /// The edges of a crowd with the cells that they bound, from the middle of the tile.
    pub(super) fn edges(&self, crowd: u32) -> impl Iterator<Item = (CellId, [[i64; 2]; 2])> {
        let [x, y] = self.crowds[crowd as usize].0;
        let ends = move |edge: &[[i32; 2]; 2]| edge.map(|[end_x, end_y]| [i64::from(end_x) + x, i64::from(end_y) + y]);
        self.members(crowd).flat_map(move |(cell, _, edges)| edges.iter().map(move |edge| (cell, ends(edge))))
    }
}
