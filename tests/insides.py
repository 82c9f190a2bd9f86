"""What engines and devices have inside, told whole by `tests/units/test_records.py`: routes hide each other's slips.

Nothing here depends on the phases of eigenvectors, nor on rounding.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import kwant
import numpy as np
from supercells import COPPER, ENERGY, LEFT, RIGHT

import kwant_spinjunc as sj
from kwant_spinjunc.devices import (
    audit,
    build,
    cuts,
    exchange,
    lead_modes,
    solve,
    spin_channels,
    spin_order,
    wannier,
    waves,
)
from kwant_spinjunc.devices.device import Device
from kwant_spinjunc.devices.spin_operators import SpinOperator
from kwant_spinjunc.halves import batch, chain, kinks, pencil, surface, zone
from kwant_spinjunc.halves.batch import Stack
from kwant_spinjunc.halves.real import angles, border, face, slabs
from kwant_spinjunc.halves.real.joint import Joint
from kwant_spinjunc.halves.supercell import half as supercell_half
from kwant_spinjunc.halves.supercell import modes, sampled
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.spin import PAULI, sigma

DIRTY = [sj.Anderson(width=1.2)]
IRON = dict(hopping=0.9, in_plane_hopping=0.8)
OXIDE = sj.barrier(onsite=9.0, hopping=0.8, in_plane_hopping=0.7, thickness=3)
WELL = sj.normal_metal(onsite=3.1, hopping=1.1, in_plane_hopping=0.9, thickness=3)


def well(theta=0.7, bonds=None):
    """A quantum well between two unlike magnets."""
    left = sj.ferromagnet(**IRON, onsite=4.0, splitting=1.0)
    right = sj.ferromagnet(**IRON, onsite=3.7, splitting=1.3, m=sj.unit_vector(theta, 0.4))
    return sj.Junction(left, [OXIDE, WELL, replace(OXIDE, thickness=2)], right, bonds=bonds)


def spiral():
    """Three magnets along axes of their own around wells."""
    magnet = [
        sj.ferromagnet(**IRON, onsite=4.0, splitting=s, m=sj.unit_vector(t, 0.3))
        for t, s in ((0, 1), (0.8, 1.2), (1.4, 0.9))
    ]
    return sj.Junction(
        magnet[0], [OXIDE, replace(WELL, thickness=2), replace(magnet[1], thickness=2), OXIDE], magnet[2]
    )


def stacked():
    """Stacks that differ along three axes: one of levels, one of splittings, one of directions."""
    stack = Stack.from_junction(well(bonds={2: 0.6, 5: 0.7}))
    onsite = stack.onsite + 0.1 * np.arange(2)[:, None, None, None]
    splitting = stack.splitting * np.array([0.0, 1.0, -1.3])[:, None, None]
    turned = stack.with_directions(sj.unit_vector(0.2, 0.1), sj.unit_vector(np.linspace(0.3, 2.0, 4), 0.5))
    return replace(turned, onsite=onsite, splitting=splitting)


OF_STACK = "dispersive magnetic equal_leads lead_like symmetric labels_differ parameter_shape shape planes"


def of_stack(stack):
    found = {name: str(getattr(stack, name)) for name in OF_STACK.split()}
    found |= {name: getattr(stack, name) for name in ("rotation", "label_rotations", "frames", "local_m")}
    found["orders"] = str([(list(stack.order(side)), stack.inner_bonds(side)) for side in (0, 1)])
    if stack.cut is not None:
        found["runs"] = str(stack.runs)
    return found


def arrays():
    """How arrays of junctions are laid out and cut in pieces."""
    copper, iron = sj.normal_metal(onsite=0.2, hopping=1.0), sj.ferromagnet(onsite=0.3, hopping=1.0, splitting=0.5)
    long = sj.Junction(iron, [iron, iron, replace(copper, thickness=19), replace(iron, thickness=3)], copper)
    free = sj.Junction(copper, [iron, replace(copper, thickness=2)], copper)
    family = [[replace(well(t), bonds={2: b}) for t in (0.1, 0.9, 2.0)] for b in (0.6, 0.7)]
    shapes = [((5, 7, 3), 20), ((5, 7, 3), 105), ((5, 7, 3), 104), ((1, 50), 8), ((6, 1, 4), 3), ((9,), 4)]
    several = Stack.from_junctions(family)
    return {
        "blocks": {str(x): str(list(batch.blocks(*x))) for x in shapes},
        **{name: of_stack(x) for name, x in (("stacked", stacked()), ("texture", stacked().as_texture()))},
        **{
            name: of_stack(Stack.from_junction(x)) for name, x in (("long", long), ("free", free), ("spiral", spiral()))
        },
        "several": {name: str(getattr(several, name).shape) for name in batch.SCALARS} | of_stack(several),
        "rows": {n: getattr(stacked().rows(np.array([0, 5, 23])), n) for n in ("onsite", "splitting", "bonds", "m")},
    }


def stepping():
    """Steps of known places and widths, two of three owners with a step at all."""
    width, place = np.array([1e-3, 1.0, 1e-9]), np.array([0.31, 50.0, 1.47])

    def states(owner, c):
        return np.arctan((c - place[owner, None]) / width[owner, None]) / np.pi

    ends = np.full(3, -2.0), np.array([2.0, 2.0, 1.9])
    two = ends[0][:2], ends[1][:2]  # the last one without a step
    return {
        "two": kinks.sharp_steps(states, *two),
        "plain": kinks.sharp_steps(states, *ends),
        "flanks": kinks.sharp_steps(states, *ends, flanks=True),
    }


def rough():
    turned = Stack.from_junction(well()).with_directions(
        sj.unit_vector(0.0), sj.unit_vector(np.array([0.3, np.pi / 2, 2.8]))
    )
    rows = Stack.from_junctions([well(0.7), well(2.0, {1: 0.7})]).spread((2,)).rows(np.array([0, 1]))
    c = np.linspace(-1.9, 1.9, 7)
    return {
        "thresholds": kinks.thresholds(turned, np.array([[0.1], [0.5]])),
        "of angles": {str(t): kinks.resonances(well(t), 0.1) for t in (0.0, 0.7, np.pi / 2, 2.2)},
        "together": kinks.resonances(turned, 0.1),
        "of a spiral": kinks.resonances(spiral(), 0.1),
        "split": kinks.split_points(well(), [0.1, 0.6]),
        "edges": kinks.lead_edges(rows, np.array([0.3, -1.1])),
        "below": kinks.states_below(spiral_stack(), np.full((1, 7), 0.1), c[None]),
        "one spin": kinks.states_of_one_spin(turned, 0.1, np.array([[1, 1], [1, -1]]), np.stack([c, c])),
        "steps": stepping(),
    }


def spiral_stack():
    return Stack.from_junction(spiral()).rows(np.zeros(1, dtype=np.intp))


def means():
    split = np.array([[0.3, -0.2, 5.0], [1.7, 1.6999, -1.2]])
    peaked = zone.average(lambda c: 1 / (0.01 + (c - 0.4) ** 2), [0.4], rtol=1e-4)
    two = zone.average(
        lambda c, i: np.stack([abs(c - 0.3 * i), np.sqrt(abs(c))], axis=1), [[0.0], [0.3]], rtol=1e-5, floor=0.1
    )
    grid = [(0.3, 0.2), (1.1, 2.0)]
    junction = well()

    def observe(c, index=None):
        return {"open": junction.open_channels(0.1, c).astype(float), "c": c if index is None else c + index}

    return {
        "nodes": zone.nodes(split),
        "coarse": zone.nodes((), 0.3),
        "mesh": [*zone.mesh(6), *zone.mesh(6, wedge=False), *zone.gamma_mesh(5)],
        "weight": zone.weight([-2.0, -0.3, 1e-9, 1.1]),
        "peaked": [peaked.value, peaked.error],
        "two": [two.value, two.error],
        "asked": [zone.mean(observe, junction, 0.1, k).value for k in (grid, None, "average")],
        "many": zone.mean(observe, junction, [0.1, 0.6], grid).value,
        "kinds": str(zone.mean(observe, junction, [0.1, 0.6], rtol=1e-4).value["open"].shape),
    }


# ---------------------------------------------------------------------- samples
def valve(side=0, spacer=2, left=LEFT, right=RIGHT):
    first, last = replace(LEFT, thickness=2 + side, disorder=DIRTY), replace(RIGHT, thickness=3 - side, disorder=DIRTY)
    layers = [LEFT, first, replace(COPPER, onsite=2.5, thickness=spacer), last, replace(RIGHT, thickness=2)]
    return sj.Junction(left, layers, right)


def sample_of(junction, shape=(2, 3), boundary="periodic", seed=3):
    section = CrossSection(shape, boundary)
    return sampled.Sampled(junction, ENERGY, section, realize(junction, section, seed))


def real_samples():
    """Both halves of real samples, what joins them, and how large the numbers were."""
    found = {}
    cases = {
        "valve": valve(),
        "other": valve(1, 1),
        "left": valve(0, 3, left=COPPER),
        "right": valve(1, 2, right=COPPER),
        "clean": sj.Junction(LEFT, [replace(LEFT, thickness=2), *valve().layers[2:]], RIGHT),
        "clean behind": sj.Junction(LEFT, [*valve().layers[:3], replace(RIGHT, thickness=2)], RIGHT),
        "no magnet": sj.Junction(COPPER, [replace(COPPER, thickness=3, disorder=DIRTY), *valve().layers[2:]], RIGHT),
    }
    for name, junction in cases.items():
        problem, axes = sample_of(junction), junction.magnetizations
        cut = sampled.cut_of(problem, axes)
        for shift in (0.0, 0.7):
            watch = face.Watch(1.1, shift)
            joint = Joint(problem, cut, axes, watch)
            K = joint.K(np.array([[0.8, -0.6], [0.6, 0.8]]))
            found[f"{name} {shift}"] = {
                "cut": cut,
                "watch": watch.worst,
                "faces": [[f.n, f.m, [abs(v) for v in f.v], [abs(c) for c in f.C]] for f in joint.faces],
                "h": [joint.h, [abs(x) for x in joint.x], joint.N, joint.a],
                "K": [abs(K.aa), abs(K.ab), abs(K.bb), str(K.counts)],
                "P": joint.probabilities(np.array([[0.8, -0.6], [0.6, 0.8]])),
            }
    return found


def between_angles():
    """What is interpolated in angle, and how good it says it is."""
    asked = []

    def P(x):
        asked.append(x)
        factors = np.ones((2, 2, 2, 2)) * (1 + 0.3 * np.arange(16).reshape(2, 2, 2, 2))
        return angles._factors(np.array([x]))[0] * factors * (1 + slope * x + size * x**2)

    found, x = {}, np.linspace(0.05, 0.95, 12)
    for slope, size in ((1e-9, 0.0), (1e-3, 1e-8), (1e-3, 1e-4), (0.1, 0.3)):
        asked.clear()
        found[f"{slope} {size}"] = [angles.interpolated(P, x), len(asked), sorted(asked)]
    values = 1 + np.random.default_rng(3).random((5, 2, 2, 2, 2))
    coefficients = angles._coefficients(values)
    smooth = coefficients * (0.01 ** np.arange(5))[:, None, None, None, None]
    found["nodes"] = [angles._nodes(3), angles._nodes(9)]
    found["coefficients"] = [coefficients, angles._polynomial(x, coefficients)]
    found["sizes"] = angles.relative_sizes(coefficients, values)
    found["errors"] = [angles.error_of(coefficients, values), angles.error_of(smooth, values)]
    return found


def samples():
    """Where samples fall into halves, their planes, leads and surfaces."""
    iron = {name: replace(x, thickness=2, disorder=DIRTY) for name, x in (("L", LEFT), ("R", RIGHT), ("N", COPPER))}
    turning = replace(COPPER, thickness=2, disorder=[sj.SpinOrbitScattering(angle=0.4)])
    stacks = ["LNR", "LR", "NLNRN", "LNNR", "N", "LN", "NR", "LLRR", "LNLNR", "LNRNR"]
    found = {"cuts": {}}
    for ends in ((LEFT, RIGHT), (COPPER, RIGHT), (LEFT, COPPER)):
        for names in stacks:
            junction = sj.Junction(ends[0], [ends[0], *(iron[n] for n in names), ends[1]], ends[1])
            problem = sample_of(junction, (1, 2))
            found["cuts"][f"{names} {ends[0].is_magnetic} {ends[1].is_magnetic}"] = (
                sampled.cut_of(problem, junction.magnetizations) if len(set(names)) else 0
            )
    for boundary in ("periodic", "hard wall", ("periodic", "hard wall")):
        junction = sj.Junction(LEFT, [LEFT, iron["L"], turning, iron["R"], RIGHT], RIGHT)
        problem = sample_of(junction, (2, 3), boundary)
        masks = [
            problem.magnetic,
            problem.turning_bonds,
            problem.turning_planes,
            problem.uniform,
            problem.uniform_bonds,
        ]
        chi = sj.spin.spinors(sj.unit_vector(0.4, 0.3))
        planes = [problem.plane(n) for n in (2, 4)] + [problem.spin_plane(n, chi) for n in (2, 4)]
        turns = [problem.bond(b, chi) for b in (3, 4)]
        found[str(boundary)] = {"masks": [str(x.astype(int).tolist()) for x in masks], "planes": planes, "turns": turns}
    problem, axes = sample_of(valve()), valve().magnetizations
    for side in (0, 1):
        lead = modes.Modes(problem, side, axes[side])
        first = [[lead.sigma, lead.velocity, lead.g, lead.difference, lead.counts]]
        order = range(4) if side == 0 else range(problem.planes - 1, 4, -1)
        lead.step(order[0], lead.t)
        found[f"lead {side}"] = [*first, lead.g, abs(lead.wave), lead.difference]
        half = supercell_half.solve_half(problem, side, axes[side], order, outgoing=True, keep=True)
        inc = [abs(b @ b.conj().T) for b in half.inc]
        found[f"half {side}"] = [half.g, half.difference, inc, [abs(s) for s in half.s0], [p.n for p in half.chain]]
    section = CrossSection((4, 3), ("periodic", "hard wall"))
    c, U = border.real_modes(section)
    found["real modes"] = [c, abs(U), U @ np.diag(c) @ U.T]
    return found


# ---------------------------------------------------------------------- surfaces and chains
def blocks(n, m=None, scale=1.0, seed=0, count=3):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(count, n, m or n)) + 1j * rng.normal(size=(count, n, m or n))
    return scale * (a + a.conj().swapaxes(-1, -2)) / 2 if m is None else scale * a


def of_surface(found):
    back = found.source.conj().swapaxes(-1, -2)
    return {
        "sigma": found.sigma,
        "fluxes": [found.source @ back, found.out.conj().swapaxes(-1, -2) @ found.out],
        "returned": np.sort(abs(found.reflection).ravel()),
        "count": found.count,
        "doubtful": str(found.doubtful.tolist()),
        "residual": found.residual,
    }


def surfaces():
    root = blocks(3, 3, 0.3, seed=2)
    definite = -(root @ root.conj().swapaxes(-1, -2) + 0.5 * np.eye(3))
    cases = {
        "definite": (blocks(3), definite),
        "any": (blocks(3), blocks(3, 3, seed=1)),
        "real": (blocks(3).real + 0j, blocks(3, 3, seed=1).real + 0j),
    }
    cases["narrow"] = blocks(3), blocks(2, 3, seed=1)
    cases["one"] = blocks(1, scale=0.5), blocks(1, 1, seed=1)
    found = {}
    for name, (h, t) in cases.items():
        both = surface.surfaces(h, t, mirrored=t.shape == h.shape)
        found[name] = {str(n): of_surface(part) for n, part in enumerate(both)} | {"channels": surface.channels(h, t)}
        if t.shape == h.shape:
            own, source, out, back = pencil.pencil_surface(h[0], t[0])
            found[name]["pencil"] = [own, source @ source.conj().T, out.conj().T @ out, np.sort(abs(back).ravel())]
    return found


def chains():
    """A half of planes of 2, 3 and 1 orbitals with leads at two of them."""
    sizes = (2, 3, 1)
    onsite = [blocks(n, seed=n, count=2) for n in sizes]
    hopping = [blocks(n, m, 0.5, seed=9 + n, count=2) for n, m in pairwise(sizes)]
    leads = []
    for plane, rows in ((2, slice(0, 1)), (1, np.array([0, 2]))):
        n = len(np.arange(sizes[plane])[rows])
        (found,) = surface.surfaces(blocks(n, scale=0.3, seed=3, count=2), -np.broadcast_to(np.eye(n) + 0j, (2, n, n)))
        leads.append(chain.Attached(plane, rows, found))
    whole = chain.Chain(onsite, hopping, leads)
    half = chain.eliminate(whole)
    total, last = chain.reduced(whole, lambda D: np.linalg.slogdet(D)[1] > 0)
    reactive = chain.reduced(whole, lambda D: (np.linalg.eigvalsh(D) < 0).sum(axis=-1), reactive=True)
    return {
        "D": half.D,
        "g": [half.g, half.growth],
        "w": half.w @ half.w.conj().swapaxes(-1, -2),
        "steps": [T for T, _ in half.steps],
        "s": [abs(half.s), abs(half.s0)],
        "reduced": [total, last, *reactive],
    }


# ---------------------------------------------------------------------- devices
def cross(params=None):
    """Three terminals of uneven orbitals and sizes: a site of four orbitals, complex hoppings, a field of its own."""
    rng = np.random.default_rng(7)
    two, four = kwant.lattice.square(norbs=2, name="two"), kwant.lattice.square(norbs=4, name="four")

    def free(n, m):
        return np.kron(np.eye(2), rng.normal(size=(n // 2, m // 2)) + 1j * rng.normal(size=(n // 2, m // 2)))

    def level(n, m, size):
        a = 0.3 * free(n, n)
        return a + a.conj().T - size * np.kron(sigma(m), np.eye(n // 2))

    axes = [sj.unit_vector(0.4, 0.2), sj.unit_vector(1.1, -0.5), sj.unit_vector(2.0, 1.3)]
    syst, sites = kwant.Builder(), {}
    for x, y in ((0, 0), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1), (4, 0)):
        family = four if x in (1, 3) else two
        sites[x, y] = family(x, y)
        syst[sites[x, y]] = level(family.norbs, axes[(x + y) % 3], 0.4)
    for a, b in (
        ((0, 0), (1, 0)),
        ((0, 0), (1, 1)),
        ((1, 0), (2, 0)),
        ((1, 1), (2, 0)),
        ((2, 0), (3, 0)),
        ((3, 0), (4, 0)),
        ((3, 0), (3, 1)),
        ((3, 1), (4, 0)),
        ((1, 1), (1, 0)),
    ):
        syst[sites[b], sites[a]] = 0.7 * free(sites[b].family.norbs, sites[a].family.norbs)
    for number, (direction, at) in enumerate((((-1, 0), (0, 0)), ((1, 0), (4, 0)), ((0, -1), (2, 0)))):
        lead = kwant.Builder(kwant.TranslationalSymmetry(direction))
        lead[two(*at)] = 0.2 * np.eye(2) - 0.3 * sigma(axes[number])
        lead[two(at[0] + direction[0], at[1] + direction[1]), two(*at)] = -np.exp(0.3j) * np.eye(2)
        syst.attach_lead(lead)
    return Device(
        system=syst.finalized(),
        spin="spin-orbital",
        magnetizations=dict(enumerate(axes)),
        cuts={"right": sj.between(lambda s: s.tag[0] < 3, lambda s: s.tag[0] >= 3), "left": lambda s: s.tag[0] >= 1},
        magnets={"all": lambda s: s.tag[0] in (1, 3), "one": [sites[1, 1], sites[1, 0]]},
        exchange=lambda site: -0.4 * np.kron(sigma(axes[sum(site.tag) % 3]), np.eye(site.family.norbs // 2)),
        unit="eV",
    )


def device():
    """Everything that is asked of a device, by Kwant's waves and by Green functions."""
    of = cross()
    found = sj.scatter(of, 0.1, check=True)
    system, spin = of.system, of.spin_operator()
    counts, offsets = waves.orbitals_of(system)
    places = waves.orbitals(np.array([1, 3]), counts, offsets)
    self_energies = [audit._self_energy(lead, 0.1, {})[0] for lead in system.leads]
    island = [system.sites[i] for i in (1, 2)]
    per_lead = [np.asarray(x) for x in found._waves]
    return {
        "found": found,
        "flux": {name: [found.spin_current(name), found.spin_current(name, total=True)] for name in of.cuts},
        "torque": {name: found.torque(name) for name in of.magnets},
        "by default": [found.on_lattice(), found.density()],
        "lattice": {q: [found.on_lattice(q, lead) for lead in (0, 2)] for q in ("charge", "x", "y", "z")},
        "density": {q: [found.density(q, lead) for lead in (0, 2)] for q in ("charge", "x", "y", "z")},
        "currents": [found.currents([0.1, -0.2, 0.05]), found.currents([[0.1, 0.0], [-0.2, 0.1], [0.05, 0.3]])],
        "conductance": [found.conductance_matrix(), found.conductance_matrix(spins=True)],
        "transmission": [found.transmission(2, 0), found.transmission((1, 0), 2), found.transmission(1, (2, 1))],
        "orbitals": [counts, offsets, places],
        "self-energies": self_energies,
        "extrapolated": audit._extrapolated(np.array([3.0, 1.0, 4.0, 1.5])),
        "cuts": {name: [of.cut(name).hoppings, of.cut(name).behind.astype(int)] for name in of.cuts},
        "parts": [x.tolist() for x in cuts.parts_without(of.cut("right").hoppings, of.edges, 7)],
        "axes": [spin_channels.lead_exchange(system, n, spin, {}) for n in range(3)],
        "cells": str([tuple(site.tag) for n in range(3) for site in spin_channels.cell_sites(system, n)]),
        "spin": [x.toarray() for x in spin.block_diagonal(island)],
        "reversal": spin.time_reversal(island).toarray(),
        "waves": [waves.residual(system, found._waves, energy, np.arange(7), {}) for energy in (0.1, 0.2)],
        "outgoing": [abs(np.linalg.det(psi[:, :2])) for psi in per_lead if psi.shape[0] == 2],
        "says": str(of),
    }


