"""Round trips: each code's own torque law, evaluated from the exported numbers, is the microscopic torque.

The laws are written here from the documentation and source of each code, not taken from
`kwant_spinjunc.magnets.export`; where a code is installed (`make test-export`), the code itself computes the torque.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.constants import e, hbar, mu_0
from strategies import examples, numbers

import kwant_spinjunc as sj
from kwant_spinjunc import units
from kwant_spinjunc.cli import main as cli
from kwant_spinjunc.magnets.export import (
    TARGETS,
    InvalidParametrizationError,
    bias_law,
    export,
)
from kwant_spinjunc.magnets.export.codes import CODES, Numbers
from kwant_spinjunc.magnets.parameters import AngularResponse, effective_parameters, interface_parameters
from kwant_spinjunc.theory import circuit
from kwant_spinjunc.theory.slonczewski import asymmetric_efficiency
from systems.asymmetric_junction import asymmetric_junction
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

SYSTEMS = Path(__file__).parents[2] / "systems"
A = 0.25  # nm
D, MS, GAMMA = 2e-9, 8e5, 1.76e11  # m, A/m, rad/(T s)
#: Numbers in a snippet have ten digits.
PRINTED = 1e-9
LAYER = {target: {"free_thickness": D * 1e9} for target in ("mumax3", "magnumnp")}
LAYER["cmtj"] = {"free_thickness": D * 1e9, "saturation": MS}
GEOMETRY = {target: {"lattice_constant": A, **LAYER.get(target, {})} for target in TARGETS}
TORQUE_CODES = tuple(target for target in TARGETS if target != "boris")

#: Magnetizations on the sphere: no axis, plane or sign is special.
M_LEFT, M_RIGHT = sj.unit_vector(0.7, 0.4), sj.unit_vector(1.9, 2.1)
JUNCTIONS = {
    "tunnel, negative polarizations": tunnel_junction(),
    "tunnel, positive polarizations": tunnel_junction(height=4.0),
    "inverse magnetoresistance": asymmetric_junction(height=3.0),
    "inverse, the other magnet": asymmetric_junction(height=4.0),
    "different magnets": asymmetric_junction(),
    "metallic valve": spin_valve(),
}


def placed(junction):
    """The junction with its magnetizations (of majority spins) at `M_LEFT` and `M_RIGHT`."""
    return replace(junction, left=replace(junction.left, m=M_LEFT), right=replace(junction.right, m=M_RIGHT))


def microscopic(junction, free, voltage=0.1):
    """dm/dt of the free *magnetization* in rad/s and the charge-positive current into it in A/m²."""
    response = sj.linear_response(sj.scatter(junction, 0.0, solver="halves"), voltage / 2, -voltage / 2)
    side = ("left", "right").index(free)
    torque = units.torque_per_area(response.torques.vectors[side], A)  # J/m², on the spins
    spins = -torque * GAMMA / (MS * D)  # the moment is opposite to the spin: dm/dt = -(ds/dt), S = M_s d/γ
    electrons = units.current_density(response.charge.mean(), A)
    return spins, float(electrons) * (1 if side else -1)


# ---------------------------------------------------------------------- the laws of the codes, α = 0
def slonczewski(m, p, P, Lambda, prime, J, d=D):
    beta = hbar * J / (e * MS * d)  # tesla
    epsilon = P * Lambda**2 / ((Lambda**2 + 1) + (Lambda**2 - 1) * (m @ p))
    return GAMMA * beta * (epsilon * np.cross(m, np.cross(p, m)) + prime * np.cross(p, m))


def oommf(m, v):
    """User's guide, Oxs_SpinXferEvolve: J > 0 with J_direction -z is electrons along +z, through mp first."""
    p = np.array(v["mp"])
    assert v["J_direction"] == "-z"
    if "P" in v:
        assert v["Lambda"] >= 1
        return slonczewski(m, p, v["P"], v["Lambda"], v["eps_prime"], v["J"])
    fixed, free = v["Lambda_fixed"] ** 2, v["Lambda_free"] ** 2
    assert fixed >= 1
    assert free >= 1
    ratio = np.sqrt((fixed - 1) / (free - 1)) if free > 1 else 1.0
    plus, minus = v["P_fixed"] * fixed * np.sqrt((free + 1) / (fixed + 1)), v["P_free"] * free * ratio
    B0, B1 = np.sqrt((fixed + 1) * (free + 1)), np.sqrt((fixed - 1) * (free - 1)) * (m @ p)
    epsilon = (plus + minus) / 2 / (B0 + B1) + (plus - minus) / 2 / (B0 - B1)
    beta = hbar / (mu_0 * e) * v["J"] / (D * MS)
    gamma = GAMMA * mu_0
    return gamma * beta * (epsilon * np.cross(m, np.cross(p, m)) - v["eps_prime"] * np.cross(m, p))


