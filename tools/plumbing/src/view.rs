//! What a person sees at a terminal: one tool of a pipe draws for all of it. What is known is folded from
//! records and from what the tools tell, and what is drawn follows from that; both are pure.

mod branch;
mod channel;
mod end;
#[cfg(test)]
mod examples;
mod frame;
mod message;
mod part;
mod record;
mod screen;
mod speaker;
mod state;
mod table;
mod text;
mod tree;

pub(crate) use branch::change_in;
pub(crate) use message::{Message, Told};
pub(crate) use screen::{Screen, Wanted};
pub(crate) use speaker::Speaker;
pub(crate) use text::elapsed;
