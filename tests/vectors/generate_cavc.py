"""Write cavc_*.json, one document of each kind, from the pole of the tests: read them before they are committed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "controller" / "publication" / "cavc"))

from living import golden  # noqa: E402 -- it lies beside the tests

if __name__ == "__main__":
    for name, document in golden().items():
        text = json.dumps(document, ensure_ascii=False, indent=1)
        (HERE / f"cavc_{name}.json").write_text(text + "\n", encoding="utf-8")
