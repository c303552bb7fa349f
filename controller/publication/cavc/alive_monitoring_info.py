"""死活監視情報 aliveMonitoringInfo: whether the roadside unit serves, and each of its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.publication.cavc.field import Field, Kind
from controller.publication.cavc.header import DEVICE, HEAD, document
from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.config import Config
    from controller.publication.cavc.device import Device

MAX_DEVICES: Final = 15
ADJUSTING, OPERATING = 0, 1  # of the roadside unit; of a device the codes are the other way round
IN_USE, IN_TEST = 0, 1
WELL, REDUCED, STOPPED = 0, 1, 2
UNAVAILABLE: Final = 2
_OF_STATE: Final[dict[str, tuple[int, int]]] = {
    State.ACTIVE: (IN_USE, WELL),
    State.DEGRADED: (IN_USE, REDUCED),
    State.PROBATION: (IN_TEST, WELL),
    State.IDENTIFYING: (IN_TEST, STOPPED),
    State.PRESENT: (IN_TEST, STOPPED),
}

TABLE: Final = (
    *HEAD,
    Field("路側機運用区分コード", "operationClassificationCode", 0, 1, codes="0 調整中, 1 運用中"),
    Field("サービス提供可否", "serviceAvailability", 0, 2, codes="0 可, 1 縮退動作中, 2 不可"),
    Field("機器種別数", "deviceClassificationNum", 0, 15, counts="deviceClassificationAliveInfo"),
    Field(
        "機器別死活情報",
        "deviceClassificationAliveInfo",
        0,
        15,
        Kind.LIST,
        rows=(
            Field("機器種別", "deviceClassification", 0, 2, codes="0 センサ, 1 信号機, 2 I2X通信機"),
            Field("機器数", "deviceNum", 0, 15, counts="deviceAliveInfo"),
            Field(
                "個別死活情報",
                "deviceAliveInfo",
                0,
                15,
                Kind.LIST,
                rows=(
                    DEVICE,
                    Field("機器運用状態", "deviceOperationStatus", 0, 1, codes="0 運用中, 1 試験中"),
                    Field("機器稼働状態", "deviceAliveStatus", 0, 2, codes="0 正常, 1 縮退, 2 停止"),
                ),
            ),
        ),
    ),
)


def alive_monitoring_info(
    config: Config, updated_at_ns: int, devices: Sequence[Device], *, alive: bool, availability: int
) -> dict[str, Any]:
    """The state of all devices; a pole that is not alive is unavailable and every device of it stopped."""
    kinds = sorted({one.classification for one in devices if one.classification is not None})
    groups = [_group(kind, [one for one in devices if one.classification == kind], alive=alive) for kind in kinds]
    return document(
        config,
        updated_at_ns,
        operationClassificationCode=OPERATING if config.cavc.in_operation and alive else ADJUSTING,
        serviceAvailability=availability if alive and 0 <= availability <= UNAVAILABLE else UNAVAILABLE,
        deviceClassificationNum=len(groups),
        deviceClassificationAliveInfo=groups,
    )


def _group(kind: int, devices: list[Device], *, alive: bool) -> dict[str, Any]:
    listed = [_device(one, alive=alive) for one in devices[:MAX_DEVICES]]
    return {"deviceClassification": kind, "deviceNum": len(listed), "deviceAliveInfo": listed}


def _device(one: Device, *, alive: bool) -> dict[str, int]:
    operation, life = _OF_STATE.get(one.state, (IN_USE, STOPPED)) if alive else (IN_USE, STOPPED)
    return {"deviceID": one.device_id, "deviceOperationStatus": operation, "deviceAliveStatus": life}
