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
    pub(super) const fn new() -> Self {
        Self { links: Vec::new(), newest: END, oldest: END }
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

    /// The place whose last change is longest ago.
    pub(super) fn oldest(&self) -> Option<u32> {
        Some(self.oldest).filter(|place| *place != END)
    }

    /// The places, the newest change first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + use<'_> {
        let on = |place: u32| Some(place).filter(|place| *place != END);
        std::iter::successors(on(self.newest), move |place| on(self.links[*place as usize].older))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_trail_is_a_list_whose_items_move_to_the_front(steps in prop::collection::vec((any::<bool>(), 0_u32..12), 0..80)) {
            let (mut trail, mut list) = (Trail::new(), Vec::<u32>::new());
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
                prop_assert_eq!(trail.oldest(), list.last().copied());
            }
        }
    }
}
