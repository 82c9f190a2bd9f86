"""The fast engine equals Kwant, a dense solver with 120 digits, itself by another route, and costs what it says."""

import dataclasses
import tracemalloc

import kwant
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import examples, junctions, numbers, repetitions, scattering_problems, unit_vectors

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.halves import Stack, batch, cut, half, solver, waves
from kwant_spinjunc.halves import texture as textures
from kwant_spinjunc.model.plane import band_shift
from kwant_spinjunc.spin import sigma, spinors

#: Kwant's linear algebra on random junctions: 1e-14 typical, worse at resonances and near band edges.
AGREEMENT = 1e-10
#: Kwant's probabilities carry absolute rounding, so relative agreement is asked for above this.
RESOLVED, RELATIVE = 1e-12, 1e-9
#: Routes without a linear solver; a resonance of width w amplifies rounding by 1/w.
ROUNDING = 1e-11
#: Unitarity and continuity of the engine.
UNITARITY = 1e-12
#: Against many digits: products of 20 factors, no differences of large numbers.
DIGITS = 1e-12


# --------------------------------------------------------------------------------------------------------- junctions
def tunnel_junction(theta=1.1, height=3.0, thickness=4, **changes):
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    return sj.Junction(
        sj.ferromagnet(**iron),
        [sj.barrier(onsite=height, hopping=1.0, thickness=thickness)],
        sj.ferromagnet(**iron | changes, m=sj.unit_vector(theta, 0.4)),
    )


def random_stack(rng, count, planes=7, cut=3, magnetic=True):
    """Return ``count`` random junctions with nonmagnetic planes around the cut, as one stack."""
    splitting = rng.uniform(0, 2, (count, planes)) * (rng.random((count, planes)) < 0.6)
    splitting[:, cut : cut + 2] = 0
    m = rng.normal(size=(count, 2, 3))
    m /= np.linalg.norm(m, axis=-1, keepdims=True)
    lead_splitting = rng.uniform(0.1, 2, (count, 2)) * magnetic
    return Stack(
        onsite=rng.uniform(-2, 4, (count, planes)),
        splitting=splitting * rng.choice([-1, 1], (count, planes)),
        in_plane=rng.uniform(-0.5, 0.5, (count, planes)),
        bonds=rng.uniform(0.4, 1.5, (count, planes - 1)),
        m=m,
        lead_onsite=rng.uniform(-1, 1, (count, 2)),
        lead_splitting=lead_splitting,
        lead_in_plane=rng.uniform(-0.5, 0.5, (count, 2)),
        lead_hopping=rng.uniform(0.5, 1.5, (count, 2)),
        lead_m=m,
        cut=cut,
    )


def random_batch(seed, count=2000, **kwargs):
    """Return a random stack with energies and band shifts at least 1e-3 from the leads' band edges."""
    rng = np.random.default_rng(seed)
    stack = random_stack(rng, count, **kwargs)
    E, c = rng.uniform(-2, 2, count), rng.uniform(-2, 2, count)
    centers = stack.lead_onsite - 2 * stack.lead_in_plane * c[:, None]
    distance = [abs(abs(E[:, None] - centers + s * stack.lead_splitting / 2) - 2 * stack.lead_hopping) for s in (-1, 1)]
    far = (np.array(distance) > 1e-3).all(axis=(0, 2))
    names = [f.name for f in dataclasses.fields(Stack) if f.name != "cut"]
    return dataclasses.replace(stack, **{name: getattr(stack, name)[far] for name in names}), E[far], c[far]


def kwant_chain(junction, c):
    """Return the junction as a finalized Kwant chain at a band shift c."""
    lattice = kwant.lattice.chain(norbs=2)

    def onsite(layer):
        return (layer.onsite - 2 * layer.t_parallel * c) * np.eye(2) - layer.splitting / 2 * sigma(layer.m)

    system = kwant.Builder()
    for n, plane in enumerate(junction.planes):
        system[lattice(n)] = onsite(plane)
    for n, t in enumerate(junction.bond_hoppings):
        system[lattice(n + 1), lattice(n)] = -t * np.eye(2)
    for lead, direction in zip(junction.leads, (-1, 1), strict=True):
        half = kwant.Builder(kwant.TranslationalSymmetry((direction,)), conservation_law=-sigma(lead.m))
        half[lattice(0)] = onsite(lead)
        half[lattice(0), lattice(1)] = -lead.hopping * np.eye(2)
        system.attach_lead(half)
    return system.finalized()


def kwant_probabilities(junction, energy, c):
    S = kwant.smatrix(kwant_chain(junction, c), energy)
    P = np.zeros((2, 2, 2, 2))
    for out, into in np.ndindex(4, 4):
        (a, s), (b, q) = divmod(out, 2), divmod(into, 2)
        P[a, s, b, q] = S.transmission((a, s), (b, q))
    return P


