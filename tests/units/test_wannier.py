"""Wannier90's files: those of a known model give its bands and transmissions, and what is wrong is refused."""

import re
from itertools import product

import kwant
import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.devices.wannier import wannier_junction
from kwant_spinjunc.spin import PAULI

#: Digits of the files.
WRITTEN = 2e-6
VECTORS = np.diag([2.8, 2.8, 2.8])
FERMI = 7.25
E_M, E_S = np.array([[-0.4, 0.25], [0.25, 0.7]]), 3.2 * np.eye(2)
HOP = np.array([[-1.0, 0.2], [0.1, -0.6]])
ACROSS = np.array([[-0.35, 0.05], [0.05, 0.2]])


def model(onsite, exchange, far=0.0, m=(0.0, 0.0, 1.0), coupling=0.0):
    """Return H(R) of two orbitals in the order (spin, orbital), with spin-orbit coupling if asked for."""
    along = np.einsum("i,iab->ab", np.array(m), PAULI)
    both = lambda a: np.kron(np.eye(2), a) + 0j  # noqa: E731
    H = {(0, 0, 0): both(onsite) - np.kron(along, exchange)}
    terms = {(0, 0, 1): both(HOP), (1, 0, 0): both(ACROSS), (0, 1, 0): both(ACROSS.T), (1, 0, 1): both(0.1 * HOP)}
    if far:
        terms[0, 0, 2] = far * both(np.eye(2))
    if coupling:
        terms[1, 0, 0] = terms[1, 0, 0] + 1j * coupling * np.kron(PAULI[1], np.eye(2))
    for R, h in terms.items():
        H[R] = h
        H[-R[0], -R[1], -R[2]] = h.conj().T
    return H


IRON = dict(onsite=E_M, exchange=np.array([[0.5, 0.1], [0.1, 0.3]]))
SPACER = dict(onsite=E_S, exchange=np.zeros((2, 2)))


