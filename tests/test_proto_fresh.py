"""The committed protobuf classes are those of the .proto files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[1]


def test_generated_classes_are_fresh(tmp_path):
    sources = sorted(path.relative_to(TOP).as_posix() for path in (TOP / "interfaces/proto").glob("*.proto"))
    arguments = [f"-I{TOP}", f"--python_out={tmp_path}", *sources]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *arguments], check=True, cwd=TOP)
    made = sorted((tmp_path / "interfaces/proto").glob("*_pb2.py"))
    assert len(made) == len(sources) == 3
    for path in made:
        assert path.read_text() == (TOP / "interfaces/proto" / path.name).read_text(), f"{path.name}: run make proto"
