"""What lies between a question and its answer, told whole: taken apart, solved, split, integrated, and what that cost.

As `test_records.py`, from the inside: a sum over channels, the place of a split or the claim of an error that is no
longer what it was may be within the tolerance of every law. Systems are those of no symmetry.
To tell them anew, and then to read the difference: ``PYTHONPATH=tests:. python tests/units/test_inner_records.py``.
"""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from crystal_layers import layers, random_layers
from crystal_systems import RandomSystem, ThreeLeads
from telling import differences, told
from told_junctions import tell_those_named

import kwant_spinjunc as sj
from kwant_spinjunc import quadrature
from kwant_spinjunc.crystals import exchange, levels, observe, problem, solve, waves, zone
from kwant_spinjunc.crystals.scatter import CrystalSettings
from kwant_spinjunc.devices.device import Device
from kwant_spinjunc.transport import crystal_bias, equilibrium, linear, vector_response
from kwant_spinjunc.transport.derivatives import bias_derivative, collinear_conductances, tunneling_magnetoresistance

RECORDS = Path(__file__).resolve().with_name("records") / "inner"
SYSTEM = ThreeLeads()
ANGLES, PARAMS = np.array([0.0, 0.9, 2.0]), {"level": 0.05}
E, K = np.array([0.1, 0.4, -0.2]), np.array([[0.3], [-1.1], [2.0]])


def device(**more):
    magnets = {"free": lambda site: site.tag[0] in (2, 3), "fixed": lambda site: site.tag[0] == 1}
    return sj.Device(system=SYSTEM.build(), spin=SYSTEM.order, params=PARAMS, magnets=magnets, **more)


def asked(turn=True, **changes):
    """The problem of the system with three leads, cut in two or not."""
    cut = dict(turns=ANGLES, behind=SYSTEM.behind, axis=SYSTEM.axis, spin_orbit=False) if turn else {}
    return CrystalSettings(**cut | changes).problem(device())


def solved(turn=True):
    found = asked(turn)
    return solve.solve(found.crystal, E, K, found.turn)


def taken(crystal):
    """All that a crystal is taken apart into."""
    series = {
        f"{name} {n}": [one.coefficients, one.translations, one.at(K), one.scale]
        for n, side in enumerate(crystal.sides)
        for name in ("onsite", "hopping", "mixed_onsite", "mixed_hopping")
        for one in getattr(side, name)
    }
    names = ["number", "side", "plane", "rows", "m", "resolved", "magnetic", "alike", "places", "owner"]
    leads = [
        {name: getattr(lead, name) for name in names if name != "places"}
        | {"places": [str(place) for place in lead.places], "cell": lead.cell.at(K), "hopping": lead.hopping.at(K)}
        for lead in crystal.leads
    ]
    return {
        "series": series,
        "leads": leads,
        "across": None if crystal.across is None else crystal.across.at(K),
        "sides": [[side.sites, side.owners, side.m, side.exchange] for side in crystal.sides],
        "flips": [[side.flips(lead) for lead in crystal.leads] for side in crystal.sides],
        "shares": str(crystal.shares),
        "mixing": crystal.mixing,
        "numbers": [crystal.scale, crystal.curvature, crystal.spins, *crystal.spin_orbit_behind],
        "blocks": crystal.region_blocks.at(K, E),
        "lead blocks": crystal.lead_blocks[1].at(K, E),
        "planes": [str(part) for part in (crystal.partition.sides, crystal.partition.lead_plane)],
    }


def observed(turn=True):
    found = asked(turn)
    seen = found.observe(E, K, problem.OBSERVABLES if turn else [problem.BASIC, problem.DEFECT])
    return {"values": seen.values, "bad": seen.bad, "residual": seen.residual}


