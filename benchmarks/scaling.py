"""How cost grows: ``python -m benchmarks.scaling [--quick] [-o DIR]``.

One curve a knob, Kwant beside it as far as it can follow, in one process on one BLAS thread and in CPU time. The
exponent of the upper half of each curve stands beside the one that the algorithm should have. Writes the figure
``scaling.png`` and the page ``scaling.md`` with the table, for the site.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kwant
import numpy as np
from matplotlib.figure import Figure

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize

from .supercells import ENERGY
from .supercells import junction as disordered
from .table import show

__all__ = ["Curve", "curves", "figure"]

IRON = {"onsite": 1.0, "hopping": 1.0, "splitting": 1.0}
COBALT = {"onsite": 1.1, "hopping": 1.0, "splitting": 0.8}
#: Seconds after which a curve is not followed to its next point.
PATIENCE = 20.0
#: How much more than expected an exponent may be: Python's part of small problems makes large ones look steeper.
MARGIN = 0.5


@dataclass
class Curve:
    """CPU seconds against one knob; ``expected``: exponent of the engine for large values."""

    knob: str
    label: str
    expected: float
    x: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    kwant: list[float] = field(default_factory=list)

    @staticmethod
    def _exponent(x: Sequence[float], y: Sequence[float]) -> float:
        half = len(y) // 2
        if len(y) - half < 2:
            return float("nan")
        return float(np.polyfit(np.log(x[half : len(y)]), np.log(y[half:]), 1)[0])

    @property
    def exponent(self) -> float:
        """Fitted to the upper half of the engine's points."""
        return self._exponent(self.x, self.engine)

    @property
    def kwant_exponent(self) -> float:
        """Fitted to the upper half of Kwant's points."""
        return self._exponent(self.x, self.kwant)

    def follow(self, values: Sequence[float], engine: Callable[[Any], Any], reference: Any, most: float) -> Curve:
        """Time both sides at every value; Kwant up to ``most`` and both within `PATIENCE`."""
        for value in values:
            self.x.append(float(value))
            self.engine.append(_seconds(engine, value))
            if reference is not None and value <= most and (not self.kwant or self.kwant[-1] < PATIENCE / 3):
                self.kwant.append(_seconds(reference, value))
            if self.engine[-1] > PATIENCE:
                break
        return self


def _seconds(work: Callable[[Any], Any], value: Any) -> float:
    """Return CPU seconds: the best of as many runs as fit in a fifth of a second, at most five."""
    best, begun = np.inf, time.process_time()
    for _ in range(5):
        start = time.process_time()
        work(value)
        best = min(best, time.process_time() - start)
        if time.process_time() - begun > 0.2:
            break
    return float(max(best, 1e-7))


def _stack(planes: int = 6, theta: float = 1.0, in_plane: float = 0.0) -> sj.Junction:
    spacer = sj.barrier(onsite=3.0 + 4 * in_plane, hopping=1.0, thickness=planes, in_plane_hopping=in_plane)
    left = sj.ferromagnet(**IRON, in_plane_hopping=in_plane)
    return sj.Junction(left, [spacer], sj.ferromagnet(**COBALT, in_plane_hopping=in_plane, m=sj.unit_vector(theta)))


def _well(planes: int) -> sj.Junction:
    """Return a metallic spacer: it transmits at every thickness."""
    copper = sj.normal_metal(onsite=1.2, hopping=1.0, in_plane_hopping=0.1, thickness=planes)
    iron, cobalt = ({**magnet, "in_plane_hopping": 0.1} for magnet in (IRON, COBALT))
    return sj.Junction(sj.ferromagnet(**iron), [copper], sj.ferromagnet(**cobalt, m=sj.unit_vector(1.0)))


def curves(quick: bool = False) -> list[Curve]:
    """Follow every knob."""
    return [curve for make in (_clean_curves, _average_curves, _disorder_curves) for curve in make(quick)]


def _clean_curves(quick: bool) -> list[Curve]:
    planes = [1, 3, 10, 30, 100, 300] + ([] if quick else [1000])
    batch = np.linspace(-0.4, 0.9, 1000)
    built = {n: sj.build(_well(n)).finalized() for n in planes}
    stack = halves.Stack.from_junction(_stack())
    plain = sj.build(_stack()).finalized()
    points = [10**n for n in range(6 if quick else 7)]

    def turned(angles: int) -> Any:
        directions = sj.unit_vector(np.linspace(0, np.pi, angles))
        return halves.probabilities(stack.with_directions((0, 0, 1), directions[:, None]), batch)

    def one_by_one(count: int) -> Any:
        return [kwant.smatrix(plain, energy) for energy in np.linspace(-0.37, 0.87, count)]

    return [
        Curve("planes", "T_ss' of 1000 energies (Kwant: of one)", 1.0).follow(
            planes, lambda n: halves.probabilities(_well(n), batch), lambda n: kwant.smatrix(built[n], 0.1), 1000
        ),
        Curve("angles", "T_ss' of 1000 energies at every angle", 1.0).follow(
            [1, 4, 19, 37, 91, 181, 361], turned, None, 0
        ),
        Curve("energies", "T_ss' of a junction", 1.0).follow(
            points, lambda n: halves.probabilities(_stack(), np.linspace(-0.4, 0.9, n)), one_by_one, 1000
        ),
    ]


