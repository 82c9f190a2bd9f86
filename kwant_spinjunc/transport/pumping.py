r"""Spin pumping: the Gilbert damping that leads add to a magnet, from the scattering states of one solve.

Turning a magnet by a small angle about e_i changes H by V_i = -i [σ_i/2, H_ex] (H_ex its exchange, everything else at
rest) and the scattering matrix by ∂_i S = -i S M_i, M_i = ⟨ψ_α|V_i|ψ_β⟩ between incoming states of unit flux. A
magnet that turns with the angular velocity ω loses the power (ħ/4π) ω·G·ω to the leads,

    G_ij = Re Tr ∂_i S ∂_j S† = Re Tr M_i M_j,    α_ij = g G_ij / (4π µ_s),

µ_s its moment in µ_B. Without spin-orbit coupling and for one magnet between nonmagnetic leads, G is
Re Tr (1 - S_↑ S_↓†) across m and zero along it: the mixing conductances of both its interfaces, transmission included.

Y. Tserkovnyak, A. Brataas and G. E. W. Bauer, Phys. Rev. Lett. 88, 117601 (2002); A. Brataas, Y. Tserkovnyak and
G. E. W. Bauer, Phys. Rev. Lett. 101, 037207 (2008). **Validity**: adiabatic motion, zero temperature, spin absorbed by
the leads (no back flow); the magnet lies within the scattering region, all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays import Complex, Floats
from ..checks import finite, index, positive, refusal
from ..crystals.observe import rotations
from ..crystals.problem import Observable
from ..crystals.result import CrystalScattering
from ..crystals.waves import exchange_fields
from ..devices.build import build
from ..devices.device import Device
from ..devices.result import DeviceScattering
from ..devices.scatter import scatter_device
from ..devices.waves import orbitals, orbitals_of
from ..errors import ArgumentError
from ..halves import texture, zone
from ..halves.batch import Batch, as_stack
from ..model.junction import Junction
from ..model.plane import band_shift
from ..scattering import Scattering
from ..spin import PAULI, spinors


def gilbert_damping(scattering: Any, magnet: Any, *, moment: float | None = None, g_factor: float = 2.0) -> Floats:
    """Return the damping tensor of a magnet by spin pumping into the leads.

    **Result**: shape (..., 3, 3): G, or α = g G/(4π moment): rows and columns are axes of rotation of the magnet, x, y,
    z.

    Parameters
    ----------
    scattering
        What `scatter` returned: of a junction at any energies and k or averaged, of a sample, of a Kwant system or a
        crystal, at all angles.
    magnet
        Of a `Junction` the number of a layer in ``junction.layers``; else the name of a magnet, a list of sites or a
        function of a site.
    moment
        Its magnetic moment in µ_B: of one unit cell of the plane for a mean over k, else of all sites. None: G itself.
    g_factor
        g.

    Raises
    ------
    ArgumentError
        The magnet reaches into a lead, has no exchange, or its exchange cannot be told from spin-orbit coupling.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> copper = sj.normal_metal(onsite=0.0, hopping=1.0)
    >>> film = sj.ferromagnet(onsite=0.7, hopping=1.0, splitting=1.0, thickness=6)
    >>> s = sj.scatter(sj.Junction(copper, [film], copper), 0.0)
    >>> gilbert_damping(s, 0).round(4).tolist()
    [[3.695, 0.0, 0.0], [0.0, 3.695, 0.0], [0.0, 0.0, 0.0]]
    """
    routes: dict[type, Callable[[Any, Any], Floats]] = {
        CrystalScattering: _of_crystal,
        DeviceScattering: _of_device,
        Scattering: _of_junction,
    }
    if type(scattering) not in routes:
        raise refusal("scattering", "be what `scatter` returns", f"is {type(scattering).__name__}")
    G = routes[type(scattering)](scattering, magnet)
    if not abs(G).max(initial=0.0) > 0:
        raise ArgumentError(f"Argument `magnet` must have exchange that electrons feel, but {magnet!r} has none.")
    if moment is None:
        return G
    return np.asarray(finite("g_factor", g_factor) * G / (4 * np.pi * positive("moment", moment)))


def _moved(psi: Complex, field: Complex) -> Complex:
    """Return M_i = ⟨ψ_α| -i [σ_i/2, H_ex] |ψ_β⟩ for waves (..., 2, orbitals, channels) and H_ex ψ, (..., 3, α, β)."""
    turned = np.einsum("iab,...bnc->...ianc", PAULI, psi)
    half = np.einsum("...ianc,...and->...icd", turned.conj(), field)
    return np.asarray(-0.5j * (half - np.swapaxes(half, -1, -2).conj()))


def _tensor(M: Complex) -> Floats:
    """Return Re Tr M_i M_j, (..., 3, 3)."""
    return np.asarray(np.einsum("...iab,...jba->...ij", M, M).real)


def _of_crystal(s: CrystalScattering, magnet: Any) -> Floats:
    sites = s.sites(magnet)
    if s.device is not None:  # refuses a magnet that reaches into a lead, whose exchange turns with it
        s.device.magnet(magnet)

    def observe(solved: Any) -> Sequence[Any]:
        channels = solved.S.shape[-1]
        M = np.zeros((*solved.S.shape[:2], 3, channels, channels), dtype=complex)
        R = rotations(solved.turn)
        for number, _, _, psi, field in exchange_fields(solved, sites):
            apart = (*psi.shape[:2], 2, psi.shape[2] // 2, channels)
            part = _moved(psi.reshape(apart), field.reshape(apart))
            M += part if number == 0 else np.einsum("aij,pajcd->paicd", R, part)
        return [_tensor(M)]

    return np.asarray(s.measure(Observable(observe, {"G": ()}), exchange=True).values["G"])


def _of_device(s: DeviceScattering, magnet: Any) -> Floats:
    device, sites, spin, exchange, undivided = s.exchange_of(magnet)
    if undivided:
        raise ArgumentError(f"Argument `magnet` must have exchange that can be told, but {undivided}")
    system = device.system
    inside = orbitals(sites, *orbitals_of(system))
    psi = np.concatenate([s.channel_waves(lead)[:, inside] for lead in range(len(s.channels))]).T
    S = spin.block_diagonal([system.sites[i] for i in sites])
    half = np.array([(component @ psi).conj().T @ (exchange @ psi) for component in S])
    return _tensor(-0.5j * (half - np.swapaxes(half, -1, -2).conj()))


def _of_junction(s: Scattering, magnet: Any) -> Floats:
    s.problem.refuse_turned()
    planes = _planes(s.junction, magnet)
    if not s.problem.section.is_single_cell or s.junction.is_disordered:
        return _of_sample(s, planes)

    def at(c: Any) -> Floats:
        return _of_stack(s.junction, np.asarray(s.energy, dtype=float), np.asarray(c, dtype=float), planes)

    if not s.problem.is_average:
        return at(band_shift(s.k))
    return np.asarray(zone.mean(at, s.junction, s.energy, "average", rtol=s.problem.rtol).value)


def _planes(junction: Junction, magnet: Any) -> range:
    """Return the planes of a layer of a junction."""
    count = len(junction.layers)
    hint = "It is a layer: a lead pumps into itself, put the magnet between leads of another material."
    magnet = index("magnet", magnet, count, hint)
    start = junction.buffer + sum(layer.thickness for layer in junction.layers[:magnet])
    return range(start, start + junction.layers[magnet].thickness)


def _of_stack(junction: Junction, energy: Floats, c: Floats, planes: range) -> Floats:
    """Return G of a clean junction with one cell per plane at energies and band shifts that broadcast."""
    batch = Batch(as_stack(junction).as_texture(), energy, c)
    frames = [spinors(np.asarray(lead.m)) for lead in junction.leads]
    M: Any = 0.0
    with np.errstate(all="ignore"):
        waves = [texture.waves(batch, lead, None, every=True)[0] for lead in (0, 1)]
    for n in planes:
        layer = junction.planes[n]
        # ψ [spin, spin_in, ...] of both leads in the frame of the lab, channels last
        psi = np.concatenate(
            [
                np.einsum("ab,bc...->...ac", frame, np.broadcast_to(wave[place], (2, 2, *batch.axes)))
                for frame, wave, place in zip(frames, waves, (n, len(junction.planes) - 1 - n), strict=True)
            ],
            axis=-1,
        )
        field = -layer.splitting / 2 * np.einsum("i,iab,...bc->...ac", np.asarray(layer.m), PAULI, psi)
        M = M + _moved(psi[..., None, :], field[..., None, :])
    return _tensor(M).reshape(*batch.shape, 3, 3)


def _of_sample(s: Scattering, planes: range) -> Floats:
    """Return G of a supercell or a sample, solved by Kwant; all that is magnetic in the planes turns together."""
    problem, section = s.problem, s.problem.section
    system = build(
        s.junction,
        section.k if "periodic" in section.boundary else None,
        cross_section=section.shape,
        boundary=section.boundary,
        seed=s.seed,
        realization=s.realization,
    ).finalized()
    levels = problem.sample.levels[..., 1:]

    def exchange(site: Any) -> Complex:
        x, plane, z = site.tag
        return np.asarray(np.tensordot(levels[plane, x * section.shape[1] + z], PAULI, axes=1))

    device = Device(
        system=system,
        magnets={"layer": lambda site: site.tag[1] in planes},
        magnetizations=dict(enumerate(lead.m for lead in s.junction.leads)),
        exchange=exchange,
    )
    return _of_device(scatter_device(device, s.energy, None, s.max_defect), "layer")