def amplitudes():
    """What states are made of, without the phases and the order of modes."""
    found = solved()
    states = [[(abs(wave) ** 2).sum(axis=-1) for wave in waves.waves_of(found, side)] for side in (0, 1)]
    layout = {f.name: getattr(found.layout, f.name) for f in dataclasses.fields(found.layout)}
    layout["labels"] = [label is None for label in layout["labels"]]
    here = {name: getattr(found, name) for name in ("count", "residual", "bad", "grown", "open")}
    axes = [observe.lead_axes(found.crystal, found.turn), observe.magnet_axes(found.crystal, found.turn)]
    return {"states": states, "layout": layout, "axes": axes, **here}


def fluxes():
    """Torques of sets of sites, flux through sets of hoppings of either direction, across planes and the cut."""
    found, edges = solved(), device().edges
    sites = [np.array(some) for some in ([1], [0, 1, 5, 6], [2, 3, 4, 7, 8], [4, 8, 0])]
    hoppings = [edges[::3], edges[edges[:, 0] > edges[:, 1]], edges[:5, ::-1]]
    return {
        "torques": [waves.site_torques(found, some) for some in sites],
        "flux": [waves.hopping_flux(found, some) for some in hoppings],
        "uncut": waves.hopping_flux(solved(False), edges[::2]),
    }


def answered():
    """Everything a result tells."""
    free = ThreeLeads(tie=0.0)
    magnets = {"free": lambda site: site.tag[0] == 2, "fixed": lambda site: site.tag[0] in (1, 2)}
    syst = sj.Device(system=free.build(), spin=free.order, params=PARAMS, magnets=magnets)
    settings = dict(turns=ANGLES, behind=free.behind, axis=free.axis, spin_orbit=False)
    s = sj.scatter(syst, [[0.1], [0.4]], k=[0.3, -1.1], **settings)
    uneven = np.array([[0.6, 0.35], [-0.2, -0.45], [0.1, 0.3]])
    return {
        "side torques": s.side_torques,
        "torques": [s.torque(name) for name in magnets],
        "noise": [sj.shot_noise(s, lead_in=lead) for lead in range(3)],
        "damping": [sj.gilbert_damping(s, "free"), sj.gilbert_damping(s, [syst.system.sites[2]], moment=1.3)],
        "currents": s.currents(uneven),
        "matrix": [s.conductance_matrix(), s.conductance_matrix(spins=True)],
        "table": s.to_dataset(),
        "table uncut": sj.scatter(syst, 0.1, k=[0.3, -1.1]).to_dataset(),
        "texts": [str(s), repr(s), str(sj.scatter(syst, 0.1, k=0.3))],
    }


# ---------------------------------------------------------------------- roughness and means
def layered(seed, dimensions=1, well=True, angles=ANGLES):
    """The problem of random layers, and an energy."""
    syst, cut, energy = random_layers(seed, dimensions, well)
    turn = {} if angles is None else dict(turns=angles, behind=cut)
    return CrystalSettings(**turn).problem(Device(system=syst)), energy


def counts():
    found = asked()
    lines = {}
    for name, of in (("cut", found), ("uncut", asked(False))):
        logs = levels.log_determinants(of, 0.1, K)
        lines[name] = [levels.count_levels(of, E, K), logs.real, np.exp(1j * logs.imag)]
    return lines | {"channels": levels.count_channels(found.crystal, E, K), "at once": levels.at_once(found.crystal)}


def brackets():
    """Where jumps of steps are bracketed, and at how many positions steps were counted."""
    steps, counted = np.array([[0.1, 0.1003, 0.77], [0.2, 0.5, 0.9]]), []

    def count(line, x):
        counted.append([line.sum(), x.sum(), len(x)])
        return (steps[line] < x[:, None]).astype(int)

    found = [levels.jumps(count, 2, np.linspace(0, 1, 9), width, at) for width in (0.1, 1e-4) for at in (2, 7, 64)]
    noise = np.random.default_rng(3).integers(0, 9, 4000)
    found.append(levels.jumps(lambda _, x: noise[(x * 1e6).astype(int) % 4000][:, None], 1, np.linspace(0, 1, 65)))
    return {"found": found, "counted": counted, "none": levels.jumps(count, 0, np.linspace(0, 1, 9))}


