"""Surfaces of leads that are doubtful are taken from a slower reference, one by one, and the nearer one is kept."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from kwant_spinjunc.halves.surface import Surface, settled, surfaces

NAMES = ("sigma", "source", "out", "reflection", "count")


def leads(p, n):
    """Four random leads whose interface has p of the n orbitals of a cell, in a batch."""
    for seed in range(50):
        rng = np.random.default_rng(seed)
        h, t = (rng.normal(size=(4, m, n)) + 1j * rng.normal(size=(4, m, n)) for m in (n, p))
        h = (h + h.conj().swapaxes(-1, -2)) / 4
        (found,) = surfaces(h, t)
        if not found.doubtful.any() and 0 < found.count.min() < found.count.max():
            return h, t, found
    raise AssertionError("no leads of unlike numbers of channels")


def exact(found):
    """A reference that knows the answer, told by the cell it is asked for."""
    whole = {}

    def modes(h, t):
        at = whole[h.tobytes()]
        N = int(found.count[at])
        return found.sigma[at], found.source[at][:, :N], found.out[at][:N], found.reflection[at][:N, :N]

    return whole, modes


def damaged(found, at, most):
    """Wrong numbers and no channels where it is doubtful, arrays as wide as the others need."""
    parts = {name: getattr(found, name).copy() for name in NAMES}
    for index in at:
        for name in NAMES[:-1]:
            parts[name][index] = 7.0
        parts["count"][index] = 0
    parts["source"], parts["out"] = parts["source"][..., :most], parts["out"][..., :most, :]
    parts["reflection"] = parts["reflection"][..., :most, :most]
    doubtful, residual = found.doubtful.copy(), found.residual.copy()
    for index in at:
        doubtful[index], residual[index] = True, 1.0
    return Surface(**parts, doubtful=doubtful, residual=residual)


@pytest.mark.parametrize(("p", "n"), [(2, 2), (2, 3), (3, 3)])
def test_what_is_doubtful_is_replaced_and_the_rest_stays_as_it_is(p, n):
    h, t, found = leads(p, n)
    whole, reference = exact(found)
    whole.update({h[at].tobytes(): at for at in np.ndindex(4)})
    widest = tuple(np.argwhere(found.count == found.count.max())[0])
    for at in [[widest], [widest, (1,)], [tuple(x) for x in np.argwhere(found.count == found.count.max())]]:
        left = [found.count[x] for x in np.ndindex(4) if x not in at]
        got = settled(damaged(found, at, max(left)), h, t, reference)
        assert not got.doubtful.any()
        for name in NAMES:
            assert_allclose(getattr(got, name), getattr(found, name), atol=1e-12, err_msg=name)
        assert got.residual.max() < 1e-10
    assert settled(found, h, t, reference) is found


def test_what_no_reference_finds_stays_doubtful_and_of_two_answers_the_nearer_is_kept():
    h, t, found = leads(2, 2)
    whole, reference = exact(found)
    whole.update({h[at].tobytes(): at for at in np.ndindex(4)})
    at = (2,)
    lost = settled(damaged(found, [at], found.count.max()), h, t, lambda *_: None)
    assert lost.doubtful.tolist() == [False, False, True, False]

    own = replace(found, doubtful=np.arange(4) == 2)  # doubted, and right

    def worse(h, t):
        sigma, source, out, reflection = reference(h, t)
        return 1.001 * sigma, source[:, :0], out[:0], reflection[:0, :0]

    kept = settled(own, h, t, worse)
    assert not kept.doubtful.any()
    for name in NAMES:
        assert_allclose(getattr(kept, name), getattr(found, name), atol=0, err_msg=name)
    assert_allclose(kept.residual, found.residual, rtol=1e-6, atol=1e-14)
    both = settled(replace(own, residual=np.where(own.doubtful, 1.0, own.residual)), h, t, worse)
    assert both.doubtful[at]
