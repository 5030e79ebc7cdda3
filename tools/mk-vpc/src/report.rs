//! What a run finds beside the network that it makes, and leaves: told to people, and written for
//! `prune-env`.

use plumbing::{Env, Record, Result, Stream};

use crate::plan::{self, Have, Layout};

/// Tells what is no part of the network.
pub async fn report(stream: &Stream, env: &Env, layout: &Layout, have: &Have) -> Result<()> {
    for notice in plan::notices(have) {
        if notice.is_detail {
            stream.voice.detail(|| notice.line.clone());
        } else {
            stream.voice.say(&notice.line);
        }
    }
    for route in plan::surplus_routes(have) {
        let surplus = route.record(env);
        let line = format!("nothing needs {}: prune-env takes it away", surplus.what);
        stream.voice.say(&line);
        stream.write(Record::of(&surplus)).await?;
    }
    for unwanted in plan::unwanted(env, layout, have) {
        let kind = unwanted.record.kind().replace('_', " ");
        let id = unwanted.record.text("id");
        stream.voice.say(&format!(
            "{kind} {id} is tagged as this environment's, and nothing needs it: it stays until it is pruned"
        ));
        stream.write(Record::of(&unwanted)).await?;
    }
    Ok(())
}
