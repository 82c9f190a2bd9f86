"""Random Kwant systems of several orbitals, sites, leads and textures, with the same turned by hand."""

import kwant
import kwant.wraparound
import numpy as np

from kwant_spinjunc.spin import sigma

#: Both orders of spin and orbital that are in use.
ORDERS = ("spin-orbital", "orbital-spin")


def turned(matrix, angle, axis, left, right=None):
    """Rotate the spins of a matrix between sites given as (orbitals, order): U H U†, U = exp(-iθ n·σ/2)."""
    U = np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * sigma(axis)

    def full(site):
        orbitals, order = site
        return np.kron(U, np.eye(orbitals)) if order == "spin-orbital" else np.kron(np.eye(orbitals), U)

    return full(left) @ matrix @ full(left if right is None else right).conj().T


def with_spin(free, order):
    """Return a matrix without spin for both spins."""
    return np.kron(np.eye(2), free) if order == "spin-orbital" else np.kron(free, np.eye(2))


def exchange(m, field, order):
    """Return -m·σ times a matrix of orbitals."""
    return -np.kron(sigma(m), field) if order == "spin-orbital" else -np.kron(field, sigma(m))


def unit(rng):
    """Return a random direction."""
    m = rng.normal(size=3)
    return m / np.linalg.norm(m)


def symmetric(rng, n):
    """Return a random real symmetric matrix."""
    a = rng.normal(size=(n, n)) / np.sqrt(n)
    return (a + a.T) / 2


