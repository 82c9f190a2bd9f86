"""A junction as a small drawing of its bands and magnetizations, and as a table, for terminals and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..printing import Table

if TYPE_CHECKING:
    from .junction import Junction

#: Width and height of the drawing, and the strip above it for arrows, in pixels.
WIDTH, HEIGHT, STRIP = 420, 170, 34
COLORS = ("#0072B2", "#D55E00")


def table(junction: Junction) -> Table:
    """Return leads and layers with their numbers."""
    named = [("left lead", junction.left), *((f"layer {n}", layer) for n, layer in enumerate(junction.layers))]
    rows = []
    for name, layer in [*named, ("right lead", junction.right)]:
        m = "(" + ", ".join(f"{round(x, 12) + 0.0:.3g}" for x in layer.m) + ")" if layer.is_magnetic else "-"
        planes = "∞" if "lead" in name else str(layer.thickness)
        numbers = [f"{x:.6g}" for x in (layer.onsite, layer.hopping, layer.t_parallel, layer.splitting)]
        rows.append((name, planes, *numbers, m, ", ".join(type(x).__name__ for x in layer.disorder) or "-"))
    head = ("", "planes", "on-site", "hopping", "in-plane", "splitting", "m", "disorder")
    angle = "a texture" if junction.cut is None else f"{180 * junction.angle / 3.141592653589793:.6g} deg"
    return Table(f"Junction of {len(junction.planes)} planes, {angle}", head, rows)


def drawing(junction: Junction) -> str:
    """Return an SVG image: bands of every plane at Γ, majority and minority, and arrows along m in the x-z plane."""
    planes = junction.planes if len(junction.planes) <= WIDTH // 2 else junction.planes[:: len(junction.planes) // 100]
    edges = [plane.band_edges(2.0) for plane in planes]
    low, high = min(e.min() for e in edges), max(e.max() for e in edges)
    width = WIDTH / len(planes)
    shapes = []
    for n, (plane, bands) in enumerate(zip(planes, edges, strict=True)):
        count = 2 if plane.is_magnetic else 1
        for spin in range(count):
            y = [HEIGHT - (HEIGHT - STRIP) * (edge - low) / (high - low) for edge in bands[spin]]
            color = COLORS[spin] if plane.is_magnetic else "#8c959f"
            shapes.append(
                f'<rect x="{(n + spin / count) * width:.1f}" y="{y[1]:.1f}" '
                f'width="{max(width / count - 0.8, 0.4):.1f}" '
                f'height="{y[0] - y[1]:.1f}" fill="{color}" fill-opacity="0.45"/>'
            )
        if plane.is_magnetic:
            r, x = min(12.0, 0.45 * width), (n + 0.5) * width
            dx, dy = plane.m[0] * r, -plane.m[2] * r
            tip = f'<circle cx="{x + dx:.1f}" cy="{16 + dy:.1f}" r="2"/>'
            shapes.append(
                f'<path d="M{x - dx:.1f} {16 - dy:.1f}L{x + dx:.1f} {16 + dy:.1f}" stroke="currentColor"/>{tip}'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" fill="currentColor" '
        f'role="img" aria-label="bands of the planes">{"".join(shapes)}</svg>'
    )