def mumax3(m, v):
    """Kernel addslonczewskitorque2: J is the z component, times -1 for FIXEDLAYER_BOTTOM."""
    sign = {"FIXEDLAYER_TOP": 1, "FIXEDLAYER_BOTTOM": -1}[v["FixedLayerPosition"]]
    J = sign * v["J"][2]
    return slonczewski(
        m, np.array(v["FixedLayer"]), v["Pol"], v["Lambda"], v["EpsilonPrime"], J, v["FreeLayerThickness"]
    )


def ubermag(m, v):
    assert v["P"] > 0
    assert v["Lambda"] >= 1
    return slonczewski(m, np.array(v["mp"]), v["P"], v["Lambda"], v["eps_prime"], v["J"])


def magnumnp(m, v):
    """Field h = β [ε m×p + ε' p], dm/dt = -γ_0 m×h."""
    p = np.array(v["mp"])
    epsilon = v["P"] * v["Lambda"] ** 2 / ((v["Lambda"] ** 2 + 1) + (v["Lambda"] ** 2 - 1) * (m @ p))
    h = hbar * v["J"] / (e * mu_0 * MS * v["d"]) * (epsilon * np.cross(m, p) + v["epsilon_prime"] * p)
    return -GAMMA * mu_0 * np.cross(m, h)


def cmtj(m, v):
    """Layer::solveLLG: M_s in tesla, field-like torque +beta ε m×p."""
    p, Lambda = np.array(v["reference"]), v["SlonczewskiSpacerLayerParameter"]
    strength = GAMMA * mu_0 * hbar * v["current"] / (e * v["Ms"] * v["thickness"])
    eta = v["spinPolarisation"] * Lambda**2 / (Lambda**2 + 1 + (Lambda**2 - 1) * (m @ p))
    return strength * eta * (-np.cross(m, np.cross(m, p)) + v["beta"] * np.cross(m, p))


LAWS = {"oommf": oommf, "mumax3": mumax3, "ubermag": ubermag, "magnumnp": magnumnp, "cmtj": cmtj}


def round_trip(junction, target, free, law, **options):
    """Return (torque of the code, microscopic torque, snippet) at the junction's place on the sphere."""
    there = placed(junction)
    exact, J = microscopic(there, free)
    m, p = -np.array(M_RIGHT), -np.array(M_LEFT)
    if free == "left":
        m, p = p, m
    snippet = export(there, target, free=free, current_density=J, fixed_layer=p, **GEOMETRY[target], **options)
    return law(m, snippet.values), exact, snippet


@pytest.mark.parametrize("target", TORQUE_CODES)
@pytest.mark.parametrize("free", ["left", "right"])
@pytest.mark.parametrize("name", JUNCTIONS)
def test_the_law_of_the_code_gives_back_the_microscopic_torque_in_si(name, free, target):
    of_code, exact, snippet = round_trip(JUNCTIONS[name], target, free, LAWS[target])
    # the residual is relative to the largest torque per current at any angle; this one may be smaller by sin Φ
    largest = np.linalg.norm(exact) / np.sin(placed(JUNCTIONS[name]).angle)
    assert np.linalg.norm(of_code - exact) <= (1.5 * snippet.residual + PRINTED) * largest
    assert np.linalg.norm(exact) > 0


