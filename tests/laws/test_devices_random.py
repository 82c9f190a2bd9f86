"""Random systems as users write them, against dense Green functions: the same numbers, or a refusal with a way out.

``make test-deep TESTS=tests/laws/test_devices_random.py`` draws two thousand of them.
"""

import re
import warnings

import kwant
import numpy as np
import tinyarray
from dense import Dense
from hypothesis import event, given
from hypothesis import strategies as st
from kwant.wraparound import wraparound
from strategies import examples

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI, sigma

#: A difference above this that nobody is told of is a fault.
SILENT = 1e-8
#: What the reference must be sure of, lest it is a band edge that is compared.
SURE = 1e-10

WAY_OUT = re.compile(r"Use |Give |give |Move |Say |Declare |declare |Make |Look |add |attach |Correct|correct ")
#: Planes along the current.
LENGTH = 6


def vector(rng):
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)


class System:
    """A random system: 1 to 4 families of 1 to 6 orbitals each, two or three leads, exchange in the middle."""

    def __init__(self, seed, spinless=False):
        rng = np.random.default_rng(seed)
        self.rng, self.spinless = rng, spinless
        # without spin: one to five orbitals; with spin: one to three, in an order of each family's own
        numbers = range(1, 6, 2) if spinless else (2, 4, 6)
        names = [f"f{i}" for i in range(rng.integers(1, 5))]
        self.families = [
            kwant.lattice.Monatomic(np.eye(2), name=name, norbs=int(rng.choice(numbers))) for name in names
        ]
        self.spin = {f.name: str(rng.choice(["spin-orbital", "orbital-spin"])) for f in self.families}
        self.complex, self.spin_orbit = rng.random() < 0.5, rng.random() < 0.5
        self.width = int(rng.integers(1, 3))
        self.wrapped = bool(self.width == 1 and rng.random() < 0.4)
        self.params = {"k_y": float(rng.uniform(-3, 3))} if self.wrapped else {}
        self.fields, self.axes, self.conserved = {}, [], []
        self.system = self._build()

    def kron(self, family, orbital, spin):
        if self.spinless:
            return orbital
        order = self.spin[family.name]
        return np.kron(spin, orbital) if order == "spin-orbital" else np.kron(orbital, spin)

    def orbitals(self, family):
        return family.norbs if self.spinless else family.norbs // 2

    def matrix(self, rows, columns):
        found = self.rng.normal(size=(rows, columns)) + 0j
        return found + 1j * self.rng.normal(size=(rows, columns)) if self.complex else found

    def hermitian(self, n):
        found = self.matrix(n, n)
        return 0.3 * (found + found.conj().T)

    def hopping(self, to, from_, dependent):
        """A matrix from one family to another, of any dependence on spin."""
        a, b = self.orbitals(to), self.orbitals(from_)
        bulk = -np.eye(a, b) + 0.25 * self.matrix(a, b)
        if self.spinless:
            return bulk
        t = self._between(to, from_, bulk, np.eye(2))
        if dependent:
            t = t + self._between(to, from_, 0.3 * self.matrix(a, b), sigma(vector(self.rng)))
            t = t + 1j * self._between(to, from_, 0.3 * self.matrix(a, b), sigma(vector(self.rng)))
        return t

    def _between(self, to, from_, orbital, spin):
        """Spin times orbital with the order of each end."""
        a, b = orbital.shape
        t = np.einsum("ij,st->isjt", orbital, spin)  # orbital, spin
        t = t if self.spin[to.name] == "orbital-spin" else t.transpose(1, 0, 2, 3)
        t = t if self.spin[from_.name] == "orbital-spin" else t.transpose(0, 1, 3, 2)
        return t.reshape(2 * a, 2 * b)

    def S(self, site):
        if self.spinless:
            return np.zeros((3, site.family.norbs, site.family.norbs))
        return np.array([self.kron(site.family, np.eye(self.orbitals(site.family)), s) for s in PAULI])

    def exchange(self, site):
        return self.fields.get(tuple(site.tag))

    def _build(self):
        rng, sites = self.rng, {}
        symmetry = kwant.TranslationalSymmetry((0, self.width)) if self.wrapped else None
        syst = kwant.Builder(symmetry)
        for x in range(LENGTH):
            for y in range(self.width):
                family = self.families[rng.integers(len(self.families))]
                sites[x, y] = site = family(x, y)
                h = self.kron(family, self.hermitian(self.orbitals(family)), np.eye(2))
                if not self.spinless and 2 <= x < 4:
                    amount = np.diag(rng.uniform(0.2, 1.0, self.orbitals(family)))
                    self.fields[x, y] = -self.kron(family, amount, sigma(vector(rng)))
                    h = h + self.fields[x, y]
                if not self.spinless and self.spin_orbit:
                    h = h + 0.2 * self.kron(family, self.hermitian(self.orbitals(family)), sigma(vector(rng)))
                syst[site] = h
        for (x, y), site in sites.items():
            inner = not self.spinless and self.spin_orbit and 0 < x < LENGTH - 2
            if x + 1 < LENGTH:
                other = sites[x + 1, y]
                syst[other, site] = self.hopping(other.family, site.family, inner)
            if y + 1 < self.width:
                other = sites[x, y + 1]
                syst[other, site] = self.hopping(other.family, site.family, inner)
            if self.wrapped:
                syst[site.family(x, 1), site] = 0.3 * self.hopping(site.family, site.family, inner)
        if self.wrapped:
            syst = wraparound(syst, coordinate_names="y")
        ends = [(0, -1), (LENGTH - 1, 1)]
        for x, direction in ends:
            lead = self._lead([sites[x, y] for y in range(self.width)], direction)
            syst.attach_lead(lead)
        return syst.finalized()

    def _lead(self, sites, direction):
        rng = self.rng
        m = vector(rng)
        self.axes.append(m)
        conserved = self.spinless or rng.random() < 0.85
        self.conserved.append(conserved)
        splitting = rng.choice([0.0, 0.4, 1.0, 1e-6])
        law = None
        if not self.spinless and conserved and rng.random() < 0.5:
            law = {site.family: tinyarray.array(-np.einsum("i,iab->ab", m, self.S(site)), complex) for site in sites}
        symmetries = [(direction, 0), (0, 1)] if self.wrapped else [(direction, 0)]
        lead = kwant.Builder(kwant.TranslationalSymmetry(*symmetries), conservation_law=law)
        for site in sites:
            n, family = self.orbitals(site.family), site.family
            h = self.kron(family, self.hermitian(n), np.eye(2))
            if not self.spinless:
                h = h - splitting / 2 * self.kron(family, np.eye(n), sigma(m))
            lead[site] = h
            t = self.kron(family, -np.eye(n) + 0.2 * self.matrix(n, n), np.eye(2))
            if not self.spinless and rng.random() < 0.5:  # hoppings that depend on spin, along m or not
                t = t + 0.2 * self.kron(family, np.eye(n), sigma(m if conserved else vector(rng)))
            lead[family(site.tag[0] + direction, site.tag[1]), site] = t
            if self.wrapped:
                lead[family(site.tag[0], 1), site] = -0.2 * np.eye(family.norbs)
        if len(sites) == 2:
            a, b = sites[1], sites[0]
            lead[a, b] = -self._plain(a.family, b.family)
        return wraparound(lead, keep=0) if self.wrapped else lead

    def _plain(self, to, from_):
        a, b = self.orbitals(to), self.orbitals(from_)
        return np.eye(a, b) if self.spinless else self._between(to, from_, np.eye(a, b), np.eye(2))