def divided():
    """What is exchange of a Hamiltonian, by everything that can be said of it."""
    lattice = kwant.lattice.square(norbs=2, name="s")

    def system(field, rashba, phase=0.0):
        syst = kwant.Builder()
        for x, y in np.ndindex(4, 2):
            syst[lattice(x, y)] = (0.3 + 0.1 * x) * np.eye(2) - field * (x in (1, 2)) * sigma(
                sj.unit_vector(0.3 * x, y)
            )
        syst[kwant.builder.HoppingKind((1, 0), lattice)] = -np.exp(1j * phase) * np.eye(2) + 0.5j * rashba * PAULI[1]
        syst[kwant.builder.HoppingKind((0, 1), lattice)] = -np.eye(2) - 0.4j * rashba * PAULI[0]
        for direction in (-1, 1):
            lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)))
            lead[(lattice(0, y) for y in (0, 1))] = 0.3 * np.eye(2)
            lead[lattice.neighbors()] = -np.eye(2)
            syst.attach_lead(lead)
        return syst.finalized()

    spin, sites = SpinOperator("spin-orbital"), np.array([2, 3, 4, 5])
    found = {}
    bare = system(0.0, 0.6)
    matrix = {lattice: -0.2 * PAULI[2]}
    for name, of in (("field", system(0.4, 0.0)), ("both", system(0.4, 0.6)), ("phase", system(0.4, 0.6, 0.2))):
        edges = np.array(list(of.graph))
        for said in (None, "time-reversal", bare, matrix, -0.2 * PAULI[2]):
            part, why = exchange.divide(said, of, edges, sites, spin, {})
            key = f"{name} {said if isinstance(said, str) else type(said).__name__}"
            found[key] = [0.0 if part is None else part.toarray(), why]
    return found