@pytest.mark.parametrize("free", ["left", "right"])
def test_two_terms_of_oommf_give_back_the_microscopic_torque(free):
    of_code, exact, snippet = round_trip(JUNCTIONS["different magnets"], "oommf", free, oommf, asymmetric=True)
    assert set(snippet.values) >= {"P_fixed", "P_free", "Lambda_fixed", "Lambda_free"}
    assert np.linalg.norm(of_code - exact) <= 0.01 * np.linalg.norm(exact)


@pytest.mark.parametrize(("q_plus", "q_minus", "b"), [(0.4, 0.1, 0.6), (0.3, 0.05, 0.3)])
def test_two_terms_of_oommf_are_the_curve_they_were_fitted_to_at_every_angle(q_plus, q_minus, b):
    """A law of two terms goes through fit, export and the formula of the code without loss."""
    angles = np.linspace(0, np.pi, 13)
    efficiency = asymmetric_efficiency(angles, q_plus, q_minus, b)
    torque = 2 * efficiency * np.sin(angles)
    response = AngularResponse(angles, np.ones(13), np.stack([torque, -torque], -1), np.zeros((13, 2)))
    v = export(
        effective_parameters(response),
        "oommf",
        free="right",
        asymmetric=True,
        current_density=1e11,
        **GEOMETRY["oommf"],
    ).values
    for angle, exact in zip(angles[1:-1], efficiency[1:-1], strict=True):
        m = sj.unit_vector(angle)
        expected = GAMMA * hbar * v["J"] / (e * MS * D) * abs(exact * np.sin(angle))
        assert np.linalg.norm(oommf(m, v)) == pytest.approx(abs(expected), rel=1e-9)


@pytest.mark.parametrize("free", ["left", "right"])
def test_an_average_over_the_zone_makes_the_round_trip(free):
    """Where the law is not exact the misfit stays within the stated residual, at every angle."""
    found = effective_parameters(spin_valve(in_plane_hopping=0.3), k="average", angles=np.linspace(0, np.pi, 7))
    snippet = export(found, "mumax3", free=free, current_density=1e11, tolerance=0.05, **GEOMETRY["mumax3"])
    assert snippet.residual > 1e-4  # a law that is not exact
    response, side = found.response, ("left", "right").index(free)
    misfits = []
    for n, angle in enumerate(response.angles):
        m = np.array([np.sin(angle), 0.0, np.cos(angle)])
        toward = np.array([-np.cos(angle), 0.0, np.sin(angle)])  # from m toward p
        per_electron = response.damping_like[n, side] / response.current[n] * (1 if side else -1)
        exact = GAMMA * hbar / 2 * per_electron * 1e11 / e / (MS * D)
        misfits.append(mumax3(m, snippet.values) @ toward - exact)
        size = GAMMA * hbar * 1e11 / e / (MS * D)
    largest = max(abs(found.response.damping_like[:, side] / response.current)) / 2
    assert max(np.abs(misfits)) / size <= (snippet.residual + PRINTED) * largest