def compared(system, energy, given):
    """Solve both ways and return the largest difference, None if it was refused or the reference is not sure."""
    spin = None if system.spinless else given
    middle = {"middle": lambda site: 2 <= site.tag[0] < 4}
    cuts = {str(x): (lambda site, x=x: site.tag[0] > x) for x in (0, 2, LENGTH - 2)}
    settings = dict(params=system.params, cuts=cuts)
    if not system.spinless:
        settings.update(magnets=middle, exchange=lambda site: system.exchange(site))
    try:
        found = sj.scatter(system.system, energy, spin=spin, **settings)
    except sj.SpinjuncError as error:
        event(f"refused: {type(error).__name__}")
        return None if WAY_OUT.search(str(error)) else np.inf
    axes = [m if np.isfinite(m).all() else np.array([0.0, 0.0, 1.0]) for m in found.magnetizations]
    dense = Dense(system.system, energy, system.S, axes, system.params)
    if dense.error > SURE:
        event("near an edge")
        return None
    differences = [abs(found.between_leads() - dense.transmissions).max()]
    resolved = [spins.resolved for spins in found.spins]
    for lead, known in enumerate(resolved):
        # no spin is resolved that is not conserved, nor left unresolved that is
        assert known == (not system.spinless and dense.mixing[lead] < SILENT), (known, dense.mixing)
    for a, b in np.ndindex(len(resolved), len(resolved)):
        if resolved[a] and resolved[b]:
            differences.append(abs(found.probabilities[a, :, b] - dense.probabilities[a, :, b]).max())
    graph = list(system.system.graph)
    x = [site.tag[0] for site in system.system.sites]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sj.NearSideWarning)
        for name in cuts:
            hoppings = [(a, b) for a, b in graph if x[a] > int(name) >= x[b]]
            columns = 1 if system.spinless else 4
            for lead in range(len(resolved)):
                flux = dense.flux(hoppings, lead)[:columns]
                differences.append(abs(found.spin_current(name, total=True)[lead, :columns] - flux).max())
    if not system.spinless:
        torque = found.torque("middle")
        J = np.zeros_like(dense.H)
        for i, site in enumerate(system.system.sites):
            if (value := system.exchange(site)) is not None:
                J[np.ix_(dense.orbitals([i]), dense.orbitals([i]))] = value
        into = [(a, b) for a, b in graph if 2 <= x[a] < 4 and not 2 <= x[b] < 4]
        for lead in range(len(resolved)):
            differences.append(abs(torque.total[lead] - dense.flux(into, lead)[1:]).max())
            differences.append(abs(torque.exchange[lead] - dense.torque(J, lead)).max())
            if resolved[lead]:
                for s in range(2):
                    differences.append(abs(torque.exchange_by_spin[lead, s] - dense.torque(J, lead, s)).max())
                    differences.append(abs(torque.total_by_spin[lead, s] - dense.flux(into, lead, s)[1:]).max())
    event("compared")
    return max(differences)


@given(seed=st.integers(0, 2**32 - 1), energy=st.floats(-1.0, 1.0), spinless=st.booleans())
@examples(8, full=40)
def test_random_systems_are_right_or_refused(seed, energy, spinless):
    system = System(seed, spinless and seed % 4 == 0)
    worst = compared(system, energy, system.spin)
    assert worst is None or worst < SILENT


@given(seed=st.integers(0, 2**32 - 1), energy=st.floats(-1.0, 1.0))
@examples(5, full=15)
def test_no_order_is_inferred_wrongly_from_what_is_not_said(seed, energy):
    system = System(seed)
    worst = compared(system, energy, "auto")  # the exchange may tell the order, and one for all families
    assert worst is None or worst < SILENT