def assert_equal_probabilities(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=AGREEMENT)
    transmitted = np.zeros((2, 2, 2, 2), dtype=bool)
    transmitted[0, :, 1], transmitted[1, :, 0] = True, True
    resolved = transmitted & (expected > RESOLVED)
    np.testing.assert_allclose(found[resolved], expected[resolved], rtol=RELATIVE, atol=1e-15)


# ------------------------------------------------------------------------------------------------------------- Kwant
@examples(12, full=40)
@given(scattering_problems(junctions(dispersive=True), dispersive=True))
def test_states_equal_those_of_kwant(problem):
    junction, energy, k = problem
    reference = sj.scatter(junction, energy, k, solver="kwant")
    states = halves.states(junction, energy, band_shift(k))
    assert_equal_probabilities(halves.probabilities(junction, energy, band_shift(k)), reference.probabilities)
    scale = 1 + abs(reference.fields.densities).max()
    for name in ("currents", "torques", "densities"):
        np.testing.assert_allclose(getattr(states, name), getattr(reference.fields, name), atol=AGREEMENT * scale)
    np.testing.assert_array_equal(states.modes, reference.modes)


@pytest.mark.parametrize("seed", range(4))
def test_probabilities_equal_those_of_kwant_on_random_junctions(seed):
    """Closed channels, deep tunneling, textures, random bonds, in-plane hopping, antiparallel layers."""
    rng = np.random.default_rng(seed)

    def layer(magnetic, high=2.0, thickness=1, m=None):
        m = rng.normal(size=3) if m is None else np.array(m)
        numbers_ = rng.uniform(-1, high), rng.uniform(0.5, 1.5), rng.uniform(0, 2) * magnetic
        return sj.Layer(*numbers_, m / np.linalg.norm(m), rng.uniform(-0.3, 0.3), thickness)

    checked = 0
    while checked < repetitions(10, 30):
        left, right = layer(rng.random() < 0.7), layer(rng.random() < 0.7)
        layers = [layer(False, high=12.0, thickness=int(rng.integers(1, 7)))]
        for _ in range(rng.integers(0, 3)):
            m = [None, left.m, -np.array(left.m)][rng.integers(3)]
            layers.insert(int(rng.integers(len(layers) + 1)), layer(True, 3.0, int(rng.integers(1, 3)), m))
        junction = sj.Junction(left, layers, right, buffer=int(rng.integers(1, 3)))
        if rng.random() < 0.3:
            bonds = rng.uniform(0.4, 1.5, len(junction.bond_hoppings))
            junction = sj.Junction(left, layers, right, bonds=bonds, buffer=junction.buffer)
        energy, c = rng.uniform(-2, 2), rng.uniform(-2, 2)
        edges = np.array([lead.band_edges(c) for lead in junction.leads])
        if abs(edges - energy).min() < 1e-3 or not junction.open_channels(energy, c).any():
            continue
        assert_equal_probabilities(halves.probabilities(junction, energy, c), kwant_probabilities(junction, energy, c))
        checked += 1


# ------------------------------------------------------------------------------------------------------- other routes
@pytest.mark.parametrize("seed", range(3))
def test_halves_equal_the_general_recursion(seed):
    """Amplitudes with their phases, currents and torques; the two routes share the leads only."""
    stack, E, c = random_batch(seed, 1000)
    general = stack.as_texture()
    np.testing.assert_allclose(
        halves.solve(stack, E, c).amplitudes, halves.solve(general, E, c).amplitudes, atol=ROUNDING
    )
    a, b = halves.states(stack, E, c), halves.states(general, E, c)
    for name in ("currents", "torques"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=ROUNDING * 10)
    np.testing.assert_array_equal(a.modes, b.modes)


@pytest.mark.parametrize("texture", [False, True])
def test_s_matrix_is_unitary(texture):
    stack, E, c = random_batch(7, 5000)
    S = halves.solve(stack.as_texture() if texture else stack, E, c)
    matrix, open_ = S.amplitudes.reshape(-1, 4, 4), S.modes.reshape(-1, 4)
    defect = matrix.conj().swapaxes(-1, -2) @ matrix - open_[:, :, None] * np.eye(4)
    assert abs(defect).max() < UNITARITY


def test_probabilities_alone_equal_squared_amplitudes():
    stack, E, c = random_batch(8)
    np.testing.assert_allclose(
        halves.probabilities(stack, E, c), halves.solve(stack, E, c).probabilities, rtol=1e-12, atol=1e-14
    )