def _average_curves(quick: bool) -> list[Curve]:
    digits = list(range(3, 11 if quick else 13))
    barrier = _stack(4, in_plane=0.3)
    thick = [1, 3, 10, 30, 100] + ([] if quick else [300, 1000])
    accuracy = Curve("digits of the average over k", "T_ss', one junction", 0.0)
    accuracy.follow(digits, lambda n: sj.scatter(barrier, 0.0, "average", rtol=10.0**-n), None, 0)
    planes = Curve("planes, averaged over k", "T_ss' to 1e-8, metallic spacer", 2.0)
    return [accuracy, planes.follow(thick, lambda n: sj.scatter(_well(n), 0.0, "average"), None, 0)]


def _disorder_curves(quick: bool) -> list[Curve]:
    device = disordered()
    widths = [4, 6, 8, 10, 14] + ([] if quick else [20, 30])
    systems: dict[int, Any] = {}

    def sample(width: int) -> Any:
        return sj.scatter(device, ENERGY, cross_section=(width, width)).probabilities

    def reference(width: int) -> Any:
        if width not in systems:  # built once, not counted but for the first of several runs
            systems[width] = sj.build(device, cross_section=(width, width)).finalized()
        return kwant.smatrix(systems[width], ENERGY)

    def draw(width: int) -> Any:
        return realize(device, CrossSection((width, width)))

    counts = [10**n for n in range(4 if quick else 6)]
    copper = {"onsite": 0.0, "hopping": 1.0}
    dirty = sj.normal_metal(**copper, disorder=[sj.Anderson(width=1.0)])
    chain = sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    runs = {"torques": False, "workers": 1, "progress": False}
    return [
        Curve("W of a W × W × 20 sample", "T_ss' of one sample", 5.0).follow(widths, sample, reference, 20),
        Curve("W, the sample alone", "drawing its disorder", 2.0).follow(widths, draw, None, 0),
        Curve("realizations", "ensemble of the smallest junction", 1.0).follow(
            counts, lambda n: sj.ensemble(chain, 0.3, realizations=n, **runs), None, 0
        ),
    ]


def figure(found: Sequence[Curve]) -> Figure:
    """Draw one panel a curve, with the fitted and the expected exponent."""
    columns = 3
    rows = -(-len(found) // columns)
    drawing = Figure(figsize=(11, 3.3 * rows), layout="constrained")
    for number, curve in enumerate(found):
        axes = drawing.add_subplot(rows, columns, number + 1)
        axes.plot(curve.x, curve.engine, "o-", color="#0072B2", label=f"engine, exponent {curve.exponent:.2g}")
        if curve.kwant:
            label = f"Kwant, exponent {curve.kwant_exponent:.2g}"
            axes.plot(curve.x[: len(curve.kwant)], curve.kwant, "s-", color="#D55E00", label=label)
        logarithmic = not curve.knob.startswith("digits")
        axes.set(xlabel=curve.knob, ylabel="CPU time (s)", yscale="log", xscale="log" if logarithmic else "linear")
        low, high = axes.get_ylim()
        if high < 30 * low:  # a flat curve shall look flat
            axes.set_ylim((low * high) ** 0.5 / 6, (low * high) ** 0.5 * 6)
        axes.set_title(f"{curve.label}\nexpected exponent {curve.expected:g}", fontsize=9)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return drawing


def table(found: Sequence[Curve]) -> str:
    """Return the curves as a Markdown table."""
    head = "| knob | what | from, to | engine | exponent fitted | expected | Kwant, to its last point | exponent |"
    lines = [head, "|" + "---|" * 8]
    for curve in found:
        ends = f"{curve.x[0]:g}, {curve.x[-1]:g} | {show(curve.engine[0])}, {show(curve.engine[-1])}"
        growth = f"{curve.exponent:.2f} | {curve.expected:g}"
        reference = " | "
        if curve.kwant:
            reference = f"{show(curve.kwant[-1])} at {curve.x[len(curve.kwant) - 1]:g} | {curve.kwant_exponent:.2f}"
        lines.append(f"| {curve.knob} | {curve.label} | {ends} | {growth} | {reference} |")
    return "\n".join(lines)


def page(found: Sequence[Curve]) -> str:
    """Return the page of the site: figure and table."""
    return f"""# How cost grows

<!-- Written by `make benchmarks-scaling`. -->
Time against one knob at a time, engine and Kwant in one process on one thread, CPU time. The exponent is fitted to the
upper half of each curve; where it is below the expected one, the largest problem shown is still in the range where
Python's part of every call counts.

```{{image}} scaling.png
:alt: Time of the engine and of Kwant against planes, angles, energies, accuracy, width and realizations
:width: 100%
```

{table(found)}
"""


def main() -> int:
    """Follow all curves; the exit status is the number that grow faster than expected."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="shorter curves")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"))
    options = parser.parse_args()
    found = curves(options.quick)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "scaling.md").write_text(page(found), encoding="utf-8")
    figure(found).savefig(options.output / "scaling.png", dpi=80)
    print(table(found))
    fast = [curve for curve in found if curve.exponent > curve.expected + MARGIN]
    for curve in fast:
        print(f"{curve.knob}: grows with the power {curve.exponent:.2f}, expected {curve.expected:g}")
    return len(fast)


if __name__ == "__main__":
    sys.exit(main())