class RandomSystem:
    """A strip of some sites a plane with random Hamiltonian; ``build(angle)`` turns all behind the cut by hand.

    Attributes
    ----------
    cut : int
        The first plane behind it.
    textured : bool
        Magnetizations of all planes point anywhere; else all along the lead's.
    complex : bool
        Orbitals are: no matrix is its transpose, and no hopping that back.
    """

    def __init__(self, rng, *, orbitals=None, leads=None, textured=None, complex=False):
        self.rng = rng
        self.orbitals = int(rng.integers(1, 5)) if orbitals is None else orbitals
        self.width = int(rng.integers(1, 3)) if self.orbitals < 5 else 1
        self.planes = int(rng.integers(3, 7))
        self.cut = int(rng.integers(1, self.planes))
        self.order = ORDERS[rng.integers(2)]
        self.textured = bool(rng.integers(2)) if textured is None else textured
        self.axis = unit(rng)
        self.leads = int(rng.integers(2, 5)) if leads is None else leads
        self.mixed = self.orbitals > 1 and bool(rng.integers(2))  # planes of another family with one orbital
        self.m = [unit(rng), unit(rng)]
        self._draw()
        self.complex = complex
        if complex:
            self._add_phases()

    def count(self, x):
        """Return the orbitals of a site of plane x."""
        return 1 if self.mixed and 0 < x < self.planes - 1 and x % 2 else self.orbitals

    def family(self, x):
        """Return the site family of plane x."""
        return self.families[self.count(x)]

    def _draw(self):
        rng = self.rng
        kwargs = [dict(norbs=2 * n, name=f"n{n}") for n in {1, self.orbitals}]
        self.families = {kw["norbs"] // 2: kwant.lattice.square(**kw) for kw in kwargs}
        self.onsite, self.along, self.across = {}, {}, {}
        for x in range(self.planes):
            n = self.count(x)
            base = self.m[int(x >= self.cut)]
            for y in range(self.width):
                m = unit(rng) if self.textured else base
                field = symmetric(rng, n) if rng.integers(4) else np.zeros((n, n))
                self.onsite[x, y] = with_spin(symmetric(rng, n), self.order) + exchange(m, field, self.order)
            for y in range(self.width - 1):
                self.across[x, y] = with_spin(rng.normal(size=(n, n)) / np.sqrt(n), self.order)
                if rng.integers(2):  # spin-dependent hopping
                    self.across[x, y] = self.across[x, y] + exchange(base, symmetric(rng, n), self.order)
            if x:
                shape = (n, self.count(x - 1))
                for y in range(self.width):
                    hop = -np.eye(*shape) + rng.normal(size=shape) / 2 / np.sqrt(n)
                    self.along[x, y] = with_spin(hop, self.order)
        self.lead_parts = []
        for number in range(self.leads):
            x = (0, self.planes - 1)[number] if number < 2 else int(rng.integers(self.planes))
            # a third lead hangs on one side; two leads of a plane would share its interface
            n = self.count(x)
            field = symmetric(rng, n) if rng.integers(4) else np.zeros((n, n))
            m = self.m[int(x >= self.cut)]
            cell = with_spin(symmetric(rng, n) - 0.3 * np.eye(n), self.order) + exchange(m, field, self.order)
            hop = with_spin(-np.eye(n) + rng.normal(size=(n, n)) / 2 / np.sqrt(n), self.order)
            self.lead_parts.append((x, cell, hop))

    def _add_phases(self):
        """Add imaginary parts without spin to all matrices."""

        def imaginary(matrix, hermitian=False):
            shape = tuple(size // 2 for size in matrix.shape)
            part = 0.4 * self.rng.normal(size=shape) / np.sqrt(max(shape))
            return matrix + with_spin(1j * (part - part.T if hermitian else part), self.order)

        self.onsite = {at: imaginary(matrix, True) for at, matrix in self.onsite.items()}
        self.along = {at: imaginary(matrix) for at, matrix in self.along.items()}
        self.across = {at: imaginary(matrix) for at, matrix in self.across.items()}
        self.lead_parts = [(x, imaginary(cell, True), imaginary(hop)) for x, cell, hop in self.lead_parts]

    def build(self, angle=0.0, potential=lambda x: 0.0):
        """Return the finalized system with all behind the cut turned, every plane at a potential."""

        def raised(matrix, x):
            return turn(matrix, x) + potential(x) * np.eye(len(matrix))

        def turn(matrix, x, x_from=None):
            x_from = x if x_from is None else x_from
            if min(x, x_from) < self.cut:
                return matrix
            return turned(matrix, angle, self.axis, (self.count(x), self.order), (self.count(x_from), self.order))

        syst = kwant.Builder()
        for (x, y), h in self.onsite.items():
            syst[self.family(x)(x, y)] = raised(h, x)
        for (x, y), h in self.across.items():
            syst[self.family(x)(x, y + 1), self.family(x)(x, y)] = turn(h, x)
        for (x, y), h in self.along.items():
            syst[self.family(x)(x, y), self.family(x - 1)(x - 1, y)] = turn(h, x, x - 1)
        for number, (x, cell, hop) in enumerate(self.lead_parts):
            direction = [(-1, 0), (1, 0), (0, 1), (0, -1)][number]
            family = self.family(x)
            lead = kwant.Builder(kwant.TranslationalSymmetry(direction))
            rows = range(self.width) if number < 2 else [0]
            for y in rows:
                lead[family(x, y) if number < 2 else family(x, 0)] = raised(cell, x)
                start = family(x, y)
                lead[family(*(np.array(start.tag) + direction)), start] = turn(hop, x)
            for y in rows[:-1] if number < 2 else []:
                lead[family(x, y + 1), family(x, y)] = turn(with_spin(0.3 * np.eye(self.count(x)), self.order), x)
            syst.attach_lead(lead)
        return syst.finalized()

    def behind(self, site):
        """Tell whether a site lies behind the cut."""
        return site.pos[0] >= self.cut


class ThreeLeads:
    """A system periodic along y whose leads have three, one and two orbitals a spin, all blocks complex.

    Plane x holds an A of one orbital up to x = 4 and a B of two up to x = 3. Lead 0 ends in both at x = 0, lead 1 in A
    at 4, lead 2, of a normal metal, in B at 3. From x = 2 on fields lie along another axis; in front the hopping turns
    spin by ``tie``, behind one depends on it. The parameter ``level`` raises all B. ``build(angle)`` turns all behind
    the cut at x = 2 by hand.
    """

    axis, back = np.array([0.6, 0.0, 0.8]), np.array([0.0, 0.6, 0.8])
    order = "spin-orbital"
    counts = 1, 2

    def __init__(self, tie=0.2):
        self.tie, rng = tie, np.random.default_rng(12)
        lattice = kwant.lattice.general([(1, 0), (0, 1)], [(0, 0), (0.2, 0.5)], norbs=[2, 4])
        self.families = lattice.sublattices

        def free(n, m):
            return (rng.normal(size=(n, m)) + 1j * rng.normal(size=(n, m))) / (n + m)

        self.onsite = {(x, a): free(n, n) for a, n in enumerate(self.counts) for x in range(5)}
        self.field = {at: rng.uniform(0.2, 0.6) * (at != (3, 1)) for at in self.onsite}
        self.up = [0.3 * free(n, n) for n in self.counts]
        self.along = {(a, b): 0.5 * free(n, m) for a, n in enumerate(self.counts) for b, m in enumerate(self.counts)}
        self.side = free(2, 1)

    @staticmethod
    def behind(site):
        """Tell whether a site lies behind the cut."""
        return site.tag[0] >= 2

    def build(self, angle=0.0, leads=3):
        """Return the finalized system with some of its leads."""
        zone = (0, 1)
        syst = kwant.Builder(kwant.TranslationalSymmetry(zone))
        self._fill(syst, range(5), (0, 1), angle)
        for x in range(4):
            for a, b in np.ndindex(2, 2):
                self._join(syst, x, a, b, angle)
        syst = kwant.wraparound.wraparound(syst, coordinate_names="y")
        for direction, x, kinds in ((-1, 0, (0, 1)), (1, 4, (0,)), (1, 3, (1,)))[:leads]:
            lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0), zone))
            self._fill(lead, [x], kinds, angle)
            for a in kinds:
                hop = with_spin(-np.eye(self.counts[a]) - self.along[a, a], self.order)
                lead[self.families[a](x + 1, 0), self.families[a](x, 0)] = hop
            syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names="xy"))
        return syst.finalized()

    def _fill(self, builder, columns, kinds, angle):
        A, B = self.families
        for x, a in ((x, a) for x in columns for a in kinds if x <= 4 - a):
            n = self.counts[a]
            m = self.back if x > 1 else np.array([np.sin(0.3 + 0.4 * x), 0.0, np.cos(0.3 + 0.4 * x)])
            h = 0.3 * (self.onsite[x, a] + self.onsite[x, a].conj().T) + 0.2 * n * np.eye(n)
            h = with_spin(h, self.order) + exchange(m, self.field[x, a] * np.eye(n), self.order)
            h = turned(h, angle, self.axis, (n, self.order)) if x > 1 else h
            builder[self.families[a](x, 0)] = _raised(h) if a else h
            builder[self.families[a](x, 1), self.families[a](x, 0)] = with_spin(self.up[a], self.order)
        for x in columns if len(kinds) == 2 else ():
            if x < 4:
                builder[B(x, 0), A(x, 0)] = 0.4 * with_spin(self.side, self.order)
                builder[B(x, -1), A(x, 0)] = 0.2j * with_spin(self.side, self.order)

    def _join(self, builder, x, a, b, angle):
        if x + 1 > 4 - a:
            return
        n, m = self.counts[a], self.counts[b]
        hop = with_spin(-np.eye(n, m) - self.along[a, b], self.order)
        if x < 1 and a == b:
            hop = hop + 1j * self.tie * np.kron(sigma((0.0, 1.0, 0.0)), np.eye(n))
        if x > 1 and a == b:
            hop = turned(hop + exchange(self.back, 0.15 * np.eye(n), self.order), angle, self.axis, (n, self.order))
        builder[self.families[a](x + 1, 0), self.families[b](x, 0)] = hop


def _raised(matrix):
    """Return a value function of ``level``."""

    def onsite(site, level):
        return matrix + level * np.eye(len(matrix))

    return onsite
