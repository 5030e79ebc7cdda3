//! The order in which a network is made. Four stages deep: a VPC, what needs only it, what needs
//! subnets and the gateway, what needs the NAT gateways. Within a stage all runs side by side.

use plumbing::{Change, Difference, Record, Result, Stream};
use tokio::join;

use crate::aws::Ec2;
use crate::plan::{
    self, Address, Exit, Gateway, Have, Layout, NatGateway, Network, Subnet, Table, Tags, Zone,
};

/// How often in a day somebody may delete one route table.
const DEAD_TOKENS: usize = 5;

/// Makes what is missing, brings the rest into line, and writes each record as it becomes true.
/// False where the VPC went to another run's: look again.
pub async fn network(stream: &Stream, ec2: &Ec2, layout: &Layout, have: Have) -> Result<bool> {
    let (vpc, gateway, addresses) = join!(
        vpc(stream, ec2, layout, &have),
        gateway(stream, ec2, &have),
        addresses(stream, ec2, layout, &have)
    );
    let (vpc, gateway, addresses) = (vpc?, gateway?, addresses?);
    stream.control.check_stopped()?;
    let Some((vpc, fresh)) = vpc else {
        return Ok(false);
    };
    let (looks, network) = join!(
        settings(stream, ec2, &vpc, fresh, &have),
        parts(stream, ec2, layout, &have, &vpc, fresh, gateway, addresses)
    );
    match looks.and(network) {
        Err(_) if ec2.is_gone() => stream.control.check_stopped().map(|()| false),
        made => made.map(|()| true),
    }
}

/// The VPC to work in, and whether nobody worked in it before; none where another look has to tell.
///
/// AWS keeps no two runs from making one each. Whoever made one looks again, elects the first, and
/// deletes the others before it makes anything in its own: AWS refuses to delete one with something
/// in it. So a run that looked before the first was there, and went on in its own, keeps that one;
/// and if its own was deleted it notices at the next call.
async fn vpc(
    stream: &Stream,
    ec2: &Ec2,
    layout: &Layout,
    have: &Have,
) -> Result<Option<(Network, bool)>> {
    let mut vpcs = have.vpcs.clone();
    let fresh = vpcs.is_empty();
    let mut seen = !fresh;
    if fresh {
        let made = ec2.create_vpc(&layout.cidr).await?;
        vpcs = match (ec2.vpcs().await, &made) {
            (Ok(vpcs), _) => vpcs,
            (Err(error), None) => return Err(error),
            (Err(error), Some(made)) => {
                // Which one it would be is not known, but that this one is there must be told.
                let (none, created) = (Vec::new(), Some(Change::Created));
                let record = plan::vpc_record(&made.id, &made.cidr, none.clone(), none, created);
                return stream.write(record).await.and(Err(error));
            }
        };
        seen = !vpcs.is_empty();
        if let Some(made) = made.filter(|made| !vpcs.iter().any(|vpc| vpc.id == made.id)) {
            seen = false; // EC2 shows what was just made with a delay
            vpcs.push(made);
        }
    }
    let Some(elected) = plan::first(&vpcs).cloned() else {
        return Ok(None);
    };
    for loser in vpcs.iter().filter(|vpc| vpc.id != elected.id) {
        if ec2.delete_vpc(&loser.id).await? {
            continue;
        }
        if ec2.delete_vpc(&elected.id).await? {
            return Ok(None);
        }
        return Err(plumbing::Error::refused(format!(
            "two VPCs are tagged {}, and both are in use: {} {}",
            ec2.aws.env.name, elected.id, loser.id
        ))
        .hint("delete the one that is not used"));
    }
    ec2.enter(&elected.id, seen);
    if fresh {
        let record = plan::vpc_record(
            &elected.id,
            &elected.cidr,
            Vec::new(),
            Vec::new(),
            Some(Change::Created),
        );
        stream.write(record).await?;
    }
    Ok(Some((elected, fresh)))
}

/// Runs futures side by side like [`Stream::join`], but has nothing stop where the VPC is gone.
async fn side_by_side<T>(
    stream: &Stream,
    ec2: &Ec2,
    futures: impl IntoIterator<Item = impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    let futures = futures.into_iter().map(|future| async {
        match future.await {
            Err(gone) if ec2.is_gone() => Ok(Err(gone)),
            result => result.map(Ok),
        }
    });
    ec2.aws
        .control
        .run_all(futures)
        .await?
        .into_iter()
        .collect()
}

