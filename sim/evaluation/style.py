"""Colours and classes of every plot, for light and dark screens; a page and a picture of its own hold the same."""

from typing import Final

FONT: Final = 'system-ui, "Noto Sans", "Noto Sans JP", "Hiragino Sans", "Yu Gothic UI", sans-serif'
PLOTS: Final = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c2530; --faint: #5d6b7a; --rule: #d9e0e7; --panel: #f5f7f9;
  --road: #dfe5eb; --a: #0b62c4; --b: #b4530a; --c: #2d7d46; --d: #8b3fae; --good: #1c7a3e; --bad: #b3261e;
  --doubt: #8a94a0; }
@media (prefers-color-scheme: dark) { :root { --ground: #12171d; --ink: #e6ebf0; --faint: #9aa7b4; --rule: #303a45;
  --panel: #1a2129; --road: #2b3540; --a: #6cb2ff; --b: #ffab5e; --c: #6fd08c; --d: #d59cf2; --good: #63d08a;
  --bad: #ff8a80; --doubt: #76828f; } }
svg text { fill: var(--faint); font-size: 12px; } svg .mid { text-anchor: middle; } svg .end { text-anchor: end; }
.grid { stroke: var(--rule); fill: none; } .line { fill: none; stroke-width: 1.6; } .line.a { stroke: var(--a); }
.line.b { stroke: var(--b); } .line.c { stroke: var(--c); } .line.d { stroke: var(--d); }
.truth { fill: var(--a); } .maybe { fill: var(--doubt); opacity: .45; } .right { fill: var(--good); }
.wrong { fill: var(--bad); } .excused { fill: var(--doubt); } .lane { fill: none; stroke: var(--road); }
.area { fill: none; stroke: var(--doubt); stroke-width: .8; stroke-dasharray: 3 3; }
.walk { fill: var(--doubt); fill-opacity: .18; stroke: none; } .stop { stroke: var(--faint); stroke-width: 2; }
.wall { fill: none; stroke: var(--ink); stroke-width: 3.5; opacity: .75; } .view { fill: var(--a); opacity: .055; }
.way { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.truth-way { stroke: var(--doubt); stroke-width: 4; opacity: .35; }
.part-way { stroke: var(--d); stroke-width: 4; opacity: .45; } .track-way { stroke: var(--a); stroke-width: 1; }
.module { fill: var(--ink); } .lead { stroke: var(--ink); stroke-width: .8; fill: none; }
.disc { stroke: var(--panel); stroke-width: 1.2; } svg text.count { fill: var(--panel); font-size: 11px;
  font-weight: 600; text-anchor: middle; } svg .ink { fill: var(--ink); } svg .faint { fill: var(--faint); }
"""