def test_currents_at_the_injecting_lead_are_what_probabilities_say():
    """Carried back from the far side through all torques, the flux along m is Σ T + R_flip, and -R_flip."""
    stack, E, c = random_batch(9)
    P, states = halves.probabilities(stack, E, c), halves.states(stack, E, c)
    for lead, bond, direction in ((0, 0, 1), (1, -1, -1)):
        Q = states.currents[..., lead, :, bond, :]
        through = P[..., 1 - lead, :, lead, :].sum(axis=-2)
        flip = np.stack([P[..., lead, 1, lead, 0], P[..., lead, 0, lead, 1]], axis=-1)
        sign = np.array([1, -1])
        # the buffer planes are not always collinear continuations of the lead here, but every left plane is collinear
        J_M = np.einsum("nsi,ni->ns", Q[..., 1:], stack.m[:, lead])
        np.testing.assert_allclose(J_M, direction * sign * (through + 2 * flip), atol=UNITARITY)
        np.testing.assert_allclose(Q[..., 0], direction * through, atol=UNITARITY)


def test_torques_balance_the_currents_of_every_plane():
    stack, E, c = random_batch(10)
    states = halves.states(stack, E, c)
    flux = states.currents[..., :-1, 1:] - states.currents[..., 1:, 1:]
    np.testing.assert_allclose(states.torques[..., 1:-1, :], flux, atol=UNITARITY)
    closed = states.modes == 0
    assert (states.currents[closed] == 0).all()
    assert (states.densities[closed] == 0).all()