# ---------------------------------------------------------------------- signs and ranges
@given(
    P=numbers(-0.9, 0.9).filter(lambda x: abs(x) > 0.01),
    Lambda=numbers(0.2, 4),
    prime=numbers(-0.5, 0.5),
    data=st.data(),
)
@examples(50)
def test_changes_of_sign_leave_the_torque_and_reach_the_range_of_the_code(P, Lambda, prime, data):
    m, p = (np.array(sj.unit_vector(data.draw(numbers(0, 3.1)), data.draw(numbers(0, 6.2)))) for _ in range(2))
    original = slonczewski(m, p, P, Lambda, prime, 1e11)
    for target in ("oommf", "ubermag"):
        numbers_ = Numbers(P=P, Lambda=Lambda, epsilon_prime=prime, direction=tuple(p), J=1e11)
        t = numbers_.in_range_of(CODES[target])
        assert t.Lambda >= 1
        assert t.P > 0 or target == "oommf"
        assert (t.flipped, t.reversed) == (not np.array_equal(t.direction, p), t.J < 0)
        changed = slonczewski(m, np.array(t.direction), t.P, t.Lambda, t.epsilon_prime, t.J)
        np.testing.assert_allclose(changed, original, rtol=1e-10, atol=1e-10 * abs(original).max())


def test_inverse_magnetoresistance_turns_the_fixed_layer_around():
    snippet = export(asymmetric_junction(height=3.0), "oommf", fixed_layer=(0, 0, 1), lattice_constant=A)
    assert snippet.fixed_layer_flipped
    assert snippet.values["mp"] == (0.0, 0.0, -1.0)
    assert "REVERSED" in snippet.text
    assert not export(asymmetric_junction(height=3.0), "mumax3", lattice_constant=A).fixed_layer_flipped


def test_electrons_from_the_fixed_layer_pull_the_free_one_toward_it_for_positive_polarization():
    junction = tunnel_junction(height=4.0)
    for free in ("left", "right"):
        m, p = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
        assert mumax3(m, export(junction, "mumax3", free=free, **GEOMETRY["mumax3"]).values) @ p > 0


def test_current_of_a_bias_is_the_junctions_own():
    junction = asymmetric_junction()
    snippets = {
        free: export(junction, "mumax3", bias=0.2, free=free, **GEOMETRY["mumax3"]) for free in ("left", "right")
    }
    at = sj.bias_response(junction.turned(m_right=junction.directions_at(np.pi / 2)), 0.2)
    J = float(units.current_density(at.current, A))
    assert snippets["right"].values["J"][2] == pytest.approx(J, rel=1e-6)
    assert snippets["left"].values["J"][2] == pytest.approx(-J, rel=1e-6)
    assert "0.2 only" in snippets["right"].text


# ---------------------------------------------------------------------- BORIS
def test_resistances_of_a_barrier_are_those_of_boris_law():
    """TMR type Slonczewski: G = [(1 + RAp/RAap) + (1 - RAp/RAap) cos Φ]/(2 RAp) per area."""
    junction = tunnel_junction()
    v = export(junction, "boris", lattice_constant=A).values
    ratio = v["RAtmr_p"] / v["RAtmr_ap"]
    for angle in (0.3, 1.2, 2.5):
        law = ((1 + ratio) + (1 - ratio) * np.cos(angle)) / (2 * v["RAtmr_p"])
        exact = units.conductance_per_area(
            sj.scatter(junction.turned(m_right=junction.directions_at(angle)), 0.0, solver="halves").conductance, A
        )
        assert law == pytest.approx(float(exact), rel=1e-6)


def test_text_equations_give_the_resistance_at_a_bias():
    junction = tunnel_junction().turned(m_right=tunnel_junction().directions_at(0.0))
    law = bias_law(junction, np.linspace(-0.1, 0.1, 6), lattice_constant=A)
    exact = 0.07 / units.current_density(sj.bias_response(junction, 0.07).current, A)
    formula = law.equation("RAp").replace("^", "**")
    assert eval(formula, {"RAp": law.resistance_area, "V": 0.07}) == pytest.approx(float(exact), rel=2 * law.residual)
    text = export(tunnel_junction(), "boris", lattice_constant=A, biases=np.linspace(-0.1, 0.1, 6)).text
    assert "RAap / (1 +" in text


