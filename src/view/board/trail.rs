//! A trail: places of a table in the order in which they changed last. Moving one to the front costs the same however many
//! there are, and what changed since a moment is found without looking at what did not.

/// Stands where no place does.
const END: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    newer: u32,
    older: u32,
}

/// Places from the newest change to the oldest.
#[derive(Debug)]
pub(super) struct Trail {
    links: Vec<Link>,
    newest: u32,
    oldest: u32,
}

impl Trail {
    /// An empty one, with room for so many places before it has to grow.
    pub(super) fn with_room(places: usize) -> Self {
        Self { links: Vec::with_capacity(places), newest: END, oldest: END }
    }

    /// One of the places below `places`, as they were listed, the newest change first; nothing unless each is listed once.
    pub(super) fn restored(places: usize, listed: &[u32]) -> Option<Self> {
        let mut is_on = vec![false; places];
        for place in listed {
            let seat = is_on.get_mut(*place as usize)?;
            (!std::mem::replace(seat, true)).then_some(())?;
        }
        let mut trail = Self::with_room(places);
        listed.iter().rev().for_each(|place| trail.push(*place));
        (listed.len() == places).then_some(trail)
    }

    /// Puts a place that is not on the trail at its front.
    pub(super) fn push(&mut self, place: u32) {
        if place as usize >= self.links.len() {
            self.links.resize(place as usize + 1, Link { newer: END, older: END });
        }
        let older = std::mem::replace(&mut self.newest, place);
        self.links[place as usize] = Link { newer: END, older };
        match older {
            END => self.oldest = place,
            older => self.links[older as usize].newer = place,
        }
    }

    /// Takes a place off the trail that is on it.
    pub(super) fn take(&mut self, place: u32) {
        let Link { newer, older } = self.links[place as usize];
        match newer {
            END => self.newest = older,
            newer => self.links[newer as usize].older = older,
        }
        match older {
            END => self.oldest = newer,
            older => self.links[older as usize].newer = newer,
        }
    }

    /// Moves a place to the front that is on the trail.
    pub(super) fn renew(&mut self, place: u32) {
        if place != self.newest {
            self.take(place);
            self.push(place);
        }
    }

    /// The place that changed last.
    pub(super) fn newest(&self) -> Option<u32> {
        Some(self.newest).filter(|place| *place != END)
    }

    /// The place whose last change is longest ago.
    pub(super) fn oldest(&self) -> Option<u32> {
        Some(self.oldest).filter(|place| *place != END)
    }

    /// The places, the newest change first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + use<'_> {
        self.iter_from(self.newest())
    }

    /// A place that is on the trail, and those that changed before it.
    pub(super) fn iter_from(&self, place: Option<u32>) -> impl Iterator<Item = u32> + use<'_> {
        std::iter::successors(place, |place| Some(self.links[*place as usize].older).filter(|place| *place != END))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_trail_is_a_list_whose_items_move_to_the_front(steps in prop::collection::vec((any::<bool>(), 0_u32..12), 0..80)) {
            let (mut trail, mut list) = (Trail::with_room(0), Vec::<u32>::new());
            for (gone, place) in steps {
                match list.iter().position(|known| *known == place) {
                    None => trail.push(place),
                    Some(at) => {
                        list.remove(at);
                        if gone { trail.take(place) } else { trail.renew(place) }
                        if gone {
                            continue;
                        }
                    }
                }
                list.insert(0, place);
                prop_assert_eq!(trail.iter().collect::<Vec<_>>(), list.clone());
                prop_assert_eq!((trail.newest(), trail.oldest()), (list.first().copied(), list.last().copied()));
            }
        }
    }
}
