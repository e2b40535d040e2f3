"""What was measured, as lines for a person and as JSON lines for a file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.clock import Cost, middle


@dataclass
class Results:
    """Collects measurements and targets. ``file``: JSON lines are appended there too."""

    file: Path | None = None
    missed: list[str] = field(default_factory=list)

    def head(self, text: str) -> None:
        load = os.getloadavg()[0]
        print(f"\n## {text}  (load {load:.1f}, {os.cpu_count()} cores)", flush=True)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def costs(self, costs: Mapping[str, Sequence[Cost]]) -> None:
        """A line for each: median, least and most."""
        for name, found in costs.items():
            if not found:
                print(f"{name:38} failed")
                continue
            walls = sorted(cost.wall for cost in found)
            line = (
                f"{name:38} {middle(found):7.3f} s  ({walls[0]:.3f}–{walls[-1]:.3f}, {len(walls)})"
            )
            if found[0].rss:
                line += f"  cpu {middle(found, 'cpu'):.2f} s  {middle(found, 'rss'):.0f} MB"
            print(line, flush=True)
            self._keep(name, walls, found)

    def target(self, name: str, value: float, limit: float, *, least: bool = False) -> None:
        """One figure against its limit: at most ``limit``, or at least."""
        good = value >= limit if least else value <= limit
        sign = "≥" if least else "≤"
        verdict = "ok" if good else "MISSED"
        print(f"  → {name}: {value:.2f} ({sign} {limit:g}) {verdict}", flush=True)
        if not good:
            self.missed.append(f"{name}: {value:.2f}, not {sign} {limit:g}")

    def ratio(
        self,
        name: str,
        above: Sequence[Cost],
        below: Sequence[Cost],
        limit: float,
        *,
        least: bool = False,
    ) -> None:
        """The medians of two divided."""
        if above and below:
            self.target(name, middle(above) / middle(below), limit, least=least)

    def _keep(self, name: str, walls: Sequence[float], found: Sequence[Cost]) -> None:
        if self.file is None:
            return
        line = {
            "name": name,
            "wall": [round(wall, 4) for wall in walls],
            "cpu": round(middle(found, "cpu"), 3),
            "rss": round(middle(found, "rss"), 1),
            "load": round(os.getloadavg()[0], 1),
        }
        with self.file.open("a") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
