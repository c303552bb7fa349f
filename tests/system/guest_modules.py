"""Simulated modules that are processes of the guest: on its CAN interfaces nobody else can be heard."""

from __future__ import annotations

UNITS = "/run/modules"


async def plug(machine, slot, url, namespace=""):
    """Start `pole sim` for one module of the scene on a wire; `namespace` is the network it sees."""
    where = f"-p NetworkNamespacePath=/run/netns/{namespace}" if namespace else ""
    await machine.done(
        f"systemd-run -q --unit=module-{slot} -p ExecStartPre='/bin/mkdir -p {UNITS}/{slot}' {where} "
        f"/opt/pole/bin/pole sim --scenario calm --module {slot} --on '{url}' --folder {UNITS}/{slot}"
    )


async def pull(machine, slot):
    """Take the module's power away."""
    await machine.done(
        f"systemctl kill -s KILL module-{slot} && systemctl reset-failed module-{slot} 2>/dev/null || true"
    )
