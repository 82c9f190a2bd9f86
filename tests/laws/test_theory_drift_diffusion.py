"""Laws of equations (7) to (11): modes, matching, dipole layers, and their limits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu
from strategies import examples

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import SIGNS, angle_between, unit_vector
from kwant_spinjunc.theory import valet_fert
from kwant_spinjunc.theory.drift_diffusion import (
    AMPERE_PER_SQUARE_METER,
    LANDAUER,
    SIEMENS_PER_METER,
    VACUUM_SCREENING,
    Material,
    SingularMatchingError,
    VectorInterface,
    match,
    node_interface,
    per_area,
    strong_screening_wave_numbers,
    tunnel_interface,
    wave_numbers,
)
from kwant_spinjunc.theory.interface import InterfaceResponse, interface_currents, tunnelling_response
from kwant_spinjunc.theory.tunnelling import rotation_law

#: Two closed forms of the same number, a few hundred operations apart.
ROUNDING = 1e-10
#: Agreement asked of the numerical boundary-value solution; its own error (domain of 25 lengths, order 8) is 1e-8.
BOUNDARY_VALUE = 1e-6
#: Agreement asked of the limit of Valet and Fert.
VALET_FERT = 1e-8

Z = np.array([0.0, 0.0, 1.0])
#: Collinear tests pass the screening layers' widths; λ/l_sd here is 1e-10, so terms of that order are invisible.
STRONG = 1e20


def metal(**changes: float) -> Material:
    return Material(**({"sigma": 2.0, "beta": 0.6, "D": 1.0, "tau": 4.0, "q": 50.0} | changes))


def signed(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).flatmap(lambda x: st.sampled_from([x, -x]))


def decades(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: 10.0**x)


@st.composite
def materials(draw: st.DrawFn, equal_alphas: bool = False) -> Material:
    """Any decaying magnet: σ, D, τ over two decades each, σqτ from 0.03 (hardly screened) to 1e4."""
    beta, alpha1 = draw(signed(0.0, 0.95)), draw(st.floats(0.4, 2.5))
    alpha2 = alpha1 if equal_alphas else draw(st.floats(-1.0, 3.0))
    assume(alpha1 - beta**2 * alpha2 > 0.05)
    sigma, D, tau = (draw(decades(-1, 1)) for _ in range(3))
    q = draw(decades(-1.5, 4)) / (sigma * tau)
    omega = draw(signed(0.0, 8.0)) / tau
    return Material(sigma=sigma, beta=beta, D=D, tau=tau, alpha1=alpha1, alpha2=alpha2, omega=omega, q=q)


@st.composite
def directions(draw: st.DrawFn) -> np.ndarray:
    return unit_vector(draw(st.floats(0, np.pi)), draw(st.floats(-np.pi, np.pi)))


@st.composite
def interfaces(draw: st.DrawFn, m_left: np.ndarray, m_right: np.ndarray) -> InterfaceResponse | VectorInterface:
    """Clamped or vector interfaces, from a tunnel barrier to a metallic contact."""
    factor = st.floats(0.1, 1.0)
    scale = draw(decades(-2, 2))
    if draw(st.booleans()):
        D = scale * np.array([[draw(factor), draw(factor)], [draw(factor), draw(factor)]])
        return tunnelling_response(rotation_law(D, angle_between(m_left, m_right)))
    phase = st.floats(-1.0, 1.0)
    w = [np.array([draw(factor), draw(factor)]) * np.exp(1j * np.array([draw(phase), draw(phase)])) for _ in range(2)]
    vector = tunnel_interface(m_left, m_right, np.sqrt(scale) * w[0], w[1])
    if draw(st.booleans()):
        mixing = [complex(draw(st.floats(0, 3)), draw(st.floats(-3, 3))) for _ in range(2)]
        vector = vector.with_mixing(m_left, m_right, left=mixing[0], right=mixing[1])
    return vector


@st.composite
def problems(draw: st.DrawFn) -> dict:
    m_left, m_right = draw(directions()), draw(directions())
    return {
        "left": draw(materials()),
        "right": draw(materials()),
        "interface": draw(interfaces(m_left, m_right)),
        "m_left": m_left,
        "m_right": m_right,
        "current": draw(signed(0.5, 2.0)),
        "thickness": draw(st.sampled_from([0.0, 0.1, 2.0])),
        "q_barrier": draw(decades(-1, 2)),
    }


# ---------------------------------------------------------------------- the same equations, solved numerically
ORDER = 8


def collocation() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chebyshev nodes of one element; interpolation to and derivative at its Gauss points."""
    gauss, _ = np.polynomial.legendre.leggauss(ORDER)
    nodes = -np.cos(np.pi * np.arange(ORDER + 1) / ORDER)
    cheb = np.polynomial.chebyshev
    inverse = np.linalg.inv(cheb.chebvander(nodes, ORDER))
    derivative = cheb.chebvander(gauss, ORDER - 1) @ cheb.chebder(np.eye(ORDER + 1)) @ inverse
    return nodes, cheb.chebvander(gauss, ORDER) @ inverse, derivative


NODES, INTERPOLATE, DERIVE = collocation()


def field_equations(p: Material, m: np.ndarray, J: float) -> tuple[np.ndarray, np.ndarray]:
    """Equations (7) to (10) as z' = A z + b for z = (δn, δM, V, F = -V', Q), components along fixed axes."""
    A, b = np.zeros((9, 9)), np.zeros(9)
    # m·(9) put into (8) leaves δn', and (9) then gives δM'.
    stiffness = p.D * (p.alpha1 - p.alpha2 * p.beta**2)
    A[0, 5], A[0, 6:], b[0] = p.sigma * (1 - p.beta**2) / stiffness, p.beta * m / stiffness, -J / stiffness
    A[1:4, 5], A[1:4, 6:] = p.beta * p.sigma * m / p.D, -np.eye(3) / p.D
    A[1:4] -= p.alpha2 * p.beta * np.outer(m, A[0])
    b[1:4] -= p.alpha2 * p.beta * m * b[0]
    A[4, 5], A[5, 0] = -1.0, p.q
    x, y, z = m
    A[6:, 1:4] = p.omega * np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]]) - np.eye(3) / p.tau
    return A, b


