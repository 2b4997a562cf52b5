"""The report of one run: a table for people, JSON for programs."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.measuring import RATIO, Figure

_HEADINGS = ("figure", "measured", "baseline", "ratio", "quartiles", "target", "met")


def to_json(groups: dict[str, list[Figure]]) -> dict[str, Any]:
    """The whole report as `--json` prints it."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": sys.platform,
        "cores": os.cpu_count(),
        "figures": [{"group": group, **figure.to_json()} for group, figures in groups.items() for figure in figures],
    }


def missed(groups: dict[str, list[Figure]]) -> list[Figure]:
    """The figures whose target is not known to be met."""
    return [figure for figures in groups.values() for figure in figures if figure.target and not figure.is_met]


def to_table(groups: dict[str, list[Figure]]) -> str:
    """A table with one row for each figure, the notes and baselines below."""
    rows = [_HEADINGS, *(_row(figure) for figures in groups.values() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    for figures in groups.values():
        for figure in figures:
            lines += ["", f"{figure.name}: against {figure.baseline}"]
            lines += [f"  {note}" for note in figure.notes]
            if figure.disturbed:
                lines.append("  other programs held the processors: measure again on a quiet machine")
            if figure.problem:
                lines.append(f"  not measured: {figure.problem}")
    lines += ["", f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores"]
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, str, str, str, str, str, str]:
    target = figure.target
    if target is None:
        said = "none"
    else:
        said = f"<= {target.most:g}" + ("" if target.of == RATIO else f" {figure.unit}")
    return (
        figure.name,
        _number(figure.value, f" {figure.unit}"),
        _number(figure.baseline_value, f" {figure.unit}"),
        _number(figure.ratio),
        "-" if figure.low is None else f"{_number(figure.low)} to {_number(figure.high)}",
        said,
        "busy" if figure.disturbed else {None: "", True: "yes", False: "no"}[figure.is_met],
    )


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.3g}{unit}" if value < 100 else f"{value:,.0f}{unit}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 1 <= column <= 4 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
