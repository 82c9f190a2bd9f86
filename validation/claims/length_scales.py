"""Equations (7) to (11): charge and magnetization on each side are four exponentials with renormalized lengths."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.integrate import solve_bvp

from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.spin import torque_axes, unit_vector
from kwant_spinjunc.theory.drift_diffusion import (
    Matching,
    Material,
    VectorInterface,
    match,
    strong_screening_wave_numbers,
    tunnel_interface,
    wave_numbers,
)

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law, largest
from ..figures import drawn

#: Two magnets that differ in everything, weakly screened so that all lengths are visible; any consistent units.
LEFT = Material(sigma=2.0, beta=0.6, D=1.0, tau=4.0, alpha1=1.0, alpha2=0.4, omega=3.0, q=10.0)
RIGHT = Material(sigma=1.0, beta=0.3, D=2.0, tau=2.0, alpha1=1.2, alpha2=-1.0, omega=1.5, q=10.0)
ANGLE = 2 * np.pi / 3
#: Thickness of the barrier between them.
THICKNESS = 0.3
#: Random magnets of the count of modes.
SETS = 400
#: Two numerical exponents agree to the square root of rounding where they coincide.
EXPONENTS = 1e-10
#: The boundary-value solver's own error; the domain ends after 25 decay lengths.
SOLVER = 6e-8
DOMAIN = 25.0
#: α2/α1 of the curves, and the magnet whose other parameters vary.
ALPHAS = (1.0, 0.4, -1.0)
METAL = Material(sigma=1.0, beta=0.6, D=1.0, tau=1.0, q=1.0)
#: A screening length below this part of l_sd counts as that of a metal.
SCREENED = 1 / 3


# ---------------------------------------------------------------------- the raw equations
def raw_equations(p: Material, m: np.ndarray, J: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return equations (7) to (10) as z' = A z + b for z = (δn, δM, V, F = -V', Q), fixed axes, nothing eliminated."""
    gradients = np.zeros((4, 4))  # (8) and (9) in δn' and δM'
    gradients[0, 0], gradients[0, 1:] = p.alpha1 * p.D, p.beta * p.D * m
    gradients[1:, 0], gradients[1:, 1:] = p.alpha2 * p.beta * p.D * m, p.D * np.eye(3)
    right, constant = np.zeros((4, 9)), np.zeros(4)
    right[0, 5], constant[0] = p.sigma, -J
    right[1:, 5], right[1:, 6:] = p.beta * p.sigma * m, -np.eye(3)
    A, b = np.zeros((9, 9)), np.zeros(9)
    A[:4], b[:4] = np.linalg.solve(gradients, right), np.linalg.solve(gradients, constant)
    A[4, 5], A[5, 0] = -1.0, p.q
    x, y, z = m
    A[6:, 1:4] = p.omega * np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]]) - np.eye(3) / p.tau
    return A, b


