//! What an app reaches, and who reaches it, besides apps and the internet: a database, a mail server, a
//! group of somebody else's.

use std::fmt;
use std::net::Ipv4Addr;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::is_id;

/// What an app reaches, and who reaches it, by rules of its security groups.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "How it is reached")]
#[serde(default)]
pub struct Reach {
    /// What its tasks may reach: `tcp:5432=sg-0a1b2c3d`, `tcp:8000-8010=10.0.0.0/8`, `udp:53=pl-0a1b2c3d`.
    #[serde(rename = "reach", skip_serializing_if = "Vec::is_empty")]
    #[arg(long = "reach", value_name = "PROTOCOL:PORT=PEER")]
    pub to: Vec<String>,
    /// Who may reach it: `sg-0a1b2c3d` its load balancer, on the port where that listens;
    /// `tcp:9000=sg-0a1b2c3d` its tasks, where it has no load balancer.
    #[serde(rename = "reach_from", skip_serializing_if = "Vec::is_empty")]
    #[arg(long = "reach-from", value_name = "PEER")]
    pub from: Vec<String>,
    /// Who alone may reach a public app: a range of IPv4 addresses, `203.0.113.0/24`, or a prefix list,
    /// `pl-0a1b2c3d`; again for another. Without it the whole internet may.
    #[serde(rename = "from", skip_serializing_if = "Vec::is_empty")]
    #[arg(long = "from", value_name = "RANGE")]
    pub only_from: Vec<String>,
}

/// Traffic to or from something that is no app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The first port.
    pub from_port: u16,
    /// The last port.
    pub to_port: u16,
    /// The ID of a security group or a prefix list, or a range of IPv4 addresses.
    pub peer: String,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.protocol, self.from_port)?;
        if self.to_port != self.from_port {
            write!(f, "-{}", self.to_port)?;
        }
        write!(f, "={}", self.peer)
    }
}

impl Reach {
    /// Where its tasks may go. What is no way was refused before.
    pub fn ways(&self) -> Vec<Way> {
        self.to.iter().flat_map(|text| way(text)).collect()
    }

    /// Who may reach its load balancer.
    pub fn peers(&self) -> Vec<&str> {
        let peers = self.from.iter().filter(|text| !text.contains('='));
        peers.map(String::as_str).collect()
    }

    /// How its tasks may be reached without a load balancer.
    pub fn ways_from(&self) -> Vec<Way> {
        self.from.iter().flat_map(|text| way(text)).collect()
    }

    pub(super) fn check(&self, public: bool, worker: bool) -> Result<(), String> {
        for text in &self.to {
            way(text).map_err(|why| format!("reach '{text}' {why}"))?;
        }
        for text in &self.from {
            let refuse = |why: &str| Err(format!("reach_from '{text}' {why}"));
            let peer = match text.split_once('=') {
                Some(_) if !worker => {
                    return refuse(
                        "names a port; a load balancer listens where it listens: write the group, range or prefix list alone",
                    );
                }
                Some(_) => way(text).map(|way| way.peer),
                None if worker => {
                    return refuse(
                        "names no port: write tcp:PORT=PEER, as a worker has no load balancer",
                    );
                }
                None => peer(text).map(str::to_string),
            };
            match peer {
                Err(why) => return refuse(&why),
                Ok(_) if public => {
                    return refuse("is of a public app, which the whole internet reaches already");
                }
                Ok(peer) if peer == "0.0.0.0/0" => {
                    return refuse("is everybody: an app that the internet may reach is public");
                }
                Ok(_) => {}
            }
        }
        self.check_only_from(public)
    }

