"""Any Kwant system by dense Green functions in NumPy: an independent reference for its scattering and its torques.

G = (E - H - Σ)^-1; leads by decimation, a little above the real axis, and extrapolated onto it: there the surface Green
function is analytic, but for band edges, and what the last step of the extrapolation changes tells the error. Modes
are never seen: spins enter as projections of Γ = i (Σ - Σ†), where the lead conserves them.
"""

from functools import cache, cached_property

import numpy as np
import scipy.linalg

#: Energies above the real axis, in units of the size of the lead's Hamiltonian, that are extrapolated from.
STEP, POINTS = 2e-4, 8


@cache
def fermi_poles(poles=400):
    """Return z_p and R_p of f(x) = 1/2 - Σ R_p [1/(x - i z_p) + 1/(x + i z_p)].

    T. Ozaki, Phys. Rev. B 75, 035123 (2007); 400 are enough for bands a thousand kT wide.
    """
    k = np.arange(1, 2 * poles)
    w, v = scipy.linalg.eigh_tridiagonal(np.zeros(2 * poles), 1 / (2 * np.sqrt(4.0 * k**2 - 1)))
    return 1 / w[w > 1e-12], v[0, w > 1e-12] ** 2 / (4 * w[w > 1e-12] ** 2)


def surface(E, H, V):
    """Surface Green function of a lead with cell H; V is the hopping to a cell from the one nearer the region."""
    # the cell beyond gives V† g V, as this one gives it to the region; next: to the cell beyond the next
    own, surface, back, out = H.copy(), H.copy(), V.conj().T, V
    for _ in range(200):
        g = np.linalg.inv(E * np.eye(len(H)) - own)
        a, b = back @ g @ out, out @ g @ back
        surface = surface + a
        own = own + a + b
        back, out = back @ g @ back, out @ g @ out
        if abs(back).max() + abs(out).max() < 1e-30:
            break
    return np.linalg.inv(E * np.eye(len(H)) - surface)


def self_energy(lead, energy, params):
    """Σ on the sites of the region that the lead is joined to, and how far the extrapolation can be trusted."""
    H = np.asarray(lead.cell_hamiltonian(params=params), complex)
    hop = np.asarray(lead.inter_cell_hopping(params=params), complex)
    V = np.zeros_like(H)
    V[:, : hop.shape[1]] = hop
    scale, best = max(abs(H).max(), abs(hop).max()), (None, np.inf)
    for h in (STEP * scale, 0.1 * STEP * scale):
        values = [hop.conj().T @ surface(energy + 1j * h * j, H, V) @ hop for j in range(1, POINTS + 1)]
        found = []
        for count in (POINTS - 1, POINTS):
            nodes = np.arange(1, count + 1)
            weights = [np.prod([k / (k - j) for k in nodes if k != j]) for j in nodes]
            found.append(sum(w * v for w, v in zip(weights, values, strict=False)))
        best = min(best, (found[1], abs(found[1] - found[0]).max()), key=lambda pair: pair[1])
    return best


class Dense:
    """Probabilities, fluxes and torques of a finalized system.

    Parameters
    ----------
    system, energy, params
        The problem.
    spin
        Function of a site that returns Sx, Sy, Sz.
    axes
        m of each lead.
    """

    def __init__(self, system, energy, spin, axes, params=None):
        self.system, self.params = system, params or {}
        self.H = system.hamiltonian_submatrix(params=self.params).astype(complex)
        self.norbs = [site.family.norbs for site in system.sites]
        self.offsets = np.concatenate([[0], np.cumsum(self.norbs)])
        size = len(self.H)
        self.S = np.zeros((3, size, size), complex)
        for i, site in enumerate(system.sites):
            block = slice(self.offsets[i], self.offsets[i + 1])
            self.S[:, block, block] = spin(site)
        total, self.gammas, self.rates = np.zeros_like(self.H), [], []
        #: what the extrapolation may be wrong by, and how far each lead is from conserving its spin
        self.error, self.mixing = 0.0, []
        for number, lead in enumerate(system.leads):
            orbitals = self.orbitals(system.lead_interfaces[number])
            own, error = self_energy(lead, energy, self.params)
            self.error = max(self.error, error)
            sigma = np.zeros_like(self.H)
            sigma[np.ix_(orbitals, orbitals)] = own
            total += sigma
            gamma = 1j * (sigma - sigma.conj().T)
            self.gammas.append(gamma)
            along = np.einsum("i,iab->ab", np.asarray(axes[number], float), self.S)
            P = [(np.eye(size) + s * along) / 2 for s in (1, -1)]
            self.rates.append([p @ gamma @ p for p in P])
            self.mixing.append(abs(P[0] @ gamma @ P[1]).max())
        self.G = np.linalg.inv(energy * np.eye(size) - self.H - total)

    def orbitals(self, sites):
        return np.concatenate([np.arange(self.offsets[i], self.offsets[i + 1]) for i in sites])

    @cached_property
    def modes(self):
        """Open channels, (leads, 2), as ranks of Γ."""
        return np.array([[np.linalg.matrix_rank(g, tol=1e-6, hermitian=True) for g in lead] for lead in self.rates])

    @cached_property
    def probabilities(self):
        """T[α s, β s'], (leads, 2, leads, 2); reflections from S = -1 + i √Γ G √Γ."""
        count, G = len(self.rates), self.G
        T = np.empty((count, 2, count, 2))
        for a, s, b, r in np.ndindex(count, 2, count, 2):
            T[a, s, b, r] = np.trace(self.rates[a][s] @ G @ self.rates[b][r] @ G.conj().T).real
            if (a, s) == (b, r):
                T[a, s, b, r] += self.modes[a, s] - np.trace(1j * self.rates[a][s] @ (G - G.conj().T)).real
        return T

    @cached_property
    def transmissions(self):
        """T[α, β] of both spins together, (leads, leads), also where leads conserve no spin."""
        count, G = len(self.gammas), self.G
        T = np.empty((count, count))
        for a, b in np.ndindex(count, count):
            T[a, b] = np.trace(self.gammas[a] @ G @ self.gammas[b] @ G.conj().T).real
            if a == b:
                channels = np.linalg.matrix_rank(self.gammas[a], tol=1e-6, hermitian=True)
                T[a, b] += channels - np.trace(1j * self.gammas[a] @ (G - G.conj().T)).real
        return T

    def states(self, lead, spin=None):
        """Σ ψψ† over the incoming channels of a lead and spin, or of a lead, each of unit flux."""
        rate = self.gammas[lead] if spin is None else self.rates[lead][spin]
        return self.G @ rate @ self.G.conj().T

    def flux(self, hoppings, lead, spin=None):
        """Flux of (1, Sx, Sy, Sz) through hoppings (to, from), site numbers."""
        rho = self.states(lead, spin)
        masked = np.zeros_like(self.H)
        for to, from_ in hoppings:
            block = np.ix_(self.orbitals([to]), self.orbitals([from_]))
            masked[block] = self.H[block]
        return np.array([2 * np.trace(s @ masked @ rho).imag for s in [np.eye(len(self.H)), *self.S]])

    def torque(self, part, lead, spin=None):
        """⟨i [S, part]⟩ for a part of the Hamiltonian, all sites together."""
        rho = self.states(lead, spin)
        return np.array([np.trace(1j * (s @ part - part @ s) @ rho).real for s in self.S])
