"""The error of the phenomenology: what it vanishes with, what it equals, and the map that shows it."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from strategies import energies, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.halves import zone
from kwant_spinjunc.halves.round_trip import round_trip
from kwant_spinjunc.plot.figures import plot_map
from kwant_spinjunc.runs import validity
from kwant_spinjunc.runs.collapse import collapse
from kwant_spinjunc.runs.validity import ERRORS, validity_map
from kwant_spinjunc.theory import tunnelling
from systems.asymmetric_junction import asymmetric_junction
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction
from validation.compare import fit_power_law

TUNNEL = str(Path(__file__).parents[2] / "systems" / "tunnel_junction.py")
#: Spin accumulation on both sides and a bias.
SPLIT = {"mu_left": (0.6, 0.4), "mu_right": (-0.45, -0.55)}
#: Magnets with three-dimensional bands, so that an average over k∥ is one.
ISOTROPIC = {"onsite": 5.0, "in_plane_hopping": 1.0}
#: Sums of a few products of probabilities, per current.
ROUNDING = 1e-12
#: The average is asked to converge to 1e-6.
AVERAGED = 1e-6
#: `collapse` and the law are exact to the next order, relative |z|; |z| < 0.03 for the barriers here.
NEXT_ORDER = 0.05

quiet = partial(validity_map, energy=0.0, progress=False)
every = partial(quiet, error=tuple(ERRORS))


# ---------------------------------------------------------------------- laws
@pytest.mark.parametrize("k", [None, "average"])
@pytest.mark.parametrize("kind", ["tunnelling", "rotation", "reflection"])
def test_error_of_equations_3_and_4_vanishes_linearly_in_the_transmission(kind, k):
    family = partial(asymmetric_junction, **ISOTROPIC, onsite_right=4.8, splitting_right=1.8, height=3.0)
    data = quiet(family, error=kind, k=k, thickness=[3, 4, 5, 6], theta=2.0, **SPLIT)
    fit = fit_power_law(data["transmission"], data[kind])
    # averaged, a thicker barrier selects smaller k∥, where the interfaces have another contrast
    assert abs(fit.exponent - 1) < (1e-3 if k is None else 0.1)


@pytest.mark.parametrize("family", [tunnel_junction, asymmetric_junction, spin_valve])
def test_collinear_junctions_have_no_error(family):
    data = every(family, theta=[0.0, np.pi], **SPLIT)
    for kind in ("tunnelling", "rotation", "reflection"):
        assert data[kind].max() < ROUNDING
    assert data["conserved"][0] < ROUNDING


@pytest.mark.parametrize("k", [None, "average"])
def test_exact_transmissions_leave_no_error_without_spin_accumulation(k):
    data = quiet(spin_valve, error="reflection", k=k, theta=np.linspace(0, np.pi, 5), spacer=[1, 4])
    assert data["reflection"].max() < ROUNDING
    split = quiet(spin_valve, error="reflection", k=k, theta=np.linspace(0, np.pi, 5), spacer=[1, 4], **SPLIT)
    assert split["reflection"].max() > 1e-3


def test_identical_magnets_without_accumulation_need_no_second_current_and_hide_their_torque_from_t0():
    data = every(tunnel_junction, theta=[0.0, 1.0, 3.0], height=[0.0, 3.0])
    np.testing.assert_allclose(data["conserved"], data["tunnelling"], atol=ROUNDING)
    np.testing.assert_allclose(data["t0"][1:], 1.0, atol=1e-9)
    assert np.isnan(data["t0"][0]).all()  # parallel magnets: no torque


def test_antiparallel_different_magnets_have_no_torque_but_a_t0():
    data = quiet(asymmetric_junction, error="t0", theta=[np.pi], height=[0.0, 3.0])
    np.testing.assert_allclose(data["t0"], 1.0)


@given(spin_valves().flatmap(lambda junction: energies(junction).map(lambda energy: (junction, energy))))
@settings(deadline=None)
def test_the_round_trip_is_the_factorization_defect_of_collinear_junctions(problem):
    junction, energy = problem
    left = junction.left
    magnet = partial(sj.Layer, junction.right.onsite, junction.right.hopping, junction.right.splitting)
    T = [
        sj.scatter(sj.Junction(left, junction.layers, magnet(sign * np.array(left.m))), energy, solver="halves")
        for sign in (1, -1)
    ]
    D = tunnelling.spin_factors_from_collinear(*(s.transmissions for s in T))
    same, crossed = D[0, 0] * D[1, 1], D[0, 1] * D[1, 0]
    if crossed > 1e-20:
        trip = round_trip(junction, energy)
        expected = 2 * (same - crossed) / (same + crossed)
        assert trip.defect.item() == pytest.approx(expected, abs=1e-8)  # rounding of D next to a band edge
        assert abs(trip.defect.item()) <= 2
        assert 0 <= trip.contrast.item() <= 1


@pytest.mark.parametrize("height", [1.5, 3.0])
def test_behind_a_uniform_barrier_the_round_trip_is_the_decay_times_the_contrasts_of_both_magnets(height):
    deviation, decay = [], []
    for thickness in (3, 4, 5, 6):
        junction = asymmetric_junction(height=height, thickness=thickness)
        (insulator,) = junction.layers
        kappa = tunnelling.lattice_decay_constant(insulator.onsite, 0.0, insulator.hopping)
        contrasts = [
            np.diff(
                tunnelling.lattice_reflection(
                    tunnelling.surface_green_function(0.0, lead.levels(), lead.hopping), kappa, insulator.hopping
                )
            ).item()
            for lead in junction.leads
        ]
        z = np.exp(-2 * kappa * thickness) * contrasts[0] * contrasts[1]
        trip = round_trip(junction, 0.0)
        decay.append(np.exp(-2 * kappa * thickness))
        deviation.append(abs(trip.defect.item() / (2 * z.real) - 1))
        assert trip.contrast.item() == pytest.approx(abs(z), rel=8 * decay[-1])
    assert abs(fit_power_law(decay, deviation).exponent - 1) < 0.1


def test_without_accumulation_the_error_follows_polarizations_and_angle():
    theta = np.radians([20, 70, 110, 160])
    data = quiet(asymmetric_junction, height=6.0, thickness=3, theta=theta)
    junction = asymmetric_junction(height=6.0, thickness=3)
    kappa = tunnelling.lattice_decay_constant(7.0, 0.0, 1.0)
    P = []
    for lead in junction.leads:
        g = tunnelling.surface_green_function(0.0, lead.levels(), lead.hopping)
        f = tunnelling.interface_factor(tunnelling.lattice_reflection(g, kappa, 1.0))
        P.append((f[0] - f[1]) / f.sum())
    half_defect = round_trip(junction, 0.0).defect.item() / 2  # Re z
    law = abs(half_defect) * np.sin(theta) ** 2 * max(abs(p) for p in P) / (1 + P[0] * P[1] * np.cos(theta))
    np.testing.assert_allclose(data["tunnelling"], law, rtol=1e-3)  # next order: e^{-2κd} = 2e-5 × contrasts


@pytest.mark.parametrize("k", [None, "average"])
@pytest.mark.parametrize("mu", [{}, SPLIT], ids=["without accumulation", "with accumulation"])
def test_the_leading_order_is_the_error_to_the_order_of_the_round_trip(k, mu):
    family = partial(asymmetric_junction, **ISOTROPIC, onsite_right=4.8)
    axes = {"height": [1.5, 3.0], "thickness": [2, 4], "theta": [0.4, 1.5, 2.6], "splitting_right": [0.6, 1.8]}
    data = every(family, k=k, **axes, **mu)
    for kind in ("tunnelling", "rotation", "reflection", "conserved", "t0"):
        exact, law = data[kind].values, data[f"{kind}_leading_order"].values
        bound = 3 * data["round_trip"].values
        # relative to the largest over the angles, without the cancellation of both terms of the law
        size = sum(data[name] for name in {kind, "rotation", "reflection"}).values
        assert (abs(exact - law) <= bound * size.max(axis=2, keepdims=True) + ROUNDING).all()


def test_only_the_leading_order_collapses_all_junctions():
    axes = {"height": [1.5, 2.0, 4.0], "thickness": [2, 3, 5], "theta": [0.5, 2.0], "splitting_right": [0.5, 1.8]}
    family = partial(asymmetric_junction, **ISOTROPIC, onsite_right=4.8)
    fits = collapse(*(quiet(family, k=k, **axes, **SPLIT) for k in (None, "average")))
    best, second = fits[:2]
    assert best.candidate == "leading order"
    assert best.exponents[0] == pytest.approx(1, abs=NEXT_ORDER)
    assert best.prefactor == pytest.approx(1, abs=NEXT_ORDER)
    assert best.scatter < 1 + NEXT_ORDER
    assert second.scatter > 1.2
    assert "leading order: power 1.0" in str(best)


# ---------------------------------------------------------------------- two routes
def errors_of(junction, energy, k, mu_left, mu_right):
    """Return all errors of one junction, from results of `scatter` and their torques."""
    s = sj.scatter(junction, energy, k, solver="halves" if k == "average" else "kwant")
    T = []
    for sign in (1, -1):
        m = sign * np.array(junction.left.m)
        right = sj.Layer(**{**vars(junction.right), "m": m})
        other = sj.Junction(junction.left, junction.layers, right)
        T.append(sj.scatter(other, energy, k, solver=s.solver).transmissions)
    rotated = tunnelling.rotation_law(tunnelling.spin_factors_from_collinear(*T), junction.angle)
    exact = sj.linear_response(s, mu_left, mu_right)
    transmitted = sj.tunneling_response(s, mu_left, mu_right).magnetization
    J_M = exact.magnetization
    paper = np.array(
        [
            tunnelling.magnetization_current(rotated, mu_left, mu_right, "left"),
            tunnelling.magnetization_current(rotated, mu_left, mu_right, "right"),
        ]
    )
    one = tunnelling.conserved_magnetization_current(*tunnelling.collinear_coefficients(rotated), mu_left, mu_right)
    torque, t0 = np.linalg.norm(exact.torques.vectors.sum(axis=0)), abs(J_M[1] - J_M[0])
    J = abs(exact.charge[0])
    return {
        "tunnelling": abs(paper - J_M).max() / J,
        "rotation": abs(paper - transmitted).max() / J,
        "reflection": abs(transmitted - J_M).max() / J,
        "conserved": abs(one - J_M).max() / J,
        "t0": abs(t0 - torque) / max(t0, torque),
    }


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@pytest.mark.parametrize("mu", [{"mu_left": (0.5, 0.5), "mu_right": (-0.5, -0.5)}, SPLIT])
@pytest.mark.parametrize("k", [None, (0.7, 0.3), "average"])
def test_the_map_equals_junctions_scattered_one_by_one(k, mu):
    family = partial(asymmetric_junction, **ISOTROPIC, onsite_right=4.8)
    data = every(family, k=k, height=[0.2, 2.5], thickness=[1, 3], theta=[0.7, 2.2], **mu)
    for index in [(0, 0, 1), (0, 1, 0), (1, 1, 1)]:
        point = data.isel(dict(zip(("height", "thickness", "theta"), index, strict=True)))
        junction = family(**{name: point[name].item() for name in ("height", "thickness", "theta")})
        for kind, expected in errors_of(junction, 0.0, k, **mu).items():
            # t0 of averages cancels two currents
            tolerance = 1e-9 if k != "average" else 10 * AVERAGED
            assert point[kind].item() == pytest.approx(expected, abs=tolerance), kind


def test_the_order_of_axes_and_the_company_of_other_junctions_do_not_matter():
    together = every(asymmetric_junction, height=[1.5, 3.0], thickness=[1, 2, 5], theta=[0.3, 1.3], **SPLIT)
    turned = every(asymmetric_junction, theta=[0.3, 1.3], thickness=[1, 2, 5], height=[1.5, 3.0], **SPLIT)
    alone = every(asymmetric_junction, height=3.0, thickness=[2], theta=1.3, **SPLIT)
    for name in together.data_vars:
        turned_back = turned[name].transpose(*together[name].dims)
        np.testing.assert_allclose(turned_back, together[name], rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(alone[name][0], together[name][1, 1, 1], rtol=1e-10, atol=1e-15)


def test_energies_are_an_axis_and_closed_leads_have_no_error():
    data = quiet(tunnel_junction, energy=[-3.0, -1.0, 0.0], theta=[1.0, 2.0])
    assert data["tunnelling"].dims == ("theta", "energy")
    assert np.isnan(data["tunnelling"][:, 0]).all()  # below all bands
    single = quiet(tunnel_junction, energy=-1.0, theta=[1.0, 2.0])
    np.testing.assert_allclose(data["tunnelling"][:, 1], single["tunnelling"], rtol=1e-12)


def test_more_junctions_than_a_batch_are_all_solved():
    heights = np.linspace(1.2, 3.0, 300)
    data = quiet(tunnel_junction, height=heights, theta=1.0)
    np.testing.assert_allclose(
        data["tunnelling"][[0, 255, 256, 299]],
        quiet(tunnel_junction, height=heights[[0, 255, 256, 299]], theta=1.0)["tunnelling"],
        rtol=1e-12,
    )


def test_the_error_of_the_averages_is_that_of_the_worst_junction(monkeypatch):
    average = zone.average

    def worse(function, split, **settings):
        found = average(function, split, **settings)
        found.error[1, validity.T] = 0.02 * abs(found.value[1, validity.T]).sum()
        return found

    monkeypatch.setattr(zone, "average", worse)
    assert quiet(tunnel_junction, height=[2.0, 3.0, 4.0], k="average").attrs["average_error"] == pytest.approx(0.02)


def test_every_variable_has_units_and_the_map_says_how_it_was_made():
    data = every(tunnel_junction, height=[2.0, 3.0], k="average", **SPLIT)
    assert all(variable.attrs["units"] and variable.attrs["long_name"] for variable in data.data_vars.values())
    assert data.attrs["k"] == "average"
    assert data.attrs["mu_left"] == [0.6, 0.4]
    assert data.attrs["average_error"] < AVERAGED


# ---------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"error": "everything"}, "`error` must be one of .tunnelling., .rotation."),
        ({"k": "mean"}, "`k` must be a wave vector, None or 'average'"),
        ({"mu_left": 0.5, "mu_right": 0.5}, "must differ, but are equal"),
        ({"mu_left": (1.0, 2.0, 3.0)}, "must have shape"),
        ({"energy": [[0.0]]}, "must be a number or a 1D array"),
        ({"hieght": [1.0]}, "Did you mean `height`"),
        ({"height": [[1.0]]}, "non-empty 1D array"),
        ({"transmission": [1.0]}, "a variable or dimension of the result has that name"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(sj.ArgumentError, match=message):
        validity_map(tunnel_junction, **{"energy": 0.0, "progress": False, **arguments})


def test_a_texture_or_a_nonmagnetic_lead_is_refused():
    iron = {"onsite": 1.0, "hopping": 1.0, "splitting": 1.0}
    copper = sj.normal_metal(onsite=0.0, hopping=1.0)
    z, x = (sj.ferromagnet(**iron, m=sj.unit_vector(angle)) for angle in (0.0, np.pi / 2))
    for junction in (sj.Junction(z, [x], z), sj.Junction(z, [], copper)):
        with pytest.raises(sj.ArgumentError, match="two magnetic leads"):
            quiet(lambda junction=junction: junction)


def test_collapse_refuses_what_it_cannot_fit():
    few = quiet(tunnel_junction, height=[2.0, 3.0])
    with pytest.raises(sj.ArgumentError, match="ten points"):
        collapse(few)
    with pytest.raises(sj.ArgumentError, match="has no such error"):
        collapse(few, error="t0")
    with pytest.raises(sj.ArgumentError, match="has no such error"):
        collapse()


# ---------------------------------------------------------------------- from the shell
def test_map_draws_contours_and_writes_what_it_drew(capsys):
    words = ["map", TUNNEL, "--vary", "height=0:4:5", "--vary", "thickness=1:3:3", "--vary", "theta=0:180deg:3"]
    words += ["--accumulation", "0.1,0.05", "--k", "average", "--set", "in_plane_hopping=1", "--set", "onsite=5"]
    assert main([*words, "-o", "map.png", "--data", "map.nc"]) == 0
    printed = capsys.readouterr().out
    assert "below 1% at" in printed
    assert Path("map.png").stat().st_size > 10_000
    data = xr.load_dataset("map.nc")
    expected = quiet(
        partial(tunnel_junction, **ISOTROPIC),
        k="average",
        height=np.linspace(0, 4, 5),
        thickness=[1, 2, 3],
        theta=np.linspace(0, np.pi, 3),
        **SPLIT,
    )
    np.testing.assert_allclose(data["tunnelling"], expected["tunnelling"], rtol=1e-9, atol=1e-15)
    figure = plot_map(data)
    assert "worst over theta" in figure.axes[0].get_title()
    assert figure.axes[1].get_ylabel() == data["tunnelling"].attrs["long_name"]
    np.testing.assert_allclose(figure.axes[0].collections[0].get_array().max(), data["tunnelling"].max())


def test_an_interrupted_map_leaves_nothing_behind(monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("kwant_spinjunc.runs.validity._solve", interrupted)
    words = ["map", TUNNEL, "--vary", "height=1:2:2", "--vary", "theta=0:1:2", "-o", "map.png", "--data", "map.nc"]
    assert main(words) == 130
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vary", "height=1:2:3"], "`--vary` must give at least two axes"),
        (["--vary", "height=1:2:3", "--vary", "theta=1:1:1"], "`--vary` must give at least two axes"),
        (
            ["--vary", "height=1:2:3", "--vary", "theta=0:1:3", "--accumulation", "0.1"],
            "must be two numbers left,right",
        ),
        (["--vary", "height=1:2:3", "--vary", "thetta=0:1:3"], "Did you mean `theta`"),
        (["--vary", "height=1:2:3", "--vary", "theta=0:1:3", "--k", "1"], "`--k` must be two numbers"),
        (["--vary", "height=1:2:3", "--vary", "theta=0:1:3", "--data", "no/folder/a.nc"], "must be a writable path"),
    ],
)
def test_bad_maps_are_refused_in_one_line(words, message, capsys):
    assert main(["map", TUNNEL, *words, "-o", "map.png"]) == 2
    error = capsys.readouterr().err.replace("\r", "\n").strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert list(Path().iterdir()) == []


def test_map_refuses_an_unknown_picture_format_before_it_computes(monkeypatch, capsys):
    monkeypatch.setattr("kwant_spinjunc.runs.validity.validity_map", None)
    assert main(["map", TUNNEL, "--vary", "height=1:2:3", "--vary", "theta=0:1:3", "-o", "map.docx"]) == 2
    assert "must end in one of" in capsys.readouterr().err


def test_help_of_map_has_an_example(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["map", "--help"])
    assert caught.value.code == 0
    assert "example: spinjunc map systems/tunnel_junction.py" in capsys.readouterr().out.replace("\n ", "")