def energies(p: Material, m: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the average µ and the spin accumulation vector of z, which drive the currents of an interface."""
    scale = p.D / p.sigma
    return np.concatenate([[z[4] + scale * p.charge_stiffness * z[0]], scale * (z[1:4] - p.chi * z[0] * m)])


def integrate(interface: VectorInterface, m: np.ndarray) -> Any:
    """Solve the raw equations on both sides with the interface conditions, by `scipy.integrate.solve_bvp`.

    Both half-spaces share the distance x from their face; 18 unknowns, ten conditions at the faces and eight far away.
    """
    sides = [raw_equations(p, axis) for p, axis in zip((LEFT, RIGHT), m, strict=True)]
    A = np.zeros((18, 18))
    A[:9, :9], A[9:, 9:] = -sides[0][0], sides[1][0]
    b = np.concatenate([-sides[0][1], sides[1][1]])[:, None]
    response = interface.response

    def conditions(face: np.ndarray, far: np.ndarray) -> np.ndarray:
        z = face[:9], face[9:]
        f = [energies(p, axis, z) for p, axis, z in zip((LEFT, RIGHT), m, z, strict=True)]
        flux = [response[side, 0] @ f[0] - response[side, 1] @ f[1] for side in (0, 1)]
        step = THICKNESS * z[0][5]  # the barrier has the ε_r of both metals
        electric = [z[0][5] / LEFT.q - z[1][5] / RIGHT.q, z[0][4] - z[1][4] - step, z[0][4] + z[1][4]]
        spins = [z[side][6:] - flux[side][1:] for side in (0, 1)]
        return np.concatenate([*spins, [flux[0][0] - 1.0], electric, far[:4], far[9:13]])

    k = np.concatenate([wave_numbers(LEFT), wave_numbers(RIGHT)])
    x = DOMAIN / k.real.min() * np.expm1(6 * np.linspace(0, 1, 120)) / np.expm1(6)
    options = {"fun_jac": lambda x, _: np.repeat(A[:, :, None], x.size, axis=2), "tol": 1e-7, "max_nodes": 20000}
    return solve_bvp(lambda _, z: A @ z + b, conditions, x, np.zeros((18, x.size)), **options)


def both_sides(solution: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions at distances x from the faces, left and right, and the numerical solution [z, position]."""
    z = solution.sol(x)
    y = np.concatenate([-THICKNESS / 2 - x[::-1], THICKNESS / 2 + x])
    return y, np.concatenate([z[:9, ::-1], z[9:]], axis=1)


# ---------------------------------------------------------------------- what is computed
def compare_profiles(solution: Any, closed: Matching, points: int) -> dict[str, float]:
    """Return the largest deviation of each field of the closed form from the numerical one, per largest value."""
    y, numerical = both_sides(solution, np.geomspace(1e-3, 0.6 * solution.x[-1], points))
    profile = closed.profile(y)
    pairs = {
        "δn": (profile.delta_n, numerical[0]),
        "δM": (profile.delta_M.T, numerical[1:4]),
        "−V'": (profile.field, numerical[5]),
        "Q": (profile.spin_current.T, numerical[6:]),
    }
    return {name: float(abs(a - b).max() / abs(b).max()) for name, (a, b) in pairs.items()}


def random_magnet(rng: np.random.Generator) -> Material:
    """Return a magnet with all parameters drawn, σqτ from 0.1 (hardly screened) to 10⁴."""
    while True:
        beta, alpha1, alpha2 = rng.uniform(-0.95, 0.95), rng.uniform(0.4, 2.5), rng.uniform(-1.0, 3.0)
        if alpha1 - beta**2 * alpha2 > 0.05:
            break
    sigma, D, tau = 10 ** rng.uniform(-1, 1, 3)
    omega, q = rng.uniform(-8, 8) / tau, 10 ** rng.uniform(-1, 4) / (sigma * tau)
    return Material(sigma=sigma, beta=beta, D=D, tau=tau, alpha1=alpha1, alpha2=alpha2, omega=omega, q=q)


def modes_of(p: Material, m: np.ndarray) -> Record:
    """Diagonalize the raw equations of a magnet and compare with equation (11)."""
    values, vectors = np.linalg.eig(raw_equations(p, m)[0])
    chosen = values.real < -1e-6 / p.spin_diffusion_length  # one eigenvalue is zero: the constant of V
    k, decaying = -values[chosen], chosen.sum()
    distance = abs(k[None, :] / wave_numbers(p)[:, None] - 1)
    deviation = float(max(distance.min(axis=0).max(), distance.min(axis=1).max()))
    # δn/δM∥ of the raw spin mode against `Modes.mode_ratios`, unless both longitudinal modes coincide
    ratio = 0.0
    if abs(p.modes.spin / p.modes.screening - 1) >= 0.05:
        vector = vectors[:, chosen][:, np.argmin(abs(k - p.modes.spin))]
        raw, formula = vector[0] / (m @ vector[1:4]), p.modes.mode_ratios[0]
        ratio = float(abs(raw - formula) / (1 + abs(formula)))
    # whether the longitudinal pair oscillates, and the magnet is screened like a metal
    complex_pair = abs(p.modes.spin.imag) > 1e-9 * abs(p.modes.spin)
    screened = p.screening_length < SCREENED * p.spin_diffusion_length
    return Record(locals())


def count_modes(sets: int) -> Records:
    """Return the modes of random magnets."""
    rng = np.random.default_rng(11)
    return Records(
        modes_of(random_magnet(rng), unit_vector(rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi))) for _ in range(sets)
    )


def strong_screening(alpha2: float) -> tuple[Fit | None, float]:
    """Fit the power of λ/l_sd in the relative shift of the spin-diffusion length; None if there is no shift."""
    qs = np.geomspace(1e3, 1e6, 6)
    magnets = [replace(METAL, alpha2=alpha2, q=float(q)) for q in qs]
    ratios = [p.screening_length / p.spin_diffusion_length for p in magnets]
    shifts = [abs(p.modes.spin.real / strong_screening_wave_numbers(p)[1] - 1) for p in magnets]
    if max(shifts) < 1e-13:
        return None, max(shifts)
    return fit_power_law(ratios, shifts), max(shifts)


