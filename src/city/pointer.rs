//! JSON pointers (RFC 6901), and the table of the places that a set of them names.
//!
//! The reader of lines walks the table beside the text: it always knows the node of the value that it is at, so what a
//! pointer names is noted in passing. A token that writes a number names a member of an object and an element of an array,
//! as the RFC has it.

use crate::report::Field;

/// One pointer: the keys and positions that lead from the line's own object to a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pointer {
    tokens: Vec<String>,
}

impl Pointer {
    /// From its text, which names something inside the line.
    pub fn parse(text: &str) -> Option<Self> {
        let tokens: Option<Vec<String>> = text.strip_prefix('/')?.split('/').map(unescaped).collect();
        tokens.map(|tokens| Self { tokens })
    }
}

/// A token without its escapes; nothing if a tilde stands for no character.
fn unescaped(token: &str) -> Option<String> {
    let tildes = token.matches('~').count();
    let escapes = token.matches("~0").count() + token.matches("~1").count();
    (tildes == escapes).then(|| token.replace("~1", "/").replace("~0", "~"))
}

/// The position in an array that a token writes, if it writes one.
fn position(token: &str) -> Option<usize> {
    let is_plain = token == "0" || !token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit());
    token.parse().ok().filter(|_| is_plain)
}

/// The number of a place whose value is noted while a line is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot(u8);

impl Slot {
    /// How many there are, the one of nothing included: a set of them is one word.
    pub const COUNT: usize = u64::BITS as usize;
    /// Stands for every place that no pointer names.
    pub const NONE: Self = Self(0);

    /// The slot of a number, which is below [`Slot::COUNT`].
    pub const fn new(number: u8) -> Self {
        assert!((number as usize) < Self::COUNT, "a set of slots is one word");
        Self(number)
    }

    /// Its number, which the compiler can see to be below [`Slot::COUNT`].
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize % Self::COUNT
    }

    /// Its bit in a set.
    #[inline(always)]
    pub const fn bit(self) -> u64 {
        1 << self.index()
    }
}

/// The number of a node of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node(u8);

impl Node {
    /// The line's own object.
    pub const ROOT: Self = Self(0);

    /// Its number.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why a pointer has no place in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clash {
    /// It leads through the value that another pointer names, or another leads through its own.
    Through,
    /// The table is full.
    Full,
}

/// A set of pointers as a tree: a node for each value that one names or leads through.
#[derive(Clone, PartialEq, Debug)]
pub struct Pointers {
    nodes: Vec<Entry>,
    /// The field that each slot in use is of, or leads to.
    fields: Vec<Field>,
}

#[derive(Clone, PartialEq, Debug)]
struct Entry {
    parent: Node,
    /// How many arrays and objects are open around its value.
    depth: u32,
    slot: Slot,
    /// A pointer ends here.
    is_named: bool,
    /// Members that are known, by their keys.
    members: Vec<(String, Node)>,
    /// Elements up to the last that is known.
    elements: Vec<Node>,
    /// Stands for all other members and elements; the root of a table without pointers has none.
    other: Option<Node>,
    /// Its position, if its parent is an array.
    position: usize,
}

impl Entry {
    /// The root of a table without pointers.
    const NEW: Self = Self {
        parent: Node::ROOT,
        depth: 0,
        slot: Slot::NONE,
        is_named: false,
        members: Vec::new(),
        elements: Vec::new(),
        other: None,
        position: 0,
    };
}

/// Most nodes of a table: a step of the reader has one byte for the node that it leads to.
const NODES_MAX: usize = 1 << u8::BITS;

impl Default for Pointers {
    fn default() -> Self {
        Self::new()
    }
}

impl Pointers {
    /// A table without pointers.
    pub fn new() -> Self {
        Self { nodes: vec![Entry::NEW], fields: vec![Field::Line] }
    }

    /// Adds a pointer to a value of a field, and gives its slot; that of an equal pointer, if it is there.
    ///
    /// # Errors
    /// Why it does not go with the others. The table may then be used no more.
    pub fn add(&mut self, pointer: &Pointer, field: Field) -> Result<Slot, Clash> {
        let mut node = Node::ROOT;
        for token in &pointer.tokens {
            if self.entry(node).is_named {
                return Err(Clash::Through);
            }
            node = self.find_or_add(node, token, field)?;
        }
        if self.is_entered(node) {
            return Err(Clash::Through);
        }
        self.nodes[node.index()].is_named = true;
        Ok(self.slot(node))
    }

    fn find_or_add(&mut self, parent: Node, token: &str, field: Field) -> Result<Node, Clash> {
        if let Some((_, known)) = self.entry(parent).members.iter().find(|(key, _)| key == token) {
            return Ok(*known);
        }
        if self.fields.len() == Slot::COUNT {
            return Err(Clash::Full);
        }
        if self.entry(parent).other.is_none() {
            let other = self.new_node(parent, 0)?;
            self.nodes[parent.index()].other = Some(other);
        }
        let node = match position(token) {
            Some(position) => self.element_or_new(parent, position)?,
            None => self.new_node(parent, 0)?,
        };
        // Objects on the way have slots too, so that one that stands twice is noticed.
        self.nodes[node.index()].slot = Slot::new(self.fields.len() as u8);
        self.fields.push(field);
        self.nodes[parent.index()].members.push((token.to_owned(), node));
        Ok(node)
    }

