"""Config and slots → PoleProfile: what the pole is, what stands on it, where that sees and what it is good for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from controller.health import performance
from controller.publication.cavc.device import devices
from controller.publication.cavc.use_case_info import utilisation
from controller.publication.detection_area import corners
from controller.publication.envelope import header, position, publications
from interfaces import topics
from interfaces.proto import publication_pb2 as pb
from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from controller.config import Config, Mount
    from controller.publication.publication import Publication, Sender, Stamp
    from controller.slot import SlotReport
    from interfaces.proto import pmi_pb2

BEST: Final = 100  # 101 stands for every better reliability


def profile(
    config: Config,
    sender: Sender,
    reports: Sequence[SlotReport] = (),
    ranges: Mapping[str, Sequence[pmi_pb2.DetectionRange]] | None = None,
    *,
    available: bool = False,
    site_hash: str = "",
) -> pb.PoleProfile:
    """The pole as configured, and as its modules are: `ranges` are those of their data sheets, by slot. No header."""
    full = {one.slot for one in reports if performance(one) == State.ACTIVE}
    return pb.PoleProfile(
        name=config.pole.name,
        position=position(sender, 0.0, 0.0, 0.0),
        vertical_datum=config.origin.vertical_datum,
        sensors=[
            pb.SensorProfile(
                slot=name,
                role=slot.role or str(slot.module_class),
                module_class=str(slot.module_class),
                required=slot.required,
                position=position(sender, slot.mount.east_m, slot.mount.north_m, slot.mount.height_m),
                yaw_deg=slot.mount.yaw_deg,
                pitch_deg=slot.mount.pitch_deg,
                roll_deg=slot.mount.roll_deg,
                performs_in_full=name in full,
                ranges=[_range(one, slot.mount, sender, held=name in full) for one in (ranges or {}).get(name, ())],
            )
            for name, slot in config.slot.items()
        ],
        objects_rate_hz=config.publish.objects_rate_hz,
        site_hash=site_hash,
        use_cases=_use_cases(config, reports, available=available),
    )


def said(told: pb.PoleProfile, sender: Sender, stamp: Stamp) -> tuple[Publication, ...]:
    """A profile as it goes out; every slot counts among its modules."""
    message = pb.PoleProfile(header=header(sender, stamp, stamp.published_at_ns, (1 << len(sender.slots)) - 1))
    message.MergeFrom(told)
    return publications(topics.PROFILE, topics.name(topics.PROFILE, sender), message, sender, stamp.published_at_ns)


def _range(area: pmi_pb2.DetectionRange, mount: Mount, sender: Sender, *, held: bool) -> pb.SensorRange:
    east, north = corners(area, mount)
    latitude, longitude, _ = sender.frame.to_wgs84(east, north, 0.0)
    places = zip(latitude.tolist(), longitude.tolist(), east.tolist(), north.tolist(), strict=True)
    return pb.SensorRange(
        corners=[pb.GroundPoint(latitude_deg=lat, longitude_deg=lon, x_m=x, y_m=y) for lat, lon, x, y in places],
        reliability=_probability(area.reliability) if held else math.nan,
        detectable_types=area.detectable_types,
        limit_size_m=area.limit_size_m if area.limit_size_m > 0 else math.nan,
    )


def _probability(reliability: int) -> float:
    """Of detection, from the class n of CAVC センサ情報: p = 1 − 10^(−n/10); 0 is unknown."""
    return 1.0 - 10.0 ** (-min(reliability, BEST) / 10) if reliability else math.nan


def _use_cases(config: Config, reports: Sequence[SlotReport], *, available: bool) -> Iterator[pb.UseCase]:
    found = devices(config, reports)
    for case in config.cavc.use_case:
        yield pb.UseCase(
            type=case.type,
            supplementary_code=case.supplementary_code,
            supported_approach=case.supported_approach,
            approaches=case.approaches,
            slots=case.slots,
            utilisation=utilisation(case, found, serving=available),
        )