def mesh(p: Material) -> np.ndarray:
    k = wave_numbers(p)
    edges = [0.0, 0.5 / np.abs(k).max()]
    while edges[-1] < 25 / k.real.min():
        edges.append(1.6 * edges[-1])
    return np.array(edges)


def interface_equations(
    left: Material,
    right: Material,
    interface: InterfaceResponse | VectorInterface,
    m: tuple[np.ndarray, np.ndarray],
    J: float,
    barrier: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Ten conditions on (z_L, z_R) at the faces, the last fixing V = 0 in the middle of the barrier."""
    f = []
    for p, axis in zip((left, right), m, strict=True):
        rows = np.zeros((4, 9))  # average µ and spin accumulation vector
        rows[0, 4] = 1.0
        rows[0, 0] = p.D / p.sigma * (p.alpha1 - p.beta**2 * p.alpha2) / (1 - p.beta**2)
        rows[1:, 1:4] = p.D / p.sigma * np.eye(3)
        rows[1:, 0] = -p.D / p.sigma * p.beta * (p.alpha1 - p.alpha2) / (1 - p.beta**2) * axis
        f.append(rows)
    A, b = np.zeros((10, 18)), np.zeros(10)
    b[0] = J
    if isinstance(interface, VectorInterface):
        r = interface.response
        A[0] = np.r_[r[0, 0, 0] @ f[0], -r[0, 1, 0] @ f[1]]
        for side in (0, 1):
            rows = slice(1 + 3 * side, 4 + 3 * side)
            A[rows] = np.hstack([-r[side, 0, 1:] @ f[0], r[side, 1, 1:] @ f[1]])
            A[rows, 9 * side + 6 : 9 * side + 9] += np.eye(3)
    else:
        mu = [np.array([rows[0] + s * axis @ rows[1:] for s in SIGNS]) for rows, axis in zip(f, m, strict=True)]
        A[0] = np.r_[interface.charge_1 @ mu[0], -interface.charge_2 @ mu[1]]
        A[1] = np.r_[-interface.left_1 @ mu[0], interface.left_2 @ mu[1]]
        A[2] = np.r_[-interface.right_1 @ mu[0], interface.right_2 @ mu[1]]
        for side, axis in enumerate(m):
            A[1 + side, 9 * side + 6 : 9 * side + 9] += axis
            A[3 + 2 * side : 5 + 2 * side, 9 * side + 1 : 9 * side + 4] = np.linalg.svd(axis[None])[2][1:]
    A[7, 5], A[7, 14] = 1 / left.q, -1 / right.q
    A[8, 13], A[8, 4], A[8, 5] = 1.0, -1.0, barrier / left.q
    A[9, 13] = A[9, 4] = 1.0
    return A, b


def boundary_value_solution(
    left: Material,
    right: Material,
    interface: InterfaceResponse | VectorInterface,
    *,
    m_left: np.ndarray,
    m_right: np.ndarray,
    current: float,
    thickness: float,
    q_barrier: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return y and z(y): piecewise polynomials on graded elements, collocated at Gauss points, one sparse solve."""
    m = (m_left, m_right)
    rows, columns, values, right_hand, grids, faces = [], [], [], [], [], []
    row = column = 0
    for side, (p, axis) in enumerate(zip((left, right), m, strict=True)):
        A, b = field_equations(p, axis, current)
        edges = mesh(p) if side else -mesh(p)[::-1]
        count, h = len(edges) - 1, np.diff(edges)
        block = np.einsum("e,gn->egn", 2 / h, DERIVE)[:, :, None, :, None] * np.eye(9)[:, None, :]
        block = block - INTERPOLATE[None, :, None, :, None] * A[:, None, :]
        E, G, field, N, K = np.indices(block.shape, sparse=True)
        used = np.broadcast_to(((np.eye(9) != 0) | (A != 0))[:, None, :], block.shape)
        rows.append(np.broadcast_to(row + (E * ORDER + G) * 9 + field, block.shape)[used])
        columns.append(np.broadcast_to(column + (E * ORDER + N) * 9 + K, block.shape)[used])
        values.append(block[used])
        right_hand.append(np.tile(b, count * ORDER))
        row += count * ORDER * 9
        last = column + count * ORDER * 9
        near, far = (column, last) if side else (last, column)
        faces.append(near)
        # Far away δn = δM = 0.
        rows.append(row + np.arange(4))
        columns.append(far + np.arange(4))
        values.append(np.ones(4))
        right_hand.append(np.zeros(4))
        row, column = row + 4, last + 9
        inner = (edges[:-1, None] + (NODES[:-1] + 1) / 2 * h[:, None]).ravel()
        grids.append(np.append(inner, edges[-1]) + (thickness / 2 if side else -thickness / 2))
    A, b = interface_equations(left, right, interface, m, current, thickness * q_barrier)
    condition, K = np.nonzero(A)
    rows.append(row + condition)
    columns.append(np.where(K < 9, faces[0] + K, faces[1] + K - 9))
    values.append(A[condition, K])
    right_hand.append(b)
    matrix = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))).tocsr()
    column_scale = 1 / np.abs(matrix).max(axis=0).toarray().ravel()
    matrix = matrix.multiply(column_scale).tocsr()
    row_scale = 1 / np.abs(matrix).max(axis=1).toarray().ravel()
    matrix = matrix.multiply(row_scale[:, None]).tocsc()
    z = splu(matrix).solve(np.concatenate(right_hand) * row_scale) * column_scale
    y = np.concatenate(grids)
    y[len(grids[0]) - 1] = -thickness / 2  # -0.0 without a barrier: the left face
    return y, z.reshape(-1, 9)


