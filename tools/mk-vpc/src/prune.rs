//! Deletes the routes that nothing needs any more, at the end of a pipe.

use plumbing::step::delete_each;
use plumbing::{Record, Result, Stream, Surplus};

use crate::aws::Ec2;
use crate::plan::{is_of_route, surplus_routes};

/// Deletes the routes among the surplus `records`, if their tables are ours and still have them.
pub async fn prune(stream: &Stream, ec2: &Ec2, records: &[Record]) -> Result<()> {
    let mut surplus = records.iter().filter_map(Record::typed::<Surplus>);
    if !surplus.any(|surplus| is_of_route(&surplus)) {
        return Ok(());
    }
    let have = ec2.find().await?;
    delete_each(stream, records, async |surplus: &Surplus| {
        if !is_of_route(surplus) {
            return Ok(false);
        }
        let mut routes = surplus_routes(&have).into_iter();
        let Some(found) = routes.find(|found| found.name() == surplus.name) else {
            return Ok(false);
        };
        let destination = &found.route.destination;
        ec2.delete_route(&found.table.id, destination).await
    })
    .await
}