async fn gateway(stream: &Stream, ec2: &Ec2, have: &Have) -> Result<Gateway> {
    let vpc = plan::first(&have.vpcs)
        .map(|vpc| vpc.id.as_str())
        .unwrap_or_default();
    match plan::gateway(&have.gateways, vpc) {
        Some(found) => Ok(found.clone()),
        None => {
            let made = ec2.create_gateway().await?;
            // The moment it exists, although another run's may be chosen: then that one's follows.
            created(stream, ec2, "internet_gateway", "main", &made.id).await?;
            Ok(made)
        }
    }
}

/// What a NAT gateway may have: the address that every run takes first, and all of its name that
/// nothing used.
struct Choice {
    elected: Address,
    spare: Vec<String>,
}

/// The addresses for each NAT gateway, in the order of the zones that have one.
async fn addresses(
    stream: &Stream,
    ec2: &Ec2,
    layout: &Layout,
    have: &Have,
) -> Result<Vec<Choice>> {
    let zones = || layout.zones.iter().filter(|zone| zone.nat);
    let name = |zone: &Zone| plan::name(&ec2.aws.env, "eip", &format!("nat-{}", zone.letter));
    let made = zones().map(|zone| async move {
        match plan::address(&have.addresses, &name(zone), plan::nat_of(have, zone)) {
            Some(found) => part(
                stream,
                ec2,
                "elastic_ip",
                &format!("nat-{}", zone.letter),
                &found.id,
                &name(zone),
                &found.tags,
            )
            .await
            .map(|()| None),
            None => {
                let part = format!("nat-{}", zone.letter);
                let made = ec2.allocate(&part).await?;
                created(stream, ec2, "elastic_ip", &part, &made.id).await?;
                Ok(Some(made))
            }
        }
    });
    let made: Vec<Address> = ec2
        .aws
        .control
        .run_all(made)
        .await?
        .into_iter()
        .flatten()
        .collect();
    let mut all = have.addresses.clone();
    if !made.is_empty() {
        all = ec2.addresses().await?;
        let missing: Vec<Address> = made
            .iter()
            .filter(|one| !all.iter().any(|other| other.id == one.id))
            .cloned()
            .collect();
        all.extend(missing);
    }
    let mut chosen = Vec::new();
    for zone in zones() {
        let Some(elected) = plan::address(&all, &name(zone), plan::nat_of(have, zone)) else {
            continue;
        };
        let ours = made
            .iter()
            .find(|address| address.tags.get("Name") == Some(&name(zone)));
        if ours.is_some_and(|ours| ours.id != elected.id) {
            let record =
                plan::part_record("elastic_ip", &format!("nat-{}", zone.letter), &elected.id);
            stream.write(record.changed(Change::Kept, &[])).await?;
        }
        let spare = all
            .iter()
            .filter(|address| address.tags.get("Name") == Some(&name(zone)) && !address.used);
        let spare = spare.map(|address| address.id.clone()).collect();
        chosen.push(Choice {
            elected: elected.clone(),
            spare,
        });
    }
    Ok(chosen)
}

/// What the VPC brings along and should not keep as it is.
async fn settings(
    stream: &Stream,
    ec2: &Ec2,
    vpc: &Network,
    fresh: bool,
    have: &Have,
) -> Result<()> {
    let group = match fresh {
        true => ec2.default_group(&vpc.id).await?,
        false => have.default_group.clone(),
    };
    if !fresh && !have.dns {
        ec2.enable_dns(&vpc.id).await?; // first: without it AWS gives no names
    }
    if !have.hostnames {
        ec2.enable_hostnames(&vpc.id).await?;
    }
    match group {
        Some(group) if group.ingress || group.egress => ec2.strip(&group).await,
        _ => Ok(()),
    }
}

