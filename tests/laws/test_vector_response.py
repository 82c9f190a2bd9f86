"""Equations (5), (6) in full: the response of charge and spin vector to charge and spin accumulation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import EDGE_DISTANCE, examples, junctions, numbers, scattering_problems

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.halves import zone
from kwant_spinjunc.spin import PAULI, SIGNS, rotation_matrix, spinors
from kwant_spinjunc.theory.drift_diffusion import tunnel_interface
from kwant_spinjunc.theory.interface import interface_response
from kwant_spinjunc.transport.vector_response import INPUTS, accumulation_frames, vector_interface, vector_response
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

#: Sums of products of amplitudes of order one; near a band edge velocities of 1e-2 cost two digits.
ROUNDING = 1e-11
IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}


def magnets(problem):
    """Skip junctions whose transverse input has no meaning: a lead with a channel closed."""
    junction, energy, _ = problem
    return junction.open_channels(np.asarray(energy), np.asarray(2.0)).all()


@st.composite
def conducting(draw, strategy):
    """A problem at which both spins of both leads have a channel, not at an edge of one."""
    junction = draw(strategy)
    edges = np.array([lead.band_edges(2.0) for lead in junction.leads])
    low, high = edges[..., 0].max() + 2 * EDGE_DISTANCE, edges[..., 1].min() - 2 * EDGE_DISTANCE
    assume(low < high)
    return junction, draw(numbers(low, high)), None


def away_from_edges(problem):
    junction, energy, _ = problem
    edges = np.concatenate([lead.band_edges(2.0).ravel() for lead in junction.leads])
    return abs(edges - energy).min() > EDGE_DISTANCE


def dense(junction, energy, side_in, chi):
    """Bond spin currents (bond, 4) of one incoming spinor ``chi`` (flux-normalized, lead frame), in the lab.

    Shares no code with the engine: planes in the lab frame, leads by k and decay, one linear system.
    """
    planes, n = junction.planes, len(junction.planes)
    H = np.zeros((2 * n, 2 * n), dtype=complex)
    for i, layer in enumerate(planes):
        H[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = layer.onsite * np.eye(2) - layer.splitting / 2 * np.tensordot(
            layer.m, PAULI, 1
        )
    hops = junction.bond_hoppings
    for i, t in enumerate(hops):
        H[2 * i : 2 * i + 2, 2 * i + 2 : 2 * i + 4] = H[2 * i + 2 : 2 * i + 4, 2 * i : 2 * i + 2] = -t * np.eye(2)
    A, source = energy * np.eye(2 * n) - H, np.zeros(2 * n, dtype=complex)
    for side, (lead, at) in enumerate(zip(junction.leads, (0, n - 1), strict=True)):
        m = np.array(lead.m)
        theta, phi = np.arccos(np.clip(m[2], -1, 1)), np.arctan2(m[1] + 0.0, m[0] + 0.0)
        U = np.diag(np.exp([-0.5j * phi, 0.5j * phi])) @ np.array(
            [[np.cos(theta / 2), -np.sin(theta / 2)], [np.sin(theta / 2), np.cos(theta / 2)]]
        )
        cos_k = (lead.onsite - SIGNS * lead.splitting / 2 - energy) / (2 * lead.hopping)
        k = np.arccos(cos_k.astype(complex))
        f = np.exp(1j * np.where(k.imag < 0, -k, k))
        block = slice(2 * at, 2 * at + 2)
        A[block, block] += lead.hopping * U @ np.diag(f) @ U.conj().T
        if side == side_in:
            v = 2 * lead.hopping * np.sin(k.real)
            is_open = abs(k.imag) < 1e-12
            amplitude = np.where(is_open, chi / np.sqrt(np.where(is_open, v, 1.0)), 0.0)
            # the incoming wave exp(-ik) comes from the plane before: -t [exp(-ik) - exp(ik)] a
            source[block] = -lead.hopping * U @ ((f.conj() - f) * amplitude)
    psi = np.linalg.solve(A, source).reshape(n, 2)
    sigma = np.concatenate([np.eye(2)[None], PAULI])
    return np.array([[2 * t * (psi[i].conj() @ s @ psi[i + 1]).imag for s in sigma] for i, t in enumerate(hops)])


@examples(10, full=25)
@given(scattering_problems(junctions()))
def test_response_is_that_of_waves_solved_in_the_lab(problem):
    junction, energy, _ = problem
    assume(away_from_edges(problem))
    C = vector_response(sj.scatter(junction, energy))
    frames = accumulation_frames(np.array([lead.m for lead in junction.leads]))
    modes = junction.open_channels(np.asarray(energy), np.asarray(2.0))
    bonds = (0, len(junction.planes) - 2)
    for lead in (0, 1):
        states = {0: np.eye(2), 3: np.diag(SIGNS)}
        if modes[lead].all():
            states |= {1: PAULI[0], 2: PAULI[1]}
        for number, M in states.items():
            weights, vectors = np.linalg.eigh(M)
            waves = sum(w * dense(junction, energy, lead, chi) for w, chi in zip(weights, vectors.T, strict=True))
            for side in (0, 1):
                charge, Q = waves[bonds[side], 0], frames[side] @ waves[bonds[side], 1:]
                # J_M of a side is carried by its lead; planes of the junction in between may turn it
                assert C[side, :3, lead, number] == pytest.approx([charge, *Q[:2]], abs=1e-9)
                assert C[side, 3, lead, number] == pytest.approx(Q[2], abs=1e-9)


@examples(10, full=25)
@given(conducting(junctions()))
def test_transverse_current_holds_the_interference_of_incoming_and_outgoing_waves(problem):
    """The closed form with η and ζ, from the scattering matrix."""
    junction, energy, _ = problem
    C = vector_response(sj.scatter(junction, energy))
    S = halves.solve(junction, energy, 2.0).amplitudes
    phi = np.array([np.arctan2(lead.m[1] + 0.0, lead.m[0] + 0.0) for lead in junction.leads])
    phase = np.exp(1j * np.stack([phi / 2, -phi / 2], axis=-1))
    S = S * phase[:, :, None, None] * phase.conj()[None, None]
    for side, lead in enumerate(junction.leads):
        sign, Y, t = 1 - 2 * side, 0.5, lead.hopping
        k = np.arccos((lead.onsite - SIGNS * lead.splitting / 2 - energy) / (2 * t))
        q, p = k[0] - k[1], k.sum()
        root = 2 * t * np.sqrt(np.sin(k).prod())
        eta, zeta = 2 * t * np.sin(p / 2) / root, 2 * t * np.sin(q / 2) / root
        for other in (0, 1):
            for number, M in enumerate(INPUTS):
                out = S[side, :, other] @ M @ S[side, :, other].conj().T
                into = M if side == other else 0 * M
                B = into @ S[side, :, side].conj().T
                Q = (
                    sign
                    * (
                        eta * (np.exp(1j * q * Y) * into - np.exp(-1j * q * Y) * out)
                        + zeta * (np.exp(1j * p * Y) * B - np.exp(-1j * p * Y) * B.conj().T)
                    )[0, 1]
                )
                assert C[side, 1:3, other, number] == pytest.approx([2 * Q.real, -2 * Q.imag], abs=1e-9)


@examples(10, full=25)
@given(scattering_problems(junctions()))
def test_longitudinal_part_is_equations_5_and_6(problem):
    junction, energy, _ = problem
    s = sj.scatter(junction, energy)
    C = vector_response(s)
    r = interface_response(s.probabilities, s.modes)
    rows = {(0, 0): r.left_1, (0, 1): -r.left_2, (1, 0): r.right_1, (1, 1): -r.right_2}
    for (side, lead), expected in rows.items():
        found = [(C[side, 3, lead, 0] + sign * C[side, 3, lead, 3]) / 2 for sign in SIGNS]
        assert found == pytest.approx(expected, abs=1e-9)
    charge = [(C[1, 0, 0, 0] + sign * C[1, 0, 0, 3]) / 2 for sign in SIGNS]
    assert charge == pytest.approx(r.charge_1, abs=1e-9)


@examples(10, full=25)
@given(scattering_problems(junctions()))
def test_charge_is_conserved_and_a_common_shift_drives_neither_charge_nor_J_M(problem):
    junction, energy, _ = problem
    C = vector_response(sj.scatter(junction, energy))
    assert abs(C[0, 0] - C[1, 0]).max() <= 1e-9
    assert abs(C[:, [0, 3], 0, 0] + C[:, [0, 3], 1, 0]).max() <= 1e-9


@examples(10, full=25)
@given(scattering_problems(junctions()))
def test_reciprocity_of_what_passes(problem):
    """Onsager: C_iν^αβ(m) = ε_i ε_ν C_νi^βα(-m) of Tr σ_i S σ_ν S†, in frames flipped with m: ε = (+, -, +, +)."""
    junction, energy, _ = problem
    assume(magnets(problem))
    flipped = sj.Junction(
        replace(junction.left, m=tuple(-np.array(junction.left.m))),
        [replace(layer, m=tuple(-np.array(layer.m))) for layer in junction.layers],
        replace(junction.right, m=tuple(-np.array(junction.right.m))),
        bonds=junction.bonds,
        buffer=junction.buffer,
    )
    assume(all(abs(lead.m[0]) + abs(lead.m[1]) > 1e-6 for lead in junction.leads))
    signs = np.array([1.0, -1.0, 1.0, 1.0])
    passed = [_passing(j, energy) for j in (junction, flipped)]
    expected = signs[:, None, None] * signs * passed[1].transpose(2, 3, 0, 1)
    assert passed[0] == pytest.approx(expected, abs=1e-9)


def _passing(junction, energy):
    """C_iν^αβ = Tr σ_i S_αβ σ_ν S_αβ† as [α, i, β, ν], from the longitudinal rows where they are the engine's."""
    S = halves.solve(junction, energy, 2.0).amplitudes
    phi = np.array([np.arctan2(lead.m[1] + 0.0, lead.m[0] + 0.0) for lead in junction.leads])
    phase = np.exp(1j * np.stack([phi / 2, -phi / 2], axis=-1))
    S = S * phase[:, :, None, None] * phase.conj()[None, None]
    C = np.einsum("iab,xbyc,ncd,xayd->xiyn", INPUTS, S, INPUTS, S.conj()).real
    engine = vector_response(sj.scatter(junction, energy))
    for side in (0, 1):
        sign = 1 - 2 * side
        rows = -sign * engine[side][[0, 3], 1 - side]
        assert C[side, [0, 3], 1 - side] == pytest.approx(rows, abs=1e-9)
    return C


