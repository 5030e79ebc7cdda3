//! The places of the zones: a band for each, with its subnets and its NAT gateway.

use super::parts::{Label, Layout, Placed, Point, Rect, height};
use super::traffic::OUTSIDE;
use crate::picture::{Network, Node, Text, Zone};

/// Of a subnet, and between two.
const SUBNET: i32 = 216;
const BETWEEN: i32 = 48;
/// How wide a network is at least.
pub(crate) const WIDTH: i32 = 2 * SUBNET + BETWEEN + 72;

/// Places the zones and the internet gateway in a frame, of which the left side, where it goes on and the
/// width are given; answers where the frame ends.
pub(crate) fn zones<'a>(
    layout: &mut Layout<'a>,
    network: &'a Network,
    margin: i32,
    (left, top, width): (i32, i32, i32),
) -> i32 {
    let mut y = top;
    for zone in &network.zones {
        let band = Rect {
            x: left + 18,
            y,
            w: width - 36,
            h: 40 + subnet_height(zone),
        };
        place_zone(layout, zone, band);
        y = band.bottom() + 14;
    }
    if let Some(gateway) = &network.gateway {
        y = y.max(place_gateway(layout, network, gateway, (margin, top, y)));
    }
    let find = |id: &str| {
        let placed = layout.boxes.iter().find(|placed| placed.node.id == id);
        placed.map(|placed| placed.at)
    };
    let mut arrows = Vec::new();
    for zone in &network.zones {
        let private = zone.private.as_ref().and_then(|private| find(&private.id));
        let nat = zone.leaves_by.as_ref().and_then(|nat| find(nat));
        if let (Some(from), Some(to)) = (private, nat) {
            let y = to.middle();
            let beside = (from.y..from.bottom()).contains(&y);
            let begin = Point::new(from.x, if beside { y } else { from.middle() }, -1);
            arrows.push(vec![begin, Point::new(to.right(), y, -1)]);
        }
        let nat = zone.nat.as_ref().and_then(|nat| find(&nat.id));
        let gateway = network
            .gateway
            .as_ref()
            .and_then(|gateway| find(&gateway.id));
        if let (Some(from), Some(to)) = (nat, gateway) {
            let begin = Point::new(from.x, from.middle(), -1);
            arrows.push(vec![begin, Point::new(to.right(), to.middle(), -1)]);
        }
    }
    layout.arrows.extend(arrows);
    y + 6
}

fn subnet_height(zone: &Zone) -> i32 {
    let around = zone.nat.as_ref().map_or(48, |nat| height(nat) + 46);
    let private = zone.private.as_ref().map_or(0, height);
    around.max(private)
}

fn place_zone<'a>(layout: &mut Layout<'a>, zone: &'a Zone, band: Rect) {
    layout.bands.push(band);
    layout.labels.push(Label {
        x: band.x + 14,
        y: band.y + 20,
        w: band.w - 28,
        class: "quiet",
        text: Text::plain(zone.name.as_str()),
    });
    let public = Rect {
        x: band.x + 14,
        y: band.y + 28,
        w: SUBNET,
        h: band.h - 40,
    };
    let private = Rect {
        x: public.right() + BETWEEN,
        ..public
    };
    if let Some(node) = &zone.public {
        layout.frames.push(Placed { node, at: public });
    }
    if let Some(node) = &zone.nat {
        let at = Rect {
            x: public.x + 14,
            y: public.y + 34,
            w: SUBNET - 28,
            h: height(node),
        };
        layout.boxes.push(Placed { node, at });
    }
    if let Some(node) = &zone.private {
        layout.boxes.push(Placed { node, at: private });
    }
}

/// Beside the zones, below what is outside; answers where it ends.
fn place_gateway<'a>(
    layout: &mut Layout<'a>,
    network: &Network,
    gateway: &'a Node,
    (margin, top, end): (i32, i32, i32),
) -> i32 {
    let h = height(gateway);
    let free = if network.zones.is_empty() {
        0
    } else {
        end - 14 - top - h
    };
    let at = Rect {
        x: margin,
        y: top + (free / 2).max(0),
        w: OUTSIDE,
        h,
    };
    layout.boxes.push(Placed { node: gateway, at });
    at.bottom() + 14
}