def test_the_residual_of_equations_is_the_worst_of_all_fits():
    junction, biases = tunnel_junction(height=1.0, thickness=2), np.linspace(-0.3, 0.4, 6)
    aligned = [junction.turned(m_right=junction.directions_at(angle)) for angle in (0.0, np.pi)]
    missed = [bias_law(one, biases, lattice_constant=A).residual for one in aligned]
    missed.append(sj.effective_parameters(junction).conductance.residual)
    found = export(junction, "boris", lattice_constant=A, biases=biases, tolerance=1.0)
    assert found.residual == pytest.approx(max(missed))
    assert min(missed) < 0.5 * max(missed)


@pytest.mark.parametrize("side", ["left", "right"])
def test_interface_conductances_give_the_torque_of_circuit_theory_in_boris_law(side):
    """BORIS, Bfunc_N_S: flux of moments into the magnet 2 Re G V_perp - 2 Im G m×V, plus (G_up + G_down) V_par m."""
    junction = spin_valve(spacer_onsite=0.4, in_plane_hopping=0.2)
    v = export(junction, "boris", lattice_constant=A, k="average", energy=-0.6).values
    found = interface_parameters(junction.turned(m_right=junction.directions_at(1.0)), side, -0.6, "average")
    assert abs(found.mixing.imag) > 1e-3
    m, delta = np.array([0.0, 0.6, 0.8]), np.array([0.3, -0.2, 0.5])  # of the spins
    contact = found.contact()
    _, spin = circuit.contact_currents([contact.majority, contact.minority], contact.mixing, m, 0.0, 0.0, delta)
    m_B, V_B = -m, -delta  # moments are opposite to spins, and so is their flux
    (up, down), (real, imaginary) = v[f"Gi_{side}"], v[f"Gmix_{side}"]
    parallel = (V_B @ m_B) * m_B
    moments = (up + down) * parallel + 2 * real * (V_B - parallel) - 2 * imaginary * np.cross(m_B, V_B)
    np.testing.assert_allclose(-moments, units.conductance_per_area(1.0, A) * spin, rtol=1e-9)


# ---------------------------------------------------------------------- refusals
@pytest.mark.parametrize("target", TORQUE_CODES)
def test_a_junction_that_breaks_the_law_is_refused_unless_the_tolerance_allows_it(target):
    junction = asymmetric_junction(onsite=0.0, onsite_right=1.5)  # half-metallic right magnet, large field-like torque
    with pytest.raises(InvalidParametrizationError, match="misses"):
        export(junction, target, **GEOMETRY[target])
    snippet = export(junction, target, tolerance=1.0, **GEOMETRY[target])
    assert 0.01 < snippet.residual < 1
    assert f"residual {snippet.residual:.2g}" in snippet.text


