"""Write modbus_registers.json again: block bodies and a detection page with their registers in hex."""

from __future__ import annotations

import json
from pathlib import Path

from interfaces.registers import LAYOUTS, BlockId, Page, page_bytes

UID = bytes(range(16))
VALUES = {
    BlockId.IDENTITY: {
        "uid": UID,
        "boot_id": 16909060,
        "vendor": "Example",
        "product": "R1",
        "serial_number": "0001",
        "device_id": 66051,
        "sheet_hash": bytes(range(8)),
        "sheet_size": 300,
        "spec_min": 256,
        "spec_max": 256,
        "level": 1,
        "classes": 1 << 4,
    },
    BlockId.STATUS: {
        "session": 9,
        "state": 2,
        "boot_id": 16909060,
        "t_us": 1 << 40,
        "uptime_s": 60,
        "supply_mv": 24000,
    },
    BlockId.TIME: {"token": 5, "controller_tx_us": 1_764_000_000_000_000},
    BlockId.PLAN: {"session": 9, "count": 1, "rate_mhz_0": 10_000, "max_objects_0": 10, "format_0": 2, "ordering_0": 1},
    BlockId.ADDRESSING: {"uid": UID, "boot_id": 16909060, "unit": 17, "session": 9, "spec": 256},
}


def vectors() -> dict[str, object]:
    """The file's content; bytes stand as hex."""
    rows = [
        {
            "block": one.name,
            "values": {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()},
            "registers": LAYOUTS[one].pack(values).hex(),
        }
        for one, values in VALUES.items()
    ]
    page = Page(0x01020304, 7, 2, 0, 1, 2, 1500, bytes(range(48)))
    return {
        "about": "PMI 1.0 on Modbus: bodies of blocks (absent fields are zero) and one detection page, in hex.",
        "blocks": rows,
        "page": {
            "t_us": page.t_us,
            "seq": 7,
            "count": 2,
            "total": 2,
            "clock_err_us": 1500,
            "registers": page_bytes(page).hex(),
        },
    }


if __name__ == "__main__":
    text = json.dumps(vectors(), indent=1) + "\n"
    Path(__file__).with_name("modbus_registers.json").write_text(text, encoding="utf-8")