def test_transverse_decouples_between_collinear_magnets():
    for theta in (0.0, np.pi):
        for family, k in ((tunnel_junction, "average"), (spin_valve, (0.3, 0.2))):
            C = vector_response(sj.scatter(family(theta=theta, **IRON), 0.0, k, solver="halves"))
            assert abs(C[:, 1:3][:, :, :, [0, 3]]).max() < ROUNDING
            assert abs(C[:, [0, 3]][:, :, :, 1:3]).max() < ROUNDING


def test_contact_of_magnet_and_normal_metal_has_the_conductances_of_circuit_theory():
    """Brataas: G_↑, G_↓ longitudinally, G_mix = 1 - r_↑ r_↓* for spin across m on the side of the metal."""
    m = sj.unit_vector(0.7, 0.4)
    metal, iron = sj.Layer(onsite=0.4, hopping=1.0, m=m), sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0, m=m)
    junction = sj.Junction(metal, [], iron)
    energy = 0.1
    s = sj.scatter(junction, energy)
    C = vector_response(s)
    G = np.array([s.probabilities[1, i, 0, i] for i in (0, 1)])
    assert C[0, 0, 0, [0, 3]] == pytest.approx([G.sum(), G[0] - G[1]], abs=ROUNDING)
    assert C[0, 3, 0, [0, 3]] == pytest.approx([G[0] - G[1], G.sum()], abs=ROUNDING)
    r = halves.solve(junction, energy, 2.0).amplitudes[0, [0, 1], 0, [0, 1]]
    mixing = 1 - r[0] * r[1].conj()
    # in the metal k_+ = k_-: η = 1, ζ = 0, so that Q_+- = (1 - r_+ r_-*) M_+-; (δ_1, δ_2) is M_+- = δ_1 - iδ_2
    expected = 2 * np.array([[mixing.real, mixing.imag], [-mixing.imag, mixing.real]])
    assert C[0, 1:3, 0, 1:3] == pytest.approx(expected, abs=ROUNDING)