def test_without_its_field_like_part_a_torque_may_be_exported():
    junction = asymmetric_junction(onsite=0.0, onsite_right=1.5)
    snippet = export(junction, "oommf", field_like=False, lattice_constant=A)
    assert snippet.values["eps_prime"] == 0
    assert snippet.residual < 1e-6


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("mumax", {}, "Argument `target` must be one of 'oommf', 'mumax3'"),
        ("mumax3", {"lattice_constant": 0.0}, "Argument `lattice_constant` must be positive"),
        (
            "mumax3",
            {"lattice_constant": 2.5e-10},
            "`lattice_constant` must lie from 0.001 to 1000, but is 2.5e-10. It is in",
        ),
        ("boris", {"lattice_constant": 1e30}, "Argument `lattice_constant` must lie from"),
        ("magnumnp", {"free_thickness": 2e-9}, "Argument `free_thickness` must lie from"),
        ("mumax3", {"fixed_layer": (0, 0, 0)}, "Argument `fixed_layer`"),
        ("mumax3", {"asymmetric": True}, "only OOMMF"),
        ("mumax3", {"free": "top"}, "Argument `free`"),
        ("magnumnp", {}, "Argument `free_thickness` must be given for magnum.np, in nm"),
        ("cmtj", {"free_thickness": 2.0}, "Argument `saturation` must be given for cmtj, in A/m"),
        ("oommf", {"free_thickness": 2.0}, "Argument `free_thickness` must be left out for oommf"),
        ("magnumnp", {"free_thickness": 2.0, "saturation": 1e6}, "Argument `saturation` must be left out for magnumnp"),
        ("boris", {"biases": [0.0, 0.1, 0.2]}, "Argument `biases`"),
        (
            "boris",
            {"bias": 0.1},
            "Argument `bias` must be left out for BORIS, which takes conductances, but is given. Use",
        ),
        ("boris", {"free": "left"}, "Argument `free` must be left out for BORIS"),
        ("boris", {"fixed_layer": (1, 0, 0)}, "Argument `fixed_layer` must be left out for BORIS"),
        ("boris", {"field_like": False}, "Argument `field_like` must be left out for BORIS"),
        (
            "mumax3",
            {"current": 1e11},
            "`current` must be a keyword of export, but is not. Did you mean `current_density`",
        ),
        ("boris", {"current": 1e11}, "`current` must be a keyword of export"),
    ],
)
def test_impossible_requests_are_refused(target, options, words):
    with pytest.raises(sj.ArgumentError, match=re.escape(words)):
        export(tunnel_junction(), target, **({"lattice_constant": A} | options))


@pytest.mark.parametrize(
    "setting", [{"energy": 0.5}, {"k": (0.1, 0.2)}, {"bias": 0.1}, {"angles": np.linspace(0, np.pi, 7)}]
)
def test_settings_of_what_is_solved_already_are_refused(setting):
    (name,) = setting
    found = effective_parameters(tunnel_junction())
    for source in (found, found.response):
        with pytest.raises(sj.ArgumentError, match=f"`{name}` must be left out for a {type(source).__name__}"):
            export(source, "mumax3", lattice_constant=A, **setting)
    assert (
        export(found.response, "mumax3", lattice_constant=A).values
        == export(found, "mumax3", lattice_constant=A).values
    )


def test_snippets_say_where_they_come_from():
    for target in TARGETS:
        sizes = GEOMETRY[target]
        text = export(tunnel_junction(), target, name="tunnel_junction(theta=1)", **sizes).text
        for word in (sj.__version__, "tunnel_junction(theta=1)", "0.25 nm", "residual"):
            assert word in text, (target, word)


# ---------------------------------------------------------------------- command line
def run(*words):
    return cli([str(word) for word in words])


@pytest.fixture
def in_ev(tmp_path):
    """A file with the tunnel junction as a family that does not say that its energies are in units of t."""
    path = tmp_path / "in_ev.py"
    path.write_text(
        "from systems.tunnel_junction import tunnel_junction\n\n\n"
        "def in_ev(in_plane_hopping=0.0):\n    return tunnel_junction(in_plane_hopping=in_plane_hopping)\n"
    )
    return path


def test_a_bias_in_units_of_t_is_refused(capsys):
    words = ("export", SYSTEMS / "tunnel_junction.py", "--lattice-constant", 0.25, "--to", "oommf", "--bias", "0.1")
    assert run(*words) == 2
    assert "in units of t: currents need eV" in capsys.readouterr().err


def test_the_command_writes_the_snippet(tmp_path, capsys):
    path = tmp_path / "torque.txt"
    words = ("export", SYSTEMS / "tunnel_junction.py", "--set", "height=4", "--lattice-constant", 0.25)
    assert run(*words, "--to", "mumax3", "--free", "left", "--angles", 9, "-o", path) == 0
    text = path.read_text()
    exported = export(
        tunnel_junction(height=4), "mumax3", lattice_constant=0.25, free="left", angles=np.linspace(0, np.pi, 9)
    )
    assert f"Pol = {exported.values['Pol']:.10g}" in text
    assert "tunnel_junction(height=4)" in text
    assert "9 angles" in text
    assert run(*words, "--to", "oommf") == 0
    assert "Specify Oxs_SpinXferEvolve" in capsys.readouterr().out


