//! Records of the types that a tool makes itself, where they come in: what only a look-up can prove
//! waits until the tool has looked.

use crate::error::Error;
use crate::owned::Incoming;
use crate::proof::Proof;
use crate::stream::Stream;

impl Stream {
    /// Tells the IDs that the tool's own look-up has found by the environment's tag. Records of its
    /// types that waited for this pass on if theirs are among them; any other is bad input.
    pub fn release(&self, ids: impl IntoIterator<Item = String>) {
        let found = ids.into_iter();
        self.input()
            .owned
            .found
            .get_or_insert_default()
            .extend(found);
        self.judge_waiting();
    }

    /// Passes a record on that came in, if it is none of ours, or proven to be this environment's.
    pub(crate) fn judge(&self, incoming: Incoming) -> Result<(), String> {
        let Some(check) = self.input().owned.check_of(incoming.record.kind()) else {
            self.accept(incoming);
            return Ok(());
        };
        let Some(env) = self.known_env() else {
            self.input().owned.waiting.push(incoming);
            return Ok(());
        };
        let Incoming { place, record, .. } = &incoming;
        let key = format!("{place}: {} '{}'", record.kind(), record.name());
        match check(&env, record).map_err(|why| format!("{key} {why}"))? {
            Proof::Name => self.accept(incoming),
            Proof::Ids(ids) => {
                let mut input = self.input();
                let Some(found) = &input.owned.found else {
                    input.owned.waiting.push(incoming);
                    return Ok(());
                };
                if let Some(id) = ids.iter().find(|id| !found.contains(*id)) {
                    return Err(format!(
                        "{key} has ID {id}, which is not among this environment's"
                    ));
                }
                drop(input);
                self.accept(incoming);
            }
        }
        Ok(())
    }

    /// Looks again at the records that wait: the environment is known now, or what the tool found.
    pub(crate) fn judge_waiting(&self) {
        let waiting = std::mem::take(&mut self.input().owned.waiting);
        for incoming in waiting {
            if let Err(why) = self.judge(incoming) {
                self.control.stop(Error::input(why));
            }
        }
    }
}