#[allow(clippy::too_many_arguments)] // what the first stage made, for the three that follow
async fn parts(
    stream: &Stream,
    ec2: &Ec2,
    layout: &Layout,
    have: &Have,
    vpc: &Network,
    fresh: bool,
    gateway: Gateway,
    addresses: Vec<Choice>,
) -> Result<()> {
    // The second stage needs the VPC alone.
    let exits = plan::exits(&ec2.aws.env, layout, have, &gateway.id);
    let (gateway, zones, tables) = join!(
        attached(stream, ec2, have, gateway, &vpc.id),
        subnets(stream, ec2, layout, have, vpc, fresh),
        tables(stream, ec2, &exits, have, &vpc.id)
    );
    let (gateway, zones, (tables, mended)) = (gateway?, zones?, tables?);
    stream.control.check_stopped()?;
    let (public, private) = (&tables[0], &tables[1..]);
    // The third stage: the way in, and the NAT gateways, which take minutes.
    let way_in = async {
        route(stream, ec2, public, &gateway.id).await?;
        let uses = zones
            .iter()
            .zip(private)
            .flat_map(|((a, b), table)| [(a, public), (b, table)]);
        side_by_side(
            stream,
            ec2,
            uses.map(|(subnet, table)| associated(stream, ec2, have, subnet, table)),
        )
        .await
    };
    let with_nat = layout
        .zones
        .iter()
        .zip(&zones)
        .filter(|(zone, _)| zone.nat)
        .zip(&addresses);
    let nats = async {
        let made = with_nat
            .map(|((zone, (subnet, _)), address)| nat(stream, ec2, have, zone, subnet, address));
        let nats = side_by_side(stream, ec2, made).await?;
        let pending: Vec<&str> = nats
            .iter()
            .filter(|(_, works)| !works)
            .map(|(id, _)| id.as_str())
            .collect();
        if !pending.is_empty() {
            ec2.nats_available(&vpc.id, &pending).await?;
        }
        Ok(nats.into_iter().map(|(id, _)| id).collect::<Vec<String>>())
    };
    let (way_in, nats) = join!(way_in, nats);
    way_in?;
    let nats = nats?;
    // The last: the way out.
    let out = private
        .iter()
        .enumerate()
        .map(|(at, table)| route(stream, ec2, table, nats.get(at).unwrap_or(&nats[0])));
    side_by_side(stream, ec2, out).await?;
    for record in mended {
        stream.write(record).await?;
    }
    stream.write(plan::egress_record(layout.nat)).await
}

async fn attached(
    stream: &Stream,
    ec2: &Ec2,
    have: &Have,
    gateway: Gateway,
    vpc: &str,
) -> Result<Gateway> {
    let known = have.gateways.iter().any(|other| other.id == gateway.id);
    let before = gateway.clone();
    let name = plan::name(&ec2.aws.env, "igw", "");
    let attached = gateway.vpc.as_deref() == Some(vpc) || ec2.attach(&gateway.id, vpc).await?;
    let used = match attached {
        true => gateway,
        false => {
            // The VPC has one already: a run at the same time was faster.
            ec2.delete_gateway(&gateway.id).await?;
            let all = ec2.gateways().await?;
            let other = all
                .into_iter()
                .find(|other| other.vpc.as_deref() == Some(vpc));
            other.ok_or_else(|| {
                plumbing::Error::unfinished(format!(
                    "{vpc} has an internet gateway that is not this environment's, or another run deleted {}",
                    gateway.id
                ))
                .hint("run the pipeline again")
            })?
        }
    };
    let mut losers: Vec<Gateway> = have.gateways.clone();
    if !known {
        let all = ec2.gateways().await?;
        losers.extend(
            all.into_iter()
                .filter(|other| plan::same_call(&other.tags, &used.tags)),
        );
    }
    for loser in losers
        .iter()
        .filter(|other| other.id != used.id && other.vpc.is_none())
    {
        ec2.delete_gateway(&loser.id).await?;
    }
    match known {
        true => {
            let mut differences = retagged(stream, ec2, &used.id, &name, &used.tags).await?;
            differences
                .extend(plan::attachment_difference(&before, vpc).filter(|_| used.id == before.id));
            let change = plan::change(&differences, false);
            let record = plan::part_record("internet_gateway", "main", &used.id)
                .changed(change, &differences);
            stream.write(record).await?;
        }
        false if used.id == before.id => {} // it is told already
        false => created(stream, ec2, "internet_gateway", "main", &used.id).await?,
    }
    Ok(used)
}

