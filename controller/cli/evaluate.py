"""`pole evaluate`: how good the pole is, on roads whose truth is known."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import click

from controller.cli.exits import Exit
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.evaluation.assessment import Assessment
    from sim.evaluation.recording import Recording
    from sim.evaluation.summary import Summary

_TICKS: Final = 20  # of a progress bar


@click.command()
@click.option("--scenario", "names", multiple=True, help="which scene, may be repeated [all built in but roads]")
@click.option("--seed", "seeds", multiple=True, type=int, default=(1,), show_default=True, help="may be repeated")
@click.option("--seconds", type=click.FloatRange(5), default=None, help="only the beginning of each scene")
@click.option("--without", multiple=True, metavar="SLOT", help="leave the module in this slot out, may be repeated")
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), help="a detection log of your own …")
@click.option("--truth", type=click.Path(path_type=Path, dir_okay=False), help="… and what really was there (JSONL)")
@click.option("--config", "config_path", type=click.Path(path_type=Path, dir_okay=False), help="pole.toml, for --log")
@click.option("--json", "as_json", is_flag=True, help="one JSON object instead of tables")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="write a page with tables and plots")
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False), help="a folder for an SVG of each run")
@click.option("--strict", is_flag=True, help="exit 1 when a goal is missed, and say which")
@click.option("--list", "as_list", is_flag=True, help="list the scenes and stop")
def command(
    names: tuple[str, ...],
    seeds: tuple[int, ...],
    seconds: float | None,
    without: tuple[str, ...],
    log: Path | None,
    truth: Path | None,
    config_path: Path | None,
    *,
    html: Path | None,
    pictures: Path | None,
    as_json: bool,
    strict: bool,
    as_list: bool,
) -> None:
    """Run scenes with known truth through the pole in virtual time and measure what it says: tracking (HOTA, MOTA,
    IDF1, GOSPA, errors), latency, hazards and near misses (ヒヤリハット). Figures other than cost are the same on every
    run.

    Example: pole evaluate --scenario intersection --scenario merge --seed 1 --seed 2 --html report.html

    Example: pole evaluate --scenario merge --pictures .    what the pole saw and said, from above

    Example: pole evaluate --log site.jsonl --truth truth.jsonl --config pole.toml --json
    """
    from sim.evaluation.scenes import scene_names
    from sim.evaluation.summary import as_json as as_object
    from sim.evaluation.summary import summary, text

    if as_list:
        for name, words in scene_names().items():
            click.echo(f"{name:18} {words}")
        return
    own = (log, truth, config_path)
    if any(own) and (names or not all(own)):
        raise click.UsageError("your own data need --log, --truth and --config together, and no --scenario")
    _ready(html, pictures)
    recordings = _own(log, truth, config_path, without) if log and truth and config_path else None
    told = summary(_assessed(recordings or _scenes(names, seeds, seconds, without)))
    _write(told, html, pictures)
    click.echo(json.dumps(as_object(told), ensure_ascii=False) if as_json else text(told))
    if strict and told.missed_goals:
        click.echo("\n".join(told.missed_goals), err=True)
        sys.exit(Exit.FAILED)


def _assessed(recordings: Iterator[Recording]) -> list[Assessment]:
    from sim.evaluation.assessment import assess
    from sim.evaluation.run import run

    found = []
    for recording in recordings:
        name = recording.name if recording.seed is None else f"{recording.name} #{recording.seed}"
        length_s = recording.truth.seconds(recording.truth.times_ns[-1])
        with _Progress(f"{name}: the pole watches", length_s) as progress:
            done = run(recording, progress.to)
        found.append(assess(done))
    return found


def _scenes(
    names: tuple[str, ...], seeds: tuple[int, ...], seconds: float | None, without: tuple[str, ...]
) -> Iterator[Recording]:
    from sim.evaluation.scenes import filmed, usual

    for name in names or usual():
        for seed in seeds:
            with _Progress(f"{name} #{seed}: the road lives", seconds) as progress:
                recording = filmed(name, seed, seconds, without, progress.of)
            yield recording


def _own(log: Path, truth: Path, config_path: Path, without: tuple[str, ...]) -> Iterator[Recording]:
    from controller.config_file import load, load_site
    from controller.detection_log import read
    from sim.evaluation import truth as truths
    from sim.evaluation.recording import of_log

    config = load(config_path)
    site = load_site(config, config_path.parent)
    unknown = sorted(set(without) - set(config.slot))
    if unknown:
        raise ConfigError(f"--without {unknown[0]}: {config_path} has no such slot; it has {', '.join(config.slot)}")
    messages = list(read(_text_of(log).splitlines(), config.slot, str(log)))
    known = truths.read(_text_of(truth).splitlines(), str(truth))
    yield of_log(log.name, config, site, messages, known, without=without)


class _Progress:
    """One line on a terminal's error stream that says how far it is; silent elsewhere."""

    def __init__(self, words: str, length_s: float | None) -> None:
        self._words, self._length_s, self._shown = words, length_s, -1
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            click.echo("\r\033[K", nl=False, err=True)

    def to(self, now_s: float) -> None:
        """So many seconds of the scene are done."""
        self.of(now_s, self._length_s or 0.0)

    def of(self, now_s: float, length_s: float) -> None:
        """So many seconds of so many are done."""
        ticks = int(_TICKS * now_s / length_s) if length_s else 0
        if self._live and ticks != self._shown:
            self._shown = ticks
            click.echo(f"\r\033[K{self._words} {'█' * ticks}{'░' * (_TICKS - ticks)}", nl=False, err=True)


def _ready(html: Path | None, pictures: Path | None) -> None:
    """ConfigError now rather than after minutes of work."""
    try:
        if html is not None:
            html.touch()
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from None


def _write(told: Summary, html: Path | None, pictures: Path | None) -> None:
    """The page, and one picture a run, named for it."""
    from sim.evaluation.page import page
    from sim.evaluation.picture import picture
    from sim.evaluation.summary import title

    if html is not None:
        html.write_text(page(told, " ".join(["pole", *sys.argv[1:]])), encoding="utf-8")
    if pictures is not None:
        for one in told.runs:
            (pictures / f"{title(one).replace(' #', '-')}.svg").write_text(picture(one), encoding="utf-8")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
