"""Finite bias and equilibrium against dense matrices: no halves, no contour, no formula of the engine.

Random junctions at a wave vector: barriers, metals, wells between barriers, magnets of several layers, with spin
accumulations and different temperatures. G = (E - H - Σ)⁻¹ of all planes; the window is integrated between all band
edges, potentials and resonances by two Gauss rules, and the occupied states are a sum over poles of the Fermi function
(T. Ozaki, Phys. Rev. B 75, 035123 (2007)).
"""

import numpy as np
import pytest
import scipy.linalg
from dense import fermi_poles
from scipy.special import expit
from strategies import repetitions

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI
from kwant_spinjunc.transport import bias as finite_bias


def dagger(A):
    return np.swapaxes(A, -1, -2).conj()


class Dense:
    """A junction with its planes and leads raised by ``potential``, as dense matrices at one band shift."""

    def __init__(self, junction, potential, c):
        self.planes, self.bonds, self.leads = junction.planes, junction.bond_hoppings, junction.leads
        self.ends, self.size, self.cut = [slice(0, 2), slice(-2, None)], 2 * len(self.planes), junction.cut
        self.projectors = [
            [(np.eye(2) + s * np.tensordot(lead.m, PAULI, axes=1)) / 2 for s in (1, -1)] for lead in self.leads
        ]
        shifts = potential[[0, -1]]
        self.levels = np.array(
            [
                [lead.onsite + v - 2 * lead.t_parallel * c - s * lead.splitting / 2 for s in (1, -1)]
                for lead, v in zip(self.leads, shifts, strict=True)
            ]
        )
        self.H = np.zeros((self.size, self.size), dtype=complex)
        for n, plane in enumerate(self.planes):
            level = (plane.onsite + potential[n] - 2 * plane.t_parallel * c) * np.eye(2)
            at = slice(2 * n, 2 * n + 2)
            self.H[at, at] = level - plane.splitting / 2 * np.tensordot(plane.m, PAULI, axes=1)
        for b, t in enumerate(self.bonds):
            here, there = slice(2 * b, 2 * b + 2), slice(2 * b + 2, 2 * b + 4)
            self.H[here, there] = self.H[there, here] = -t * np.eye(2)

    def self_energies(self, E):
        found = []
        for side, lead in enumerate(self.leads):
            total = 0
            for P, level in zip(self.projectors[side], self.levels[side], strict=True):
                x = (np.asarray(E, dtype=complex) - level) / (2 * lead.hopping)
                root = np.where(
                    (x.imag == 0) & (abs(x) < 1), 1j * np.sqrt(1 - x * x + 0j), np.sqrt(x - 1) * np.sqrt(x + 1)
                )
                total = total + (lead.hopping * (x - root))[..., None, None] * P
            found.append(total)
        return found

    def green(self, E):
        A = np.asarray(E, dtype=complex)[..., None, None] * np.eye(self.size) - self.H
        sigmas = self.self_energies(E)
        for end, sigma in zip(self.ends, sigmas, strict=True):
            A[..., end, end] -= sigma
        return np.linalg.inv(A), sigmas

    def flux(self, rho):
        """Return the spin flux through the cut of <c_j† c_i>, as a rate times ħ."""
        b = self.cut
        block = rho[..., 2 * b : 2 * b + 2, 2 * b + 2 : 2 * b + 4]
        return -2 * self.bonds[b] * np.einsum("kij,...ji->...k", PAULI, block).imag

    def integrand(self, E, mu, kT):
        x = E[:, None, None] - mu
        width = np.array(kT)[:, None]
        f = np.where(width > 0, expit(-x / np.where(width > 0, width, 1.0)), x < 0)
        df = f - f.mean(axis=(1, 2), keepdims=True)
        G, sigmas = self.green(E)
        filled, whole, parts = 0, 0, []
        for side, (end, sigma) in enumerate(zip(self.ends, sigmas, strict=True)):
            column = G[:, :, end]
            for s, P in enumerate(self.projectors[side]):
                gamma = P @ (1j * (sigma - dagger(sigma))) @ P
                A = column @ gamma @ dagger(column)
                filled, whole = filled + A * df[:, side, s, None, None], whole + A
                parts.append((side, s, end, gamma))
        currents = np.zeros((len(E), 2, 2))
        for side, s, end, gamma in parts:
            into = whole[:, end, end] * df[:, side, s, None, None] - filled[:, end, end]
            currents[:, side, s] = (1 - 2 * side) * np.einsum("eij,eji->e", gamma, into).real
        return np.concatenate([currents.reshape(-1, 4), self.flux(filled)], axis=1)

    def window(self, mu, kT):
        """Return I_αs and Q, and the difference of two quadratures."""
        reach = 60 * max(kT)
        low, high = mu.min() - reach, mu.max() + reach
        hops = np.array([lead.hopping for lead in self.leads])[:, None]
        points = [(self.levels + 2 * hops).ravel(), (self.levels - 2 * hops).ravel(), mu.ravel(), [low, high]]
        points += [(mu + x * np.array(kT)[:, None]).ravel() for x in (-40, -15, -6, -2, 2, 6, 15, 40)]
        for E in np.linspace(low, high, 5):
            effective = self.H.copy()
            for end, sigma in zip(self.ends, self.self_energies(E), strict=True):
                effective[end, end] += sigma
            z = scipy.linalg.eigvals(effective)
            points += [z.real + q * abs(z.imag) for q in (0, 1, -1, 3, -3, 9, -9, 27, -27, 81, -81, 243, -243)]
        ends = np.unique(np.clip(np.concatenate(points), low, high))
        ends = ends[np.append(True, np.diff(ends) > 1e-9)]
        a, width = ends[:-1, None], np.diff(ends)[:, None]
        found = []
        for nodes in (12, 18):
            x, w = np.polynomial.legendre.leggauss(nodes)
            theta = (x + 1) * np.pi / 4
            E, W = (a + width * np.sin(theta) ** 2).ravel(), (width * np.sin(2 * theta) * w * np.pi / 4).ravel()
            found.append(sum(W[i : i + 400] @ self.integrand(E[i : i + 400], mu, kT) for i in range(0, len(E), 400)))
        return found[1], abs(found[1] - found[0]).max()

    def occupied(self, mu, kT):
        """Return Q of all states below µ."""
        z, R = fermi_poles()
        half = kT * np.einsum("p,pij->ij", R, self.green(mu + 1j * z * kT)[0])
        return 2 * np.pi * self.flux(half + dagger(half))