def test_the_command_refuses_in_one_line_and_leaves_no_file(tmp_path, capsys):
    path = tmp_path / "torque.txt"
    words = ("export", SYSTEMS / "asymmetric_junction.py", "--set", "onsite=0", "--set", "onsite_right=1.5")
    assert run(*words, "--lattice-constant", 0.25, "--to", "mumax3", "-o", path) == 1
    assert capsys.readouterr().err.startswith("refused: Argument `source`")
    assert run(*words, "--lattice-constant", -1, "--to", "mumax3", "-o", path) == 2
    assert run(*words, "--to", "mumax3") == 2
    assert not list(tmp_path.iterdir())
    assert run(*words, "--lattice-constant", 0.25, "--to", "mumax3", "--tolerance", 1, "-o", path) == 0
    assert path.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--to", "mumax3", "--angles", "2"), "Argument `angles` must be at least 5"),
        (("--to", "mumax3", "--bias", "0:1:3"), "Argument `--bias` must be one voltage"),
        (("--to", "mumax3", "--bias", "0"), "Argument `bias` must not be 0"),
        (("--to", "boris", "--free", "left"), "Argument `free` must be left out for BORIS"),
        (("--to", "boris", "--bias", "0.1"), "Argument `--bias` must be a range"),
        (("--to", "cmtj"), "Argument `free_thickness` must be given for cmtj"),
        (("--to", "vampire"), "invalid choice"),
    ],
)
def test_the_command_names_what_is_wrong(words, message, capsys, in_ev):
    assert run("export", in_ev, "--lattice-constant", 0.25, *words) == 2
    assert message in capsys.readouterr().err


def test_the_command_exports_averages_biases_and_conductances(capsys, in_ev):
    words = ("export", in_ev, "--lattice-constant", 0.25)
    assert run(*words, "--to", "boris", "--bias", "-0.1:0.1:4") == 0
    assert "RAtmr_ap = " in capsys.readouterr().out
    assert run(*words, "--to", "oommf", "--bias", "-0.05", "--energy", "-0.1") == 0
    assert "V = µ_L - µ_R = -0.05 only" in capsys.readouterr().out
    averaged = ("--k", "average", "--set", "in_plane_hopping=0.1", "--angles", "5", "--no-field-like")
    assert run(*words, "--to", "ubermag", "--tolerance", 0.2, *averaged) == 0
    assert "Brillouin-zone average" in capsys.readouterr().out


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        run("export", "--help")
    assert stop.value.code == 0
    assert "--to mumax3 --set height=4 --lattice-constant 0.25" in " ".join(capsys.readouterr().out.split())


# ---------------------------------------------------------------------- the real codes
@pytest.mark.parametrize("free", ["left", "right"])
@pytest.mark.parametrize("name", JUNCTIONS)
def test_magnum_np_computes_the_microscopic_torque(name, free):
    torch = pytest.importorskip("torch")
    magnumnp = pytest.importorskip("magnumnp")
    torch.set_default_dtype(torch.float64)

    def computed(m, v):
        mesh = magnumnp.Mesh((1, 1, 1), (5e-9, 5e-9, D))
        state = magnumnp.State(mesh)
        state.material = {"Ms": MS, "alpha": 0.0, **{k: v[k] for k in ("P", "Lambda", "epsilon_prime", "d", "J")}}
        state.material["mp"] = list(v["mp"])
        state.m = state.Constant(m.tolist())
        field = magnumnp.SpinTorqueSlonczewski().h(state).reshape(3).cpu().numpy()
        return -GAMMA * mu_0 * np.cross(m, field)  # LLGSolver without damping

    of_code, exact, snippet = round_trip(JUNCTIONS[name], "magnumnp", free, computed)
    largest = np.linalg.norm(exact) / np.sin(placed(JUNCTIONS[name]).angle)
    assert np.linalg.norm(of_code - exact) <= (1.5 * snippet.residual + 1e-6) * largest  # its constants have 7 digits


