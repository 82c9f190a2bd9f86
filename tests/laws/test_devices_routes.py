"""Small devices that were once answered wrongly, each a kind: the right value by dense Green functions."""

import kwant
import numpy as np
import pytest
from dense import Dense
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI

#: Two routes away from band edges; dense inverses lose two digits more than the solver.
ROUTES = 1e-9

ONE = np.eye(2)
SX, SY, SZ = PAULI
UP = np.array([0.0, 0.0, 1.0])


def told(order):
    """S of a site as a function of it, for the reference."""
    return lambda site: [
        np.kron(s, np.eye(site.family.norbs // 2))
        if order == "spin-orbital"
        else np.kron(np.eye(site.family.norbs // 2), s)
        for s in PAULI
    ]


# ---------------------------------------------------------------------- sites with unequal numbers of orbitals
def unequal_sites(length=9, ends=True):
    """A chain s - sd - s: two orbitals, four in the middle, and hoppings from one kind into the other."""
    s, sd = (kwant.lattice.chain(norbs=n, name=name) for n, name in ((2, "s"), (4, "sd")))
    inner = (lambda x: 3 <= x < 6) if ends else (lambda x: not 3 <= x < 6)
    sites = [(sd if inner(x) else s)(x) for x in range(length)]
    syst = kwant.Builder()
    for site in sites:
        syst[site] = -0.2 * SZ if site.family is s else 0.1 * np.kron(SZ, ONE) - 0.5 * np.kron(ONE, SX)
    into = np.array([[1.0], [0.3]])
    for a, b in zip(sites[1:], sites[:-1], strict=True):
        shape = {(2, 2): [[1.0]], (4, 4): np.eye(2), (4, 2): into, (2, 4): into.T}[a.family.norbs, b.family.norbs]
        syst[a, b] = -np.kron(shape, ONE)
    for site, direction in ((sites[0], -1), (sites[-1], 1)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        n = site.family.norbs // 2
        lead[site] = -0.2 * np.kron(np.eye(n), SZ)
        lead[site.family.neighbors()] = -np.eye(2 * n)
        syst.attach_lead(lead)
    return syst.finalized()


@pytest.mark.parametrize("ends", [True, False])
def test_fluxes_between_sites_with_unequal_orbitals_are_those_of_dense_green_functions(ends):
    # regression: kwant.operator.Current reads out of bounds in a site with more orbitals than its neighbor
    syst = unequal_sites(ends=ends)
    spin = {"s": "spin-orbital", "sd": "orbital-spin"}
    cuts = {str(x): (lambda site, x=x: site.tag[0] > x) for x in range(8)}
    magnets = {"inside": lambda site: 2 <= site.tag[0] < 7}
    found = sj.scatter(syst, 0.1, spin=spin, magnetizations={0: UP, 1: UP}, cuts=cuts, magnets=magnets)
    dense = Dense(syst, 0.1, told("orbital-spin"), [UP, UP])
    assert dense.error < ROUTES
    assert_allclose(found.probabilities, dense.probabilities, atol=ROUTES)
    number = {site.tag[0]: i for i, site in enumerate(syst.sites)}
    graph = list(syst.graph)
    for lead in range(2):
        lattice = {q: found.on_lattice(q, lead) for q in ("charge", "x", "y", "z")}
        for x in range(8):
            hopping = (number[x + 1], number[x])
            wanted = [dense.flux([hopping], lead, s) for s in range(2)]
            assert_allclose(found.spin_current(str(x))[lead], wanted, atol=ROUTES)
            for column, q in enumerate(lattice):
                assert abs(lattice[q][graph.index(hopping)] - sum(wanted)[column]) < ROUTES
        into = [(number[2], number[1]), (number[6], number[7])]
        assert_allclose(
            found.torque("inside").flux[lead], [dense.flux(into, lead, s)[1:] for s in range(2)], atol=ROUTES
        )
    charge = found.spin_current("4", total=True)[0, 0]
    assert charge == pytest.approx(found.transmissions[1, 0], abs=ROUTES)


def test_densities_of_unequal_sites_are_those_of_dense_green_functions():
    syst = unequal_sites()
    found = sj.scatter(syst, 0.1, spin={"s": "spin-orbital", "sd": "orbital-spin"}, magnetizations={0: UP, 1: UP})
    dense = Dense(syst, 0.1, told("orbital-spin"), [UP, UP])
    rho = dense.states(0, 0) + dense.states(0, 1)
    for quantity, operator in zip(("charge", "x", "y", "z"), [np.eye(len(rho)), *dense.S], strict=True):
        per_orbital = np.diag(operator @ rho).real
        assert_allclose(found.density(quantity, 0), np.add.reduceat(per_orbital, dense.offsets[:-1]), atol=ROUTES)
