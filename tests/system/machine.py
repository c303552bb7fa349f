# ruff: noqa: ASYNC110 -- the emulator and the guest are asked: they have no event of ours
"""A guest in QEMU: boot it, save it, start it again from where it was saved, run commands in it, plug things in."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tests.real_broker import free_port

BOOT_S = 600
QMP_S = 120
# Emulated, the plainest processor that numpy's wheels accept is about a third faster than the richest one.
PROCESSOR = ["-accel", "tcg,tb-size=512", "-cpu", "Nehalem", "-m", "896", "-smp", "2"]
KERNEL_LINE = (
    "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on nowatchdog no_timer_check edd=off "
    "8250.nr_uarts=1 net.ifnames=0 systemd.show_status=0"
)
CARDS = ("kvaser_pci", "kvaser_pci")  # two controllers (SJA1000) on one bus


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command in the guest did."""

    code: int
    out: str
    err: str


class Machine:
    """One guest with a disk of its own over the image; `saved` is a folder that `save` has made."""

    def __init__(self, image, folder, saved=None):
        self.image, self.folder, self.saved = Path(image), Path(folder), saved
        self.events = []
        self.broker_port = free_port()
        self._disk = self.folder / "disk.qcow2"
        self._process = None
        self._replies = {}
        self._ready = asyncio.Event()
        self._tasks = []
        self._number = 0

    async def start(self):
        """Boot, or go on from the saved state; return when commands can be run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        under, kind = (self.saved / "disk.qcow2", "qcow2") if self.saved else (self.image / "rootfs.ext4", "raw")
        await _call("qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(under), str(self._disk))
        self._process = await asyncio.create_subprocess_exec(
            *self._command(), stdin=asyncio.subprocess.DEVNULL, preexec_fn=_die_with_parent
        )
        self._monitor = await self._connect("monitor", self._on_monitor)
        await self.qmp("qmp_capabilities")
        self._agent = await self._connect("agent", self._on_agent)
        async with asyncio.timeout(BOOT_S):
            if self.saved:
                while (await self.qmp("query-status"))["status"] == "inmigrate":
                    await asyncio.sleep(0.05)
                await self.qmp("cont")
                await self.run(f"date -u -s @{time.time():.3f}")  # its clock stood still meanwhile
            else:
                await self._ready.wait()
                await self.run("systemctl is-system-running --wait", BOOT_S)

    async def save(self, folder):
        """Keep this quiet, booted guest in a folder and end it."""
        await self.run("sync; echo 3 > /proc/sys/vm/drop_caches")
        await self.qmp("stop")
        await self.qmp("migrate-set-parameters", max_bandwidth=1 << 33)
        await self.qmp("migrate", uri=f"exec:zstd -q -3 -T0 > {folder}/memory.zst")
        while (status := (await self.qmp("query-migrate"))["status"]) not in {"completed", "failed"}:
            await asyncio.sleep(0.1)
        assert status == "completed", await self.qmp("query-migrate")
        await self.stop()
        self._disk.replace(folder / "disk.qcow2")

    async def stop(self):
        """End the emulator."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in (self._agent, self._monitor):
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def run(self, command, patience_s=120, text=""):
        """A shell command as root; its outcome."""
        asked = {"run": command, "input": text, "timeout_s": patience_s}
        reply = await self._ask(self._agent, asked, patience_s + 60)
        return Outcome(reply["code"], reply["out"], reply["err"])

    async def done(self, command, patience_s=120, text=""):
        """As `run`, for a command that must succeed; what it printed."""
        outcome = await self.run(command, patience_s, text)
        assert outcome.code == 0, f"{command}\n{outcome.out}\n{outcome.err}"
        return outcome.out.strip()

    async def until(self, condition, patience_s=120):
        """Wait in the guest until a shell condition holds."""
        await self.done(f"until {condition}; do sleep 0.1; done", patience_s)

    async def write(self, path, text, mode="644"):
        """Write a file."""
        await self.done(f"install -D -m {mode} /dev/stdin {path}", text=text)

    async def qmp(self, name, **arguments):
        """A command to the emulator; underlines in names of arguments stand for hyphens."""
        given = {key.replace("_", "-"): value for key, value in arguments.items()}
        reply = await self._ask(self._monitor, {"execute": name, "arguments": given}, QMP_S)
        assert "error" not in reply, f"{name}: {reply['error']}"
        return reply["return"]

    async def until_deleted(self, device):
        """Wait for the emulator's word that a device is gone."""
        async with asyncio.timeout(QMP_S):
            while not any(e["event"] == "DEVICE_DELETED" and e["data"].get("device") == device for e in self.events):
                await asyncio.sleep(0.02)
        self.events.clear()

    def _command(self):
        at = self.folder
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        command += ["-machine", "q35,smbus=off,vmport=off", *PROCESSOR]
        command += ["-kernel", f"{self.image}/vmlinux", "-initrd", f"{self.image}/initrd.img", "-append", KERNEL_LINE]
        command += ["-drive", f"if=none,id=root,file={self._disk},format=qcow2,cache=unsafe,discard=unmap"]
        command += ["-device", "virtio-blk-pci,drive=root"]
        command += ["-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random"]
        command += ["-chardev", f"file,id=console,path={at}/console.log", "-serial", "chardev:console"]
        command += ["-device", "virtio-serial-pci,id=channels"]
        command += ["-chardev", f"socket,id=agent,path={at}/agent.sock,server=on,wait=off"]
        command += ["-device", "virtserialport,bus=channels.0,chardev=agent,name=guest.agent"]
        command += ["-qmp", f"unix:{at}/monitor.sock,server=on,wait=off"]
        command += ["-netdev", f"user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:{self.broker_port}-:1883"]
        command += ["-device", "virtio-net-pci,netdev=lan,romfile="]
        command += ["-object", "can-bus,id=can"]
        for number, card in enumerate(CARDS):
            command += ["-device", f"{card},id=can{number},canbus=can"]
        command += ["-device", "qemu-xhci,id=usb,p2=8,p3=8"]
        return command + (["-incoming", f"exec:zstd -qdc {self.saved}/memory.zst"] if self.saved else [])

    async def _connect(self, name, heard):
        async with asyncio.timeout(QMP_S):
            while True:
                assert self._process.returncode is None, "the emulator has ended: its words stand above"
                try:
                    reader, writer = await asyncio.open_unix_connection(f"{self.folder}/{name}.sock", limit=1 << 24)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                self._tasks.append(asyncio.create_task(_listen(reader, heard)))
                return writer

    async def _ask(self, writer, request, patience_s):
        self._number += 1
        reply = self._replies[self._number] = asyncio.get_running_loop().create_future()
        writer.write(json.dumps({"id": self._number, **request}).encode() + b"\n")
        async with asyncio.timeout(patience_s):
            return await reply

    def _on_monitor(self, message):
        if "event" in message:
            self.events.append(message)
        self._on_reply(message)

    def _on_agent(self, message):
        if "ready" in message:
            self._ready.set()
        self._on_reply(message)

    def _on_reply(self, message):
        reply = self._replies.pop(message.get("id"), None)
        if reply is not None and not reply.done():
            reply.set_result(message)


async def _listen(reader, heard):
    while line := await reader.readline():
        heard(json.loads(line))


async def _call(*command):
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0, command


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no emulator outlives its test
