"""SlotReport → SlotStatus."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from controller.publication.envelope import header, publications
from interfaces import topics
from interfaces.proto import publication_pb2 as pb

if TYPE_CHECKING:
    from controller.fusion.standing import Finding
    from controller.publication.publication import Publication, Sender, Stamp
    from controller.slot import ModuleIdentity, SlotReport


def slot_status(report: SlotReport, sender: Sender, stamp: Stamp) -> tuple[Publication, ...]:
    """The state of one slot."""
    sources = 1 << sender.slots.index(report.slot) if report.slot in sender.slots else 0
    message = pb.SlotStatus(
        header=header(sender, stamp, stamp.published_at_ns, sources),
        slot=report.slot,
        role=report.role,
        module_class=report.module_class,
        required=report.required,
        port=report.port,
        state=report.state,
        reason=report.reason,
        since_ns=report.since_ns,
        identity=_identity(report.identity) if report.identity else None,
        rate_hz=report.rate_hz,
        objects=report.objects,
        latency_s=report.latency_s,
        clock_offset_s=report.clock_offset_s,
        clock_error_s=report.clock_error_s,
        frames=report.frames,
        wire_faults=report.wire_faults,
        gaps=report.gaps,
        late=report.late,
        truncated=report.truncated,
        swap_record=report.swap_record,
        wire=report.wire,
        address=report.address,
        granted=report.granted,
        allowed=report.allowed,
        load=report.load,
        counters=report.counters,
        registration=_registration(report.registration) if report.registration else None,
    )
    topic = topics.name(topics.SLOT, sender, slot=report.slot)
    return publications(topics.SLOT, topic, message, sender, stamp.published_at_ns)


def _registration(found: Finding) -> pb.Registration:
    return pb.Registration(
        standing=str(found.standing),
        words=found.words,
        east_m=found.east_m,
        north_m=found.north_m,
        yaw_deg=found.yaw_deg,
        late_s=found.late_s,
        range_scale=found.range_scale,
        effect_m=found.effect_m,
        agreement=found.agreement if math.isfinite(found.agreement) else None,
        speed_scale=found.speed_scale if math.isfinite(found.speed_scale) else None,
    )


def _identity(identity: ModuleIdentity) -> pb.ModuleIdentity:
    return pb.ModuleIdentity(
        uid=identity.uid,
        boot_id=identity.boot_id,
        vendor=identity.vendor,
        product=identity.product,
        serial_number=identity.serial_number,
        device_id=identity.device_id,
        firmware=identity.firmware,
        firmware_hash=identity.fw_hash,
        sheet_hash=identity.sheet_hash,
        spec=identity.spec,
        level=identity.level,
    )