def leads():
    """Modes typed in, above the axis, and by blocks."""
    section = CrossSection((2, 3), ("periodic", "hard wall"))
    found = {}
    for name, layer in (("magnet", RIGHT), ("metal", COPPER)):
        for energy in (ENERGY, -1.3):
            propagating, stable = lead_modes.AnalyticModes(layer, section)(energy)
            found[f"{name} {energy}"] = {
                "waves": abs(propagating.wave_functions),
                "k": [propagating.momenta, propagating.velocities, propagating.block_nmodes],
                "stable": [abs(stable.vecs), abs(stable.vecslmbdainv), stable.nmodes, stable.sqrt_hop],
            }
    h = blocks(3, count=4) - np.arange(1, 5)[:, None, None] * 0.3j * np.eye(3)
    found["decimated"] = [lead_modes.decimated(h, t) for t in (blocks(3, 3, seed=1, count=4), blocks(2, 3, seed=1)[0])]
    of = cross()
    for looked in solve.look_at_leads(
        of.system,
        {},
        [of.spin_operator().along(m, spin_channels.cell_sites(of.system, n)) for n, m in of.magnetizations.items()],
    ):
        found[f"blocks {len(found)}"] = [
            looked.H,
            looked.hop,
            [abs(p @ p.conj().T) for p in looked.projectors],
            looked.is_whole,
        ]
    for kinds in (2, 4, 8):
        found[f"conjugations {kinds}"] = list(spin_order._conjugations(kinds))
    found["sampled"] = str(
        [spin_order._sample(list(range(n)), count) for n, count in ((5, 3), (9, 3), (2, 3), (1000, 4))]
    )
    return found


