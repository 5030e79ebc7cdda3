//! Draws an environment: the internet, load balancers, services, who may reach whom, the network, and the
//! pipelines; of a dry run also what would become of each.
//!
//! Pure: from records, and the security groups as they are, to a text. `graph` says what is shown, from
//! `flows`, which says what groups let through; `layout` gives it places; `svg`, `mermaid` and `dot` write it.

mod dot;
mod flows;
mod graph;
mod layout;
mod links;
mod mermaid;
mod picture;
#[cfg(test)]
mod samples;
mod state;
mod svg;
mod text;

use mk_sg::plan::Group;
use plumbing::{Env, Record, RecordType, Sg};

/// The formats of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    /// For a file, a browser, a README.
    Svg,
    /// For a Markdown file on GitHub or GitLab.
    Mermaid,
    /// For Graphviz.
    Dot,
}

/// Draws the records of an environment. `groups` are its security groups as they are, if they were looked
/// up. The same records are the same bytes, whatever order they came in.
pub fn draw(env: &Env, records: &[Record], groups: Option<&[Group]>, format: Format) -> String {
    let picture = graph::picture(env, records, groups);
    match format {
        Format::Svg => svg::svg(&picture),
        Format::Mermaid => mermaid::mermaid(&picture),
        Format::Dot => dot::dot(&picture),
    }
}

/// Whether a record tells of a security group that is there: then there is something to look up. What a
/// dry run would make has no ID yet.
pub fn has_groups(records: &[Record]) -> bool {
    let is_there =
        |record: &Record| record.kind() == Sg::TYPE && record.text("id").starts_with("sg-");
    let unwanted = |record: &Record| {
        let unwanted: Option<plumbing::Unwanted> = record.typed();
        unwanted.is_some_and(|unwanted| is_there(&unwanted.record))
    };
    records
        .iter()
        .any(|record| is_there(record) || unwanted(record))
}