    /// The element at a position, with nodes for all before it, because elements have to be counted.
    fn element_or_new(&mut self, parent: Node, position: usize) -> Result<Node, Clash> {
        while self.entry(parent).elements.len() <= position {
            let node = self.new_node(parent, self.entry(parent).elements.len())?;
            self.nodes[parent.index()].elements.push(node);
        }
        Ok(self.entry(parent).elements[position])
    }

    fn new_node(&mut self, parent: Node, position: usize) -> Result<Node, Clash> {
        if self.nodes.len() == NODES_MAX {
            return Err(Clash::Full);
        }
        let depth = self.depth(parent) + 1;
        let node = Node(self.nodes.len() as u8);
        self.nodes.push(Entry { parent, depth, position, ..Entry::NEW });
        Ok(node)
    }

    fn entry(&self, node: Node) -> &Entry {
        &self.nodes[node.index()]
    }

    /// How many arrays and objects are open around the value of a node.
    #[inline]
    pub fn depth(&self, node: Node) -> u32 {
        self.entry(node).depth
    }

    /// The slot of a node's value.
    #[inline]
    pub fn slot(&self, node: Node) -> Slot {
        self.entry(node).slot
    }

    /// The field that a slot is of, or leads to.
    pub fn field(&self, slot: Slot) -> Field {
        self.fields[slot.index()]
    }

    /// Whether pointers lead into the value of a node.
    #[inline]
    pub fn is_entered(&self, node: Node) -> bool {
        self.entry(node).other.is_some()
    }

    /// The node whose value holds that of a node.
    #[inline]
    pub fn parent(&self, node: Node) -> Node {
        self.entry(node).parent
    }

    /// The member of an object that pointers lead into.
    #[inline]
    pub fn member(&self, object: Node, key: &[u8]) -> Node {
        let found = self.entry(object).members.iter().find(|(name, _)| name.as_bytes() == key);
        found.map_or_else(|| self.other(object), |(_, node)| *node)
    }

    /// The first element of an array that pointers lead into.
    #[inline]
    pub fn first_element(&self, array: Node) -> Node {
        self.element(array, 0)
    }

    /// The element behind another.
    #[inline]
    pub fn next_element(&self, element: Node) -> Node {
        let &Entry { parent, position, .. } = self.entry(element);
        if element == self.other(parent) { element } else { self.element(parent, position + 1) }
    }

    fn element(&self, array: Node, position: usize) -> Node {
        self.entry(array).elements.get(position).copied().unwrap_or_else(|| self.other(array))
    }

    fn other(&self, node: Node) -> Node {
        self.entry(node).other.unwrap_or(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_those_of_the_rfc() {
        let check = |text: &str, expect: Option<&[&str]>| {
            let pointer = Pointer::parse(text);
            let tokens: Option<Vec<&str>> = pointer.as_ref().map(|all| all.tokens.iter().map(String::as_str).collect());
            assert_eq!(tokens.as_deref(), expect, "{text}");
        };
        check("/id", Some(&["id"]));
        check("/a/b/0", Some(&["a", "b", "0"]));
        check("/", Some(&[""]));
        check("//", Some(&["", ""]));
        check("/a~1b/~0/~01", Some(&["a/b", "~", "~1"]));
        check("/ /张 三", Some(&[" ", "张 三"]));
        for wrong in ["", "id", "#/id", "/a~", "/~2", "/a~/b", "/~~0"] {
            check(wrong, None);
        }
    }

    /// Adds pointers, the last of which fits or clashes.
    fn check(pointers: &[&str], expect: Result<Slot, Clash>) {
        let mut table = Pointers::new();
        let mut last = Ok(Slot::NONE);
        for text in pointers {
            assert!(last.is_ok(), "{pointers:?}");
            last = table.add(&Pointer::parse(text).expect("a pointer"), Field::Id);
        }
        assert_eq!(last, expect, "{pointers:?}");
    }

    #[test]
    fn pointers_go_together_or_not() {
        check(&["/a"], Ok(Slot(1)));
        check(&["/a", "/b"], Ok(Slot(2)));
        check(&["/a", "/b", "/a"], Ok(Slot(1)));
        check(&["/a/b", "/a/c"], Ok(Slot(3)));
        check(&["/a/1", "/a/0"], Ok(Slot(3)));
        check(&["/a", "/a/b"], Err(Clash::Through));
        check(&["/a/b", "/a"], Err(Clash::Through));
        check(&["/a/0", "/a"], Err(Clash::Through));
        check(&["/a/0", "/a/0/b"], Err(Clash::Through));
        check(&["/a/251"], Ok(Slot(2)));
        check(&["/a/252"], Err(Clash::Full));
        check(&["/a/18446744073709551616"], Ok(Slot(2)));
        let many: Vec<String> = (0..64).map(|n| format!("/k{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        check(&many[..63], Ok(Slot(63)));
        check(&many, Err(Clash::Full));
    }
}