def bare_lengths(p: Material) -> tuple[float, float]:
    """Return the uncoupled lengths: √(α1 D/(σq)) of the charge alone and √(Dτ) of the magnetization alone."""
    return float(np.sqrt(p.alpha1 * p.D / (p.sigma * p.q))), float(np.sqrt(p.D * p.tau))


def renormalization(p: Material) -> tuple[float, float]:
    """Return the screening and the spin-diffusion length of (11) over their bare values."""
    screening, spin = bare_lengths(p)
    return 1 / p.modes.screening.real / screening, 1 / p.modes.spin.real / spin


# ---------------------------------------------------------------------- what it says of the paper
def verdict(census: Any, renormalized: float) -> str:
    """Return the verdict: four exponentials always, lengths as named in every metal, renormalized by the coupling."""
    four = bool((census.decaying == 4).all()) and census.deviation.max() < EXPONENTS
    if not four or renormalized < EXPONENTS:
        return "fails"
    return "follows" if not census.complex_pair[census.screened].any() else "holds in a limit"


@drawn("length-scales-profiles", 3, 1, width=6.4, height=6.2, sharex=True)
def draw_profiles(m: Record, *axes: Any) -> None:
    """Plot δn, δM∥ and δM⊥ on both sides, from the closed form and from the numerical solution."""
    y, _ = both_sides(m.solution, np.linspace(0, 4.0, 300))
    dots, numerical = both_sides(m.solution, np.linspace(0, 4.0, 25))
    profile = m.closed.profile(y)
    frames = []
    for own, other in (m.closed.m, m.closed.m[::-1]):
        frames.append(np.stack([own, torque_axes(own, other)[0], torque_axes(*m.closed.m)[1]]))
    components = np.einsum("pij,pj->pi", np.stack(frames)[profile.side], profile.delta_M)
    sampled = np.einsum("pij,jp->pi", np.stack(frames)[(dots > 0).astype(int)], numerical[1:4])
    left = y < 0
    rows = [
        [(profile.delta_n, numerical[0], "theory", r"$\delta n$")],
        [(components[:, 0], sampled[:, 0], "microscopic", r"$\delta M_\parallel$ along $\mathbf{m}$")],
        [
            (components[:, 1], sampled[:, 1], "damping_like", "in the plane of both magnets"),
            (components[:, 2], sampled[:, 2], "field_like", "normal to it"),
        ],
    ]
    for panel, curves in zip(axes, rows, strict=True):
        for exact, points, color, label in curves:
            for part in (left, ~left):
                panel.plot(y[part], exact[part], color=color, label=label if part is left else None)
            panel.plot(dots, points, "o", color=color, markerfacecolor="none", markersize=3)
        panel.axvspan(-THICKNESS / 2, THICKNESS / 2, color="muted", alpha=0.35, linewidth=0)
        panel.axhline(0, color="muted", linewidth=0.6)
    for panel, label in zip(axes, (r"$\delta n$", r"$\delta M_\parallel$", r"$\delta M_\perp$"), strict=True):
        panel.set_ylabel(label)
    axes[2].legend(loc="upper right")
    axes[0].set_title("left magnet | barrier | right magnet;  lines: equation (11), circles: numerical solution")
    axes[2].set_xlabel("position y (any unit of length; barrier shaded)")