/// The public and the private subnet of each zone; when all are there, the VPC's record again.
async fn subnets(
    stream: &Stream,
    ec2: &Ec2,
    layout: &Layout,
    have: &Have,
    vpc: &Network,
    fresh: bool,
) -> Result<Vec<(Subnet, Subnet)>> {
    let one = async |side: &str, cidr: &str, zone: &Zone| -> Result<Subnet> {
        let record = format!("{side}-{}", zone.letter);
        match plan::subnet(&have.subnets, cidr, &zone.zone)? {
            Some(found) => {
                let name = plan::name(&ec2.aws.env, "subnet", &record);
                part(
                    stream,
                    ec2,
                    "subnet",
                    &record,
                    &found.id,
                    &name,
                    &found.tags,
                )
                .await?;
                Ok(found.clone())
            }
            None => {
                let made = ec2
                    .create_subnet(&vpc.id, &record, cidr, &zone.zone)
                    .await?;
                created(stream, ec2, "subnet", &record, &made.id).await?;
                Ok(made)
            }
        }
    };
    let both = layout.zones.iter().map(|zone| async move {
        let (public, private) = join!(
            one("public", &zone.public, zone),
            one("private", &zone.private, zone)
        );
        Ok((public?, private?))
    });
    let zones = side_by_side(stream, ec2, both).await?;
    let differences = if fresh {
        Vec::new()
    } else {
        vpc_into_line(stream, ec2, vpc, have).await?
    };
    let change = if fresh {
        Change::Created
    } else {
        plan::change(&differences, false)
    };
    let ids = |side: fn(&(Subnet, Subnet)) -> &Subnet| {
        zones.iter().map(|zone| side(zone).id.clone()).collect()
    };
    let record = plan::vpc_record(
        &vpc.id,
        &vpc.cidr,
        ids(|zone| &zone.0),
        ids(|zone| &zone.1),
        None,
    );
    stream.write(record.changed(change, &differences)).await?;
    Ok(zones)
}

async fn vpc_into_line(
    stream: &Stream,
    ec2: &Ec2,
    vpc: &Network,
    have: &Have,
) -> Result<Vec<Difference>> {
    let name = plan::name(&ec2.aws.env, "vpc", "");
    let mut differences = plan::tag_differences(&ec2.aws.env, &name, &vpc.tags);
    if !differences.is_empty() {
        ec2.retag(&vpc.id, &name).await?;
    }
    differences.extend(plan::vpc_differences(have));
    Ok(differences)
}

/// The public table, then each zone's private one; and the records of those whose routes or
/// associations are to be mended, to be written when they are.
async fn tables(
    stream: &Stream,
    ec2: &Ec2,
    exits: &[Exit],
    have: &Have,
    vpc: &str,
) -> Result<(Vec<Table>, Vec<Record>)> {
    let made = exits.iter().map(|exit| async move {
        let record = &exit.part;
        let Some(found) = plan::table(&ec2.aws.env, &have.tables, exit) else {
            let made = new_table(stream, ec2, have, vpc, record).await?;
            created(stream, ec2, "route_table", record, &made.id).await?;
            return Ok((made, None));
        };
        let name = plan::name(&ec2.aws.env, "rtb", record);
        let (wanted, more) = (
            retagged(stream, ec2, &found.id, &name, &found.tags).await?,
            plan::exit_differences(have, found, exit),
        );
        let mends = !more.is_empty();
        let differences: Vec<_> = wanted.into_iter().chain(more).collect();
        let record = plan::part_record("route_table", record, &found.id);
        let record = record.changed(plan::change(&differences, false), &differences);
        if mends {
            return Ok((found.clone(), Some(record)));
        }
        stream.write(record).await?;
        Ok((found.clone(), None))
    });
    let (tables, mended): (Vec<_>, Vec<_>) =
        side_by_side(stream, ec2, made).await?.into_iter().unzip();
    Ok((tables, mended.into_iter().flatten().collect()))
}