@pytest.mark.parametrize("magnetic", [True, False])
def test_spacer_currents_are_the_currents_of_the_states_at_the_cut(magnetic):
    """Also with nonmagnetic leads whose labels point elsewhere."""
    stack, E, c = random_batch(11, magnetic=magnetic)
    if not magnetic:
        stack = dataclasses.replace(stack, lead_m=stack.m[::-1])
    Q = halves.spacer_currents(stack, E, c)
    np.testing.assert_allclose(halves.spacer_currents(stack, E, c, summed=True), Q.sum(axis=-2), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(Q, halves.states(stack, E, c).currents[..., stack.cut, :], atol=UNITARITY)
    deep = tunnel_junction(height=12.0, thickness=15, onsite=0.7)
    Q, expected = halves.spacer_currents(deep, 0.3), halves.states(deep, 0.3).currents[..., deep.cut, :]
    np.testing.assert_allclose(Q, expected, rtol=DIGITS, atol=DIGITS * abs(expected).max())


@examples(15)
@given(scattering_problems(junctions(dispersive=True), dispersive=True), unit_vectors, numbers(0, 2 * np.pi))
def test_rotating_all_spins_rotates_currents_only(problem, axis, angle):
    junction, energy, k = problem
    c = band_shift(k)
    turn = Rotation.from_rotvec(angle * axis)

    def turned(layer):
        m = turn.apply(layer.m)
        return dataclasses.replace(layer, m=m / np.linalg.norm(m))

    other = dataclasses.replace(
        junction,
        left=turned(junction.left),
        layers=[turned(x) for x in junction.layers],
        right=turned(junction.right),
    )
    # the labels of the leads turn with their m up to a phase, so probabilities stay
    np.testing.assert_allclose(
        halves.probabilities(other, energy, c), halves.probabilities(junction, energy, c), atol=ROUNDING
    )
    Q, Q_turned = (halves.states(x, energy, c).currents[..., 1:] for x in (junction, other))
    np.testing.assert_allclose(Q_turned, turn.apply(Q.reshape(-1, 3)).reshape(Q.shape), atol=ROUNDING * 10)


# ------------------------------------------------------------------------------------------------------- many digits
def solve_with_many_digits(junction, energy, digits=120):
    """Return T, R and the spin flux through every bond by dense elimination with mpmath."""
    with mpmath.workdps(digits):
        planes = len(junction.planes)

        def spin_matrix(m):
            return [[m[2], m[0] - 1j * m[1]], [m[0] + 1j * m[1], -m[2]]]

        def lead_self_energy(layer, s):
            t, e = mpmath.mpf(layer.hopping), mpmath.mpf(energy) - layer.onsite + s * mpmath.mpf(layer.splitting) / 2
            x = e / (2 * t)
            root = mpmath.sqrt(abs(1 - x * x))
            return t * (x - 1j * root if abs(x) < 1 else x - mpmath.sign(x) * root), 2 * t * root * (abs(x) < 1)

        H = mpmath.matrix(2 * planes)
        for n, plane in enumerate(junction.planes):
            exchange = spin_matrix([mpmath.mpf(x) for x in plane.m])
            for a in range(2):
                H[2 * n + a, 2 * n + a] += plane.onsite
                for b in range(2):
                    H[2 * n + a, 2 * n + b] -= mpmath.mpf(plane.splitting) / 2 * exchange[a][b]
        for n, t in enumerate(junction.bond_hoppings):
            for a in range(2):
                H[2 * n + a, 2 * n + 2 + a] = H[2 * n + 2 + a, 2 * n + a] = -mpmath.mpf(float(t))
        velocity, chi = [], []
        for layer, n in ((junction.left, 0), (junction.right, planes - 1)):
            values, speeds = zip(*(lead_self_energy(layer, s) for s in (1, -1)), strict=True)
            velocity.append(speeds)
            # spinors to all digits, from m as given
            x, y, z = (mpmath.mpf(v) for v in layer.m)
            half = mpmath.atan2(mpmath.sqrt(x * x + y * y), z) / 2
            phase = mpmath.expj(mpmath.atan2(y, x))
            c, s = mpmath.cos(half), mpmath.sin(half)
            columns = mpmath.matrix([[c, -s / phase], [phase * s, c]])
            chi.append(columns)
            block = columns * mpmath.diag(list(values)) * columns.H
            for a in range(2):
                for b in range(2):
                    H[2 * n + a, 2 * n + b] += block[a, b]
        A = -H
        for i in range(2 * planes):
            A[i, i] += mpmath.mpf(energy)
        factors, rows = mpmath.mp.LU_decomp(A)
        P = np.zeros((2, 2, 2, 2))
        currents = np.zeros((2, 2, planes - 1, 3))
        for lead, n in ((0, 0), (1, planes - 1)):
            for s in range(2):
                source = mpmath.matrix(2 * planes, 1)
                for a in range(2):
                    source[2 * n + a] = 1j * mpmath.sqrt(velocity[lead][s]) * chi[lead][a, s]
                psi = mpmath.mp.U_solve(factors, mpmath.mp.L_solve(factors, source, rows))
                for other, k in ((0, 0), (1, planes - 1)):
                    local = chi[other].H * mpmath.matrix([psi[2 * k], psi[2 * k + 1]])
                    for q in range(2):
                        amplitude = mpmath.sqrt(velocity[other][q]) * local[q]
                        if other == lead and q == s:
                            amplitude -= velocity[lead][s] > 0
                        P[other, q, lead, s] = abs(amplitude) ** 2
                for b, t in enumerate(junction.bond_hoppings):
                    for i in range(3):
                        pauli = spin_matrix([float(i == j) for j in range(3)])
                        flux = sum(
                            mpmath.conj(psi[2 * b + x]) * pauli[x][y] * psi[2 * b + 2 + y]
                            for x in range(2)
                            for y in range(2)
                        )
                        currents[lead, s, b, i] = 2 * mpmath.mpf(float(t)) * mpmath.im(flux)
        return P, currents


@pytest.mark.parametrize(
    "junction",
    [
        tunnel_junction(height=12.0, thickness=15),
        tunnel_junction(height=12.0, thickness=15, onsite=0.7, splitting=0.3),
        sj.Junction(  # antiparallel layer next to a lead of another material, nonmagnetic lead with another label
            sj.ferromagnet(onsite=0.5, hopping=1.0, splitting=1.0, m=sj.unit_vector(0.7)),
            [
                sj.ferromagnet(onsite=0.2, hopping=1.1, splitting=0.8, m=-sj.unit_vector(0.7), thickness=2),
                sj.barrier(onsite=12.0, hopping=0.9, thickness=14),
                sj.ferromagnet(onsite=0.1, hopping=1.1, splitting=0.8, m=sj.unit_vector(2.0, 1.0), thickness=2),
            ],
            sj.normal_metal(onsite=0.3, hopping=1.0),
        ),
        sj.Junction(  # a texture behind the barrier
            sj.ferromagnet(onsite=0.5, hopping=1.0, splitting=1.0, m=sj.unit_vector(0.7)),
            [
                sj.barrier(onsite=12.0, hopping=0.9, thickness=14),
                sj.ferromagnet(onsite=0.1, hopping=1.1, splitting=0.8, m=sj.unit_vector(2.0, 1.0), thickness=2),
            ],
            sj.ferromagnet(onsite=0.5, hopping=1.0, splitting=1.0, m=sj.unit_vector(1.7, 2.0)),
        ),
    ],
    ids=["symmetric", "asymmetric", "antiparallel layer", "texture"],
)
def test_deep_tunneling_keeps_its_digits(junction):
    """T ~ 1e-30, spin-flip reflection ~ 1e-60, and currents on the side of injection, against 120 digits."""
    P, currents = solve_with_many_digits(junction, 0.3)
    found, states = halves.solve(junction, 0.3), halves.states(junction, 0.3)
    transmitted = P[1, :, 0, :]
    assert 0 < transmitted.max() < 1e-28
    for values in (found.probabilities, halves.probabilities(junction, 0.3)):
        np.testing.assert_allclose(values[1, :, 0, :], transmitted, rtol=DIGITS * 10)
        np.testing.assert_allclose(values[0, :, 1, :], P[0, :, 1, :], rtol=DIGITS * 10)
        if junction.left.is_magnetic:
            np.testing.assert_allclose(values[0, [0, 1], 0, [1, 0]], P[0, [0, 1], 0, [1, 0]], rtol=1e-10)
    for lead in (0, 1):
        scale = abs(currents[lead]).max(axis=(-1, -2), keepdims=True)
        if junction.cut is not None and junction.leads[lead].is_magnetic:
            assert scale.max() < 1e-27
        np.testing.assert_allclose(states.currents[lead, ..., 1:] / scale, currents[lead] / scale, atol=DIGITS * 100)


def test_two_hundred_planes_neither_overflow_nor_lose_the_exponent():
    """Each plane multiplies T by λ⁴ of the barrier: ln T is linear in the thickness to rounding."""
    logs = [np.log(halves.probabilities(tunnel_junction(height=4.0, thickness=n), 0.3)[1, 0, 0, 0]) for n in (100, 200)]
    x = (0.3 - 4.0) / 2
    decay = np.log(abs(x) - np.sqrt(x * x - 1))
    assert logs[1] - logs[0] == pytest.approx(2 * 100 * decay, rel=1e-13)
    gone = halves.solve(tunnel_junction(height=1e5, thickness=200), 0.3)
    assert np.isfinite(gone.amplitudes).all()
    np.testing.assert_allclose(abs(np.diagonal(gone.amplitudes.reshape(4, 4))), 1, rtol=1e-14)
    assert gone.probabilities[1, :, 0].max() == 0


# ---------------------------------------------------------------------------------------------------- special energies
@pytest.mark.parametrize("thickness", [1, 4])
@pytest.mark.parametrize("general", [False, True])
def test_at_a_band_edge_the_channel_is_closed_and_all_is_finite(thickness, general):
    junction = tunnel_junction(thickness=thickness)
    stack = Stack.from_junction(junction)
    stack = stack.as_texture() if general else stack
    E = np.array([-1.5, -0.5, 2.5, 3.5])  # majority and minority edges
    S, states = halves.solve(stack, E), halves.states(stack, E)
    np.testing.assert_array_equal(S.modes, junction.open_channels(E))
    assert S.modes[:, 0].tolist() == [[0, 0], [1, 0], [0, 1], [0, 0]]
    for array in (S.amplitudes, states.currents, states.torques, states.densities):
        assert np.isfinite(array).all()
    np.testing.assert_allclose(S.probabilities.sum(axis=(-4, -3)), S.modes, atol=UNITARITY)


@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("inner", [0.0, 1.0, -1.0])
def test_a_half_with_a_pole_at_the_energy_is_no_obstacle(general, inner):
    """E - ε - t² g = 0 exactly in a half whose lead is closed for one spin: nearby energies give the same."""
    left = sj.ferromagnet(onsite=3.0, hopping=1.0, splitting=2.0)  # at E = 0 the majority is at its edge: g = -1
    middle = sj.normal_metal(onsite=1.0 + inner, hopping=1.0, thickness=3)
    right = sj.ferromagnet(onsite=0.5, hopping=1.0, splitting=0.5, m=sj.unit_vector(0.8))
    stack = Stack.from_junction(sj.Junction(left, [middle], right))
    stack = stack.as_texture() if general else stack
    P, states = halves.probabilities(stack, 0.0), halves.states(stack, 0.0)
    near = halves.probabilities(stack, -1e-9)
    assert np.isfinite(states.currents).all()
    assert np.isfinite(states.densities).all()
    np.testing.assert_allclose(P, near, atol=1e-4)


# ---------------------------------------------------------------------------------- Green's functions, ln det, torques
def dense_inverse_green(junction, z, c, m_right=None):
    """Return z - H - Σ of the scattering region as a dense matrix."""
    planes = list(junction.planes)
    count = len(planes)
    A = np.zeros((count, 2, count, 2), dtype=complex)

    def field(layer, side):
        m = layer.m if m_right is None or side == 0 else m_right
        return (z - layer.onsite + 2 * layer.t_parallel * c) * np.eye(2) + layer.splitting / 2 * sigma(m)

    for n, plane in enumerate(planes):
        A[n, :, n, :] = field(plane, 0 if n <= junction.cut else 1)
    for n, t in enumerate(junction.bond_hoppings):
        A[n, :, n + 1, :] = A[n + 1, :, n, :] = t * np.eye(2)
    for side, (lead, n) in enumerate(zip(junction.leads, (0, count - 1), strict=True)):
        values, vectors = np.linalg.eig(field(lead, side))
        t = lead.hopping
        surface = (values - np.sqrt(values - 2 * t) * np.sqrt(values + 2 * t)) / 2
        A[n, :, n, :] -= vectors @ np.diag(surface) @ np.linalg.inv(vectors)
    return A.reshape(2 * count, 2 * count)


def test_surface_greens_functions_at_complex_energies_are_those_of_a_dense_half():
    junction = tunnel_junction()
    z = np.array([0.3 + 0.2j, -2.0 + 1e-3j, 5.0 + 3.0j])
    g_L, g_R = halves.surface_greens(junction, z)
    for i, energy in enumerate(z):
        A = dense_inverse_green(junction, energy, 0.0)
        n = 2 * (junction.cut + 1)
        left = np.linalg.inv(A[:n, :n])[-2:, -2:]
        right = np.linalg.inv(A[n:, n:])[:2, :2]
        for dense, m, g in ((left, junction.left.m, g_L[i]), (right, junction.right.m, g_R[i])):
            chi = spinors(m)
            np.testing.assert_allclose(chi.conj().T @ dense @ chi, np.diag(g), atol=1e-14)


def test_surface_greens_functions_are_retarded_on_the_real_axis():
    E = np.linspace(-3, 5, 41)
    on_axis = np.stack(halves.surface_greens(tunnel_junction(), E))
    above = np.stack(halves.surface_greens(tunnel_junction(), E + 1e-9j))
    np.testing.assert_allclose(on_axis, above, atol=1e-3)
    assert (on_axis.imag <= 0).all()


@pytest.mark.parametrize("z", [0.3 + 0.2j, -1.0 + 1e-2j, 0.4 + 1e-6j])
def test_log_det_has_the_angular_dependence_of_the_dense_determinant(z):
    junction = tunnel_junction(height=1.5, thickness=2)
    directions = sj.unit_vector(np.linspace(0, np.pi, 7), 0.4)
    stack = Stack.from_junction(junction).with_directions(junction.left.m, directions)
    found = halves.log_det(stack, z)
    dense = []
    for m in directions:
        sign, size = np.linalg.slogdet(dense_inverse_green(junction, z, 0.0, m))
        dense.append(size + 1j * np.angle(sign))
    change = found - found[0] - (np.array(dense) - dense[0])
    np.testing.assert_allclose(np.exp(change), 1, rtol=1e-12)
    np.testing.assert_allclose(np.diff(found.imag), np.diff(np.unwrap(found.imag)), atol=1e-12)  # no jumps
    textures_ = halves.log_det(stack.as_texture(), z)
    np.testing.assert_allclose(np.exp(textures_ - textures_[0] - found + found[0]), 1, rtol=1e-12)


def test_log_det_is_continuous_and_vanishes_far_up():
    stack = Stack.from_junction(tunnel_junction(height=0.0, thickness=1))
    z = 0.5 + 1j * np.geomspace(1e-3, 1e4, 4000)
    values = halves.log_det(stack, z)
    assert abs(np.diff(values)).max() < 0.05
    assert abs(values[-1]) < 1e-7


def test_angular_part_of_log_det_keeps_its_digits_behind_a_thick_barrier():
    stack = Stack.from_junction(tunnel_junction(height=12.0, thickness=15))
    pair = [stack.with_directions((0, 0, 1.0), sj.unit_vector(theta)) for theta in (0.0, 1.0)]
    u, w = (t * g for t, g in zip((1.0, 1.0), halves.surface_greens(stack, 0.3j), strict=True))
    exact = np.sin(0.5) ** 2 * (u[0] - u[1]) * (w[0] - w[1]) / ((1 - u[0] * w[0]) * (1 - u[1] * w[1]))
    found = halves.log_det(pair[1], 0.3j) - halves.log_det(pair[0], 0.3j)
    assert abs(found - exact) < 1e-15  # the difference of two logarithms; equilibrium work uses the product form


def test_torque_is_the_derivative_of_log_det():
    """Occupied states at one energy exert (1/2π) Σ_states Q·n = -2 ∂Ω_E/∂Φ on the right magnet, Ω_E = Im ln D/π."""
    junction = tunnel_junction(height=0.5, thickness=2, onsite=0.6)
    stack = Stack.from_junction(junction)
    angle, E, step = 0.9, 0.2, 1e-4
    n = np.array([0.0, 1.0, 0.0])  # m_L × m_R in the x-z plane
    currents = halves.states(stack.with_directions((0, 0, 1.0), sj.unit_vector(angle)), E).currents
    Q = currents[..., junction.cut, 1:].sum(axis=(-3, -2)) @ n
    omega = [
        halves.log_det(stack.with_directions((0, 0, 1.0), sj.unit_vector(angle + d)), E).imag / np.pi
        for d in (-step, step)
    ]
    assert Q / (2 * np.pi) == pytest.approx(-2 * (omega[1] - omega[0]) / (2 * step), rel=1e-6)


# ---------------------------------------------------------------------------------------------- batches and their cost
def test_a_batch_is_its_members(monkeypatch):
    monkeypatch.setattr(cut, "CHUNK", 7)
    monkeypatch.setattr(solver, "CHUNK", 7)
    monkeypatch.setattr(waves, "STATES_CHUNK", 5)
    angles, heights = np.linspace(0, np.pi, 3), np.array([1.0, 2.0, 4.0, 8.0])
    grid = [[tunnel_junction(theta, height) for height in heights] for theta in angles]
    stack = Stack.from_junctions(grid)
    E = np.linspace(-0.4, 0.4, 5)[:, None, None]
    P, S, states = halves.probabilities(stack, E), halves.solve(stack, E), halves.states(stack, E)
    assert P.shape == (5, 3, 4, 2, 2, 2, 2)
    assert states.currents.shape == (5, 3, 4, 2, 2, 5, 4)
    assert states.torques.shape == (5, 3, 4, 2, 2, 6, 3)
    assert states.densities.shape == (5, 3, 4, 2, 2, 6, 4)
    assert S.modes.shape == (5, 3, 4, 2, 2)
    for i, e in enumerate(E.ravel()):
        for a in range(3):
            for b in range(4):
                np.testing.assert_allclose(P[i, a, b], halves.probabilities(grid[a][b], e), rtol=1e-13, atol=1e-15)
                np.testing.assert_allclose(S.amplitudes[i, a, b], halves.solve(grid[a][b], e).amplitudes, atol=1e-14)
                one = halves.states(grid[a][b], e)
                for name in ("currents", "torques", "densities"):
                    np.testing.assert_allclose(getattr(states, name)[i, a, b], getattr(one, name), atol=1e-13)


def test_textures_come_in_batches_too(monkeypatch):
    monkeypatch.setattr(cut, "CHUNK", 8)
    monkeypatch.setattr(solver, "CHUNK", 8)
    monkeypatch.setattr(waves, "STATES_CHUNK", 4)
    iron = dict(onsite=0.5, hopping=1.0, splitting=1.0)
    grid = [
        sj.Junction(
            sj.ferromagnet(**iron),
            [sj.ferromagnet(**iron, m=sj.unit_vector(theta), thickness=2)],
            sj.ferromagnet(**iron, m=sj.unit_vector(2.0, 1.0)),
        )
        for theta in (0.5, 1.0, 1.5)
    ]
    stack = Stack.from_junctions(grid)
    assert stack.cut is None
    E = np.linspace(-0.4, 0.4, 5)
    P, states = halves.probabilities(stack, E[:, None]), halves.states(stack, E[:, None])
    for i, a in np.ndindex(5, 3):
        np.testing.assert_allclose(P[i, a], halves.probabilities(grid[a], E[i]), atol=1e-14)
        np.testing.assert_allclose(states.currents[i, a], halves.states(grid[a], E[i]).currents, atol=1e-14)


@pytest.mark.parametrize("evaluate", [halves.probabilities, halves.solve, halves.states, halves.spacer_currents])
def test_an_extra_angle_solves_no_half_again(monkeypatch, evaluate):
    solved = []
    original = half.solve_lead

    def counted(problem, side, block):
        lead = original(problem, side, block)
        solved.append(lead.sigma[0].size)
        return lead

    monkeypatch.setattr(half, "solve_lead", counted)
    stack = Stack.from_junction(tunnel_junction(onsite=0.9))
    E = np.linspace(-0.4, 0.4, 100)
    costs = []
    for angles in (1, 10, 37):
        solved.clear()
        evaluate(stack.with_directions((0, 0, 1.0), sj.unit_vector(np.linspace(0, np.pi, angles))[:, None]), E)
        costs.append(sum(solved))
    assert costs == [200, 200, 200]


def test_mirror_images_are_solved_once(monkeypatch):
    calls = []
    original = half.solve_half
    monkeypatch.setattr(half, "solve_half", lambda *args, **kw: (calls.append(1), original(*args, **kw))[1])
    halves.probabilities(tunnel_junction(), 0.1)
    assert len(calls) == 1
    halves.probabilities(tunnel_junction(onsite=0.9), 0.1)
    assert len(calls) == 3


def test_a_grid_of_junctions_shares_what_does_not_vary():
    stack = Stack.from_junctions([[tunnel_junction(a, h) for h in (1.0, 2.0)] for a in (0.1, 0.2, 0.3)])
    assert stack.shape == (3, 2)
    assert stack.onsite.shape[:2] == (1, 2)
    assert stack.m.shape[:2] == (3, 1)
    assert stack.bonds.shape[:2] == (1, 1)


def test_memory_is_the_result_and_a_chunk():
    E = np.linspace(-0.9, 0.9, 300_000)
    junction = tunnel_junction(thickness=6)
    halves.probabilities(junction, E[:10])
    tracemalloc.start()
    P = halves.probabilities(junction, E)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert P.nbytes == 128 * len(E)
    assert peak < P.nbytes + 20e6  # 10^6 points then stay below 150 MB


def test_plane_parameters_may_vary_with_every_point():
    """A bias profile: every plane's level shifts with the voltage, point by point."""
    junction = tunnel_junction(onsite=0.8)
    V = np.linspace(-0.3, 0.3, 5)
    profile = np.linspace(0.5, -0.5, len(junction.planes))
    stack = Stack.from_junction(junction)
    shifted = dataclasses.replace(
        stack, onsite=stack.onsite + V[:, None] * profile, lead_onsite=stack.lead_onsite + V[:, None] * [0.5, -0.5]
    )
    P = halves.probabilities(shifted, 0.2)
    for i, v in enumerate(V):
        lifted = [
            dataclasses.replace(p, onsite=p.onsite + v * x) for p, x in zip(junction.planes, profile, strict=True)
        ]
        one = sj.Junction(lifted[0], lifted[1:-1], lifted[-1], bonds=junction.bond_hoppings)
        np.testing.assert_allclose(P[i], halves.probabilities(one, 0.2), rtol=1e-13)


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: halves.probabilities("x", 0.0), "must be a Junction or a Stack"),
        (lambda: halves.probabilities(tunnel_junction(), np.nan), "`energy` must be finite"),
        (lambda: halves.probabilities(tunnel_junction(), 1j), "`energy` must be real"),
        (lambda: halves.solve(tunnel_junction(), np.zeros(3), np.zeros(2)), "must broadcast"),
        (lambda: halves.surface_greens(tunnel_junction(), -1j), "Im E >= 0"),
        (lambda: halves.log_det(tunnel_junction(), np.array([1 - 1j])), "Im E >= 0"),
        (lambda: halves.surface_greens(Stack.from_junction(tunnel_junction()).as_texture(), 0.0), "is a texture"),
        (lambda: halves.spacer_currents(Stack.from_junction(tunnel_junction()).as_texture(), 0.0), "is a texture"),
        (lambda: Stack.from_junctions([tunnel_junction(), tunnel_junction(thickness=3)]), "equal numbers of planes"),
        (lambda: Stack.from_junctions([1, 2]), "sequence of junctions"),
        (lambda: dataclasses.replace(Stack.from_junction(tunnel_junction()), cut=9), "`cut` must be 0 to 4"),
        (lambda: dataclasses.replace(Stack.from_junction(tunnel_junction()), bonds=np.zeros(5)), "must be positive"),
        (lambda: dataclasses.replace(Stack.from_junction(tunnel_junction()), onsite=np.zeros(1)), "at least 2 planes"),
        (
            lambda: dataclasses.replace(
                Stack.from_junction(tunnel_junction()), onsite=np.zeros((2, 6)), splitting=np.zeros((3, 6))
            ),
            "must broadcast",
        ),
        (lambda: Stack.from_junction(tunnel_junction()).as_texture().with_directions((0, 0, 1), (0, 0, 1)), "texture"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(sj.errors.ArgumentError, match=message):
        call()


@examples(20)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(1, 40))
def test_blocks_tile_a_batch_exactly_once(shape, limit):
    seen = np.zeros(shape, dtype=int)
    for block in batch.blocks(tuple(shape), limit):
        part = seen if block is None else seen[block]
        assert part.size <= limit
        part += 1
    assert (seen == 1).all()


def test_logarithms_are_continued_through_the_upper_half_plane():
    z = np.array([1.0, 1j, -1.0, -1.0 - 0.0j])
    np.testing.assert_allclose(textures.log_upper(z).imag, [0, np.pi / 2, np.pi, np.pi])


@pytest.mark.parametrize("energies", [4097, 20_000])
def test_large_batches_with_an_axis_of_directions_are_their_members(energies):
    """The last slice of a block once ran past its end, into the next block."""
    directions = sj.unit_vector(np.array([0.3, 1.2, 2.8]))
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    barrier = [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)]
    stack = Stack.from_junction(sj.Junction(sj.ferromagnet(**iron), barrier, sj.ferromagnet(**iron)))
    grid = np.linspace(-0.4, 0.4, energies)
    P = halves.probabilities(stack.with_directions(np.array([0.0, 0.0, 1.0]), directions), grid[:, None])
    some = np.linspace(0, energies - 1, 7).astype(int)
    for column, m in enumerate(directions):
        one = sj.Junction(sj.ferromagnet(**iron), barrier, sj.ferromagnet(**iron, m=m))
        np.testing.assert_array_equal(P[some, column], halves.probabilities(one, grid[some]))
