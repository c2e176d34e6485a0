//! Elements of HTML and SVG. Whatever goes in is escaped, and every element is closed, so that the page is XML as well.
//!
//! The figures are written with these rather than by a plotting crate: `plotters` writes fixed colours and absolute
//! widths, so its text shrinks with the page, its colours do not follow a dark page, and its SVG has no names or
//! descriptions for those who do not see it. What is left of plotting is an axis, and that is short.

use std::fmt::{self, Display, Write};

/// An element in the making.
pub struct Element {
    name: &'static str,
    attributes: String,
    inside: String,
}

impl Element {
    /// Without attributes and empty.
    pub fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), inside: String::new() }
    }

    /// With one more attribute.
    pub fn with(mut self, attribute: &str, value: impl Display) -> Self {
        write!(self.attributes, " {attribute}=\"").expect("a string has room");
        write!(Escaping(&mut self.attributes), "{value}").expect("a string has room");
        self.attributes.push('"');
        self
    }

    /// With its class.
    pub fn class(self, class: impl Display) -> Self {
        self.with("class", class)
    }

    /// With text behind what is inside.
    pub fn text(mut self, text: impl Display) -> Self {
        write!(Escaping(&mut self.inside), "{text}").expect("a string has room");
        self
    }

    /// With an element behind what is inside.
    pub fn child(mut self, child: Self) -> Self {
        write!(self.inside, "{child}").expect("a string has room");
        self
    }

    /// With elements behind what is inside.
    pub fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, attributes, inside } = self;
        write!(f, "<{name}{attributes}>{inside}</{name}>")
    }
}

/// A sink that escapes.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                // Neither XML nor a reader has a use for them.
                c if c.is_control() && !"\n\t".contains(c) => self.0.push(char::REPLACEMENT_CHARACTER),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// Words in both languages, Chinese first.
#[derive(Clone, Copy)]
pub struct Words(pub &'static str, pub &'static str);

impl Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

impl Words {
    /// As the inside of `element`, the English marked as such.
    pub fn in_element(self, element: Element) -> Element {
        element.text(self.0).text(" ").child(Element::new("span").with("lang", "en").text(self.1))
    }
}

/// A paragraph of explanation.
pub fn note(text: impl Display) -> Element {
    Element::new("p").class("note").text(text)
}

/// A part of the page under its heading.
pub fn section(words: Words) -> Element {
    Element::new("section").child(words.in_element(Element::new("h2")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_goes_in_is_escaped() {
        let check = |element: Element, expected: &str| assert_eq!(element.to_string(), expected);
        check(Element::new("p"), "<p></p>");
        check(Element::new("p").text("a<&\">\u{7}b"), "<p>a&lt;&amp;&quot;&gt;\u{fffd}b</p>");
        check(Element::new("p").with("title", "\"<"), "<p title=\"&quot;&lt;\"></p>");
        check(Element::new("p").text("a").child(Element::new("b").text("c")), "<p>a<b>c</b></p>");
    }
}
