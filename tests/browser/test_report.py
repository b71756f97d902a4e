"""The report in a browser: it fits on a phone, has charts, logs no errors and loads nothing."""

import numpy as np
import pytest

from kerasbridge.parity import report
from tests.unit.parity.records import curve, record
from tests.unit.parity.report.pages import compared, disagreeing, long, rounding

WIDTHS = (360, 1000)
LONG_NAME = "a_layer_with_a_name_that_goes_on_and_on/" * 5 + "kernel"


def broken():
    losses = curve().losses.copy()
    losses[5:9] = np.nan
    unequal = {"initial_weights": {LONG_NAME: "b"}}
    return record("jax", initial_weights={LONG_NAME: "a"}), record("torch, 2026-11-20", curve(losses), **unequal)


PAGES = {
    "rounding": rounding(),
    "disagree": disagreeing(),
    "broken": broken(),
    "four": (*disagreeing(), record("jax, 2026-11-20")),
    "long": (record("jax", long(5000)), record("torch", long(5000))),
}


@pytest.fixture(params=PAGES)
def page(request, tmp_path):
    path = tmp_path / "report.html"
    report.write(compared(*PAGES[request.param]), path)
    return path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_shows_its_charts_and_complains_of_nothing(chromium, page, width, scheme):
    chromium.open(page, width, 740, scheme)
    assert chromium.evaluate("innerWidth") == width
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    boxes = "[...document.querySelectorAll('svg.plot, h1')].map(e => e.getBoundingClientRect())"
    headline, *charts = chromium.evaluate(f"{boxes}.map(box => [box.width, box.height])")
    assert min(headline) > 20
    assert len(charts) == 3
    assert all(across > 0.7 * width and down > 150 for across, down in charts)
    assert chromium.complaints == []
    assert chromium.requests == [page.as_uri()]


@pytest.mark.parametrize("width", WIDTHS)
def test_axis_labels_stay_in_the_window_and_do_not_overlap(chromium, page, width):
    chromium.open(page, width, 740)
    words = "[...plot.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()])"
    sides = "([words, box]) => [words, box.left, box.right, box.top, box.bottom]"
    boxes = chromium.evaluate(f"[...document.querySelectorAll('.plot')].map(plot => {words}.map({sides}))")
    for chart in boxes:
        for place, (label, left, right, top, bottom) in enumerate(chart):
            assert left >= 0, label
            assert right <= width, label
            for other, a, b, c, d in chart[place + 1 :]:
                apart = right <= a or b <= left or bottom <= c + 4 or d <= top + 4  # 4 px of a line are empty
                assert apart or other.startswith("step "), (label, other)


def test_the_colour_scheme_follows_the_browser(chromium, page):
    papers = []
    for scheme in ("light", "dark"):
        chromium.open(page, 1000, 740, scheme)
        papers.append(chromium.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert papers == ["rgb(251, 251, 249)", "rgb(20, 23, 26)"]


def test_a_wide_table_scrolls_by_itself(chromium, page):
    chromium.open(page, 360, 740)
    assert chromium.evaluate("[...document.querySelectorAll('.scroll')].some(e => e.scrollWidth > e.clientWidth)")


def test_a_page_that_is_too_wide_and_logs_errors_is_found(chromium, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><div style='width: 500px'>wide</div><img src='gone.png'><script>nothing.at.all</script>"
    )
    chromium.open(path, 360, 740)
    assert chromium.evaluate("document.documentElement.scrollWidth") > 360
    assert any("nothing is not defined" in complaint for complaint in chromium.complaints)
    assert len(chromium.requests) == 2
