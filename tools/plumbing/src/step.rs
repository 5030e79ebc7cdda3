//! What follows for a resource that a tool finds by its name, and how that is carried out: made
//! where it is missing, brought into line where it differs, and deleted if it is ours.

use crate::aws::Aws;
use crate::change::{Change, Difference};
use crate::error::Result;
use crate::record::{Record, RecordType};
use crate::stream::Stream;

/// What differs, each with the part of the resource that one call brings into line.
pub type Differences<P> = Vec<(P, Difference)>;

/// What is to be done about a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<H, P> {
    /// It is missing: make it.
    Create,
    /// It is as wanted.
    Keep(H),
    /// It is there, and differs in what AWS can change.
    Change(H, Differences<P>),
}

impl<H, P> Step<H, P> {
    /// What follows from how a resource that is there differs.
    pub fn from_differences(have: H, differences: Differences<P>) -> Self {
        if differences.is_empty() {
            Step::Keep(have)
        } else {
            Step::Change(have, differences)
        }
    }
}

/// Says of differences which part they are in.
pub fn in_part<P: Copy>(
    part: P,
    differences: impl IntoIterator<Item = Difference>,
) -> impl Iterator<Item = (P, Difference)> {
    differences
        .into_iter()
        .map(move |difference| (part, difference))
}

/// The parts that differ, each once, in the order in which they come.
pub fn parts<P: Copy + PartialEq>(differences: &[(P, Difference)]) -> Vec<P> {
    let mut parts = Vec::new();
    for (part, _) in differences {
        if !parts.contains(part) {
            parts.push(*part);
        }
    }
    parts
}

/// The differences without their parts, as a record tells them.
pub fn without_parts<P>(differences: Differences<P>) -> Vec<Difference> {
    differences
        .into_iter()
        .map(|(_, difference)| difference)
        .collect()
}

/// A resource that is found by its name, and how a tool makes it or brings it into line.
pub struct Resource<H, C, W, D, M> {
    /// What was found.
    pub found: Option<H>,
    /// Its record as it is to be, without what was done.
    pub record: Record,
    /// Makes it and writes its record as soon as it exists; answers false where one of its name is
    /// there already.
    pub create: C,
    /// Waits until the one that a run at the same time made is visible.
    pub wait_visible: W,
    /// Tells in what the one that is there differs. Errors: it is not ours, or cannot be changed.
    pub compare: D,
    /// Brings these parts into line.
    pub mend: M,
}

impl<H, C, W, D, M> Resource<H, C, W, D, M> {
    /// Makes the resource or brings it into line, and writes its record; in a dry run, only tells
    /// what would be done.
    pub async fn make_or_mend<P: Copy + PartialEq>(self, stream: &Stream, aws: &Aws) -> Result<()>
    where
        C: AsyncFnOnce() -> Result<bool>,
        W: AsyncFnOnce() -> Result<H>,
        D: FnOnce(&H) -> Result<Differences<P>>,
        M: AsyncFnOnce(Vec<P>) -> Result<()>,
    {
        let have = match self.found {
            Some(have) => have,
            None if aws.env.plan => {
                return stream.write(self.record.changed(Change::Create, &[])).await;
            }
            None => {
                aws.control.wait_for_account().await?;
                if (self.create)().await? {
                    return Ok(());
                }
                (self.wait_visible)().await?
            }
        };
        let differences = (self.compare)(&have)?;
        let change = if differences.is_empty() {
            Change::Kept
        } else if aws.env.plan {
            Change::Update
        } else {
            Change::Updated
        };
        if change == Change::Updated {
            aws.control.wait_for_account().await?;
            (self.mend)(parts(&differences)).await?;
        }
        let record = self.record.changed(change, &without_parts(differences));
        stream.write(record).await
    }
}

/// Deletes what the records of a type name, some side by side, and writes each that is gone.
///
/// `delete` looks again whether it is ours, and answers false where there is nothing to delete.
/// Errors: the first that `delete` answers; all else is deleted all the same.
pub async fn delete_each<T: RecordType>(
    stream: &Stream,
    records: &[Record],
    delete: impl AsyncFn(&T) -> Result<bool>,
) -> Result<()> {
    let typed = records.iter().filter_map(Record::typed::<T>);
    let delete = &delete;
    stream
        .control
        .try_all(typed, async |record| {
            if delete(&record).await? {
                let deleted = Record::of(&record).changed(Change::Deleted, &[]);
                stream.write(deleted).await?;
            }
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_differs_comes_once_in_its_order() {
        let difference = |field: &str| Difference::between(field, 1, 2).unwrap();
        let differences: Differences<char> = [('a', "x"), ('b', "y"), ('a', "z")]
            .map(|(part, field)| (part, difference(field)))
            .into();
        assert_eq!(parts(&differences), ['a', 'b']);
        let fields: Vec<String> = without_parts(differences)
            .into_iter()
            .map(|difference| difference.field)
            .collect();
        assert_eq!(fields, ["x", "y", "z"]);
    }

    #[test]
    fn what_does_not_differ_is_kept() {
        assert_eq!(Step::<_, char>::from_differences(1, vec![]), Step::Keep(1));
    }
}
