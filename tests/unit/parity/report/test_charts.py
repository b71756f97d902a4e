"""Curves show every backend, extremes, zeros and values that are not finite, at the right position."""

import re

import numpy as np
import pytest

from kerasbridge.parity.record import Curve
from kerasbridge.parity.report.charts import MAX_POINTS
from tests.unit.parity.records import STEPS, curve, record
from tests.unit.parity.report.pages import UNIT, Elements, chart, disagreeing, long, page, paths, rounding, text


def test_every_backend_has_a_loss_curve_of_all_steps_in_another_dash():
    html = page(*disagreeing())
    assert [len(numbers) for numbers in paths(chart(html, "loss"), "line").values()] == [2 * STEPS] * 3
    dashes = re.findall(r"^\.line\.(c\d|nudged|bound) \{[^}]*stroke-dasharray: ([\d ]+);", html, re.M)
    assert len(dashes) == 6
    assert len({dash for _, dash in dashes}) == 6  # c0 and the nudged run are solid lines


def test_the_first_step_beyond_the_bound_is_marked():
    picture = chart(page(*disagreeing()), "loss-difference")
    assert paths(picture, "mark")["mark"][0] == pytest.approx(1000 * 8 / (STEPS - 1), abs=0.1)
    assert ">step 9</text>" in picture
    assert "mark" not in chart(page(*rounding()), "loss-difference")


def test_every_pair_the_nudged_run_and_the_bound_are_in_both_difference_charts():
    html = page(*disagreeing())
    for name in ("loss-difference", "norm-difference"):
        drawn = {style.split()[-1] for style in paths(chart(html, name), "(?:line|zero)")}
        assert drawn == {"c3", "c4", "c5", "nudged", "bound"}
    assert text(html).count("jax – torch torch") == 0
    assert text(html).count("nudged run, largest so far jax – torch jax – tensorflow torch – tensorflow bound of") == 2


def test_each_difference_chart_has_the_nudged_run_of_its_own_quantity():
    nudged = Curve(curve().losses * (1 + 1e-6), curve().gradient_norms * (1 + 1e-4), {})
    html = page(record("jax", nudged=nudged), record("torch"))
    for name, size in (("loss-difference", "1e-06"), ("norm-difference", "9.999e-05")):
        words = re.search(rf'<desc id="{name}-desc">(.*?)</desc>', html)[1]
        assert f"nudged run, largest so far: largest {size} in" in words


def test_the_area_above_the_bound_is_tinted():
    picture = chart(page(*rounding()), "loss-difference")
    left, top, *along, right, last = paths(picture, "beyond")["beyond"]
    assert (left, top, right, last) == (0, 0, 1000, 0)
    assert along == paths(picture, "bound")["line bound"]


def test_steps_without_a_difference_are_marks_below_a_labelled_floor():
    html = page(*rounding())
    picture = chart(html, "loss-difference")
    floor = 880
    first, height, last = paths(picture, "zero")["zero c2"]
    assert height > floor
    assert (first, last) == (0, pytest.approx(0.5 * 1000 / (STEPS - 1), abs=0.1))
    assert max(paths(picture, "line")["line c2"][1::2]) <= floor
    assert re.search(r'y="88%" dy=".32em">10⁻⁷</text>', picture)
    assert ">0</text>" in picture
    assert "steps without any difference" in text(html)


def test_identical_runs_draw_only_marks_and_the_bound():
    picture = chart(page(record("jax"), record("torch")), "loss-difference")
    assert paths(picture, "line").keys() == {"line nudged", "line bound"}
    assert paths(picture, "zero")["zero c2"][0::2] == [0, 1000]


def test_a_long_run_keeps_its_extremes_and_is_small():
    losses = 2 + np.sin(np.arange(20_000) ** 2) * 0.1
    losses[12_345], losses[777] = 9.0, 0.5
    records = [record(name, long(20_000, losses * (1 + k * UNIT))) for k, name in enumerate(("jax", "torch", "tf"))]
    html = page(*records)
    assert len(html.encode()) < 400_000
    points = paths(chart(html, "loss"), "line")["line band c0 under"]
    assert len(points) == 2 * MAX_POINTS
    peak, dip = points[1::2].index(min(points[1::2])), points[1::2].index(max(points[1::2]))
    assert points[2 * peak] == pytest.approx(1000 * 12_345 / 20_000, abs=5)
    assert points[2 * dip] == pytest.approx(1000 * 777 / 20_000, abs=5)


def test_a_single_step_that_differs_in_a_long_run_is_seen():
    losses = long(5000).losses
    other = losses.copy()
    other[2500] *= 1 + 5 * UNIT
    picture = chart(page(record("jax", long(5000)), record("torch", long(5000, other))), "loss-difference")
    assert paths(picture, "dot")["dot c2"][0] == pytest.approx(500, abs=2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, STEPS])
def test_numbers_that_are_not_finite_break_no_chart(bad, count):
    losses = curve().losses.copy()
    losses[-count:] = bad
    html = page(record("jax"), record("torch", curve(losses)))
    for name in ("loss", "loss-difference"):
        assert not re.search(r'd="[^"]*(nan|inf)', chart(html, name))
        assert paths(chart(html, name), "broken")
    assert "steps whose number is not finite" in text(html)
    assert "the loss is finite on one side only" in text(html)
    Elements(html)


@pytest.mark.parametrize(
    "losses", [[0.0], [0.0] * 3, [1e-300, 1e300, 1], [-1.7e308, 1.7e308, 0], [5, 5, 5], [1e5, 1, 1e-3]]
)
def test_losses_of_any_size_are_drawn(losses):
    run = long(len(losses), np.asarray(losses, "float64") / 3)
    picture = chart(page(*[record(name, run, run) for name in ("jax", "torch")]), "loss")
    for numbers in paths(picture, "(?:line|dot)").values():
        assert all(0 <= number <= 1000 for number in numbers)


def test_a_loss_over_more_than_three_decades_gets_a_logarithmic_axis():
    run = long(50, np.geomspace(100, 1e-4, 50))
    assert ">10⁻⁴</text>" in chart(page(record("jax", run), record("torch", run)), "loss")


def test_a_chart_has_a_text_description():
    words = re.search(r'<desc id="loss-difference-desc">(.*?)</desc>', page(*disagreeing()))[1]
    assert "jax – torch: largest 0.0099" in words
    assert "Step 9 is the first beyond the bound." in words