def write(path, H, *, style="hr", weights=1, shuffle=False, fermi=FERMI):
    """Write H(R) as Wannier90 does; with ``weights`` = 2 every cell counts half, as on the border of the supercell."""
    size = len(H[0, 0, 0])
    lines = ["written by a test"]
    if style == "tb":
        lines += [" ".join(f"{x:.6f}" for x in row) for row in VECTORS]
    degeneracy = [weights if R != (0, 0, 0) else 1 for R in H]
    pad = {1: [], 2: [2] * (len(H) % 2 == 0)}[weights]
    lines += [str(size), str(len(H) + len(pad))]
    flat = [str(d) for d in degeneracy + pad]
    lines += [" ".join(flat[i : i + 15]) for i in range(0, len(flat), 15)]
    cells = list(H.items()) + [((9, 9, 9), np.zeros((size, size)))] * len(pad)
    for (R, h), d in zip(cells, degeneracy + pad, strict=True):
        value = h * d + (fermi * np.eye(size) if R == (0, 0, 0) else 0)
        if style == "tb":
            lines += ["", " ".join(map(str, R))]
        order = list(product(range(size), range(size)))
        if shuffle:
            order = order[::-1]
        for n, m in order:
            cell = "" if style == "tb" else " ".join(map(str, R)) + " "
            lines.append(f"{cell}{m + 1} {n + 1} {value[m, n].real:.6f} {value[m, n].imag:.6f}")
    if style == "tb":  # matrices of positions follow
        for R in H:
            lines += ["", " ".join(map(str, R)), *(f"{m} {n} " + "0.0 " * 6 for n, m in product((1, 2), (1, 2)))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def halves(H, spin):
    """Return the blocks of one spin."""
    n = len(H[0, 0, 0]) // 2
    return {R: h[spin * n : (spin + 1) * n, spin * n : (spin + 1) * n] for R, h in H.items()}


def pair(folder, H, **options):
    return [write(folder / f"{spin}_hr.dat", halves(H, s), **options) for s, spin in enumerate(("up", "dn"))]


def in_turns(H):
    """Return spins in turn, up and down of each orbital."""
    n = len(H[0, 0, 0]) // 2
    order = np.arange(2 * n).reshape(2, n).T.ravel()
    return {R: h[np.ix_(order, order)] for R, h in H.items()}


@pytest.mark.parametrize("options", [{}, {"style": "tb"}, {"shuffle": True}])
def test_bands_of_the_files_are_those_of_the_model(tmp_path, options):
    H = model(**IRON)
    known = {} if options.get("style") == "tb" else {"vectors": VECTORS}
    collinear = sj.read_wannier90(*pair(tmp_path, H, **options), fermi_energy=FERMI, **known)
    first = write(tmp_path / "so.dat", H, **options)
    second = write(tmp_path / "os.dat", in_turns(H), **options)
    spinors = sj.read_wannier90(first, fermi_energy=FERMI, spin_order="spin-orbital", **known)
    turns = sj.read_wannier90(second, fermi_energy=FERMI, spin_order="orbital-spin", **known)
    k = np.random.default_rng(0).uniform(-np.pi, np.pi, (7, 3))
    exact = sum(np.exp(1j * (k @ np.array(R)))[:, None, None] * h for R, h in H.items())
    for found in (collinear, spinors, turns):
        assert found.hamiltonian(k) == pytest.approx(exact, abs=10 * WRITTEN)
        assert found.bands(k) == pytest.approx(np.linalg.eigvalsh(exact), abs=10 * WRITTEN)
        assert found.vectors == pytest.approx(VECTORS)
        assert found.exchange == pytest.approx([0, 0, 2 * 0.4], abs=WRITTEN)
        assert found.mixing < 1e-12


def own_junction(left, spacer, cells, k, normal=2):
    """Return the transmission of the model's own stack, built by hand from H(R), at fixed momenta in the plane."""
    kinds = [left] * (2 + cells[0]) + [spacer] * cells[1] + [left] * (2 + cells[2])
    reach = 2

    def block(a, b, dx):
        total = 0
        for R in {**a, **b}:
            if R[normal] == dx:
                parts = [part[R] for part in (a, b) if R in part]
                total = total + sum(parts) / len(parts) * np.exp(1j * (k[0] * R[0] + k[1] * R[1]))
        return total

    chain = kwant.lattice.chain(norbs=4)
    syst = kwant.Builder()
    for x, kind in enumerate(kinds):
        syst[chain(x)] = block(kind, kind, 0)
    for x, dx in product(range(len(kinds)), (1, 2)):
        if x + dx < len(kinds):
            hop = block(kinds[x], kinds[x + dx], dx)
            if np.any(hop):
                syst[chain(x), chain(x + dx)] = hop
    for direction, x in ((-reach, 0), (reach, len(kinds) - reach)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        for y in range(x, x + reach):
            lead[chain(y)] = block(left, left, 0)
        for y, dx in product(range(x, x + reach), (1, 2)):
            lead[chain(y), chain(y + dx)] = block(left, left, dx) + np.zeros((4, 4))
        syst.attach_lead(lead)
    return kwant.smatrix(syst.finalized(), 0.0).transmission(1, 0)


def test_a_junction_of_two_pairs_of_files_transmits_as_the_model(tmp_path):
    (tmp_path / "s").mkdir()
    iron, spacer = model(**IRON, far=0.15), model(**SPACER, far=0.15)
    magnet = sj.read_wannier90(*pair(tmp_path, iron), fermi_energy=FERMI, vectors=VECTORS)
    wall = sj.read_wannier90(*pair(tmp_path / "s", spacer), fermi_energy=FERMI + 0.5, vectors=VECTORS)
    device = sj.wannier_junction(magnet, wall.shifted(0.5), magnet, cells=(2, 4, 2))
    k = np.array([[0.3, 0.8], [0.1, -0.4]])
    s = sj.scatter(device, 0.0, k=k, turns=[0.0, 1.0], behind="spacer")
    for i, momentum in enumerate(k):
        assert s.between_leads()[0, i, 1, 0] == pytest.approx(own_junction(iron, spacer, (2, 4, 2), momentum), rel=1e-4)
    assert s.between_leads()[0].max() > 1e-4
    # another alignment is another junction
    low = sj.scatter(sj.wannier_junction(magnet, wall, magnet, cells=(2, 4, 2)), 0.0, k=k)
    assert abs(low.between_leads() / s.between_leads()[0] - 1).max() > 0.1
    assert abs(s.torque("right").exchange[1]).max() > 1e-6


def test_a_normal_may_be_any_axis(tmp_path):
    swapped = {(R[2], R[1], R[0]): h for R, h in model(**IRON).items()}
    there = {(R[2], R[1], R[0]): h for R, h in model(**SPACER).items()}
    (tmp_path / "s").mkdir()
    magnet = sj.read_wannier90(*pair(tmp_path, swapped), fermi_energy=FERMI, vectors=VECTORS)
    wall = sj.read_wannier90(*pair(tmp_path / "s", there), fermi_energy=FERMI, vectors=VECTORS)
    s = sj.scatter(sj.wannier_junction(magnet, wall, magnet, normal=0, cells=(1, 3, 1)), 0.0, k=[[0.8, 0.3]])
    expected = own_junction(model(**IRON), model(**SPACER), (1, 3, 1), (0.3, 0.8))
    assert s.momenta == ("k_b", "k_c")
    assert s.between_leads()[0, 1, 0] == pytest.approx(expected, rel=1e-4)


def test_degeneracies_divide(tmp_path):
    H = model(**IRON)
    path = write(tmp_path / "a.dat", H, weights=2)
    if (len(H) - 1) / 2 % 1:
        pytest.fail("the weights must add up to whole points")
    found = sj.read_wannier90(path, fermi_energy=FERMI, spin_order="spin-orbital", vectors=VECTORS)
    assert found.hoppings[0, 0, 1] == pytest.approx(H[0, 0, 1], abs=WRITTEN)


#: The four-band model of Bernevig, Hughes and Zhang as examples for other programs are written by hand.
BHZ = {
    (0, 0, 0): np.diag([-3.0, 3.0, -3.0, 3.0]),
    (1, 0, 0): np.kron(np.eye(2), np.diag([1.0, -1.0])) - 0.5j * np.kron(PAULI[2], PAULI[0]),
    (0, 1, 0): np.kron(np.eye(2), np.array([[1.0, -0.5], [0.5, -1.0]])),
}


def by_hand(cells, repeated=0.0):
    """Return a file that goes through matrices by rows, repeats its home cell, and has signs before zeros."""
    H = {**cells, **{(-R[0], -R[1], -R[2]): h.conj().T for R, h in cells.items()}}
    rows = [(R, H[R]) for R in H] + [((0, 0, 0), repeated * np.eye(4)), ((0, 0, 0), np.zeros((4, 4)))]
    lines = [" 4-band BHZ model", " 4", f"{len(rows):12d}", "    1" * len(rows)]
    for R, h in rows:
        for m, n in product(range(4), range(4)):
            numbers = f"{h[m, n].real:15.8f} {-0.0 if h[m, n].imag == 0 else h[m, n].imag:15.8f}"
            lines.append("".join(f"{i:5d}" for i in (*R, m + 1, n + 1)) + numbers)
    return "\n".join(lines) + "\n"


def test_models_written_by_hand_are_read(tmp_path):
    path = tmp_path / "BHZ_hr.dat"
    path.write_text(by_hand(BHZ))
    found = sj.read_wannier90(path, fermi_energy=0.0, spin_order="spin-orbital", vectors=np.eye(3))
    k = np.random.default_rng(1).uniform(-np.pi, np.pi, (5, 3))
    level = -3 + 2 * np.cos(k[:, 0]) + 2 * np.cos(k[:, 1])
    E = np.sqrt(level**2 + np.sin(k[:, 0]) ** 2 + np.sin(k[:, 1]) ** 2)
    assert found.bands(k) == pytest.approx(np.stack([-E, -E, E, E], axis=1), abs=1e-8)
    assert np.linalg.norm(found.exchange) < 1e-12
    path.write_text(by_hand(BHZ, repeated=1e-3))
    with pytest.raises(sj.ArgumentError, match=r"every cell once, but BHZ_hr.dat has \(0, 0, 0\) again"):
        sj.read_wannier90(path, fermi_energy=0.0, spin_order="spin-orbital", vectors=np.eye(3))


def test_numbers_are_read_as_fortran_writes_them(tmp_path):
    """Wannier90 prints `_tb.dat` with eight digits and an exponent, whose E makes room for a third digit."""

    def fortran(match):
        mantissa, exponent = f"{float(match[0]) / 10:.7e}".split("e")
        return f"{float(mantissa) / 10:.8f}E{int(exponent) + 2:+03d}"

    H = model(**IRON)
    up, down = pair(tmp_path, H, style="tb")
    for path in (up, down):
        text = re.sub(r"-?\d+\.\d{6}", fortran, path.read_text())
        assert "0.00000000E+" in text
        path.write_text(text.replace("0.00000000E+02", "0.31415927-104").replace("0.00000000E+01", "-0.31415927-104"))
        assert "-104" in path.read_text()
    found = sj.read_wannier90(up, down, fermi_energy=FERMI)
    assert found.hoppings[0, 0, 1] == pytest.approx(H[0, 0, 1], abs=WRITTEN)
    stretched = up.read_text().splitlines()
    stretched[1:4] = ["2.9 0 0", "0 2.9 0", "0 0 2.9"]
    down.write_text("\n".join(stretched))
    with pytest.raises(sj.ArgumentError, match="`files` must be of one lattice, but dn_hr.dat has other"):
        sj.read_wannier90(up, down, fermi_energy=FERMI)


def test_lattice_vectors_may_point_backwards(tmp_path):
    """Rounded as files round them, they are those given to all digits."""
    path, exact = write(tmp_path / "a.dat", model(**IRON), style="tb"), -2.8 / 3 * np.eye(3)[[0, 2, 1]]
    lines = path.read_text().splitlines()
    lines[1:4] = [" ".join(f"{x:.6f}" for x in row) for row in exact]
    path.write_text("\n".join(lines) + "\n")
    known = dict(fermi_energy=FERMI, spin_order="spin-orbital")
    assert np.array_equal(sj.read_wannier90(path, **known, vectors=exact).vectors, exact)
    with pytest.raises(sj.ArgumentError, match="other vectors"):
        sj.read_wannier90(path, **known, vectors=exact - 1e-5 * np.eye(3))


def write_wsvec(path, moves, header="## written on 1Jan2026 at 00:00:00 with use_ws_distance=.true."):
    lines = [header]
    for (R, m, n), cells in moves.items():
        lines += ["".join(f"{i:5d}" for i in (*R, m + 1, n + 1)), f"{len(cells):5d}"]
        lines += ["".join(f"{i:5d}" for i in T) for T in cells]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_orbitals_are_moved_as_wannier90_moves_them(tmp_path):
    """Cells of a 4 x 4 x 4 calculation may be moved by its supercell; of two equal ones each takes a half."""
    H = model(**IRON)
    files = pair(tmp_path, H)
    known = dict(fermi_energy=FERMI, vectors=VECTORS)
    moves = {(R, m, n): [(0, 0, 0)] for R in H for m, n in product(range(2), range(2))}
    moves[(1, 0, 0), 0, 1], moves[(-1, 0, 0), 1, 0] = [(-4, 0, 0)], [(4, 0, 0)]
    moves[(0, 0, 1), 1, 1], moves[(0, 0, -1), 1, 1] = [(0, 0, 0), (0, 0, -4)], [(0, 0, 0), (0, 0, 4)]
    path = write_wsvec(tmp_path / "a_wsvec.dat", moves)
    plain = sj.read_wannier90(*files, **known)
    moved = sj.read_wannier90(*files, **known, wsvec=[path, path])
    k = np.random.default_rng(3).uniform(-np.pi, np.pi, (5, 3))
    by_hand = np.zeros((5, 4, 4), complex)
    for ((R, m, n), cells), s in product(moves.items(), (0, 1)):
        phase = np.mean([np.exp(1j * (k @ (np.array(R) + T))) for T in cells], axis=0)
        by_hand[:, 2 * s + m, 2 * s + n] += phase * H[R][2 * s + m, 2 * s + n]
    assert moved.hamiltonian(k) == pytest.approx(by_hand, abs=10 * WRITTEN)
    assert abs(moved.bands(k) - plain.bands(k)).max() > 0.01
    mesh = np.array(list(product(range(4), repeat=3))) * np.pi / 2
    assert moved.bands(mesh) == pytest.approx(plain.bands(mesh), abs=1e-12)
    still = write_wsvec(path, {place: [(0, 0, 0)] for place in moves}, "## with use_ws_distance=.false.")
    assert sj.read_wannier90(*files, **known, wsvec=[still, still]).bands(k) == pytest.approx(plain.bands(k), abs=1e-12)

    def refused(moves, message, **header):
        path = write_wsvec(tmp_path / "b_wsvec.dat", moves, **header)
        with pytest.raises(sj.ArgumentError, match=message):
            sj.read_wannier90(*files, **known, wsvec=[path, path])

    refused({**moves, ((1, 0, 0), 0, 1): [(-4, 0, 0), (0, 0, 0)]}, "`wsvec` must be Hermitian, but in b_wsvec.dat")
    refused(dict(list(moves.items())[:-1]), "must list every element of every cell")
    refused({**moves, ((7, 0, 0), 0, 0): [(0, 0, 0)]}, "must list every element of every cell")
    refused(moves, "and no more .* it has been applied", header="## use_ws_distance=.true. write_ndegen_applied=.true.")
    with pytest.raises(sj.ArgumentError, match="`wsvec` must be a list of one file for each"):
        sj.read_wannier90(*files, **known, wsvec=[path])


# ---------------------------------------------------------------------- refusals
@pytest.mark.parametrize("true_order", ["spin-orbital", "orbital-spin"])
def test_the_wrong_order_of_spins_is_refused(tmp_path, true_order):
    H = model(**IRON, coupling=0.02)
    path = write(tmp_path / "a_hr.dat", H if true_order == "spin-orbital" else in_turns(H))
    (wrong,) = {"spin-orbital", "orbital-spin"} - {true_order}
    settings = dict(fermi_energy=FERMI, vectors=VECTORS)
    with pytest.raises(sj.ArgumentError, match="`spin_order` must be that of a_hr.dat"):
        sj.read_wannier90(path, spin_order=wrong, **settings)
    right = sj.read_wannier90(path, spin_order=true_order, **settings)
    assert 1e-3 < right.mixing < 0.1  # spin-orbit coupling


def test_the_wrong_direction_of_the_exchange_is_refused(tmp_path):
    up, down = pair(tmp_path, model(**IRON))
    settings = dict(fermi_energy=FERMI, vectors=VECTORS)
    with pytest.raises(sj.ArgumentError, match=r"points along \(0, 0, -1\)"):
        sj.read_wannier90(down, up, **settings)
    path = write(tmp_path / "x.dat", model(**IRON, m=(1.0, 0.0, 0.0)))
    with pytest.raises(sj.ArgumentError, match="`m` must be the direction of the majority spin|`spin_order`"):
        sj.read_wannier90(path, spin_order="spin-orbital", **settings)
    turned = sj.read_wannier90(path, spin_order="spin-orbital", m=(1.0, 0.0, 0.0), **settings)
    assert turned.exchange == pytest.approx([0.8, 0, 0], abs=WRITTEN)


def broken(text, what):
    lines = text.splitlines()
    if what == "cut off":
        return "\n".join(lines[:-3])
    if what == "not Hermitian":
        return text.replace(lines[-2], " ".join([*lines[-2].split()[:-2], "1.500000", "0.3"]))
    if what == "repeated element":
        return text.replace(lines[-1], lines[-2])
    if what == "no cell":
        size = int(lines[1])
        first = [" ".join(["inf", *line.split()[1:]]) for line in lines[-(size**2) :]]
        return "\n".join([*lines[: -(size**2)], *first])
    if what == "no numbers":
        return text.replace(lines[-1], lines[-1] + "x")
    if what == "cell missing":
        size = int(lines[1])
        return "\n".join(
            [lines[0], lines[1], str(int(lines[2]) - 1), lines[3].rsplit(" ", 1)[0], *lines[4 : -(size**2)]]
        )
    return text.replace(lines[3], lines[3].replace("1", "3", 1), 1)  # degeneracy


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("cut off", "is not or is cut off"),
        ("not Hermitian", "must be Hermitian"),
        ("repeated element", "missing, repeated"),
        ("no numbers", "is not or is cut off"),
        ("no cell", "is not or is cut off"),
        ("cell missing", "must be Hermitian"),
        ("degeneracy", "number of k points"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, what, message):
    path = write(tmp_path / "a.dat", model(**IRON))
    path.write_text(broken(path.read_text(), what))
    with pytest.raises(sj.ArgumentError, match=message):
        sj.read_wannier90(path, fermi_energy=FERMI, spin_order="spin-orbital", vectors=VECTORS)


def test_what_the_files_do_not_say_is_asked_for(tmp_path):
    up, down = pair(tmp_path, model(**IRON))
    with pytest.raises(sj.ArgumentError, match="`vectors` must be given"):
        sj.read_wannier90(up, down, fermi_energy=FERMI)
    with pytest.raises(sj.ArgumentError, match="`spin_order` must be"):
        sj.read_wannier90(up, fermi_energy=FERMI, vectors=VECTORS)
    with pytest.raises(sj.ArgumentError, match="readable files"):
        sj.read_wannier90(tmp_path / "none", down, fermi_energy=FERMI, vectors=VECTORS)
    magnet = sj.read_wannier90(up, down, fermi_energy=FERMI, vectors=VECTORS)
    single = {R: h[::2, ::2] for R, h in model(**SPACER).items()}
    narrow = sj.read_wannier90(
        write(tmp_path / "n.dat", single), fermi_energy=FERMI, spin_order="spin-orbital", vectors=VECTORS
    )
    with pytest.raises(sj.ArgumentError, match="`coupling` must be given"):
        wannier_junction(magnet, narrow, magnet)
    with pytest.raises(sj.ArgumentError, match="`normal` must be 0 to 2"):
        wannier_junction(magnet, magnet, magnet, normal=3)
    with pytest.raises(sj.ArgumentError, match="`spacer` must be a Wannier, but is"):
        wannier_junction(magnet, "spacer", magnet)
    for stretch, allowed in ((1.1, False), (1.02, True), ([[1.0], [1.0], [1.5]], True)):  # the last along the normal
        wide = sj.read_wannier90(up, down, fermi_energy=FERMI, vectors=np.array(VECTORS) * stretch)
        if allowed:
            wannier_junction(magnet, wide, magnet)
        else:
            with pytest.raises(sj.ArgumentError, match="`spacer` must have the lattice vectors of `left` .* by 10%"):
                wannier_junction(magnet, wide, magnet)
    with pytest.raises(sj.ArgumentError, match="`cells` must be three numbers"):
        wannier_junction(magnet, magnet, magnet, cells=5)
    with pytest.raises(sj.ArgumentError, match="`coupling` must be a function"):
        wannier_junction(magnet, narrow, magnet, coupling=0.5)
    with pytest.raises(sj.ArgumentError, match=r"`coupling` must return a matrix \(4, 2\), but its shape is \(2, 2\)"):
        wannier_junction(magnet, narrow, magnet, coupling=lambda here, there, R: np.eye(2))
    with pytest.raises(sj.ArgumentError, match="`m` must be one vector"):
        sj.read_wannier90(up, down, fermi_energy=FERMI, vectors=VECTORS, m=[[0.0, 0.0, 1.0]] * 2)
    rows = np.array([[1.0, 0.0]])

    def coupling(here, there, R):
        if R != (0, 0, 1):
            return None
        block = rows if here.orbitals == 1 else rows.T
        return -np.kron(np.eye(2), block)

    device = wannier_junction(magnet, narrow, magnet, coupling=coupling)
    assert device.unit == "eV"
    assert sj.scatter(device, 0.0, k=[[0.2, 0.1]]).between_leads()[0, 1, 0] > 0