def built():
    """Hamiltonians of junctions as Kwant has them."""
    dirty = [sj.Anderson(width=0.7), sj.SpinOrbitScattering(angle=0.3)]
    copper = sj.normal_metal(onsite=0.6, hopping=0.8, in_plane_hopping=0.3, thickness=2, disorder=dirty)
    rough = replace(RIGHT, thickness=2, disorder=[sj.Roughness(amplitude=0.4)])
    junction = sj.Junction(LEFT, [copper, replace(COPPER, in_plane_hopping=0.0), rough, RIGHT], RIGHT, bonds={1: 0.6})
    found = {"coupled": str(build._coupled_planes(junction).astype(int).tolist())}
    for shape, options in (
        ((1, 1), dict(k=(0.3, 0.7))),
        ((2, 3), dict(k=(0.3, 0.7))),
        ((3, 2), dict(boundary="hard wall")),
        ((1, 2), dict(boundary=("periodic", "hard wall"))),
    ):
        syst = sj.build(junction, cross_section=shape, seed=3, realization=2, first_plane=4, **options).finalized()
        found[str(shape)] = [
            syst.hamiltonian_submatrix(),
            [[lead.cell_hamiltonian(), lead.inter_cell_hopping()] for lead in syst.leads],
            str([tuple(site.tag) for site in syst.sites]),
            str([lead.discrete_symmetry().projectors is None for lead in syst.leads]),
        ]
    return found


