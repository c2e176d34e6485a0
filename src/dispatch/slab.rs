//! Numbered places for cases: reused when freed, never moved, grown a block at a time.

const BLOCK: usize = 4096;

/// A growing array whose items never move, so that growing costs one block however large it is.
pub(super) struct Blocks<T> {
    blocks: Vec<Box<[T]>>,
    len: usize,
}

impl<T: Copy> Blocks<T> {
    pub(super) const fn new() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, item: T) {
        if self.len == self.blocks.len() * BLOCK {
            self.blocks.push(vec![item; BLOCK].into());
        }
        self.len += 1;
        let last = self.len - 1;
        self[last] = item;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten().take(self.len)
    }
}

impl<T> std::ops::Index<usize> for Blocks<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.blocks[index / BLOCK][index % BLOCK]
    }
}

impl<T> std::ops::IndexMut<usize> for Blocks<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.blocks[index / BLOCK][index % BLOCK]
    }
}