@drawn("length-scales-roots", 1, 3, width=7.4, height=3.6)
def draw_roots(_: Record, left: Any, middle: Any, right: Any) -> None:
    """Plot the lengths of (11) over their bare values against screening, polarization and precession."""
    bare, betas = np.geomspace(0.01, 1.0, 120), np.linspace(0, 0.95, 60)
    for alpha2, style in zip(ALPHAS, ("-", "--", ":"), strict=True):
        screened = [replace(METAL, alpha2=alpha2, q=float(1 / ratio**2)) for ratio in bare]
        polarized = [replace(METAL, beta=float(beta), alpha2=alpha2, q=1e4) for beta in betas]
        for panel, x, magnets in ((left, bare, screened), (middle, betas, polarized)):
            screening, spin = np.array([renormalization(p) for p in magnets]).T
            panel.plot(x, spin, style, color="microscopic")
            panel.plot(x, screening, style, color="minority")
        left.plot([], [], style, color="black", label=rf"$\alpha_2/\alpha_1$ = {alpha2:g}")
    left.set(xlabel="bare screening length /\nbare spin-diffusion length", ylabel="length / bare length", xscale="log")
    left.set(title=rf"$\beta$ = {METAL.beta:g}", ylim=(0.5, 2.4))
    middle.plot([], [], color="microscopic", label="spin diffusion")
    middle.plot([], [], color="minority", label="screening")
    middle.set(xlabel=r"polarization $\beta$", title="strong screening", ylim=(0, 4))
    for panel in (left, middle):
        panel.legend(loc="upper left", fontsize=7)
    turns = np.geomspace(0.1, 1e4, 80)
    k = np.array([replace(METAL, omega=float(w)).modes.transverse for w in turns])
    right.loglog(turns, 1 / k.real, color="damping_like", label="decay length")
    right.loglog(turns, 2 * np.pi / k.imag, "--", color="field_like", label="period of rotation")
    right.set(xlabel=r"precession $\omega\tau$", ylabel=r"transverse length / $\sqrt{D\tau}$", ylim=(1e-2, 4e3))
    right.legend(loc="upper right", fontsize=7)


def measure(quick: bool) -> Record:
    """Count the modes of the raw equations, solve them numerically once, and follow the roots."""
    census = count_modes(SETS // 4 if quick else SETS)
    m = np.stack([unit_vector(0.0), unit_vector(ANGLE)])
    interface = tunnel_interface(*m, [0.9, 0.6], [0.8, 1.0])
    closed = match(LEFT, RIGHT, interface, m_left=m[0], m_right=m[1], thickness=THICKNESS)
    solution = integrate(interface, m)
    deviations = compare_profiles(solution, closed, 40 if quick else 200)
    shifts = {alpha2: strong_screening(alpha2) for alpha2 in ALPHAS}
    strong = replace(METAL, q=1e6)
    shortened = {alpha2: renormalization(replace(strong, alpha2=alpha2)) for alpha2 in ALPHAS}
    expected = np.sqrt(1 - METAL.beta**2)
    sides = [(closed.amplitudes(side)[1], closed.delta_n[side]) for side in (0, 1)]
    charge = largest(amplitudes[2:] for amplitudes, _ in sides)
    sums = largest((amplitudes.sum() - delta_n) / abs(delta_n) for amplitudes, delta_n in sides)
    precession = np.geomspace(1e2, 1e4, 5)
    rotating = fit_power_law(precession, [1 / replace(METAL, omega=w).modes.transverse.real for w in precession])
    shift = shifts[ALPHAS[1]][0]
    metal = replace(cobalt(), alpha2=0.4)
    ratio = metal.screening_length / metal.spin_diffusion_length
    tiny = shift.prefactor * ratio**shift.exponent
    shown = {"left, in the figure": LEFT, "right, in the figure": RIGHT}
    magnets = [(name, p.modes, bare_lengths(p)) for name, p in shown.items()]
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.census, abs(m.shortened[1.0][1] - 1)),
        corrected="follows" if m.charge < 1e-12 else "fails",
        value=float(m.census.deviation.max()),
        tolerance=EXPONENTS,
        route=Check("both sides solved numerically against (11), relative", max(m.deviations.values()), SOLVER),
        checks=(
            Check("decaying modes per side, fewest", float(m.census.decaying.min()), 0.0, 4.0),
            Check("decaying modes per side, most", float(m.census.decaying.max()), 0.0, 4.0),
            Check("δn/δM of the raw spin mode, relative", float(m.census.ratio.max()), EXPONENTS),
            *(Check(f"{name}: closed form minus numerical, relative", x, SOLVER) for name, x in m.deviations.items()),
            Check("terms of (11) summed at the face against δn, relative", m.sums, 1e-10),
            Check(
                "spin-diffusion length over √(Dτ(1−β²)), strong screening", m.shortened[1.0][1] / m.expected, 1e-9, 1.0
            ),
            # relative corrections (λ/l_sd)² < 1e-3 at the first point
            Check("power of λ/l_sd in the shift of the spin-diffusion length", m.shift.exponent, 0.01, 2.0),
            Check("power of ω in the transverse decay length", m.rotating.exponent, 0.01, -0.5),
        ),
    )