def followed():
    """Poles of a determinant that is known, sharp and broad, single, double and closer than a step."""
    zeros = np.array([0.3 - 1e-12j, 0.5 - 2e-4j, 0.9 + 1e-5j, 0.9 + 1e-5j, 1.2 - 1e-7j, 1.4 - 0.03j, 1.8 - 0.3j])
    at, asked_for = np.array([0.3 + 3e-10, 0.5, 0.9, 1.2 + 2e-8, 1.41, 1.8]), []

    def count(_, x):
        return (x[:, None] > np.append(zeros.real, 1.41)).sum(axis=1, keepdims=True) * [[1, 2]]

    def log_determinant(number, x):
        asked_for.append([number.sum(), x.sum(), len(x)])
        found = np.log(x[:, None] - zeros).sum(axis=1) + np.exp(1j * x)
        return np.stack([found, found + 1j * x], axis=1)

    return {"poles": levels.poles(count, log_determinant, at), "asked": asked_for}


def rough():
    lines = {}
    for seed, low in ((0, 0.0), (5, -np.pi)):
        of, energy = layered(seed)
        lines[f"line {seed}"] = levels.Rough(of, energy, np.array([low])).marks(np.zeros((1, 0)))
    of, energy = layered(0, 2, well=False, angles=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "GRID", 8)
        for low in ([0.0, 0.0], [-np.pi, 0.0]):
            plane = levels.Rough(of, energy, np.array(low))
            lines[f"plane {low}"] = [plane.marks(np.array([[0.2], [1.0]])), plane.outer]
    whole = ThreeLeads()
    three = CrystalSettings().problem(sj.Device(system=whole.build(), spin=whole.order, params=PARAMS))
    lines["three leads"] = levels.Rough(three, -1.3, np.array([-np.pi])).marks(np.zeros((1, 0)))
    return lines


def split():
    """Where lines are split of which kinks and peaks are known, one near another."""
    rng = np.random.default_rng(4)
    found = []
    for width in (1e-6, 1e-3, 0.02, 0.3):
        kinks = [0.0, 3.0, *np.sort(rng.uniform(0, 3, 4))]
        level = np.append(rng.uniform(-0.1, 3.1, 6), [kinks[3] + width / 2, kinks[4] - width / 3, width / 4])
        found.append(levels._split(kinks, level, width * rng.uniform(0.2, 2.0, 9)))
    return found


def integrand():
    """A mean before it is taken: kinds of its numbers, their sizes and noise, where it is even, what a node claims."""
    return [_integrand([problem.BASIC, problem.TURNED]), _integrand([problem.ALONG])]


def _integrand(observables):
    work = zone._Integrand(asked(), 0.1, observables, 1e-3, 1000)
    names = [
        "kept",
        "shapes",
        "ends",
        "missing",
        "first",
        "noise",
        "cancel",
        "audits",
        "kind",
        "of",
        "points",
        "residual",
        "is_open",
        "probe",
    ]
    before = {name: getattr(work, name) for name in names} | {"even": work.even(), "kept": str(work.kept)}
    size = work.sizes_on_mesh(np.array([-np.pi]))
    work.rescale(size)
    values, errors = work(K)
    judged = work.judged(abs(values).mean(axis=0), 1e-3 * abs(values).max(axis=0))
    after = [size, work.scales, work.units, values, errors, work.worst, *judged, work.noticed, work.room(), work.missed]
    restored = work.named(work.restored(values))
    return {"before": before, "after": after, "restored": restored, "enough": work.enough(values[0], 1e-9 * values[0])}


