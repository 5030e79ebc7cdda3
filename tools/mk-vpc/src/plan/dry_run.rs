//! What a run would do, as records. Pure.

use plumbing::{Change, Differences, Env, Record};

use super::compare::{self, Part};
use super::{
    Have, Layout, Name, ResourceType, Tags, Zone, elect, find_route_table, records,
    wanted_route_tables,
};

/// What a run would do, with the IDs that are known and `planned:` for the others.
pub fn network(env: &Env, layout: &Layout, have: &Have) -> Vec<Record> {
    let mut dry_run = DryRun {
        env,
        have,
        records: Vec::new(),
    };
    let name = Name::main(ResourceType::Vpc);
    let vpc = elect::vpc(&have.vpcs);
    let id = match vpc {
        Some(vpc) => vpc.id.clone(),
        None => env.planned(&name.tag(env)),
    };
    let internet_gateway = dry_run.internet_gateway(&id);
    dry_run.route_tables(layout, &internet_gateway);
    let mut network = records::Subnets::left(&layout.left_subnets(have));
    for zone in &layout.zones {
        let public = dry_run.subnet(zone.public_name(), &zone.public);
        let private = dry_run.subnet(zone.private_name(), &zone.private);
        network.add(&zone.name, [&public, &private]);
        if zone.has_nat {
            dry_run.nat_gateway(zone);
        }
    }
    let record = records::vpc(&id, &layout.cidr, network);
    let record = match vpc {
        Some(vpc) => {
            let differences = compare::vpc(env, &name, &vpc.tags, have);
            records::found(record, differences, true)
        }
        None => record.changed(Change::Create, &[]),
    };
    let mut records = vec![record];
    records.extend(dry_run.records);
    records.push(records::egress(layout.nat));
    records
}

/// A dry run, and the records that it has so far.
struct DryRun<'a> {
    env: &'a Env,
    have: &'a Have,
    records: Vec<Record>,
}

impl DryRun<'_> {
    /// Tells what would be done about the internet gateway; answers its ID, as those below do.
    fn internet_gateway(&mut self, vpc: &str) -> String {
        let name = Name::main(ResourceType::InternetGateway);
        match elect::internet_gateway(&self.have.internet_gateways, vpc) {
            Some(found) => {
                let differences = compare::internet_gateway(self.env, &name, found, vpc);
                self.add_found(&name, &found.id, differences)
            }
            None => self.add_created(&name),
        }
    }

    fn route_tables(&mut self, layout: &Layout, internet_gateway: &str) {
        for want in wanted_route_tables(self.env, layout, self.have, internet_gateway) {
            match find_route_table(self.env, &self.have.route_tables, &want) {
                Some(found) => {
                    let differences = compare::route_table(self.env, &want, found, self.have);
                    self.add_found(&want.name, &found.id, differences)
                }
                None => self.add_created(&want.name),
            };
        }
    }

    fn subnet(&mut self, name: Name, cidr: &str) -> String {
        match self.have.subnet(cidr) {
            Some(found) => {
                let differences = compare::subnet(self.env, &name, found);
                self.add_found(&name, &found.id, differences)
            }
            None => self.add_created(&name),
        }
    }

    fn nat_gateway(&mut self, zone: &Zone) {
        let nat = zone.nat_gateway(self.have);
        let name = zone.address_name();
        let address = elect::address(&self.have.addresses, &name.tag(self.env), nat);
        self.tagged(
            &name,
            address.map(|address| (address.id.as_str(), &address.tags)),
        );
        self.tagged(
            &zone.nat_gateway_name(),
            nat.map(|nat| (nat.id.as_str(), &nat.tags)),
        );
    }

    /// Tells what would be done about a resource of which nothing but its tags can differ.
    fn tagged(&mut self, name: &Name, found: Option<(&str, &Tags)>) -> String {
        match found {
            Some((id, tags)) => {
                let differences = compare::tags(self.env, name, tags);
                self.add_found(name, id, differences)
            }
            None => self.add_created(name),
        }
    }

    fn add_found(&mut self, name: &Name, id: &str, differences: Differences<Part>) -> String {
        let record = records::found(name.record(id), differences, true);
        self.records.push(record);
        id.to_string()
    }

    fn add_created(&mut self, name: &Name) -> String {
        let id = self.env.planned(&name.tag(self.env));
        self.records
            .push(name.record(&id).changed(Change::Create, &[]));
        id
    }
}

#[cfg(test)]
mod tests {
    use plumbing::Vpc;

    use super::super::layout;
    use super::super::tests::{want, zones};
    use super::*;

    #[test]
    fn a_dry_run_on_nothing_creates_everything_with_planned_ids() {
        let env = Env::example();
        let layout = layout(&env, &want(), &Have::default(), &zones()).unwrap();
        let records = network(&env, &layout, &Have::default());
        let mut created = 0;
        for record in &records {
            if record.text("change") == "create" {
                created += 1;
            }
        }
        assert_eq!(created, records.len() - 1);
        let vpc: Vpc = records[0].typed().unwrap();
        assert_eq!(
            vpc.private_subnets,
            [
                "planned:subnet-private-a-production-pr1",
                "planned:subnet-private-b-production-pr1"
            ]
        );
    }
}