def random_model(n, seed, size=0.3):
    """H(R) of n orbitals a spin along a tilted axis, none of its cells alike."""
    rng = np.random.default_rng(seed)
    m = np.array([0.6, 0.0, 0.8])
    H = {}
    for R in ((0, 0, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0), (1, 0, -1), (0, 1, 2)):
        a, b = rng.normal(size=(2, n, n)) + 1j * rng.normal(size=(2, n, n))
        if R == (0, 0, 0):
            a, b = a + a.conj().T, (b @ b.conj().T)
        mixed = 0.01 * np.kron(PAULI[1], a + a.conj().T if R == (0, 0, 0) else a)  # spins along m are coupled a little
        H[R] = np.round(mixed + np.kron(np.eye(2), a) - size * np.kron(sigma(m), b if R == (0, 0, 0) else 0.2 * b), 6)
        H[-R[0], -R[1], -R[2]] = H[R].conj().T
    return H


def written(H, style, turned=False):
    """The lines of a file of Wannier90, cells of weight two."""
    size = len(H[0, 0, 0])
    order = np.arange(size).reshape(2, -1).T.ravel() if turned else np.arange(size)
    lines = ["a comment"]
    if style == "tb":
        lines += ["2.5 0.1 0.0", "0.2 2.7 0.0", "0.0 0.3 3.1"]
    weights = [1 if R == (0, 0, 0) else 2 for R in H] + [2] * (len(H) % 2 == 0)
    cells = [*H.items()] + [((9, 9, 9), np.zeros((size, size)))] * (len(H) % 2 == 0)
    lines += [str(size), str(len(cells)), " ".join(map(str, weights[:15])), " ".join(map(str, weights[15:]))]
    for (R, block), weight in zip(cells, weights, strict=True):
        value = block[np.ix_(order, order)] * weight
        lines += ["", " ".join(map(str, R))] if style == "tb" else []
        for n, m in np.ndindex(size, size):
            where = "" if style == "tb" else " ".join(map(str, R)) + " "
            lines.append(f"{where}{m + 1} {n + 1} {value[m, n].real:.6f} {value[m, n].imag:.6f}")
    return "\n".join(lines)


