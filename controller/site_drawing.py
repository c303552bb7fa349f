"""A site map as a picture (SVG or PNG): lanes, areas, mounting poses and what the modules see. Needs matplotlib."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from controller.site_sheet import Extent, Scale, Words
from interfaces.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from controller.site import Site
    from controller.site_coverage import LaneCoverage, View

FORMATS: Final = ("svg", "png")
JAPANESE_FONTS: Final = (
    "Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans JP", "IPAexGothic", "IPAGothic", "TakaoGothic", "VL Gothic",
    "BIZ UDGothic", "Hiragino Sans", "Yu Gothic", "Meiryo", "MS Gothic",
)  # fmt: skip
LATIN_FONT: Final = "DejaVu Sans"  # comes with matplotlib
DPI: Final = 160
WIDTH_IN: Final = 12.0
SIDES_IN: Final = (0.7, 0.3)  # left and right of the map
TOP_IN: Final = 0.4
TALLEST_IN: Final = 10.0
MARGIN_M: Final = 6.0


def render(site: Site, watching: Sequence[View], coverage: Sequence[LaneCoverage], form: str, title: str = "") -> bytes:
    """The picture in `form` ("svg" or "png"), the same bytes for the same input; ConfigError without matplotlib."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError("drawing needs the extra plots: pip install 'smartpole[plots]'") from None
    from controller import site_layers, site_legend

    font = japanese_font()
    # An SVG keeps its text as text: whoever looks at it has the fonts, even if this machine has none.
    families = [LATIN_FONT, *JAPANESE_FONTS] if form == "svg" else [font or LATIN_FONT, LATIN_FONT]
    words = Words(form == "svg" or font is not None)
    look: dict[Any, Any] = {
        "font.family": "sans-serif",
        "font.sans-serif": families,
        "font.size": 7.0,
        "text.parse_math": False,  # a dollar in a name is a dollar
        "svg.fonttype": "none",
        "svg.hashsalt": "smartpole",
        "hatch.linewidth": 0.5,
    }
    extent = extent_of(site, watching)
    map_in = WIDTH_IN - sum(SIDES_IN)
    tall_in, below_in = (
        min(TALLEST_IN, map_in * extent.height / extent.width),
        site_legend.legend_height_in(site, watching),
    )
    whole_in = below_in + tall_in + TOP_IN
    with mpl.rc_context(look), warnings.catch_warnings():
        if form == "svg":
            warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure = Figure(figsize=(WIDTH_IN, whole_in))
        axes = figure.add_axes((SIDES_IN[0] / WIDTH_IN, below_in / whole_in, map_in / WIDTH_IN, tall_in / whole_in))
        _frame(axes, extent, words, words.name(title))
        site_layers.draw(axes, site, watching, coverage, Scale(extent, tall_in * extent.width / extent.height), words)
        site_legend.legend(figure, site, watching, words, totals(coverage, words))
        site_legend.scale_bar(axes, extent)
        site_legend.north_arrow(axes, words)
        out = io.BytesIO()
        figure.savefig(out, format=form, dpi=DPI, metadata={"Date": None} if form == "svg" else {"Software": None})
    return out.getvalue()


def japanese_font() -> str | None:
    """A font of this machine that can show Japanese, None when there is none."""
    from matplotlib import font_manager

    known = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    for name in JAPANESE_FONTS:
        if name in known and font_manager.get_font(known[name]).get_char_index(ord("車")):
            return name
    return None


def extent_of(site: Site, watching: Sequence[View]) -> Extent:
    """Everything the map holds and every mount, with a margin; fields of view may reach beyond."""
    mounts = [np.array([[view.mount.east_m, view.mount.north_m]]) for view in watching]
    drawn = [np.zeros((1, 2)), *mounts, *(lane.points for lane in site.lanes), *(a.edges[:, :2] for a in site.areas)]
    points = np.concatenate([*drawn, *(line.points for line in site.stop_lines)])
    (west, south), (east, north) = points.min(axis=0) - MARGIN_M, points.max(axis=0) + MARGIN_M
    # A single straight lane is a map, too: neither side is much the shorter one.
    wider, taller = (
        max(0.0, float(least)) for least in ((north - south) / 2 - (east - west), (east - west) / 12 - (north - south))
    )
    return Extent(
        float(west) - wider / 2, float(south) - taller / 2, float(east) + wider / 2, float(north) + taller / 2
    )


def totals(coverage: Sequence[LaneCoverage], words: Words) -> str:
    """One line: metres of lane by how many modules see them."""
    size = sum(one.length_m for one in coverage)
    parts = (
        (words("unseen", "不可視"), sum(one.unseen_m for one in coverage)),
        (words("seen by one module", "1台"), sum(one.by_one_m for one in coverage)),
        (words("by two or more", "2台以上"), sum(one.by_more_m for one in coverage)),
    )
    told = ", ".join(f"{name} {metres:.0f} m" for name, metres in parts)
    return f"{words('Lanes', '車線')} {size:.0f} m: {told}"


def _frame(axes: Axes, extent: Extent, words: Words, title: str) -> None:
    axes.set_xlim(extent.west, extent.east)
    axes.set_ylim(extent.south, extent.north)
    axes.set_aspect("equal")
    axes.set_axisbelow(True)
    axes.grid(visible=True, color="#d8d8d8", linewidth=0.4)
    axes.set_xlabel(words("east, m", "東"))
    axes.set_ylabel(words("north, m", "北"))
    axes.set_title(title, fontsize=10)