/// Makes a route table. In a VPC that was there, the token may be that of one that somebody deleted.
async fn new_table(
    stream: &Stream,
    ec2: &Ec2,
    have: &Have,
    vpc: &str,
    part: &str,
) -> Result<Table> {
    let mut attempt = 0;
    loop {
        let made = ec2.create_table(vpc, part, attempt).await?;
        if have.vpcs.is_empty() || attempt == DEAD_TOKENS || ec2.table_shows(&made.id).await? {
            return Ok(made);
        }
        attempt += 1;
    }
}

async fn route(stream: &Stream, ec2: &Ec2, table: &Table, target: &str) -> Result<()> {
    match table.default_route.as_deref() {
        Some(there) if there == target => Ok(()),
        old => ec2.route(&table.id, old, target).await,
    }
}

async fn associated(
    stream: &Stream,
    ec2: &Ec2,
    have: &Have,
    subnet: &Subnet,
    table: &Table,
) -> Result<()> {
    let uses = |table: &Table| {
        table
            .subnets
            .iter()
            .find(|(user, _)| *user == subnet.id)
            .map(|(_, id)| id.clone())
    };
    if uses(table).is_some() {
        return Ok(());
    }
    for (_, association) in have
        .tables
        .iter()
        .flat_map(|table| &table.failed)
        .filter(|(user, _)| *user == subnet.id)
    {
        ec2.disassociate(association).await?;
    }
    let old = have.tables.iter().chain(&have.strangers).find_map(uses);
    ec2.associate(&table.id, &subnet.id, old.as_deref()).await
}

/// A zone's NAT gateway, and whether it works already.
async fn nat(
    stream: &Stream,
    ec2: &Ec2,
    have: &Have,
    zone: &Zone,
    subnet: &Subnet,
    address: &Choice,
) -> Result<(String, bool)> {
    let name = plan::name(&ec2.aws.env, "nat", &zone.letter);
    let nat = match plan::nat(&have.nats, &subnet.id) {
        Some(found) => {
            part(
                stream,
                ec2,
                "nat_gateway",
                &zone.letter,
                &found.id,
                &name,
                &found.tags,
            )
            .await?;
            found.clone()
        }
        None => {
            let dead: Vec<&NatGateway> = have
                .nats
                .iter()
                .filter(|nat| nat.subnet == subnet.id)
                .collect();
            for going in dead.iter().filter(|nat| nat.state == "deleting") {
                ec2.nat_deleted(&going.id).await?; // it holds the address until then
            }
            let made = ec2
                .create_nat(&zone.letter, subnet, &address.elected.id, &dead)
                .await?;
            created(stream, ec2, "nat_gateway", &zone.letter, &made.id).await?;
            made
        }
    };
    let used = match nat.address.is_empty() && !address.spare.is_empty() {
        true => ec2.nat_address(&nat.id).await?,
        false => nat.address,
    };
    // Other runs' addresses, or of a call that was repeated when its answer was lost: now that the
    // gateway has one, no run can give it another. Where none is told, it may have any of them.
    for spare in address
        .spare
        .iter()
        .filter(|id| !used.is_empty() && **id != used)
    {
        ec2.release(spare).await?;
    }
    Ok((nat.id, nat.state == "available"))
}

async fn created(stream: &Stream, ec2: &Ec2, kind: &str, name: &str, id: &str) -> Result<()> {
    stream
        .write(plan::part_record(kind, name, id).changed(Change::Created, &[]))
        .await
}

/// Writes the record of a part that was there, after bringing its tags into line.
async fn part(
    stream: &Stream,
    ec2: &Ec2,
    kind: &str,
    record: &str,
    id: &str,
    name: &str,
    tags: &Tags,
) -> Result<()> {
    let differences = retagged(stream, ec2, id, name, tags).await?;
    let record: Record = plan::part_record(kind, record, id);
    stream
        .write(record.changed(plan::change(&differences, false), &differences))
        .await
}

/// Brings a part's tags into line; answers what differed.
async fn retagged(
    stream: &Stream,
    ec2: &Ec2,
    id: &str,
    name: &str,
    tags: &Tags,
) -> Result<Vec<Difference>> {
    let differences = plan::tag_differences(&ec2.aws.env, name, tags);
    if !differences.is_empty() {
        ec2.retag(id, name).await?;
    }
    Ok(differences)
}
