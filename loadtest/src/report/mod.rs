//! A report for people: results as one HTML file that needs nothing else, no script, no font, no network.
//!
//! It is made for being trusted: the verdict comes first, then how it was measured, every plot has its numbers beside it as a
//! table, and runs that are compared are drawn on the same axes.

mod axis;
mod budgets;
mod chart;
mod curves;
mod files;
mod head;
mod markup;
mod names;
mod percentiles;
mod quantity;
mod search;
mod stages;
mod table;
mod timeline;

pub use files::Args;

use crate::Outcome;
use crate::result::{CostCurve, LoadResult, Sweep};
use markup::{Element, Words, section};
use quantity::aligned;
use std::path::Path;
use table::Cell;

/// What a report tells, in the order in which it tells it; whatever is empty is left out.
#[derive(Default)]
pub struct Report {
    /// Runs; several are shown side by side on the same axes.
    pub runs: Vec<LoadResult>,
    /// Searches for the largest rate.
    pub sweeps: Vec<Sweep>,
    /// How costs grow.
    pub curves: Vec<CostCurve>,
}

const TITLE: Words = Words("派单 paidan 压测报告", "load report");
const STYLE: &str = include_str!("style.css");

impl Report {
    /// The page. It is well-formed XML as well.
    pub fn html(&self) -> String {
        let head = "<meta charset=\"utf-8\"/>\n\
                    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
                    <meta name=\"color-scheme\" content=\"light dark\"/>";
        let title = Element::new("title").text(TITLE);
        let body = Element::new("body").child(self.head()).child(Element::new("main").children(self.sections()));
        format!(
            "<!DOCTYPE html>\n<html lang=\"zh-CN\">\n<head>\n{head}\n{title}\n<style>\n{STYLE}</style>\n</head>\n{body}\n</html>\n"
        )
    }

    fn head(&self) -> Element {
        let runs = (0..self.runs.len()).map(|n| head::verdict_on_run(&self.runs, n));
        let sweeps = self.sweeps.iter().map(head::verdict_on_sweep);
        Element::new("header").child(TITLE.in_element(Element::new("h1"))).children(runs).children(sweeps)
    }

    fn sections(&self) -> Vec<Element> {
        let mut sections: Vec<Element> = head::overview(&self.runs).into_iter().chain(self.facts()).collect();
        if !self.runs.is_empty() {
            sections.push(percentiles::of(&self.runs));
            sections.push(timeline::of(&self.runs));
            sections.extend(stages::of(&self.runs));
            sections.extend(budgets::of(&self.runs));
        }
        sections.extend(self.sweeps.iter().map(search::of));
        let of_load = self.sweeps.iter().map(Sweep::cost_curve).filter(|curve| !curve.points.is_empty());
        sections.extend(curves::of(&of_load.chain(self.curves.iter().cloned()).collect::<Vec<_>>()));
        sections
    }

    /// How everything was measured.
    fn facts(&self) -> Option<Element> {
        let runs = (0..self.runs.len()).map(|n| head::facts_of_run(&self.runs, n));
        let all: Vec<_> = runs.chain(self.sweeps.iter().map(head::facts_of_sweep)).collect();
        (!all.is_empty()).then(|| {
            section(Words("如何测得", "How it was measured")).child(Element::new("div").class("figures").children(all))
        })
    }
}

/// Writes the page to `path`; a file that is there is replaced.
pub fn write(path: &Path, report: &Report) -> Outcome {
    std::fs::write(path, report.html()).map_err(|e| format!("{}: cannot write: {e}", path.display()))
}

/// `report`: reads result files and writes the page.
pub fn run(args: &Args) -> Outcome {
    if args.files.contains(&args.out) {
        return Err(format!("{}: is a result and would be replaced: give --out another name", args.out.display()));
    }
    write(&args.out, &files::read(&args.files)?)?;
    eprintln!("{}", args.out.display());
    Ok(())
}

/// Milliseconds in a table, or that there were too few values to tell.
fn ms_cell(ms: Option<f64>) -> Cell {
    Cell::Number(ms.map_or("—".into(), aligned))
}