def test_barrier_factorizes_into_its_faces_with_an_error_like_the_transmission():
    """Tunnel limit: C^LR = A_L R A_R with real 4×4 matrices of the faces and the rotation of the frames."""
    defects, T = [], []
    for thickness in (3, 4, 5):
        angles = np.array([0.4, 1.3, 2.2])
        blocks = []
        for theta in angles:
            s = sj.scatter(
                tunnel_junction(theta=theta, height=3.0, onsite=1.0, splitting=1.0, thickness=thickness), 0.0
            )
            blocks.append(vector_response(s)[1, :, 0] / s.conductance)
            rotation = np.eye(4)
            frames = accumulation_frames(np.array([sj.unit_vector(0.0), sj.unit_vector(theta)]))
            rotation[1:, 1:] = frames[1] @ frames[0].T
            blocks[-1] = blocks[-1] * s.conductance, rotation
        T.append(float(s.conductance))
        # rank: from three angles the bilinear map R ↦ A_R R A_L is one and the same
        faces = _faces([b for b, _ in blocks], [r for _, r in blocks])
        defects.append(max(abs(b - faces[0] @ r @ faces[1]).max() for b, r in blocks) / T[-1])
    slope = np.polyfit(np.log(T), np.log(defects), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.01)


def _faces(found, rotations):
    """Alternating least squares for C_n = A R_n B."""
    A, B = np.eye(4), np.eye(4)
    for _ in range(200):
        right = np.concatenate([r @ B for r in rotations], axis=1)
        A = np.linalg.lstsq(right.T, np.concatenate(found, axis=1).T, rcond=None)[0].T
        left = np.concatenate([A @ r for r in rotations])
        B = np.linalg.lstsq(left, np.concatenate(found), rcond=None)[0]
    return A, B