def drawn(seed):
    """Return a random junction, and bias, energy, k, temperatures and accumulations."""
    rng = np.random.default_rng(seed)
    between = rng.uniform

    def material(low=-1.5, high=1.5):
        in_plane = between(-0.4, 0.6) if rng.random() < 0.6 else 0.0
        return {"onsite": between(low, high), "hopping": between(0.6, 1.4), "in_plane_hopping": in_plane}

    m = [sj.unit_vector(np.arccos(between(-1, 1)), between(0, 6.28)) for _ in (0, 1)]

    def metal(low, high):
        return sj.normal_metal(**material(low, high), thickness=int(rng.integers(1, 5)))

    def magnet(side, sign=1):
        return sj.ferromagnet(**material(), splitting=between(0.1, 2.5), m=tuple(sign * m[side]))

    wall = metal(2.5, 4.0)
    layers = [
        [metal(1.5, 4.0)],
        [metal(-1.5, 1.5)],
        [wall, metal(-1.5, 1.5), wall],
        [magnet(0), metal(-1.0, 3.0), magnet(1, -1)],
    ]
    kind = seed % 4
    left = metal(-1.5, 1.5) if kind == 3 and rng.random() < 0.3 else magnet(0)
    junction = sj.Junction(left, layers[kind], magnet(1))
    kT = [(0.0, 0.0), (0.02585, 0.02585), (0.01, 0.04)][rng.integers(3)]
    accumulation = between(-0.2, 0.2, (2, 2)) * (rng.random() < 0.5)
    return junction, between(-0.8, 0.8), between(-1, 1), between(0, 3, 2), kT, accumulation


def compared(seed):
    """Return how far the engine is from dense matrices, in units of what both claim: window, occupied states."""
    junction, V, energy, k, kT, accumulation = drawn(seed)
    found = sj.bias_response(
        junction,
        V,
        energy=energy,
        temperature=kT,
        k=k,
        accumulation=accumulation,
        equilibrium=True,
        layers=bool(seed % 2),
    )
    planes = np.arange(len(junction.planes))
    resistive = (junction.plane_splitting == 0) & (planes > 0) & (planes < planes[-1])
    drops = resistive[:-1] | resistive[1:]
    potential = V * (0.5 - np.concatenate([[0.0], np.cumsum(drops)]) / drops.sum())
    dense = Dense(junction, potential, np.cos(k).sum())
    mu = energy + V * np.array([[0.5], [-0.5]]) + accumulation
    expected, error = dense.window(mu, kT)
    got = np.concatenate([found.spin_resolved.ravel(), found.spin_current])
    window = abs(got - expected).max() / (2 * float(found.error) + error + 1e-12 * abs(expected).max() + 1e-15)
    if not min(kT):
        return window, 0.0
    Q = np.mean([dense.occupied(mu[lead, s], kT[lead]) for lead in (0, 1) for s in (0, 1)], axis=0)
    off = abs(Q - found.equilibrium.spin_current).max()
    return window, off / (2 * float(found.equilibrium.error) + 1e-11)


@pytest.mark.parametrize("seed", range(repetitions(8, full=40)))
def test_bias_and_equilibrium_are_those_of_dense_matrices(seed):
    window, occupied = compared(seed)
    assert window < 1
    assert occupied < 1


def test_a_potential_that_falls_in_one_step_too_few_is_seen(monkeypatch):
    original = finite_bias.linear_drop

    def steeper(junction):
        share = original(junction)
        return np.clip(1.2 * share, -0.5, 0.5)

    monkeypatch.setattr(finite_bias, "linear_drop", steeper)
    assert max(compared(1)) > 1e3