@examples(40, full=220, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(problem=problems())
def test_matching_solves_the_boundary_value_problem(problem: dict) -> None:
    y, z = boundary_value_solution(**problem)
    profile = match(**problem).profile(y)
    pairs = {
        "delta_n": z[:, 0],
        "delta_M": z[:, 1:4],
        "V": z[:, 4],
        "field": z[:, 5],
        "spin_current": z[:, 6:],
    }
    # a quantity that vanishes by symmetry is rounding of what it would be made of: densities of the voltage
    voltage = np.abs(pairs["V"]).max()
    made_of = {
        name: voltage * max(problem[side].sigma / problem[side].D for side in ("left", "right"))
        for name in ("delta_n", "delta_M")
    }
    for name, expected in pairs.items():
        deviation = np.abs(getattr(profile, name) - expected).max()
        assert deviation <= BOUNDARY_VALUE * np.abs(expected).max() + ROUNDING * made_of.get(name, 0.0), name


# ---------------------------------------------------------------------- modes
@settings(deadline=None)
@given(p=materials())
def test_longitudinal_wave_numbers_are_the_roots_of_the_quadratic(p: Material) -> None:
    a, b, c = p.quadratic
    k2 = np.sort_complex(wave_numbers(p)[:2] ** 2)
    # Vieta: no root finder needed, and no loss of digits where the roots nearly coincide.
    assert_allclose(k2.sum(), b / a, rtol=ROUNDING)
    assert_allclose(k2.prod(), c / a, rtol=ROUNDING)
    assert (wave_numbers(p).real > 0).all()


@settings(deadline=None)
@given(p=materials(equal_alphas=True))
def test_charge_and_spin_do_not_renormalize_each_other_for_equal_alphas(p: Material) -> None:
    screening, spin = np.sort((wave_numbers(p)[:2] ** 2).real)
    expected = np.sort([p.sigma * p.q / (p.alpha1 * p.D), 1 / (p.D * p.tau * (1 - p.beta**2))])
    assert_allclose([screening, spin], expected, rtol=ROUNDING)


def test_strong_screening_is_approached_as_the_square_of_the_ratio_of_lengths() -> None:
    errors = []
    for q in (1e2, 1e4, 1e6):
        p = metal(q=q, alpha2=0.4)
        ratio = p.screening_length / p.spin_diffusion_length
        exact = wave_numbers(p)[:2].real
        errors.append(np.abs(exact / strong_screening_wave_numbers(p) - 1) / ratio**2)
    assert_allclose(errors[1], errors[2], rtol=0.01)
    # First order of the quadratic: k² is shifted by ∓ β²(α1-α2)/(α1-β²α2) (λ/l)² relative to itself.
    predicted = 0.36 * 0.6 / (1 - 0.36 * 0.4) / 2
    assert_allclose(errors[2], predicted, rtol=0.01)


@settings(deadline=None)
@given(p=materials())
def test_transverse_pair_decays_and_precesses(p: Material) -> None:
    k = wave_numbers(p)[2:]
    assert_allclose(p.D * k**2, [1 / p.tau + 1j * p.omega, 1 / p.tau - 1j * p.omega], rtol=ROUNDING)


@settings(deadline=None)
@given(p=materials())
def test_mode_ratios_solve_the_charge_equation(p: Material) -> None:
    screening, spin = wave_numbers(p)[:2]
    assume(abs(screening**2 - spin**2) > 1e-3 * abs(spin**2))
    n_per_m, m_per_n = p.modes.mode_ratios
    for k, n, m in ((spin, n_per_m, 1.0), (screening, 1.0, m_per_n)):
        if not np.isfinite([n, m]).all():
            continue
        charge = (p.sigma * p.q - p.alpha1 * p.D * k**2) * n - p.beta * p.D * k**2 * m
        assert abs(charge) <= 1e-8 * abs(p.beta * p.D * k**2 * m) + 1e-9 * abs(p.sigma * p.q * n)


def test_oscillating_screening_still_decays() -> None:
    p = metal(beta=0.9, alpha1=1.0, alpha2=-2.0, q=0.35)
    screening, spin = wave_numbers(p)[:2]
    assert abs(screening.imag) > 0.1 * screening.real > 0
    assert_allclose(screening, np.conj(spin))


@pytest.mark.parametrize("beta", [1.0, -1.0, 1.5])
def test_a_fully_polarized_metal_is_refused(beta: float) -> None:
    with pytest.raises(ArgumentError, match="`beta` must lie between"):
        metal(beta=beta)


@pytest.mark.parametrize("name", ["sigma", "D", "tau", "q"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
def test_non_positive_or_infinite_coefficients_are_refused(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}` must be"):
        metal(**{name: value})


def test_growing_lengths_are_refused_with_the_offending_combination() -> None:
    with pytest.raises(ArgumentError, match=r"alpha1 - beta² alpha2 = .*-0\.44"):
        metal(alpha2=4.0)
    with pytest.raises(ArgumentError, match=r"sigma q \(1 - beta²\) \+ alpha1/tau"):
        metal(beta=0.9, alpha1=-8.0, alpha2=-10.0, q=1.0)


# ---------------------------------------------------------------------- physics of the solution
@examples(20, full=40)
@given(problem=problems())
def test_each_spin_is_driven_by_its_own_potential(problem: dict) -> None:
    """J_s = -σ_s µ_s' at every point: the definition of µ_s, by a six-point derivative."""
    solution = match(**problem)
    d = problem["thickness"] / 2
    for side, p in enumerate(solution.materials):
        step = 0.01 / np.abs(p.modes.wave_numbers).max()
        y = (-1 if side == 0 else 1) * (d + 10 * step) + step * np.arange(-3, 4)
        profile = solution.profile(y)
        slope = np.array([-1, 9, -45, 0, 45, -9, 1]) @ profile.mu / (60 * step)
        conductivities = p.sigma * (1 + SIGNS * p.beta) / 2
        J_s = (problem["current"] + SIGNS * profile.J_M[3]) / 2
        # Differences of µ lose the digits its uniform part has.
        floor = 1e-12 * np.abs(profile.mu).max() / step * conductivities
        assert (np.abs(J_s + conductivities * slope) <= 1e-8 * np.abs(J_s).max() + floor).all()


@examples(20, full=40)
@given(problem=problems())
def test_the_face_obeys_equations_5_and_6_and_carries_the_current(problem: dict) -> None:
    solution = match(**problem)
    interface = problem["interface"]
    if isinstance(interface, VectorInterface):
        drives = np.concatenate(
            [solution.mu.mean(axis=-1)[:, None], solution.delta[:, None] * solution.m + solution.transverse], axis=-1
        )
        fluxes = np.einsum("ilab,lb,l->ia", interface.response, drives, [1.0, -1.0])
        J, J_M = fluxes[:, 0], np.sum(fluxes[:, 1:] * solution.m, axis=-1)
        scale = np.abs(interface.response).max() * np.abs(drives).max()
        assert_allclose(fluxes[:, 1:], solution.spin_current, atol=ROUNDING * scale)
    else:
        charge, left, right = interface_currents(interface, *solution.mu)
        J, J_M = np.array([charge, charge]), np.array([left, right])
        scale = np.abs(interface.charge_1).max() * np.abs(solution.mu).max()
        assert (solution.transverse == 0).all()
    assert_allclose(J, problem["current"], atol=ROUNDING * scale)
    assert_allclose(J_M, solution.J_M, atol=ROUNDING * scale)


@examples(25)
@given(problem=problems())
def test_sheets_and_dipoles_are_moments_of_the_profile(problem: dict) -> None:
    solution = match(**problem)
    d = problem["thickness"] / 2
    nodes, weights = np.polynomial.legendre.leggauss(12)
    for side, p in enumerate(solution.materials):
        edges = mesh(p)
        h = np.diff(edges)
        x = (edges[:-1, None] + (nodes + 1) / 2 * h[:, None]).ravel()
        w = (weights / 2 * h[:, None]).ravel()
        sign = -1 if side == 0 else 1
        profile = solution.profile(sign * (d + x))
        n_scale, M_scale = w @ np.abs(profile.delta_n), w @ np.abs(profile.delta_M).max(axis=-1)
        assert_allclose(solution.charge_sheet[side], w @ profile.delta_n, atol=1e-7 * n_scale)
        assert_allclose(solution.magnetization_sheet[side], w @ profile.delta_M, atol=1e-7 * M_scale)
        n_scale, M_scale = (w * x) @ np.abs(profile.delta_n), (w * x) @ np.abs(profile.delta_M).max(axis=-1)
        assert_allclose(solution.charge_dipole[side], sign * (w * x) @ profile.delta_n, atol=1e-7 * n_scale)
        assert_allclose(solution.magnetization_dipole[side], sign * (w * x) @ profile.delta_M, atol=1e-7 * M_scale)


@examples(60)
@given(problem=problems())
def test_gauss_and_spin_relaxation_fix_the_sheets(problem: dict) -> None:
    solution = match(**problem)
    J = problem["current"]
    for side, p in enumerate(solution.materials):
        sign = 1.0 if side == 0 else -1.0
        # Flux of the field into the layer, and of spin: Q(face) - βJ m = ∓ ∫(δM/τ - ω δM×m).
        field = p.q * solution.displacement
        scale = abs(J / p.sigma) + abs(field)
        assert_allclose(field, J / p.sigma + sign * p.q * solution.charge_sheet[side], atol=ROUNDING * scale)
        sheet = solution.magnetization_sheet[side]
        lost = sheet / p.tau - p.omega * np.cross(sheet, solution.m[side])
        gained = p.beta * J * solution.m[side] - solution.spin_current[side]
        scale = np.abs(lost).max() + abs(J)
        # The charge layer's own magnetization χ δn nearly cancels in the sheet: q δn is the large number.
        scale += abs(p.chi * solution.charge_sheet[side]) / p.tau
        assert_allclose(gained, sign * lost, atol=1e-9 * scale)


def test_the_potential_step_of_a_charge_layer_is_its_dipole() -> None:
    p, far = metal(alpha2=0.4, q=3.0), 60.0
    solution = match(p, p, tunnelling_response(np.diag([0.1, 0.05])), m_left=Z, m_right=Z, thickness=0.5)
    y = np.array([-far, -0.25, 0.25, far])
    rise = np.diff(solution.profile(y).V + y / p.sigma)[[0, 2]]
    assert_allclose(rise, p.q * solution.charge_dipole, rtol=1e-9)
    assert np.abs(rise).min() > 0.01


@examples(20, full=40)
@given(problem=problems(), side=st.sampled_from([0, 1]))
def test_four_exponentials_of_equation_11_add_up_to_the_profile(problem: dict, side: int) -> None:
    solution = match(**problem)
    screening, spin = solution.materials[side].modes.wave_numbers[:2]
    assume(abs(screening**2 / spin**2 - 1) > 1e-4)
    k, delta_n, delta_M = solution.amplitudes(side)
    x = np.array([0.0, 0.3, 2.0]) / k.real.max()
    profile = solution.profile((-1 if side == 0 else 1) * (problem["thickness"] / 2 + x))
    if side == 0 and problem["thickness"] == 0:
        profile = solution.profile(np.copysign(x, -1.0))
    decay = np.exp(-k * x[:, None])
    # Close modes have large amplitudes that cancel.
    assert_allclose(decay @ delta_n, profile.delta_n, atol=1e-9 * np.abs(delta_n).max())
    assert_allclose(decay @ delta_M, profile.delta_M, atol=1e-9 * np.abs(delta_M).max())
    assert_allclose(delta_n[2:], 0)


def test_coinciding_lengths_have_a_solution_but_no_four_exponentials() -> None:
    # α1 = α2 = 1: k² = σq/D and 1/(Dτ(1-β²)) coincide.
    critical = 1 / (2.0 * 4.0 * (1 - 0.36))
    contact = tunnelling_response(np.diag([0.6, 0.2]))
    solutions = [
        match(metal(q=q), metal(), contact, m_left=Z, m_right=Z, thickness=0.5, q_barrier=1.0)
        for q in (critical * (1 - 1e-6), critical, critical * (1 + 1e-6))
    ]
    profiles = [s.profile(s.grid(50)).delta_n for s in solutions]
    assert_allclose(profiles[1], (profiles[0] + profiles[2]) / 2, rtol=1e-5, atol=1e-9)
    with pytest.raises(ArgumentError, match="four distinct lengths"):
        solutions[1].amplitudes(0)


def test_symmetric_susceptibility_needs_equal_alphas() -> None:
    """∂µ_+/∂n_- = ∂µ_-/∂n_+ of the potentials that drive (8), (9) holds if and only if α1 = α2."""

    def defect(p: Material) -> float:
        matrix = np.array([[p.charge_stiffness + s * (m - p.chi) for m in (1.0, -1.0)] for s in (1.0, -1.0)])
        return float(abs(matrix[0, 1] - matrix[1, 0]))

    assert defect(metal(alpha1=1.7, alpha2=1.7)) < 1e-15
    assert defect(metal(alpha1=1.7, alpha2=1.2)) > 0.1


@examples(20, full=40)
@given(problem=problems())
def test_a_mirror_exchanges_the_sides(problem: dict) -> None:
    assume(isinstance(problem["interface"], InterfaceResponse))
    i = problem["interface"]
    mirrored = InterfaceResponse(i.right_2, i.right_1, i.left_2, i.left_1, i.charge_2, i.charge_1)
    solution = match(**problem)
    other = match(
        problem["right"],
        problem["left"],
        mirrored,
        m_left=problem["m_right"],
        m_right=problem["m_left"],
        current=-problem["current"],
        thickness=problem["thickness"],
        q_barrier=problem["q_barrier"],
    )
    scale = np.abs(solution.J_M).max() + abs(problem["current"])
    assert_allclose(other.J_M[::-1], -solution.J_M, atol=1e-9 * scale)
    assert_allclose(other.delta_n[::-1], solution.delta_n, rtol=1e-7, atol=1e-9 * np.abs(solution.delta_n).max())
    assert_allclose(other.resistance, solution.resistance, rtol=1e-7)


@examples(20, full=30)
@given(
    p=materials(),
    axes=st.tuples(directions(), directions()),
    angles=st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3)),
)
def test_turning_both_magnets_turns_the_solution(p: Material, axes: tuple, angles: tuple) -> None:
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("zyz", angles).as_matrix()
    amplitudes = np.array([1.0, 0.6 + 0.3j]), np.array([0.8, 0.5 - 0.2j])
    results = []
    for m in (axes, [turn @ axis for axis in axes]):
        results.append(match(p, metal(), tunnel_interface(*m, *amplitudes), m_left=m[0], m_right=m[1], q_barrier=1.0))
    assert_allclose(results[1].J_M, results[0].J_M, rtol=1e-8, atol=1e-10)
    assert_allclose(results[1].transverse, results[0].transverse @ turn.T, atol=1e-8 * np.abs(results[0].mu).max())


# ---------------------------------------------------------------------- limits
def contact_channels(r_b: float, gamma: float) -> np.ndarray:
    """1/r_s of Valet and Fert's contact, r_± = 2 r_b* (1 ∓ γ)."""
    return 1 / (2 * r_b * (1 - gamma * np.array([1.0, -1.0])))


@settings(deadline=None)
@given(
    left=materials(equal_alphas=True),
    right=materials(equal_alphas=True),
    r_b=decades(-2, 2),
    gamma=signed(0.0, 0.9),
    antiparallel=st.booleans(),
)
def test_collinear_equal_alphas_are_valet_fert_whatever_the_screening(
    left: Material, right: Material, r_b: float, gamma: float, antiparallel: bool
) -> None:
    sign = -1.0 if antiparallel else 1.0
    conductances = contact_channels(r_b, gamma)
    T = np.diag(conductances)[:, ::-1] if antiparallel else np.diag(conductances)
    solution = match(left, right, tunnelling_response(T), m_left=Z, m_right=sign * Z, thickness=0.3, q_barrier=1.0)
    l_sf = [p.spin_diffusion_length for p in (left, right)]
    rho_star = [1 / (p.sigma * (1 - p.beta**2)) for p in (left, right)]
    r = np.multiply(rho_star, l_sf)
    arguments = (left.beta, sign * right.beta), r, r_b, gamma
    assert_allclose(
        solution.J_M * [1, sign], valet_fert.contact_polarization(*arguments), rtol=VALET_FERT, atol=VALET_FERT
    )
    scale = max(*r, r_b)
    assert_allclose(
        solution.delta * [1, sign], valet_fert.contact_accumulation(*arguments), rtol=0, atol=VALET_FERT * scale
    )
    assert_allclose(solution.resistance, valet_fert.contact_resistance(*arguments), rtol=0, atol=VALET_FERT * scale)
    # Profiles: µ_s up to the gauge, along the global axis.
    x = np.geomspace(0.01, 8, 7)
    y = np.concatenate([-x[::-1] * l_sf[0], x * l_sf[1]])
    mu, currents = valet_fert.profile(
        y, rho_star=tuple(rho_star), beta=(left.beta, sign * right.beta), l_sf=tuple(l_sf), r_b=r_b, gamma=gamma
    )
    profile = solution.profile(y + np.sign(y) * 0.15)
    own = np.where(profile.side[:, None] == 1, profile.mu[:, :: int(sign)], profile.mu)
    difference = own - mu
    assert_allclose(difference, difference[0, 0], atol=VALET_FERT * (np.abs(mu).max() + np.abs(own).max()))
    J_M = np.where(profile.side == 1, sign, 1.0) * profile.J_M
    assert_allclose(J_M, currents @ SIGNS, atol=VALET_FERT)


@examples(20, full=40)
@given(left=materials(), right=materials(), r_b=decades(-2, 2), gamma=signed(0.0, 0.9))
def test_strong_screening_is_valet_fert_for_any_alphas(
    left: Material, right: Material, r_b: float, gamma: float
) -> None:
    materials_ = [
        Material(
            sigma=p.sigma, beta=p.beta, D=p.D, tau=p.tau, alpha1=p.alpha1, alpha2=p.alpha2, q=STRONG / (p.sigma * p.tau)
        )
        for p in (left, right)
    ]
    T = np.diag(contact_channels(r_b, gamma))
    solution = match(*materials_, tunnelling_response(T), m_left=Z, m_right=Z)
    r = [1 / p.spin_conductance for p in materials_]
    arguments = (left.beta, right.beta), r, r_b, gamma
    expected = valet_fert.contact_polarization(*arguments)
    assert_allclose(solution.J_M, expected, rtol=VALET_FERT, atol=VALET_FERT)
    assert_allclose(
        solution.resistance, valet_fert.contact_resistance(*arguments), rtol=0, atol=VALET_FERT * max(*r, r_b)
    )


def test_local_neutrality_is_reached_linearly_in_the_screening_length() -> None:
    contact = tunnelling_response(np.diag([0.6, 0.2]))
    reference = match(metal(q=1e18, alpha2=0.4), metal(q=1e18, alpha2=0.4), contact, m_left=Z, m_right=Z)
    changes, charges = [], []
    for q in (1e4, 1e6):
        solution = match(metal(q=q, alpha2=0.4), metal(q=q, alpha2=0.4), contact, m_left=Z, m_right=Z)
        changes.append(abs(solution.J_M[0] - reference.J_M[0]))
        charges.append(np.abs(solution.charge_sheet[0]))
    assert_allclose(changes[0] / changes[1], 10, rtol=0.05)
    assert_allclose(charges[0] / charges[1], 10, rtol=0.05)


def test_without_spin_relaxation_the_interface_drops_out_of_the_spin_current() -> None:
    contact = tunnelling_response(np.diag([0.6, 0.2]))
    g, betas, errors = [], (0.6, -0.3), []
    for tau in (1e6, 1e8):
        left, right = metal(tau=tau), metal(tau=tau, beta=betas[1], D=3.0)
        g = [left.spin_conductance, right.spin_conductance]
        J_M = match(left, right, contact, m_left=Z, m_right=Z).J_M
        errors.append(np.abs(J_M - (betas[0] * g[1] + betas[1] * g[0]) / (g[0] + g[1])).max())
    # g falls as 1/√τ, and with it what the interface still decides.
    assert_allclose(errors[0] / errors[1], 10, rtol=0.01)
    assert errors[1] < 1e-3


@examples(25, full=50)
@given(
    p=materials(equal_alphas=True),
    spacer=st.tuples(decades(-1, 1), st.floats(0.05, 5.0)),
    contact=st.tuples(decades(-1, 1), signed(0.0, 0.9)),
    antiparallel=st.booleans(),
)
def test_a_spin_flipping_spacer_is_an_interface_with_unequal_spin_currents(
    p: Material, spacer: tuple, contact: tuple, antiparallel: bool
) -> None:
    """F|N|F: the spacer with its contacts eliminated, as r's of (5), (6), against Valet and Fert's closed form."""
    sign = -1.0 if antiparallel else 1.0
    (r_N, x), (r_b, gamma) = spacer, contact
    g = contact_channels(r_b, gamma)
    conductances = g, g[:: int(sign)]  # along the global axis
    coth, csch = 1 / np.tanh(x) / r_N, 1 / np.sinh(x) / r_N
    # Node potentials (µ_a, δ_a, µ_b, δ_b): flux in at a, flux out at b.
    through = np.zeros((4, 4))
    through[0] = [1, 0, -1, 0]
    through[2] = [1, 0, -1, 0]
    through[[0, 2]] /= r_N * x
    through[1], through[3] = [0, coth, 0, -csch], [0, csch, 0, -coth]
    spins = np.stack([np.ones(2), SIGNS])  # (component, spin)
    enter, leave = (spins * G for G in conductances)
    A = through.copy()
    A[:2, :2] += enter @ spins.T
    A[2:, 2:] -= leave @ spins.T
    feed = np.zeros((4, 4))
    feed[:2, :2], feed[2:, 2:] = enter, -leave
    nodes = np.linalg.solve(A, feed)
    flux = through @ nodes  # rows (J_a, J_M a, J_b, J_M b) per (µ_L+, µ_L-, µ_R+, µ_R-), global axis
    if antiparallel:
        flux = flux[:, [0, 1, 3, 2]] * np.array([1, 1, 1, -1])[:, None]
    interface = InterfaceResponse(
        left_1=flux[1, :2],
        left_2=-flux[1, 2:],
        right_1=flux[3, :2],
        right_2=-flux[3, 2:],
        charge_1=flux[0, :2],
        charge_2=-flux[0, 2:],
    )
    solution = match(p, p, interface, m_left=Z, m_right=sign * Z)
    r = 1 / p.spin_conductance
    arguments = (p.beta, sign * p.beta), (r, r), r_N, x, (r_b, r_b), (gamma, sign * gamma)
    expected = valet_fert.spin_valve_polarization(*arguments)
    assert_allclose(solution.J_M * [1, sign], expected, rtol=1e-7, atol=VALET_FERT)
    resistance = valet_fert.spin_valve_resistance(*arguments)
    assert_allclose(solution.resistance, resistance, rtol=VALET_FERT)


def test_a_vanishing_spacer_leaves_one_contact_and_a_thick_one_two() -> None:
    thin = valet_fert.spin_valve_polarization((0.5, -0.2), (1.0, 2.0), 0.7, 1e-10)
    assert_allclose(thin, valet_fert.contact_polarization((0.5, -0.2), (1.0, 2.0)), rtol=1e-8)
    thick = valet_fert.spin_valve_polarization((0.5, -0.2), (1.0, 2.0), 0.7, 800.0)
    assert_allclose(thick[0], valet_fert.contact_polarization((0.5, 0.0), (1.0, 0.7)), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: valet_fert.contact_polarization((1.0, 0.5), (1.0, 1.0)), r"beta\[left\]"),
        (lambda: valet_fert.contact_polarization((0.5, 0.5), (0.0, 1.0)), r"r\[left\]"),
        (lambda: valet_fert.spin_valve_resistance((0.5, 0.5), (1.0, 1.0), 1.0, 0.0), "ratio"),
    ],
)
def test_valet_fert_refuses_impossible_metals(call: object, name: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}` must"):
        call()


# ---------------------------------------------------------------------- interfaces
@settings(deadline=None)
@given(m=st.tuples(directions(), directions()), w=st.tuples(*[st.floats(0.1, 1.5)] * 4), phase=st.floats(-3, 3))
def test_clamping_a_tunnel_interface_gives_equations_3_and_4(m: tuple, w: tuple, phase: float) -> None:
    left, right = np.array(w[:2]) * [1, np.exp(1j * phase)], np.array(w[2:])
    clamped = tunnel_interface(*m, left, right).clamped(*m)
    D = np.abs(left[:, None] * right) ** 2
    expected = tunnelling_response(rotation_law(D, angle_between(*m)))
    for name in ("left_1", "left_2", "right_1", "right_2", "charge_1", "charge_2"):
        assert_allclose(getattr(clamped, name), getattr(expected, name), atol=1e-12)


@examples(20, full=40)
@given(left=materials(), right=materials(), m=st.tuples(directions(), directions()), G=decades(-2, 2))
def test_a_spin_independent_barrier_absorbs_no_spin(left: Material, right: Material, m: tuple, G: float) -> None:
    interface = tunnel_interface(*m, np.sqrt([G, G]), [1.0, 1.0])
    solution = match(left, right, interface, m_left=m[0], m_right=m[1], q_barrier=1.0)
    scale = np.abs(solution.spin_current).max() + G * np.abs(solution.mu).max()
    assert_allclose(solution.interface_torque, 0, atol=ROUNDING * scale)


def test_fast_precession_clamps_the_transverse_magnetization() -> None:
    m_right = unit_vector(1.0)
    interface = tunnel_interface(Z, m_right, [1.0, 0.7], [0.9, 0.6])
    clamped = match(metal(), metal(), interface.clamped(Z, m_right), m_left=Z, m_right=m_right)
    errors, sizes = [], []
    for omega in (1e4, 1e6, 1e8):
        free = match(metal(omega=omega), metal(omega=omega), interface, m_left=Z, m_right=m_right)
        errors.append(np.abs(free.J_M - clamped.J_M).max())
        sizes.append(np.abs(free.transverse).max())
    # k⊥ grows as √ω.
    assert_allclose([errors[0] / errors[1], errors[1] / errors[2]], 10, rtol=0.1)
    assert_allclose(sizes[1] / sizes[2], 10, rtol=0.1)


def test_precession_hands_the_transverse_current_to_the_magnet() -> None:
    m_right = unit_vector(1.0, 0.3)
    p = metal(omega=50.0)
    solution = match(p, p, tunnel_interface(Z, m_right, [1.0, 0.7], [0.9, 0.6]), m_left=Z, m_right=m_right)
    sheets = solution.magnetization_sheet
    transverse = sheets - np.sum(sheets * solution.m, axis=-1, keepdims=True) * solution.m
    into = solution.transverse_spin_current * np.array([[-1.0], [1.0]])
    assert_allclose(into, solution.layer_torque + transverse / p.tau, atol=1e-12)


def test_a_larger_mixing_conductance_takes_more_transverse_magnetization() -> None:
    m_right = unit_vector(2.0)
    bare = tunnel_interface(Z, m_right, [1.0, 1.0], [1.0, 1.0])
    sizes = []
    for G in (1.0, 10.0, 1e6):
        interface = bare.with_mixing(Z, m_right, left=G, right=G)
        solution = match(metal(), metal(), interface, m_left=Z, m_right=m_right)
        sizes.append(np.abs(solution.transverse).max())
    assert sizes[0] > sizes[1] > 1e3 * sizes[2]
    # A spin-independent barrier of conductance G = 2 for both spins takes 2 Re G_mix s⊥ with G_mix = 1 already.
    assert_allclose(bare.with_mixing(Z, m_right, left=1.0, right=1.0).response, bare.response, atol=1e-12)


@examples(20, full=30)
@given(g=st.tuples(st.floats(0.2, 3.0), st.floats(0.2, 3.0)), G=st.floats(0.5, 5.0), Phi=st.floats(0.01, 3.1))
def test_a_spacer_with_mixing_conductances_has_circuit_theorys_angular_law(g: tuple, G: float, Phi: float) -> None:
    node = node_interface(Z, unit_vector(Phi), g, g, G, G)
    total, P, eta = sum(g), (g[0] - g[1]) / sum(g), 2 * G / sum(g)
    tan2 = np.tan(Phi / 2) ** 2
    # Brataas, Nazarov, Bauer (2000): two equal contacts, real mixing conductance.
    assert_allclose(node.charge_1.sum(), total / 2 * (1 - P**2 * tan2 / (eta + tan2)), rtol=1e-10)


def test_collinear_contacts_add_in_series_per_spin() -> None:
    node = node_interface(Z, Z, [2.0, 1.0], [3.0, 4.0], 1.0 + 0.3j, 2.0)
    series = 1 / (1 / np.array([2.0, 1.0]) + 1 / np.array([3.0, 4.0]))
    assert_allclose(node.charge_1, series, rtol=1e-12)
    assert_allclose(node.left_1, SIGNS * series, rtol=1e-12)
    assert_allclose(node.right_2, SIGNS * series, rtol=1e-12)


def test_a_spin_that_enters_neither_half_metal_floats() -> None:
    """No inverse, but a limit: what else goes through is a resistance in series, and at other angles goes on."""
    m = unit_vector(2.1, 0.4)
    for right, g in ((m, [3.0, 0.0]), (-m, [0.0, 3.0])):
        node = node_interface(m, right, [2.0, 0.0], g, 1.0 + 0.3j, 2.0)
        assert_allclose(node.charge_1, [1.2, 0.0], rtol=1e-12, atol=1e-15)
        near = node_interface(m, right, [2.0, 1e-9], np.maximum(g, 1e-9), 1.0 + 0.3j, 2.0)
        for name in ("left_1", "left_2", "right_1", "right_2", "charge_1", "charge_2"):
            assert_allclose(getattr(node, name), getattr(near, name), atol=2e-9)
    blocked = node_interface(m, -m, [2.0, 0.0], [3.0, 0.0], 1.0, 2.0)
    assert_allclose(blocked.charge_1, 0.0, atol=1e-15)


def test_spin_flip_reflection_relaxes_spin_and_leaves_the_charge_response_alone() -> None:
    """The charge response is no function of the r's: these r's differ from those of T, the charge response does not."""
    reflection = np.array([1.0, -1.0])
    T = tunnelling_response(0.2 * np.eye(2))
    lossy = InterfaceResponse(
        T.left_1 + 2 * reflection, T.left_2, T.right_1, T.right_2 + 2 * reflection, T.charge_1, T.charge_2
    )
    metals = metal(), metal(beta=0.1, D=3.0)
    with_flips, without = (match(*metals, i, m_left=Z, m_right=Z) for i in (lossy, T))
    assert_allclose(with_flips.J_M[0] - with_flips.J_M[1], 4 * with_flips.delta.sum(), rtol=1e-10)
    assert_allclose(without.J_M[0], without.J_M[1], rtol=1e-10)
    assert np.abs(with_flips.delta[0]) < np.abs(without.delta[0])


def test_a_batch_is_its_members() -> None:
    Phi, G, J = np.array([0.3, 1.2, 2.9]), np.array([[0.1], [10.0]]), 1.5
    m_right = unit_vector(Phi)
    batch = match(
        metal(omega=2.0),
        metal(beta=0.2),
        tunnel_interface(Z, m_right, np.sqrt(G)[..., None] * [1.0, 0.5], [1.0, 0.8]),
        m_left=Z,
        m_right=m_right,
        current=J,
        thickness=0.5,
    )
    profile = batch.profile(batch.grid(20))
    for i, j in np.ndindex(2, 3):
        one = match(
            metal(omega=2.0),
            metal(beta=0.2),
            tunnel_interface(Z, m_right[j], np.sqrt(G[i, 0]) * np.array([1.0, 0.5]), [1.0, 0.8]),
            m_left=Z,
            m_right=m_right[j],
            current=J,
            thickness=0.5,
        )
        single = one.profile(one.grid(20))
        for name in ("delta_n", "delta_M", "V", "J_M", "mu", "spin_current"):
            assert_allclose(getattr(profile, name)[i, j], getattr(single, name), rtol=1e-9, atol=1e-12)
        assert_allclose(batch.delta_J_M_length[i, j], np.linalg.norm(one.delta_J_M), rtol=1e-12)


def test_units_of_the_multiscale_run() -> None:
    assert_allclose(VACUUM_SCREENING, 18.0951, rtol=1e-5)  # e²/ε0 in eV nm
    assert_allclose(LANDAUER, 241.798924, rtol=1e-8)  # 1/h in 1/(eV ps)
    assert_allclose(AMPERE_PER_SQUARE_METER, 6.241509e-12, rtol=1e-6)
    # One e²/h per nm² over 1 nm is the conductivity 3.874e-5 S/nm: the two constants agree.
    conductance_quantum = 3.8740458655e-5
    response = per_area(tunnelling_response(np.eye(2) / 2), area=1.0)
    assert_allclose(response.charge_1.sum(), conductance_quantum * 1e9 * SIEMENS_PER_METER, rtol=1e-9)


# ---------------------------------------------------------------------- refusals
def test_interfaces_without_conductance_are_singular() -> None:
    T = tunnelling_response(np.eye(2))
    dead = InterfaceResponse(T.left_1, T.left_2, T.right_1, T.right_2, 0 * T.charge_1, 0 * T.charge_2)
    with pytest.raises(SingularMatchingError, match="positive charge conductance"):
        match(metal(), metal(), dead, m_left=Z, m_right=Z)


def test_an_amplifying_interface_that_balances_the_metals_is_singular() -> None:
    p = metal()
    # J_M^L = +g δ_L is what the metal absorbs: the interface gives it back.
    r = np.array([-1.0, 1.0]) * p.spin_conductance / 2
    T = tunnelling_response(np.eye(2))
    active = InterfaceResponse(r, 0 * r, 0 * r, -r * 3, T.charge_1, T.charge_2)
    with pytest.raises(SingularMatchingError, match="condition number"):
        match(p, p, active, m_left=Z, m_right=Z)


def test_a_response_to_a_common_shift_is_refused() -> None:
    T = tunnelling_response(np.eye(2))
    shifted = InterfaceResponse(T.left_1 + 0.1, T.left_2, T.right_1, T.right_2, T.charge_1, T.charge_2)
    with pytest.raises(ArgumentError, match="raising all chemical potentials alike"):
        match(metal(), metal(), shifted, m_left=Z, m_right=Z)
    response = tunnel_interface(Z, Z, [1, 1], [1, 1]).response.copy()
    response[1, 0, 3, 0] += 0.1
    with pytest.raises(ArgumentError, match="common shift"):
        VectorInterface(response=response)
    response[1, 0, 0, 3] += 0.1
    with pytest.raises(ArgumentError, match="conserve charge"):
        VectorInterface(response=response)


def test_arguments_of_the_matching_are_checked() -> None:
    T = tunnelling_response(np.eye(2))
    with pytest.raises(ArgumentError, match="`thickness` must not be negative"):
        match(metal(), metal(), T, m_left=Z, m_right=Z, thickness=-1.0)
    with pytest.raises(ArgumentError, match="`q_barrier` must be given"):
        match(metal(), metal(q=3.0), T, m_left=Z, m_right=Z, thickness=1.0)
    with pytest.raises(ArgumentError, match="`m_right` must be a unit vector"):
        match(metal(), metal(), T, m_left=Z, m_right=2 * Z)
    solution = match(metal(), metal(), T, m_left=Z, m_right=Z, thickness=1.0)
    with pytest.raises(ArgumentError, match="outside the barrier"):
        solution.profile([0.2])
    with pytest.raises(ArgumentError, match="non-negative real part"):
        tunnel_interface(Z, Z, [1, 1], [1, 1]).with_mixing(Z, Z, left=-1.0)
    with pytest.raises(ArgumentError, match="`mixing_right` must have a positive real part"):
        node_interface(Z, Z, [1, 1], [1, 1], 1.0, 0.0)
    with pytest.raises(ArgumentError, match="`conductances_left` must not be negative"):
        node_interface(Z, Z, [1, -1], [1, 1], 1.0, 1.0)


def test_extreme_screening_neither_overflows_nor_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = metal(q=1e30, alpha2=0.4, omega=1e12)
        solution = match(p, p, tunnelling_response(np.eye(2)), m_left=Z, m_right=unit_vector(1.0), thickness=1.0)
        profile = solution.profile()
    assert all(np.isfinite(getattr(profile, name)).all() for name in ("delta_n", "delta_M", "V", "mu", "J_M"))


def test_mixing_conductances_have_the_sign_of_circuit_theory():
    """One mode reflected with r_+ and r_-: the spin flux f - r f r† an accumulation along x drives, on either side."""
    from kwant_spinjunc.theory import circuit

    r = np.array([0.6 * np.exp(0.5j), 0.5 * np.exp(-0.4j)])
    G = complex(circuit.mixing_conductance([[r[0]]], [[r[1]]]))
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    f = pauli[0] * 0.5  # µ = s·σ/2 per unit accumulation s = x, as matrices of Pauli flux 2 s
    current = f - np.diag(r) @ f @ np.diag(r).conj().T
    exact = 2 * np.real([np.trace(p @ current) for p in pauli])
    z = np.array([0.0, 0.0, 1.0])
    vector = tunnel_interface(z, z, [1.0, 0.0], [1.0, 0.0]).with_mixing(z, z, left=G, right=np.array(G))
    for side in (0, 1):
        driven = vector.response[side, side, 1:, 1:] @ [1.0, 0.0, 0.0]
        np.testing.assert_allclose(driven[:2], exact[:2], atol=1e-12)
    with pytest.raises(ArgumentError, match="`left` must have a non-negative real part, but is"):
        vector.with_mixing(z, z, left=np.array([1.0, -1.0]))
