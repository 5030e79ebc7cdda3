"""Availability zones: beside those that everybody may use, a region has local and wavelength zones.

They are told to who asks for all (AllAvailabilityZones), or has opted in. moto has none, and says
of no zone whether it needs an opt-in.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.responses.availability_zones_and_regions import AvailabilityZonesAndRegions

from ...ground.override import derive, override

#: Of each region: the name without the region's, the ID, the kind, whether the account opted in.
OTHERS = {
    "us-east-1": [
        ("-bos-1a", "use1-bos1-az1", "local-zone", "not-opted-in"),
        ("-atl-2a", "use1-atl2-az1", "local-zone", "opted-in"),
        ("-wl1-bos-wlz-1", "use1-wl1-bos-wlz1", "wavelength-zone", "not-opted-in"),
    ],
}


@derive(Zone)
def opt_in_status(self: Any) -> str:
    return next(
        (
            opted_in
            for name, _, _, opted_in in OTHERS.get(self.region_name, [])
            if self.name == self.region_name + name
        ),
        "opt-in-not-required",
    )


@override(AvailabilityZonesAndRegions)
def describe_availability_zones(moto: Any, self: Any) -> ActionResult:
    answer = moto(self)
    region = self.ec2_backend.region_name
    everything = self._get_param("AllAvailabilityZones") in (True, "true")
    zones = list(answer.result["AvailabilityZones"])
    for name, id, kind, opted_in in OTHERS.get(region, []):
        if everything or opted_in == "opted-in":
            zones.append(Zone(region + name, region, id, kind))
    for name, values in self._filters_from_querystring().items():
        attribute = {"opt-in-status": "opt_in_status", "zone-type": "zone_type"}.get(name)
        if attribute:
            zones = [zone for zone in zones if getattr(zone, attribute) in values]
    return ActionResult({"AvailabilityZones": zones})
