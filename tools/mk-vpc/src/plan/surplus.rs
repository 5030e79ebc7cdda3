//! The routes in our tables that nothing needs. Pure.

use plumbing::{Env, Surplus};

use super::{Have, Name, ResourceType, Route, RouteTable};

/// The type of a surplus record's name.
const ROUTE: &str = "route";

/// A route of ours to delete.
pub struct SurplusRoute<'a> {
    /// The table that it is in.
    pub table: &'a RouteTable,
    /// The route.
    pub route: &'a Route,
}

/// The routes of our tables that are not ours and can be deleted. They are left to `prune-env`: traffic
/// that they carry must find its new way first.
pub fn surplus_routes(have: &Have) -> Vec<SurplusRoute<'_>> {
    let mut surplus = Vec::new();
    for table in &have.route_tables {
        for route in &table.other_routes {
            if route.is_deletable {
                surplus.push(SurplusRoute { table, route });
            }
        }
    }
    surplus
}

impl SurplusRoute<'_> {
    /// What its record is called.
    pub fn name(&self) -> String {
        format!("{ROUTE}/{}/{}", self.table.id, self.route.destination)
    }

    /// Its record.
    pub fn record(&self, env: &Env) -> Surplus {
        let Route {
            destination,
            target,
            ..
        } = self.route;
        let table = Name::of(
            ResourceType::RouteTable,
            &self.table.id,
            &self.table.tags,
            env,
        );
        Surplus {
            name: self.name(),
            owner: "mk-vpc".into(),
            what: format!(
                "route {destination} to {target} of route table {}",
                table.part
            ),
            ..Surplus::default()
        }
    }
}

/// Whether a surplus record is of a route of ours.
pub fn is_of_route(surplus: &Surplus) -> bool {
    surplus.owner == "mk-vpc" && surplus.name.starts_with(ROUTE)
}

#[cfg(test)]
mod tests {
    use super::super::have::tests::tags;
    use super::*;

    #[test]
    fn a_route_that_nobody_of_us_made_is_surplus_unless_it_cannot_be_deleted() {
        let route = |destination: &str, is_deletable| Route {
            destination: destination.into(),
            target: "igw-1".into(),
            is_deletable,
        };
        let have = Have {
            route_tables: vec![RouteTable {
                id: "rtb-1".into(),
                tags: tags("rtb-private-a-production-pr1"),
                other_routes: vec![route("0.0.0.0/1", true), route("10.9.0.0/16", false)],
                ..RouteTable::default()
            }],
            ..Have::default()
        };
        let [surplus] = &surplus_routes(&have)[..] else {
            panic!()
        };
        let record = surplus.record(&Env::example());
        assert!(is_of_route(&record));
        assert_eq!(record.name, "route/rtb-1/0.0.0.0/1");
        assert_eq!(
            record.what,
            "route 0.0.0.0/1 to igw-1 of route table private-a"
        );
    }
}
