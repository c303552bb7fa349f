"""ユースケース情報 useCaseInfo: what the targets may be used for now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from controller.publication.cavc.device import sensors
from controller.publication.cavc.field import U16_MAX, Field, Kind
from controller.publication.cavc.header import HEAD, document
from interfaces.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.config import Config
    from controller.publication.cavc.device import Device
    from controller.publication.cavc.settings import UseCase

REDUCED, INFORMATION = 0, 1  # 縮退動作, 情報提供・注意喚起: reference information never says more

TABLE: Final = (
    *HEAD,
    Field(
        "支援方路別ユースケース情報",
        "useCaseInfo",
        0,
        255,
        Kind.LIST,
        rows=(
            Field("ユースケース数", "useCaseNum", 0, 255, counts="useCaseClassificationInfo"),
            Field(
                "ユースケース種別情報",
                "useCaseClassificationInfo",
                0,
                255,
                Kind.LIST,
                rows=(
                    Field("対象ユースケース類型", "useCaseType", 0, 255, unknown=255),
                    Field(
                        "補足コード",
                        "useCaseSupplementaryCode",
                        0,
                        3,
                        required=False,
                        codes="sum of 1 踏みとどまり支援, 2 アプローチ支援",
                    ),
                    Field(
                        "対象活用類型",
                        "targetUtilizationType",
                        0,
                        7,
                        codes="0 縮退動作; sum of 1 情報提供・注意喚起, 2 ADAS・レベル2, 4 レベル4",
                    ),
                    Field("対象方路", "targetDirection", 0, 65_534, required=False, codes="bit n: approach n"),
                    Field(
                        "対象センサ番号",
                        "targetSensorNumber",
                        0,
                        U16_MAX,
                        required=False,
                        codes="bit n: n-th sensor of sensorInfo, from 0",
                    ),
                ),
            ),
        ),
    ),
)


def use_case_info(
    config: Config, updated_at_ns: int, devices: Sequence[Device], *, alive: bool, availability: int
) -> dict[str, Any]:
    """The use cases by supported approach, in the order of approach ids; degraded ones say so."""
    cases = config.cavc.use_case
    serving = alive and availability == 0
    groups = [
        [_case(one, devices, serving=serving) for one in cases if one.supported_approach == approach]
        for approach in sorted({one.supported_approach for one in cases})
    ]
    listed = [{"useCaseNum": len(group), "useCaseClassificationInfo": group} for group in groups]
    return document(config, updated_at_ns, useCaseInfo=listed)


def utilisation(case: UseCase, devices: Sequence[Device], *, serving: bool) -> int:
    """What the targets may be used for: reduced unless pole and all slots that the case names perform in full."""
    well = all(one.state == State.ACTIVE for one in sensors(devices) if one.slot in case.slots)
    return INFORMATION if serving and well else REDUCED


def _case(case: UseCase, devices: Sequence[Device], *, serving: bool) -> dict[str, int]:
    looking = [bit for bit, one in enumerate(sensors(devices)) if not case.slots or one.slot in case.slots]
    return {
        "useCaseType": case.type,
        "useCaseSupplementaryCode": case.supplementary_code,
        "targetUtilizationType": utilisation(case, devices, serving=serving),
        "targetDirection": sum(1 << approach for approach in set(case.approaches)),
        "targetSensorNumber": sum(1 << bit for bit in looking),
    }
