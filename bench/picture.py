"""Picture of the figures of a scenario as SVG: a bar for the median, a line for the spread, a mark for the goal."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

_WIDTH, _LABELS, _BARS = 900, 420, 330
_ROW, _TITLE, _GAP = 24, 44, 14


def draw(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the picture. Figures with the same unit share a scale. Rows are those of `bench.results.rows`."""
    groups = [list(group) for _, group in groupby(sorted(rows, key=_unit), key=_unit)]
    height = _TITLE + sum(len(group) * _ROW + _GAP for group in groups) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="26" font-size="16">{escape(title)}</text>',
    ]
    top = _TITLE
    for group in groups:
        parts += _group(group, top)
        top += len(group) * _ROW + _GAP
    return "\n".join([*parts, "</svg>", ""])


def readable(value: float) -> str:
    """Return a number with three digits, or as a whole number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _unit(row: Mapping[str, Any]) -> str:
    return str(row["figure"]).rpartition(", ")[2]


def _group(rows: Sequence[Mapping[str, Any]], top: float) -> Iterator[str]:
    scale = _BARS / (max(float(row["max"]) for row in rows) or 1.0)
    for number, row in enumerate(rows):
        y = top + number * _ROW
        middle = y + _ROW / 2
        low, median, high = (_LABELS + float(row[name]) * scale for name in ("min", "median", "max"))
        colour = {None: "#6b8fb5", True: "#5f9e6e", False: "#c26a5a"}[row["holds"]]
        goal = f" (goal {row['goal']})" if row["goal"] else ""
        label = escape(f"{row['figure']}{goal}")
        yield f'<text x="{_LABELS - 8}" y="{middle + 4}" font-size="12" text-anchor="end">{label}</text>'
        yield f'<rect x="{_LABELS}" y="{y + 4}" width="{median - _LABELS:.1f}" height="{_ROW - 8}" fill="{colour}"/>'
        yield f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="black" stroke-width="2"/>'
        yield f'<text x="{high + 8:.1f}" y="{middle + 4}" font-size="12">{readable(row["median"])}</text>'
