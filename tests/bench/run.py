"""Run every benchmark beside this file and print one table with the machine it ran on."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path


def main() -> None:
    print(f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}, {platform.system()}")
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        bench = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(bench)
        for name, value, unit in bench.run() if hasattr(bench, "run") else ():  # some print a table of their own
            print(f"{path.stem.removeprefix('bench_'):12} {name:55} {value:12.3f} {unit}")


if __name__ == "__main__":
    main()