@pytest.mark.parametrize("free", ["left", "right"])
@pytest.mark.parametrize("name", JUNCTIONS)
def test_cmtj_computes_the_microscopic_torque(name, free):
    cm = pytest.importorskip("cmtj")
    gyro = 220880.0  # m/(A s), compiled into cmtj

    def computed(m, v):
        none = [cm.CVector(0, 0, 0)] * 3
        layer = cm.Layer.createSTTLayer(
            id="free",
            mag=cm.CVector(*m),
            anis=cm.CVector(0, 0, 1),
            Ms=v["Ms"],
            thickness=v["thickness"],
            cellSurface=1e-16,
            demagTensor=none,
            damping=0.0,
            SlonczewskiSpacerLayerParameter=v["SlonczewskiSpacerLayerParameter"],
            beta=v["beta"],
            spinPolarisation=v["spinPolarisation"],
        )
        layer.setReferenceLayer(cm.CVector(*v["reference"]))
        junction = cm.Junction([layer])
        junction.setLayerCurrentDriver("free", cm.ScalarDriver.getConstantDriver(v["current"]))
        step = 1e-4 / np.linalg.norm(cmtj(m, v))  # turns by 1e-4 rad: m + step dm/dt + O(step²)
        junction.runSimulation(3 * step, step, step)
        log = junction.getLog()
        path = np.array([log[f"free_m{axis}"] for axis in "xyz"]).T
        rate = (path[1] - path[0]) / step
        return rate * GAMMA * mu_0 / gyro

    of_code, exact, snippet = round_trip(JUNCTIONS[name], "cmtj", free, computed)
    largest = np.linalg.norm(exact) / np.sin(placed(JUNCTIONS[name]).angle)
    assert np.linalg.norm(of_code - exact) <= (1.5 * snippet.residual + 1e-3) * largest


@pytest.mark.parametrize("free", ["left", "right"])
@pytest.mark.parametrize("name", JUNCTIONS)
def test_ubermag_takes_the_numbers_and_writes_the_block_of_oommf(name, free):
    mm = pytest.importorskip("micromagneticmodel")
    oc = pytest.importorskip("oommfc")

    def computed(m, v):
        term = mm.Slonczewski(**v)  # refuses P <= 0 and Lambda <= 0
        evolver = oc.SpinXferEvolver(**{key: getattr(term, key) for key in ("J", "mp", "P", "Lambda", "eps_prime")})
        mif = oc.scripts.evolver_script(evolver)
        assert "Specify Oxs_SpinXferEvolve:evolver" in mif
        read = {key: float(x) for key, x in re.findall(r"^  (J|P|Lambda|eps_prime) (\S+)$", mif, re.M)}
        vector = re.search(r"^  mp \{(.*)\}$", mif, re.M)
        return oommf(m, {**read, "mp": [float(x) for x in vector.group(1).split()], "J_direction": "-z"})

    of_code, exact, snippet = round_trip(JUNCTIONS[name], "ubermag", free, computed)
    largest = np.linalg.norm(exact) / np.sin(placed(JUNCTIONS[name]).angle)
    assert np.linalg.norm(of_code - exact) <= (1.5 * snippet.residual + 1e-6) * largest


def test_ubermag_refuses_what_the_export_avoids():
    """P < 0 and Λ <= 0 are refused by the real package: the changes of sign are needed."""
    mm = pytest.importorskip("micromagneticmodel")
    with pytest.raises(ValueError, match="-0.2 <= 0"):
        mm.Slonczewski(J=1e12, mp=(0, 0, 1), P=-0.2, Lambda=1.1)
