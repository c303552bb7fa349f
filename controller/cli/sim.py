"""`pole sim`: simulated modules in ports of this machine, for a daemon in another process."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from controller.cli.exits import Exit


@click.command()
@click.option("--scenario", "name", default="intersection", show_default=True, help="which scene")
@click.option("--list", "as_list", is_flag=True, help="list the scenes and stop")
@click.option("--replay", type=click.Path(path_type=Path, dir_okay=False), default=None, help="play a recording (CSV)")
@click.option("--write-log", type=click.Path(path_type=Path), default=None, help="write it as a log and stop")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("pole-sim"), show_default=True)
@click.option("--baud", type=click.IntRange(1200, 4_000_000), default=921_600, show_default=True)
@click.option("--module", "modules", multiple=True, help="only this slot or class of the scene; may be repeated")
@click.option("--on", "wires", multiple=True, metavar="[SLOT=]WIRE", help="kind of wire or URL, for all or one slot")
@click.option("--wrong", "faults", multiple=True, metavar="SLOT=KIND[@S]", help="a module that is wrong from S s on")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--speed", type=click.FloatRange(0.1, 100), default=1.0, show_default=True, help="of the road's time")
@click.option("--equipped", type=click.FloatRange(0, 1), default=None, help="radios: this share of vehicles has one")
@click.option("--seconds", type=click.FloatRange(0.1), default=None, help="stop after so long")
@click.option("--json", "as_json", is_flag=True, help="say what was set up as one JSON object")
def command(
    *,
    name: str,
    replay: Path | None,
    write_log: Path | None,
    folder: Path,
    baud: int,
    modules: tuple[str, ...],
    wires: tuple[str, ...],
    faults: tuple[str, ...],
    seed: int,
    speed: float,
    equipped: float | None,
    seconds: float | None,
    as_list: bool,
    as_json: bool,
) -> None:
    """Plug a scene's modules into FOLDER/ports and write the pole.toml and site map that fit them.

    A wire is serial, tcp, rs485, can, canfd, modbus+rtu, modbus+tcp or a URL. Modules in processes of their own may
    share a bus: the first process on a can+sim socket carries it.

    With --speed above 1 road users are that much faster, too: modules stamp what they measure with their own clocks.

    With --equipped comms modules have radios, pole.toml a [radio] section, and the end says what was sent.

    Example: pole sim --folder pole-sim, and in another terminal: pole run --config pole-sim/pole.toml

    A wrong module is turned (yaw, yaw-large), tilted (tilt) or shifted (shift), its clock is late or early, it is
    mirrored, sees all too far (far), or counts in feet, centimetres or kmh.

    Example: pole sim --module lidar --on can+sim:///tmp/x.sock

    Example: pole sim --scenario merge --wrong radar=yaw@20
    """
    from sim.plant import Plant
    from sim.scenario import RECORDED, SCENARIOS, scenario

    if as_list:
        for one, build in (SCENARIOS | RECORDED).items():
            click.echo(f"{one:16} {build(seed).description}")
        return
    if write_log is not None and replay is None:
        raise click.UsageError("--write-log goes with --replay")
    recording = _recording(replay) if replay is not None else None
    scene = scenario(name, seed) if recording is None else recording.scene()
    scene = replace(scene, modules=_wronged(_chosen(scene.modules, modules), faults))
    on = _wires(wires, [spec.slot for spec in scene.modules])
    ports = (folder / "ports").absolute()
    plant = Plant(scene, ports, baud=baud, wires=on, recording=recording, speed=speed, equipped=equipped)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "site.geojson").write_text(scene.site, encoding="utf-8")
        text = scene.config_text({spec.slot: plant.url(spec.slot) for spec in scene.modules}) + _radio(equipped)
        (folder / "pole.toml").write_text(text, encoding="utf-8")
        if write_log is not None and recording is not None:
            from sim.replay import log_lines

            write_log.write_text("\n".join(log_lines(recording, seed)) + "\n", encoding="utf-8")
            click.echo(f"{write_log}: run: pole replay {write_log} --config {folder / 'pole.toml'}")
            return
    except OSError as error:
        click.echo(f"{folder}: {error.strerror}", err=True)
        sys.exit(Exit.CONFIG)
    if as_json:
        urls = {spec.slot: plant.url(spec.slot) for spec in scene.modules}
        click.echo(json.dumps({"config": str(folder / "pole.toml"), "ports": urls}))
    else:
        for spec in scene.modules:
            click.echo(f"{spec.slot:12} {spec.module_class:12} {plant.url(spec.slot)}")
        click.echo(f"run: pole run --config {folder / 'pole.toml'}")
    with contextlib.suppress(TimeoutError, KeyboardInterrupt):
        asyncio.run(asyncio.wait_for(plant.run(), seconds))
    _say_sent(plant, err=as_json)


def _radio(equipped: float | None) -> str:
    """A [radio] section that sends all that can be sent here; none without radios."""
    from controller.radio import SENDINGS
    from controller.radio_check import ETSI, has_etsi

    if equipped is None:
        return ""
    names = [name for name in SENDINGS if name not in ETSI or has_etsi()]
    return f"\n[radio]\nsend = {json.dumps(names)}\ncooperative = true\n"


def _say_sent(plant: Any, *, err: bool) -> None:
    from interfaces.proto import pmi_pb2 as pb

    radios = [(slot, module.radio) for slot, module in plant.modules.items() if module.radio is not None]
    for slot, radio in radios:
        for kind, count in sorted(radio.counters.items()):
            name = pb.PayloadFormat.Name(pb.PayloadFormat.ValueType(kind))
            click.echo(f"{slot}: {count} {name} sent by radio", err=err)


def _recording(path: Path) -> Any:
    from interfaces.errors import ConfigError
    from sim.replay import read

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return read(text, str(path))


def _chosen(specs: tuple[Any, ...], names: tuple[str, ...]) -> tuple[Any, ...]:
    known = {name for spec in specs for name in (spec.slot, spec.module_class)}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
            raise click.UsageError(f"--module {name}: the scene has no such module; {hint}")
    return tuple(spec for spec in specs if not names or spec.slot in names or spec.module_class in names)


def _wronged(specs: tuple[Any, ...], faults: tuple[str, ...]) -> tuple[Any, ...]:
    from sim.miscalibration import wrong

    slots = [spec.slot for spec in specs]
    told = dict(text.partition("=")[::2] for text in faults)
    for slot in told:
        if slot not in slots:
            raise click.UsageError(f"--wrong {slot}: there is no such slot; known: {', '.join(slots)}")
    return tuple(
        replace(spec, wrong=wrong(told[spec.slot], spec.module_class)) if spec.slot in told else spec for spec in specs
    )


def _wires(texts: tuple[str, ...], slots: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        slot, equals, wire = text.partition("=")
        if equals and "/" not in slot and "?" not in slot:
            if slot not in slots:
                raise click.UsageError(f"--on {text}: there is no slot {slot!r}; known: {', '.join(slots)}")
            found[slot] = wire
        else:
            found.update((one, text) for one in slots if one not in found)
    return found