    fn check_only_from(&self, public: bool) -> Result<(), String> {
        for (n, text) in self.only_from.iter().enumerate() {
            let refuse = |why: &str| Err(format!("from '{text}' {why}"));
            match peer(text) {
                Err(why) => return refuse(&why),
                Ok(_) if !public => {
                    return refuse(
                        "is of a public app; who else may reach one that is not, reach_from says",
                    );
                }
                Ok(peer) if peer.starts_with("sg-") => {
                    return refuse(
                        "is a security group: a public load balancer sees the public addresses of who comes, so name their range",
                    );
                }
                Ok("0.0.0.0/0") => return refuse("is everybody, as without it"),
                Ok(_) if self.only_from[..n].contains(text) => return refuse("is said twice"),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// Reads `tcp:5432=sg-0a1b2c3d`.
fn way(text: &str) -> Result<Way, String> {
    let form = || "is not PROTOCOL:PORT=PEER, like tcp:5432=sg-0a1b2c3d".to_string();
    let (traffic, peer_text) = text.split_once('=').ok_or_else(form)?;
    let (protocol, ports) = traffic.split_once(':').ok_or_else(form)?;
    if !matches!(protocol, "tcp" | "udp") {
        return Err(format!(
            "has protocol '{protocol}', which is neither tcp nor udp"
        ));
    }
    let (from_port, to_port) = ports.split_once('-').unwrap_or((ports, ports));
    let number = |port: &str| match port.parse::<u16>() {
        Ok(number) if number > 0 && port == number.to_string() => Ok(number),
        _ => Err(format!("has port '{port}', which is not from 1 to 65535")),
    };
    let (from_port, to_port) = (number(from_port)?, number(to_port)?);
    if from_port > to_port {
        return Err(format!(
            "has its ports upside down: write {to_port}-{from_port}"
        ));
    }
    Ok(Way {
        protocol: protocol.into(),
        from_port,
        to_port,
        peer: peer(peer_text)?.into(),
    })
}

/// Checks that a text is a group, a prefix list or a range as EC2 writes it.
fn peer(text: &str) -> Result<&str, String> {
    if text.starts_with("sg-") || text.starts_with("pl-") {
        if is_id(text, "sg-") || is_id(text, "pl-") {
            return Ok(text);
        }
        return Err(format!(
            "has '{text}', which is no ID: 8 or 17 digits of 0-9 and a-f follow"
        ));
    }
    let no_range = || {
        format!(
            "has '{text}', which is no security group (sg-…), prefix list (pl-…) or IPv4 range (10.0.0.0/8)"
        )
    };
    let (address, length) = text.split_once('/').ok_or_else(no_range)?;
    let address: Ipv4Addr = address.parse().map_err(|_| no_range())?;
    let length: u32 = length.parse().map_err(|_| no_range())?;
    if length > 32 {
        return Err(no_range());
    }
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    let range = format!("{}/{length}", Ipv4Addr::from(u32::from(address) & mask));
    if range != text {
        return Err(format!("has '{text}': write {range}, as EC2 does"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(to: &[&str], from: &[&str]) -> Reach {
        let texts = |list: &[&str]| list.iter().map(|text| text.to_string()).collect();
        Reach {
            to: texts(to),
            from: texts(from),
            only_from: Vec::new(),
        }
    }

    #[test]
    fn a_public_app_may_be_reached_from_some_ranges_alone() {
        let only = |from: &[&str], public: bool| {
            let reach = Reach {
                only_from: from.iter().map(|text| text.to_string()).collect(),
                ..Reach::default()
            };
            reach.check(public, false)
        };
        assert_eq!(only(&["203.0.113.0/24", "pl-0a1b2c3d"], true), Ok(()));
        for (from, public, why) in [
            (&["203.0.113.0/24"][..], false, "is of a public app"),
            (&["sg-0a1b2c3d"], true, "is a security group"),
            (&["0.0.0.0/0"], true, "is everybody"),
            (&["203.0.113.9/24"], true, "write 203.0.113.0/24"),
            (&["203.0.113.9"], true, "no security group"),
            (&["2001:db8::/32"], true, "no security group"),
            (&["192.0.2.1/32", "192.0.2.1/32"], true, "said twice"),
        ] {
            let refused = only(from, public).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn ways_are_read_and_written_alike() {
        let texts = [
            "tcp:5432=sg-0a1b2c3d",
            "tcp:5432=sg-0a1b2c3d4e5f60718",
            "tcp:8000-8010=10.0.0.0/8",
            "udp:53=pl-0a1b2c3d",
            "tcp:443=0.0.0.0/0",
            "tcp:25=192.0.2.1/32",
        ];
        let reach = reach(&texts, &["sg-0a1b2c3d", "10.0.0.0/8"]);
        assert_eq!(reach.check(false, false), Ok(()));
        let written: Vec<String> = reach.ways().iter().map(Way::to_string).collect();
        assert_eq!(written, texts);
        assert_eq!(reach.peers(), ["sg-0a1b2c3d", "10.0.0.0/8"]);
    }

    #[test]
    fn what_is_no_way_is_refused_with_the_reason() {
        for (text, why) in [
            ("5432=sg-0a1b2c3d", "is not PROTOCOL:PORT=PEER"),
            ("tcp:5432", "is not PROTOCOL:PORT=PEER"),
            ("icmp:1=sg-0a1b2c3d", "neither tcp nor udp"),
            ("tcp:0=sg-0a1b2c3d", "not from 1 to 65535"),
            ("tcp:+1=sg-0a1b2c3d", "not from 1 to 65535"),
            ("tcp:65536=sg-0a1b2c3d", "not from 1 to 65535"),
            ("tcp:9-8=sg-0a1b2c3d", "write 8-9"),
            ("tcp:1=sg-0a1b", "is no ID"),
            ("tcp:1=sg-0A1B2C3D", "is no ID"),
            ("tcp:1=db.example", "no security group"),
            ("tcp:1=10.0.0.1/8", "write 10.0.0.0/8"),
            ("tcp:1=10.0.0.0", "no security group"),
            ("tcp:1=10.0.0.0/33", "no security group"),
            ("tcp:1=::/0", "no security group"),
        ] {
            let refused = reach(&[text], &[]).check(false, false).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn who_reaches_an_app_follows_from_what_it_is() {
        for (from, public, worker, why) in [
            ("tcp:80=sg-0a1b2c3d", false, false, "names a port"),
            ("sg-0a1b2c3d", true, false, "the whole internet"),
            ("0.0.0.0/0", false, false, "is public"),
            ("sg-0a1b2c3d", false, true, "names no port"),
            ("tcp:9000=0.0.0.0/0", false, true, "is public"),
        ] {
            let refused = reach(&[], &[from]).check(public, worker).unwrap_err();
            assert!(refused.contains(why), "{from}: {refused}");
        }
        let worker = reach(&[], &["tcp:9000=sg-0a1b2c3d"]);
        assert_eq!(worker.check(false, true), Ok(()));
        assert_eq!(worker.ways_from()[0].from_port, 9000);
        assert_eq!(worker.peers(), Vec::<&str>::new());
    }
}
