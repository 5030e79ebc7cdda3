//! Records of the types that a tool makes itself, where they come in: what only a look-up can prove
//! waits until the tool has looked.

use crate::error::Error;
use crate::owned::Incoming;
use crate::proof::{Proof, disagreement};
use crate::record::{Record, RecordType};
use crate::stream::Stream;
use crate::types::Env;

impl Stream {
    /// Tells what the tool's own look-up has found by the environment's tag, as the records that
    /// `ls-env` would write. Records of its types that waited for this pass on if they say the same as
    /// one of these; any other is bad input.
    pub fn release(&self, found: impl IntoIterator<Item = Record>) {
        let found = found.into_iter();
        self.input()
            .owned
            .found
            .get_or_insert_default()
            .extend(found);
        self.judge_waiting();
    }

    /// Passes a record on that came in, if it is none of ours, or proven to be this environment's.
    pub(crate) fn judge(&self, incoming: Incoming) -> Result<(), String> {
        let Incoming { place, record, .. } = &incoming;
        let key = format!("{place}: {} '{}'", record.kind(), record.name());
        let mut input = self.input(); // held, so that the environment does not come to be known meanwhile
        if input.owned.swallows(record) {
            return Ok(());
        }
        let env = input.arrived.env().cloned();
        let check = input.owned.check_of(record.kind());
        // The tool that writes the environment's record compares all with that.
        let writes_env = input.owned.kinds.contains(&Env::TYPE);
        if env.is_none() && (check.is_some() || writes_env) {
            input.owned.waiting.push(incoming);
            return Ok(());
        }
        drop(input);
        self.check_environment(record)
            .map_err(|why| format!("{key} {why}"))?;
        let (Some(check), Some(env)) = (check, env) else {
            return self.accept(incoming);
        };
        if let Proof::LookUp(may_change) =
            check(&env, record).map_err(|why| format!("{key} {why}"))?
        {
            let mut input = self.input();
            let Some(found) = &input.owned.found else {
                input.owned.waiting.push(incoming);
                return Ok(());
            };
            if let Some(why) = disagreement(record, found, may_change) {
                return Err(format!("{key} {why}"));
            }
        }
        self.accept(incoming)
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
