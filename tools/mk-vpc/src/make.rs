//! The order in which a network is made. Four stages deep: a VPC, what needs only it, what needs
//! subnets and the gateway, what needs the NAT gateways. Within a stage all runs side by side.

mod addresses;
mod internet_gateway;
mod nat_gateways;
mod route_tables;
mod run;
mod subnets;
mod vpc;

use plumbing::{Result, Stream};
use tokio::join;

use self::addresses::AddressCandidates;
use self::route_tables::MadeTable;
use self::run::{ElectedVpc, Run};
use self::subnets::ZoneSubnets;
use crate::aws::Ec2;
use crate::plan::{self, Have, InternetGateway, Layout, RouteTable, WantedRouteTable, records};

/// Makes what is missing, brings the rest into line, and writes each record as it becomes true.
/// False where another run deleted the VPC, or elects another one: then find everything again.
pub async fn network(stream: &Stream, ec2: &Ec2, layout: &Layout, have: &Have) -> Result<bool> {
    let run = Run {
        stream,
        ec2,
        layout,
        have,
    };
    let (vpc, gateway, addresses) = join!(run.vpc(), run.internet_gateway(), run.addresses());
    let vpc = vpc?;
    let gateway = gateway?;
    let addresses = addresses?;
    stream.control.check_stopped()?;
    let Some(vpc) = vpc else {
        return Ok(false);
    };
    let (settings, contents) = join!(
        run.vpc_settings(&vpc),
        run.contents(&vpc, gateway, &addresses)
    );
    let made = settings.and(contents);
    if made.is_err() && ec2.vpc_is_deleted() {
        stream.control.check_stopped()?;
        return Ok(false);
    }
    made.map(|()| true)
}

impl Run<'_> {
    /// What is in the VPC: the second to the last stage.
    async fn contents(
        &self,
        vpc: &ElectedVpc,
        gateway: InternetGateway,
        addresses: &[AddressCandidates],
    ) -> Result<()> {
        let vpc_id = &vpc.vpc.id;
        // The second stage needs the VPC alone.
        let wants = plan::wanted_route_tables(self.env(), self.layout, self.have, &gateway.id);
        let (gateway, subnets, public) = join!(
            self.attach(gateway, vpc_id),
            self.subnets(vpc),
            self.route_table(&wants[0], vpc_id, vpc_id)
        );
        let gateway = gateway?;
        let subnets = subnets?;
        let public = public?;
        self.stream.control.check_stopped()?;
        // The third stage needs subnets and the gateway. NAT gateways take minutes.
        let (private, nats) = join!(
            self.connect_subnets(&gateway, vpc_id, &subnets, &public.table, &wants[1..]),
            self.nat_gateways(vpc_id, &subnets, addresses)
        );
        let private = private?;
        // The last stage needs the NAT gateways.
        self.route_private_subnets(&nats?, &private).await?;
        for made in std::iter::once(public).chain(private) {
            if let Some(record) = made.pending_record {
                self.stream.write(record).await?;
            }
        }
        self.stream.write(records::egress(self.layout.nat)).await
    }

    /// Routes the public subnets to the internet gateway, makes the private route tables, and has each
    /// subnet use its table.
    async fn connect_subnets(
        &self,
        gateway: &InternetGateway,
        vpc: &str,
        subnets: &[ZoneSubnets],
        public: &RouteTable,
        wants: &[WantedRouteTable],
    ) -> Result<Vec<MadeTable>> {
        let (routed, private) = join!(
            self.set_default_route(public, &gateway.id),
            self.private_route_tables(wants, vpc, subnets)
        );
        routed?;
        let private = private?;
        let mut associations = Vec::new();
        for (zone, private) in subnets.iter().zip(&private) {
            associations.push(self.associate(&zone.public, public));
            associations.push(self.associate(&zone.private, &private.table));
        }
        self.run_all(associations).await?;
        Ok(private)
    }

    /// Routes each private subnet to its zone's NAT gateway, or to the only one.
    async fn route_private_subnets(&self, nats: &[String], tables: &[MadeTable]) -> Result<()> {
        let mut routes = Vec::new();
        for (n, private) in tables.iter().enumerate() {
            let nat = nats.get(n).unwrap_or(&nats[0]);
            routes.push(self.set_default_route(&private.table, nat));
        }
        self.run_all(routes).await.map(drop)
    }
}