def means():
    """Means over a line and a plane, converged, given up, and on a lattice of momenta."""
    lines = {}
    for seed in (0, 3):
        of, energy = layered(seed, angles=ANGLES[1:2])
        lines[f"line {seed}"] = zone.mean(of, energy, [problem.BASIC, problem.TURNED], rtol=1e-3, max_points=3000)
    of, energy = layered(0, 2, well=False, angles=None)
    for name, points, many, rtol in (("few", 700, 4, 1e-3), ("lattice", 3000, 0, 0.2)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(zone, "MANY", many)
            patch.setattr(levels, "GRID", 8)
            lines[name] = zone.mean(of, energy, [problem.BASIC], rtol=rtol, max_points=points)
    whole = {name: {f.name: getattr(m, f.name) for f in dataclasses.fields(m)} for name, m in lines.items()}
    for m in whole.values():  # what passes barriers is small, and its errors smaller
        m |= {name: {key: 1e3 * x for key, x in (m[name] or {}).items()} for name in ("values", "errors", "replicas")}
    return {name: {"count" if key == "points" else key: x for key, x in m.items()} for name, m in whole.items()}


def above():
    """What turning costs at complex energies."""
    z = E + 1j * np.array([0.3, 0.05, 0.8])
    floor = exchange.spectrum_floor(asked().crystal)
    found = [exchange.exchange_integrand(of.crystal, z, K, of.turn) for of in (asked(), asked(axis=(0.0, 1.0, 0.0)))]
    return {"slopes": found, "unturned": exchange.exchange_integrand(asked().crystal, z, K, None), "floor": floor}


# ---------------------------------------------------------------------- integrals
FUNCTIONS = {
    "smooth": lambda x: np.stack([np.exp(x), np.cos(9 * x)], axis=-1),
    "kinked": lambda x: np.stack([abs(x - 0.3), 0.01 * abs(x - 1.31)], axis=-1),
    "peaked": lambda x: np.stack([1e-3 / (1e-6 + (x - 0.77) ** 2), x], axis=-1),
    "rooted": lambda x: np.stack([np.sqrt(abs(x - 0.5)), np.sign(x - 1.1)], axis=-1),
    "complex": lambda x: np.stack([np.exp(7j * x), 1 / (x - 0.4 + 0.01j)], axis=-1),
}


def integrals():
    """Integrals of two owners by all rules, with errors of the integrand, floors, peaks and little room."""
    pieces = quadrature.cut_into_pieces([0.0, 0.2], [1.0, 2.0], [[0.5, 0.1], [0.5, 3.0]])
    lines = {}
    for name, function in FUNCTIONS.items():
        for rule in ("FINE", "COARSE", "SAFE"):
            for case, options in {
                "plain": dict(rtol=1e-5),
                "floor": dict(rtol=0.0, floor=[1e-2, 1e-4]),
                "peak": dict(rtol=1e-5, peak=[1e-2, 0.0, -1e-3, 1e-3, 0.0][: len(pieces[0])]),
                "told": dict(rtol=lambda value, size, error, own: 1e-3 + 0 * size + 1e-2 * own + 1e-5 * abs(value)),
                "room": dict(rtol=1e-9, chunk=2),
            }.items():
                left = [600]

                def counted(owner, x, function=function, left=left):
                    left[0] -= x.size
                    return function(x) * (1 + owner)[:, None, None], 1e-6 * (1 + x)

                if case == "room":
                    options["room"] = lambda left=left: left[0]
                found = quadrature.integrate(counted, pieces, 2, 2, rule=getattr(quadrature, rule), **options)
                lines[f"{name} {rule} {case}"] = whole(found)
    kinks = np.random.default_rng(7).uniform(0, 1, 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quadrature, "PIECES", 3)  # of more the better half is accepted as it is
        crowd = quadrature.integrate(
            lambda _, x: (abs(x[..., None, None] - kinks).sum(axis=-1), 0.0), [np.array([x]) for x in (0, 0.0, 1.0)],
            1, 1, rtol=1e-6,
        )  # fmt: skip
    return lines | {"pieces": pieces, "crowd": whole(crowd)}


# ---------------------------------------------------------------------- reservoirs
IRON = dict(onsite=0.9, hopping=0.9, splitting=1.1, in_plane_hopping=0.2)
SPACER = [sj.barrier(onsite=3.0, hopping=0.7, thickness=2), sj.normal_metal(onsite=0.4, hopping=0.8)]
MU = np.array([[0.12, 0.02], [-0.05, 0.01]])
#: Reservoirs of one temperature, of two, and of one that is cold.
HEAT = (0.0, 0.0), (0.03, 0.03), (0.02, 0.05), (0.04, 0.0)


def valve():
    """Two unlike magnets, neither along an axis, a spacer of two materials and a bond of its own."""
    left = sj.ferromagnet(**IRON, m=sj.unit_vector(0.4, 0.9))
    right = sj.ferromagnet(onsite=0.8, hopping=1.1, splitting=1.4, in_plane_hopping=0.3, m=sj.unit_vector(1.1, -0.5))
    return sj.Junction(left, SPACER, right, bonds={1: 0.7})


def whole(found):
    """An integral with its claims; how often it was evaluated to the last point."""
    parts = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    return parts | {"evaluations": None, "count": found.evaluations}


def windows():
    """Windows of biased junctions, with accumulations, at one temperature and at two, with and without planes."""
    lines, settings = {}, dict(accumulation=MU, k=(0.4, 0.9), rtol=1e-3)
    for kT in HEAT:
        for by_plane in (False, True):
            found = sj.bias_response(valve(), [0.1, -0.3, 0.0], temperature=kT, layers=by_plane, **settings)
            lines[f"{kT} {by_plane}"] = [found, found.error * 1e3]
    normal = sj.Junction(SPACER[1], valve().layers, valve().right)
    lines["normal"] = sj.bias_response(normal, 0.2, equilibrium=True, temperature=HEAT[2], **settings)
    differences_ = [linear.occupation_differences(np.linspace(-1, 1, 7), MU, np.array(kT)) for kT in HEAT]
    return lines | {"occupations": differences_}


def driven():
    """The same of a crystal of several orbitals whose lead is longer than a site, at a momentum and in the mean."""
    syst, momenta, lines = SYSTEM.build(leads=2), np.array([[0.3], [0.9], [-2.0]]), {}
    device = sj.Device(system=syst, spin=SYSTEM.order, params=PARAMS)
    cut = dict(axis=SYSTEM.axis, spin_orbit=False, progress=False)

    def mean(of, energy, observables, rtol, **_):
        found = of.observe(np.full(3, energy), momenta, observables)
        values = {name: value.mean(axis=0) for name, value in found.values.items()}
        return SimpleNamespace(values=values, errors={name: rtol * abs(value) for name, value in values.items()})

    def potential(site):
        return np.interp(site.tag[0], [0.5, 3.5], [0.5, -0.5])

    def in_front(site):
        return not SYSTEM.behind(site)

    for k, behind, kT in ((0.3, SYSTEM.behind, HEAT[0]), (0.3, in_front, HEAT[2]), ("average", in_front, HEAT[3])):
        settings = crystal_bias.BiasSettings(behind=behind, turns=ANGLES[:2] if kT == HEAT[0] else 0.9, **cut)
        of = crystal_bias.BiasedCrystal(device, potential, k, settings)
        mu = MU + np.array([0.05, -0.05])[:, None]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(crystal_bias, "mean", mean)
            (found,) = of.responses(np.array([0.1]), mu[None], kT, 5e-2, kT == HEAT[2])
            of_bias = problem.Problem(of.crystal.biased(0.1 * of.potential), of.turn)
            window = crystal_bias._Window(of, of_bias, mu, np.array(kT), 1e-2, None, [])
            own = [window._pieces(crystal_bias.CUTS), window._splits(-0.2, 0.3, (-0.3, 0.35))]
        lines[f"{k} {behind.__name__}"] = [*(None if one is None else whole(one) for one in found), *own]
    return lines


def contours():
    """Integrals over all occupied states, of functions with poles that are known and of junctions."""
    places, lines = np.array([[-1.0, 0.3], [-0.4, 2.0]]), {}

    def solve_(owner, z):
        return 1 / (z[..., None] - places[owner][:, None])

    for kT in (0.0, 0.02, 0.3):
        found = equilibrium.contour(solve_, np.array([0.1, -0.2]), kT, np.array([-3.0, -2.0]), 1e-5, components=2)
        lines[f"poles {kT}"] = whole(found)
        for k in ((0.4, 0.9), [(0.1, 0.2), (1.0, 2.0)]):
            exchange_ = equilibrium.equilibrium_response(valve(), 0.1, temperature=kT, k=k, rtol=1e-4)
            lines[f"exchange {kT} {k}"] = exchange_
            lines[f"potential {kT} {k}"] = equilibrium.grand_potential(valve(), [[0.1], [0.3]], temperature=kT, k=k)
    lines["average"] = equilibrium.equilibrium_response(valve(), 0.1, k="average", rtol=1e-2, temperature=0.05)
    return lines


def slopes():
    """Derivatives and ratios of responses, with axes of their own for bias, accumulation and momentum."""
    V = np.array([0.05, -0.2])
    lines = {
        "plain": bias_derivative(valve(), V, rtol=1e-4, temperature=(0.02, 0.05), equilibrium=True),
        "many": bias_derivative(valve(), V, step=0.05, rtol=1e-3, accumulation=np.stack([MU, 2 * MU])[:, None]),
        "momenta": bias_derivative(valve(), 0.1, rtol=1e-3, k=[(0.1, 0.2), (0.7, 0.3)]),
        "ratio": tunneling_magnetoresistance(valve(), [0.0, 0.1], k=(0.4, 0.9), rtol=1e-4, temperature=0.03),
        "conductances": collinear_conductances(valve(), np.array([0.1, 0.4]), (0.4, 0.9)),
        "closed": collinear_conductances(valve(), -9.0),
    }
    return {name: vars(found) if hasattr(found, "bias") else found for name, found in lines.items()}


def lossy():
    """Noise, damping and potentials of junctions, samples and systems of three leads."""
    system = RandomSystem(np.random.default_rng(5), orbitals=2, leads=3)
    three = sj.scatter(system.build(0.7), 0.1, spin=system.order)
    free = sj.Junction(
        SPACER[1], [SPACER[0], sj.ferromagnet(**IRON, thickness=2, m=sj.unit_vector(0.7, 0.2))], valve().right
    )
    dirty = sj.Junction(
        free.left,
        [
            sj.normal_metal(onsite=0.4, hopping=0.8, in_plane_hopping=0.3, disorder=[sj.Anderson(width=0.7)]),
            free.layers[1],
        ],
        free.right,
    )
    of = {"batch": sj.scatter(free, [[0.1], [0.3]], [(0.4, 0.9), (0.2, 0.1)]), "one": sj.scatter(free, 0.1)}
    of |= {
        "average": sj.scatter(free, 0.1, "average", rtol=1e-3),
        "sample": sj.scatter(dirty, 0.2, cross_section=(2, 1), seed=2),
    }
    lines = {"three": [heard(sj.shot_noise(three, lead_in=lead)) for lead in range(3)]}
    for name, s in of.items():
        lines[f"noise {name}"] = [heard(sj.shot_noise(s, lead_in=lead)) for lead in (0, 1)]
        lines[f"damping {name}"] = [sj.gilbert_damping(s, 1), sj.gilbert_damping(s, 1, moment=1.3, g_factor=2.1)]
        axis = None if name != "sample" else sj.unit_vector(0.4, 0.3)
        lines[f"potentials {name}"] = sj.chemical_potentials(s, (0.6, 0.35), (-0.2, -0.45), axis)
    return lines


def heard(noise):
    leads = range(noise.total.shape[-1])
    fanos = [[noise.fano(lead), noise.spin_fano(lead)] for lead in leads]
    return [noise, fanos, [noise.fano_by_spin(lead) for lead in leads if lead != noise.lead_in], noise.error * 1e3]


def averaged():
    """What is asked of the mean of a crystal after it was taken, with errors of its own."""
    syst = layers([1.0, 1.0, 3.5, 1.3, 1.3], [1.0, 1.0, 0.0, 0.7, 0.7], 0.3)
    s = sj.scatter(syst, 0.1, k="average", turns=[0.4], behind=lambda site: site.tag[0] > 1, rtol=1e-2)
    torque, heard_ = s.torque(lambda site: site.tag[0] == 3), sj.shot_noise(s, lead_in=1)
    errors = {name: 1e3 * error for name, error in s.measured.errors.items()}
    more = {"noise": heard_, "error": [1e3 * heard_.error, 1e3 * torque.k_error], "errors": errors}
    return {"torque": torque, "table": s.to_dataset(), "text": str(s), **more}


def checks():
    """Second routes to junctions: which, at how many points, and up to where two agree."""
    given = {
        "batch": (np.linspace(-0.2, 0.3, 7), (0.4, 0.9)),
        "kwant": (0.1, (0.4, 0.9), dict(solver="kwant")),
        "modes": (0.1, (0.4, 0.9), dict(solver="modes")),
        "wide": (0.1, None, dict(solver="halves", cross_section=(2, 1))),
        "mean": (0.1, "average", dict(rtol=1e-4)),
    }
    lines = {}
    for name, (energy, k, *more) in given.items():
        found = sj.scatter(valve(), energy, k, check=True, **dict(*more)).check
        lines[name] = [found.route, found.points, 1e3 * found.allowed, found.difference < 1e-3 * found.allowed]
    return lines


def vectors():
    """Answers to accumulations of any direction, in batches and in the mean, and what is matched with them."""
    m = [sj.unit_vector(0.4, 0.9), sj.unit_vector(1.1, -0.5)]
    batch = sj.vector_response(sj.scatter(valve(), [[0.1], [0.5]], [(0.4, 0.9), (0.2, 0.1), (1.2, 1.0)]))
    mean = sj.vector_response(sj.scatter(valve(), 0.1, "average", rtol=1e-2), rtol=1e-2)
    matched = vector_response.vector_interface(batch, *m, area=0.7)
    frames = vector_response.accumulation_frames(np.stack([*m, [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]))
    return {"batch": batch, "mean": mean, "matched": matched.response, "frames": frames}


MADE = {
    "crystal cut": lambda: taken(asked().crystal),
    "crystal uncut": lambda: taken(asked(False).crystal),
    "crystal coarser": lambda: taken(asked().crystal.coarser),
    "crystal biased": lambda: taken(asked().crystal.biased(np.linspace(0.5, -0.4, 9))),
    "observed": observed,
    "observed uncut": lambda: observed(False),
    "amplitudes": amplitudes,
    "fluxes": fluxes,
    "answered": answered,
    "counts": counts,
    "brackets": brackets,
    "followed": followed,
    "rough": rough,
    "split": split,
    "integrand": integrand,
    "means": means,
    "above": above,
    "integrals": integrals,
    "windows": windows,
    "driven": driven,
    "contours": contours,
    "slopes": slopes,
    "lossy": lossy,
    "vectors": vectors,
    "averaged": averaged,
    "checks": checks,
}


def record(name):
    return RECORDS / f"{name.replace(' ', '_')}.txt"


@pytest.mark.parametrize("name", MADE)
def test_what_lies_between_is_what_it_was(name):
    assert differences(list(told(MADE[name]())), record(name).read_text().splitlines()) == []


if __name__ == "__main__":
    tell_those_named(MADE, lambda name: list(told(MADE[name]())), record)