def test_average_is_the_sum_over_a_mesh_and_has_the_stated_coefficients():
    """Modulus of the transverse pair against longitudinal, J_M^L from the right, 90°, per conductance."""
    cases = {
        (0.481, 0.442): sj.Junction(
            sj.ferromagnet(hopping=1.0, **IRON), [], sj.ferromagnet(hopping=1.0, **IRON, m=sj.unit_vector(np.pi / 2))
        ),
        (0.486, 0.541): spin_valve(theta=np.pi / 2, spacer_onsite=4.2, spacer=4, **IRON),
        (0.848, 0.162): tunnel_junction(theta=np.pi / 2, height=3.0, thickness=4, **IRON),
    }
    for (transverse, longitudinal), junction in cases.items():
        s = sj.scatter(junction, 0.0, "average")
        C = vector_response(s, rtol=1e-7) / float(s.conductance)
        assert np.hypot(*C[0, 3, 1, 1:3]) == pytest.approx(transverse, abs=6e-4)
        assert abs(C[0, 3, 1, 3]) == pytest.approx(longitudinal, abs=6e-4)
    k, weights = zone.mesh(120)
    mesh = np.tensordot(weights, vector_response(sj.scatter(junction, 0.0, k, solver="halves")), 1)
    assert mesh / float(s.conductance) == pytest.approx(C, abs=5e-3)


def test_closed_minority_takes_and_gives_no_transverse_accumulation_but_its_waves_turn_the_spin():
    half_metal = sj.ferromagnet(onsite=2.6, hopping=1.0, splitting=2.0)
    right = replace(half_metal, m=sj.unit_vector(1.0))
    junction = sj.Junction(half_metal, [sj.barrier(onsite=3.0, hopping=1.0, thickness=1)], right)
    C = vector_response(sj.scatter(junction, 0.0))
    assert not C[:, :, :, 1:3].any()
    assert np.hypot(*C[0, 1:3, 1, 0]) > 1e-3  # a spin flux of interfering open and evanescent waves


def test_matching_takes_the_response_in_lab_axes():
    """A vanishingly transparent spin-dependent barrier: the vector interface of the tunnelling Hamiltonian."""
    theta = 1.1
    junction = tunnel_junction(theta=theta, height=9.0, onsite=1.0, splitting=1.0, thickness=4)
    s = sj.scatter(junction, 0.0)
    found = vector_interface(vector_response(s), *junction.magnetizations)
    assert found.conductance == pytest.approx(s.conductance, rel=1e-10)
    r = interface_response(s.probabilities, s.modes)
    clamped = found.clamped(*junction.magnetizations)
    assert clamped.left_2 == pytest.approx(r.left_2, rel=1e-9)
    assert clamped.right_1 == pytest.approx(r.right_1, rel=1e-9)
    D = s.transmissions / abs(rotation_matrix(*junction.magnetizations)) ** 2
    amplitudes = np.sqrt(D[:, 0]), np.sqrt(D[0] / D[0, 0])
    tunnel = tunnel_interface(*junction.magnetizations, *amplitudes).clamped(*junction.magnetizations)
    assert tunnel.left_2 == pytest.approx(clamped.left_2, rel=1e-6)


def test_frames_turn_with_the_spinors():
    for theta, phi in ((0.0, 0.0), (0.3, 1.0), (2.0, -2.5), (np.pi, 0.0)):
        m = sj.unit_vector(theta, phi)
        frame = accumulation_frames(m)
        assert frame @ frame.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(frame) == pytest.approx(1.0)
        angle = np.arctan2(m[1] + 0.0, m[0] + 0.0)
        U = spinors(m) * np.exp([-0.5j * angle, 0.5j * angle])
        for axis, vector in zip(PAULI, frame, strict=True):
            assert U @ axis @ U.conj().T == pytest.approx(np.tensordot(vector, PAULI, 1), abs=1e-12)


@pytest.mark.parametrize("z", [1.0, -1.0])
def test_signed_zeros_of_a_direction_turn_no_spinor(z):
    plain = spinors([0.0, 0.0, z])
    for x, y in ((-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0)):
        assert np.array_equal(spinors([x, y, z]), plain)
    assert np.array_equal(spinors([-1.0, -0.0, 0.0]), spinors([-1.0, 0.0, 0.0]))


@given(st.sampled_from(["cross-section", "device"]))
def test_what_has_no_such_response_is_refused(kind):
    junction = tunnel_junction(theta=1.0)
    s = sj.scatter(junction, 0.0, cross_section=(2, 1)) if kind == "cross-section" else object()
    with pytest.raises(ArgumentError, match="one cell per plane"):
        vector_response(s)
