"""ETSI's ASN.1 modules, compiled once for the unaligned packed encoding rules (ITU-T X.691), by the extra `etsi`.

Compiling takes about a second and 40 MB: `load` belongs in a thread.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any, Final, Protocol

from interfaces.errors import ConfigError

# What asn1tools would encode otherwise than ETSI's rules want; each is checked against asn1c by the golden messages.
PATCHES: Final = (
    # It leaves out value constraints by name: (unknown|passengerCar..tram|agricultural) spans 0..14, 4 bits.
    (r"\(unknown\|passengerCar\.\.tram\|agricultural\)", "(0..14)"),
    # A size constraint that a further constraint narrows is no longer extensible (X.680 §51.8, X.691 §10.3.13).
    (r"(WrappedCpmContainers\s*::=\s*SEQUENCE SIZE\(1\.\.8),\s*\.\.\.\)", r"\1)"),
    # It overlooks the size that a component gives to its type.
    (r"SequenceOfCartesianPosition3d \(SIZE\(3\.\.16,\.\.\.\)\)", "SEQUENCE SIZE(3..16,...) OF CartesianPosition3d"),
)


class Codec(Protocol):
    """What is used of a compiled specification."""

    def encode(self, name: str, data: Any) -> bytes:
        """The bytes of a value of a named type; raises for one that is none."""
        ...

    def decode(self, name: str, data: bytes) -> Any:
        """The value in bytes of a named type; raises anything for bytes that are none."""
        ...


class _Compiled:
    """Takes an encoder's word for the Python types of a value: to look at each costs a third of encoding again."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def encode(self, name: str, data: Any) -> bytes:
        return bytes(self._compiled.encode(name, data, check_types=False))

    def decode(self, name: str, data: bytes) -> Any:
        return self._compiled.decode(name, data)


@cache
def load() -> Codec:
    """The compiled modules. Raises ConfigError when the extra is not installed."""
    try:
        import asn1tools
    except ImportError:
        raise ConfigError("ETSI messages need the extra etsi: pip install 'smartpole[etsi]'") from None
    folder = resources.files("controller.publication.radio") / "etsi"
    texts = [one.read_text("latin-1") for one in folder.iterdir() if one.name.endswith(".asn")]
    return _Compiled(asn1tools.compile_string(patched("\n".join(sorted(texts))), "uper"))


def patched(text: str) -> str:
    """The modules as the compiler needs them. Raises ValueError when a patch finds nothing to do any more."""
    for pattern, replacement in PATCHES:
        text, count = re.subn(pattern, replacement, text)
        if count != 1:
            raise ValueError(f"ETSI modules: {pattern} stands in them {count} times, expected once")
    return text
