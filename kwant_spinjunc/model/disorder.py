r"""What is random in a layer: levels, exchange, interfaces and spin-orbit bonds, and the random numbers themselves.

**Random numbers.** Every number of a sample is a pure function of (seed, realization, which layer, which disorder of
that layer, site). A 64-bit key is hashed from the first four by NumPy's `SeedSequence`; the site's position (x, z,
plane counted from the first one of the layer) and the number of the draw are the counter of Philox-4x32-10 (Salmon et
al., *Proc. SC11*, 16 (2011)), whose output is the number. So a site has the same values in every cross-section, in any
order of evaluation, on any machine and for any number of workers; thickening another layer changes none of them.

Energies are in the unit of the junction, lengths in lattice constants a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from ..arrays import Complex, Floats, Vector
from ..checks import choice, finite, known_fields, not_negative, within
from ..spin import one_unit_vector

DISTRIBUTIONS = ("uniform", "normal")
SIDES = ("left", "right", "both")

#: Multipliers and key increments of Philox-4x32.
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)

#: Largest correlation length in a: between hard walls noise is drawn three times as far beyond them.
LARGEST_CORRELATION = 300.0
#: Amplitudes in planes are cut here; no layer is thick enough to see it.
LARGEST_HEIGHT = 1e9


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[Any, Any]) -> tuple[Any, Any, Any, Any]:
    """Return the four 32-bit words (as uint64 arrays) of Philox-4x32-10 at the counters, which broadcast.

    The words of the key are numbers, or arrays that broadcast with the counters.
    """
    a, b, c, d = counter if len({np.shape(x) for x in counter}) == 1 else np.broadcast_arrays(*counter)
    k, l = (np.uint64(word) if np.ndim(word) == 0 else np.asarray(word, np.uint64) for word in key)  # noqa: E741
    for _ in range(_ROUNDS):
        first, second = _MULTIPLIERS[0] * a, _MULTIPLIERS[1] * c
        a, c = second >> _HALF, first >> _HALF
        a ^= b
        a ^= k
        c ^= d
        c ^= l
        second &= _LOW
        first &= _LOW
        b, d = second, first
        k, l = (k + _WEYL[0]) & _LOW, (l + _WEYL[1]) & _LOW  # noqa: E741
    return a, b, c, d


@dataclass(frozen=True)
class Stream:
    """The random numbers of one disorder of one layer in one sample: a function of the site."""

    key: tuple[int, int]  #: Two 32-bit words.

    @classmethod
    def of(cls, seed: int, realization: int, layer: int, disorder: int) -> Stream:
        """Return the stream of disorder number ``disorder`` of layer number ``layer`` in one sample."""
        state = np.random.SeedSequence(seed, spawn_key=(realization, layer, disorder)).generate_state(2)
        return cls((int(state[0]), int(state[1])))

    def uniform(self, x: ArrayLike, z: ArrayLike, plane: ArrayLike, count: int) -> Floats:
        """Return ``count`` numbers in (0, 1) for each site, shape (..., count); positions may be negative."""
        positions = np.array(np.broadcast_arrays(x, z, plane))
        return uniforms([(self, positions.reshape(3, -1), count)])[0].reshape(*positions.shape[1:], count)


def uniforms(requests: Sequence[tuple[Stream, Any, int]]) -> list[Floats]:
    """Return the numbers of many streams, each (sites, count), in one go: one by one takes twice as long for few sites.

    ``requests``: a stream, positions (x, z, plane) of its sites, shape (3, sites), and how many numbers each takes.
    """
    if not requests:
        return []
    sites = [positions.shape[1] for _, positions, _ in requests]
    pairs = max((count + 1) // 2 for *_, count in requests)
    words = (np.concatenate([p for _, p, _ in requests], axis=1, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint64)
    x, z, plane = np.repeat(words, pairs, axis=1) if pairs > 1 else words
    draw = np.tile(np.arange(pairs, dtype=np.uint64), words.shape[1])
    keys = np.repeat(np.array([stream.key for stream, *_ in requests], np.uint64).T, np.array(sites) * pairs, axis=1)
    a, b, c, d = philox((x, z, plane, draw), (keys[0], keys[1]))
    numbers = np.stack([as_double(a, b), as_double(c, d)], axis=-1).reshape(words.shape[1], -1)
    parts = np.split(numbers, np.cumsum(sites)[:-1])
    return [part[:, :count] for part, (*_, count) in zip(parts, requests, strict=True)]


def as_double(high: Any, low: Any) -> Floats:
    """Return 53 random bits as a number in (0, 1), both ends excluded."""
    bits = ((high >> np.uint64(5)) << np.uint64(26)) | (low >> np.uint64(6))
    number: Floats = (bits.astype(float) + 0.5) * 2.0**-53
    return np.minimum(number, 1 - 2.0**-53)  # the last one rounds to 1


def _unit_vectors(u: Floats) -> Floats:
    """Return directions uniform on the sphere from numbers (..., 2) in (0, 1), shape (..., 3)."""
    z, phi = 2 * u[..., 0] - 1, 2 * np.pi * u[..., 1]
    rho = np.sqrt(1 - z * z)
    return np.stack([rho * np.cos(phi), rho * np.sin(phi), z], axis=-1)


def _deviates(u: Floats, width: float, distribution: str) -> Floats:
    """Return uniform deviates in (-width/2, width/2), or normal ones with that standard deviation."""
    deviates: Floats = width * ((u - 0.5) if distribution == "uniform" else ndtri(u))
    return deviates


def _concentration(value: Any) -> float:
    return within("concentration", value, 0, 1, "It is a fraction of sites.")


@dataclass(frozen=True, kw_only=True)
class Disorder:
    """Base class of what is random in a layer.

    The disorder of a layer follows its material: where a rough interface carries the material into a neighboring
    layer, its disorder goes along. Replacements (`Substitution`) come before additions, whatever the order in
    ``Layer.disorder``; the order is the number of each one's stream.
    """

    #: Uniform numbers a site needs.
    draws: ClassVar[int] = 0
    #: Whether the levels of a site are replaced, not added to.
    replaces: ClassVar[bool] = False

    def change(self, levels: Floats, splitting: float, m: Vector, u: Floats) -> None:
        """Change the Pauli components ``levels`` (sites, 4) of sites of the layer in place.

        ``levels``: ε_0 and the vector ε of ε_0 + ε·σ at each site; ``splitting``, ``m``: of the layer.
        ``u``: random numbers in (0, 1), shape (sites, draws).
        """

    def rotations(self, u: Floats) -> Complex | None:
        """Return unitary U of the bonds that start at each site along y, x, z, shape (sites, 3, 2, 2), or None."""
        return None


@dataclass(frozen=True, kw_only=True)
class _Deviate(Disorder):
    """One random energy a site."""

    draws: ClassVar[int] = 1
    width: float
    distribution: Literal["uniform", "normal"] = "uniform"

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", not_negative("width", self.width))
        choice("distribution", self.distribution, DISTRIBUTIONS)


@known_fields
@dataclass(frozen=True, kw_only=True)
class Anderson(_Deviate):
    """Random on-site energies, the same for both spins, of a ``width`` and ``distribution`` ("uniform", "normal").

    ``width``: full width W of the uniform distribution on (-W/2, W/2), or standard deviation of the normal one, >= 0,
    in the unit of the junction's energies.
    """

    def change(self, levels: Floats, splitting: float, m: Vector, u: Floats) -> None:
        """Add the random energy."""
        levels[:, 0] += _deviates(u[:, 0], self.width, self.distribution)


@known_fields
@dataclass(frozen=True, kw_only=True)
class SpinDependent(_Deviate):
    """A random exchange splitting δ: -(δ/2) m·σ is added, opposite for the two spins along the layer's ``m``.

    ``width``, ``distribution``: of δ, as of `Anderson`.
    """

    def change(self, levels: Floats, splitting: float, m: Vector, u: Floats) -> None:
        """Add the random exchange."""
        levels[:, 1:] -= _deviates(u[:, 0], self.width, self.distribution)[:, None] / 2 * np.array(m)


@known_fields
@dataclass(frozen=True, kw_only=True)
class Substitution(Disorder):
    """A binary alloy, or impurities: each site independently becomes another atom.

    Of several in one layer each acts on what those before it left: the first of two has c_1 (1 - c_2) of the sites.

    ``concentration``: probability that a site is replaced, from 0 to 1.
    ``onsite``: on-site energy of the replacement, in the unit of the junction's energies.
    ``splitting``, ``m``: its exchange splitting >= 0 and axis; None for those of the layer, whose hoppings stay.
    """

    draws: ClassVar[int] = 1
    replaces: ClassVar[bool] = True
    concentration: float
    onsite: float
    splitting: float | None = None
    m: Vector | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "concentration", _concentration(self.concentration))
        set_(self, "onsite", finite("onsite", self.onsite))
        if self.splitting is not None:
            set_(self, "splitting", not_negative("splitting", self.splitting, "Reverse `m` instead."))
        if self.m is not None:
            set_(self, "m", tuple(one_unit_vector(self.m).tolist()))

    def change(self, levels: Floats, splitting: float, m: Vector, u: Floats) -> None:
        """Replace the levels of the chosen sites."""
        chosen = u[:, 0] < self.concentration
        exchange = splitting if self.splitting is None else self.splitting
        levels[chosen] = [self.onsite, *(-exchange / 2 * np.array(m if self.m is None else self.m))]


@known_fields
@dataclass(frozen=True, kw_only=True)
class MagneticImpurities(Disorder):
    """Local exchange -(exchange/2) n·σ in random directions: it flips spins, and breaks time reversal.

    ``concentration``: probability that a site has an impurity, from 0 to 1.
    ``exchange``: full splitting of the impurity's levels, >= 0, in the unit of the junction's energies; n is uniform on
    the sphere. The spins are frozen: no inelastic scattering.
    """

    draws: ClassVar[int] = 3
    concentration: float
    exchange: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "concentration", _concentration(self.concentration))
        exchange = not_negative("exchange", self.exchange, "Directions are random: the sign has no meaning.")
        object.__setattr__(self, "exchange", exchange)

    def change(self, levels: Floats, splitting: float, m: Vector, u: Floats) -> None:
        """Add the exchange field of the impurities."""
        chosen = u[:, 0] < self.concentration
        levels[chosen, 1:] -= self.exchange / 2 * _unit_vectors(u[chosen, 1:])


@known_fields
@dataclass(frozen=True, kw_only=True)
class SpinOrbitScattering(Disorder):
    """Random spin rotations on bonds: -t becomes -t U, U = exp(i angle n·σ), n uniform on the sphere.

    Every bond between two sites of the layer, along y or in the plane, has its own n. U is time-reversal symmetric
    (a real quaternion), so a junction without magnets keeps Kramers degeneracy: nothing is reflected into the
    time-reversed mode, and transmission eigenvalues come in pairs. Spin is not conserved: the lattice takes it.

    ``angle``: half the angle by which a spin turns in one hop, in radians, >= 0; the mean of U over n is its cosine.
    """

    draws: ClassVar[int] = 6
    angle: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "angle", not_negative("angle", self.angle, "Directions are random."))

    def rotations(self, u: Floats) -> Complex:
        """Return the unitary matrices of the bonds along y, x and z, shape (sites, 3, 2, 2)."""
        n = _unit_vectors(u.reshape(-1, 3, 2))
        x, y, z = np.moveaxis(np.sin(self.angle) * n, -1, 0)
        U = np.empty((*x.shape, 2, 2), dtype=complex)
        U[..., 0, 0] = np.cos(self.angle) + 1j * z
        U[..., 0, 1] = y + 1j * x
        U[..., 1, 0] = -U[..., 0, 1].conj()
        U[..., 1, 1] = U[..., 0, 0].conj()
        return U


@known_fields
@dataclass(frozen=True, kw_only=True)
class Roughness(Disorder):
    """A rough interface with the neighboring layer: it is displaced by a random height, a whole number of planes.

    The height h(x, z) is a Gaussian field with ⟨h²⟩ = amplitude² and ⟨h(r) h(r')⟩ = amplitude² exp(-|r - r'|²/ξ²),
    rounded to planes; positive heights move the interface along +y. A site between the nominal and the displaced
    interface has the neighbor's material: its level, exchange, hoppings and disorder. An interface never passes the
    far end of either layer, and of two interfaces that would cross the left one stays in front; up
    to these cuts the mean thickness of a layer is kept. Where both neighbors declare a roughness of the same interface
    their heights add.

    Through its correlations the height at a site depends on the cross-section along a periodic axis (the field is
    periodic too); with ``correlation_length=0``, and between hard walls, it does not.

    ``amplitude``: root mean square height before rounding, in planes, >= 0.
    ``correlation_length``: ξ in lattice constants a, from 0 (independent sites) to 300.
    ``side``: which interface of the layer: "left", "right" or "both" (independent heights). An interface with a lead
    cannot be rough: a lead is semi-infinite and clean. Put a layer of the lead's material between.
    """

    amplitude: float
    correlation_length: float = 0.0
    side: Literal["left", "right", "both"] = "both"

    def __post_init__(self) -> None:
        object.__setattr__(self, "amplitude", not_negative("amplitude", self.amplitude))
        hint = "A cross-section much smaller than that moves as a whole already."
        length = within("correlation_length", self.correlation_length, 0, LARGEST_CORRELATION, hint)
        object.__setattr__(self, "correlation_length", length)
        choice("side", self.side, SIDES)

    @property
    def sides(self) -> tuple[int, ...]:
        """The rough interfaces: 0 left, 1 right."""
        return {"left": (0,), "right": (1,), "both": (0, 1)}[self.side]

    def heights(
        self, stream: Stream, side: int, shape: tuple[int, int], boundary: tuple[str, str]
    ) -> NDArray[np.int64]:
        """Return the displacement of one interface in planes, shape ``shape``."""
        kernels = [_kernel(self.correlation_length, n, word) for n, word in zip(shape, boundary, strict=True)]
        (x, along_x), (z, along_z) = kernels
        u = stream.uniform(np.asarray(x)[:, None], np.asarray(z), side, 1)[..., 0]
        field = along_x @ ndtri(u) @ along_z.T
        return np.asarray(np.rint(min(self.amplitude, LARGEST_HEIGHT) * field).astype(np.int64))


def _kernel(correlation_length: float, size: int, boundary: str) -> tuple[NDArray[np.int64], Floats]:
    """Return (positions of the noise, matrix that smooths it) along one axis; rows have norm 1.

    White noise smoothed with exp(-2 r²/ξ²) has the correlation exp(-r²/ξ²).
    """
    sites = np.arange(size)
    if correlation_length == 0:
        return sites, np.eye(size)
    reach = int(np.ceil(3 * correlation_length))  # exp(-18) of the peak is left out
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-2 * (offsets / correlation_length) ** 2)
    if boundary == "periodic":
        matrix = np.zeros((size, size))
        np.add.at(matrix, (sites[:, None], (sites[:, None] + offsets) % size), weights)
        noise = sites
    else:
        noise = np.arange(-reach, size + reach)
        matrix = np.zeros((size, len(noise)))
        matrix[sites[:, None], sites[:, None] + offsets + reach] = weights
    return noise, matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