def moves(H, size):
    """A `_wsvec.dat` that shares some elements among two cells."""
    lines = ["## written with use_ws_distance=.true."]
    for R in H:
        for m, n in np.ndindex(size, size):
            shared = [(0, 0, 0)] if (m + n) % 2 == 0 or R == (0, 0, 0) else [(0, 0, 0), (0, m - n, 0)]
            lines += [" ".join(map(str, (*R, m + 1, n + 1))), str(len(shared))]
            lines += [" ".join(map(str, T)) for T in shared]
    return "\n".join(lines)


def wannier_files():
    """What is read of files of every kind, and junctions of them along each axis."""
    settings = dict(fermi_energy=0.7, m=(0.6, 0.0, 0.8))
    model, found = random_model(2, 1), {}
    with tempfile.TemporaryDirectory() as folder:

        def file(name, text):
            path = Path(folder) / name
            path.write_text(text)
            return path

        vectors = [[2.5, 0.1, 0.0], [0.2, 2.7, 0.0], [0.0, 0.3, 3.1]]
        for style, turned in (("hr", False), ("hr", True), ("tb", False)):
            given = {} if style == "tb" else {"vectors": vectors}
            order = "orbital-spin" if turned else "spin-orbital"
            read = sj.read_wannier90(
                file("a.dat", written(model, style, turned)), spin_order=order, **given, **settings
            )
            found[f"{style} {turned}"] = [read, read.bands([[0.1, 0.2, 0.3]])]
        one = [random_model(2, seed) for seed in (3, 4)]
        for R, block in one[0].items():  # blocks of one spin each, up lower
            one[0][R], one[1][R] = block[:2, :2] - 8.0 * (R == (0, 0, 0)) * np.eye(2), one[1][R][:2, :2]
        names = [file(f"{n}.dat", written(H, "tb")) for n, H in enumerate(one)]
        moved = [file(f"{n}_wsvec.dat", moves(H, 2)) for n, H in enumerate(one)]
        for wsvec in ((), moved):
            read = sj.read_wannier90(*names, wsvec=wsvec, **settings)
            found[f"pair {len(wsvec)}"] = read
    shape = [[2.5, 0.1, 0.0], [0.2, 2.7, 0.0], [0.0, 0.3, 3.1]]
    parts = [
        wannier.Wannier(random_model(n, seed), np.array(shape), np.array([0.6, 0.0, 0.8]), np.zeros(3), 0.1)
        for n, seed in ((2, 5), (1, 6), (2, 7))
    ]
    same = [parts[0], parts[2].shifted(0.4), parts[2]]
    for normal in (0, 2):
        for three, coupling in (
            (same, None),
            (parts, lambda a, b, R: np.full((2 * a.orbitals, 2 * b.orbitals), 0.1 + sum(R))),
        ):
            made = wannier.wannier_junction(*three, normal=normal, cells=(2, 3, 1), coupling=coupling)
            system = made.system
            params = {"k_a": 0.3, "k_b": 0.5, "k_c": 0.7}
            params = {name: params[name] for name in sorted(system.parameters)}
            found[f"{normal} {coupling is None}"] = [
                system.hamiltonian_submatrix(params=params),
                [
                    [lead.cell_hamiltonian(params=params), lead.inter_cell_hopping(params=params)]
                    for lead in system.leads
                ],
                [
                    made.cut("spacer").hoppings,
                    made.cut("spacer").behind.astype(int),
                    made.sites("left"),
                    made.sites("right"),
                ],
            ]
    return found


INSIDES = {
    "arrays": arrays,
    "kinks": rough,
    "means": means,
    "angles": between_angles,
    "samples": samples,
    "surfaces": surfaces,
    "chains": chains,
    "device": device,
    "exchange": divided,
    "leads": leads,
    "builder": built,
    "Wannier": wannier_files,
}
if slabs.is_available():
    INSIDES["real samples"] = real_samples
