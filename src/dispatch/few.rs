//! A list of bounded length that lies on the stack.

/// Places of memory that are to be read together, as many as there are room for.
pub(super) struct Few<T, const ROOM: usize> {
    places: [Option<T>; ROOM],
    used: usize,
}

impl<T: Copy, const ROOM: usize> Few<T, ROOM> {
    #[inline]
    pub(super) const fn new() -> Self {
        Self { places: [None; ROOM], used: 0 }
    }

    #[inline]
    pub(super) fn push(&mut self, place: T) {
        if let Some(free) = self.places.get_mut(self.used) {
            *free = Some(place);
            self.used += 1;
        }
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.places[..self.used].iter().copied().flatten()
    }
}
