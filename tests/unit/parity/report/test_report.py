"""The report contains the verdict, texts and tables of a comparison; strings from a model are escaped."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import kerasbridge
from kerasbridge.errors import ArgumentError
from kerasbridge.parity import report
from kerasbridge.parity.jobs import Job
from kerasbridge.parity.verdict import HEAD_START, MARGIN, ROUNDING, bound
from kerasbridge.runs import plotting
from kerasbridge.runs.palette import DARK, LIGHT
from tests.unit.parity.records import STEPS, record
from tests.unit.parity.report.pages import UNIT, Elements, compared, disagreeing, elements, long, page, rounding, text

EVIL = '<script>alert("1")</script>&'


@pytest.mark.parametrize(
    ("records", "headline"),
    [
        ((record("jax"), record("torch")), "Identical"),
        (rounding(), "The same but for rounding"),
        (disagreeing(), "They disagree"),
    ],
)
def test_the_headline_is_the_verdict(records, headline):
    html = page(*records)
    assert re.findall(r"<h1>(.*?)</h1>", html) == [headline]
    assert f"<title>{headline}: mlp on jax" in html


def test_masks_that_were_not_recorded_are_not_called_equal():
    words = text(page(record("jax"), record("torch", masks={}, masks_missing="ValueError: a loop")))
    assert "random layers 1 not compared Not recorded on torch: ValueError: a loop" in words


def test_the_pairs_table_has_the_differences_of_steps_1_and_10_and_the_end():
    assert "backends verdict step 1 step 10 end largest final weights" in text(page(*rounding()))
    assert "jax – torch rounding 0 6.0e-7 6.0e-7 6.0e-7 0 1.9e-4" in text(page(*rounding()))
    assert "step 100" in text(page(record("jax", long(101)), record("torch", long(101))))


def test_a_pair_that_disagrees_names_the_first_step():
    assert "jax – torch disagree, step 9: loss" in text(page(*disagreeing()))


def test_versions_times_metrics_and_settings_are_there():
    words = text(page(record("jax", seconds=12.34), record("torch", device="gpu:0", job=Job(seed=7, rows=320))))
    for part in (
        "jax 1.0 –",
        "torch – 1.0",
        "keras 3.15.1 3.15.1",
        "device cpu gpu:0",
        "execution looped looped",
        "seconds of training 12.3 1.5",
        "accuracy 0.9 0.9",
        "rows all",
        "dtype float32",
        "batch size 32",
        f"steps {STEPS}",
        "2026-11-23 04:00:00 UTC",
    ):
        assert part in words


def test_nudged_and_the_bound_are_explained():
    words = text(page(*rounding()))
    assert "every initial weight moved by one unit in its last place" in words
    assert f"{ROUNDING} √t units in the last place (3.1e-5 √t), or, after step 1, {MARGIN} times the largest" in words


def test_the_bound_that_is_explained_is_the_bound():
    nudged = np.geomspace(1e-9, 1e-2, 50)
    for t in (1, 2, 20):
        chaos = MARGIN * nudged[2 * t + HEAD_START - 1] if t > 1 else 0
        assert bound(nudged, UNIT)[t - 1] == pytest.approx(max(ROUNDING * UNIT * t**0.5, chaos))


def test_strings_of_a_model_are_escaped():
    evil = record(
        EVIL,
        job=Job(data=EVIL),
        device=EVIL,
        execution=EVIL,
        versions={EVIL: EVIL},
        made=EVIL,
        metrics=[{EVIL: 1.0}],
        initial_weights={EVIL: "a"},
        masks={},
        masks_missing=EVIL,
    )
    html = page(evil, replace(evil, label=EVIL + "2", initial_weights={EVIL: "b"}))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    Elements(html)


def test_the_page_needs_nothing_but_itself():
    html = page(*disagreeing())
    assert not re.search(r"https?://|@import|url\(|<script|\bsrc=", html)
    assert [link["href"] for link in elements(html, "link")] == ["data:,"]
    assert "default-src 'none'" in html


def test_a_screen_reader_finds_language_headings_images_and_table_headers():
    html = page(*disagreeing())
    assert html.startswith('<!doctype html>\n<html lang="en">')
    ids = [attributes["id"] for _, attributes in Elements(html).seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [attributes["aria-labelledby"] for _, attributes in Elements(html).seen if "aria-labelledby" in attributes]
    assert {name for names in named for name in names.split()} <= set(ids)
    pictures = elements(html, "svg")
    assert sum(picture.get("role") == "img" and "aria-labelledby" in picture for picture in pictures) == 3
    assert html.count("<desc id=") == 3
    assert all(head.get("scope") in ("col", "row", "rowgroup") for head in elements(html, "th"))
    assert len(elements(html, "h1")) == 1


def test_both_colour_schemes_and_narrow_tables_are_styled():
    html = page(*rounding())
    assert "@media (prefers-color-scheme: dark)" in html
    assert html.count('<div class="scroll" tabindex="0" role="region"') == html.count("<table") == 3


def test_the_page_has_the_colours_of_the_plots():
    light, dark = re.findall(r":root \{(.*?)\}", page(*rounding()), re.S)
    assert LIGHT.css_variables() in light
    assert DARK.css_variables() in dark
    assert (LIGHT.ink, LIGHT.soft, LIGHT.grid) == (plotting.INK, plotting.SOFT, plotting.GRID)
    assert f"--c0: {plotting.COLOURS[0]}; --c1: {plotting.COLOURS[1]}; --c2: {plotting.COLOURS[2]};" in light


def test_no_other_module_or_style_sheet_defines_a_colour():
    package = Path(kerasbridge.__file__).parent
    files = [path for path in package.rglob("*.*") if path.suffix in (".py", ".css") and path.name != "palette.py"]
    assert len(files) > 100
    assert [path.name for path in files if re.search(r"#[0-9a-fA-F]{6}\b", path.read_text("utf-8"))] == []


def luminance(colour):
    parts = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_every_colour_has_enough_contrast():
    palettes = re.findall(r":root \{(.*?)\}", page(*rounding()), re.S)
    assert len(palettes) == 2
    for palette in palettes:
        colours = {name: luminance(value) for name, value in re.findall(r"--([\w]+): (#\w{6})", palette)}
        for name in ("ink", "soft", "good", "fine", "bad", *(f"c{k}" for k in range(6))):
            light, dark = max(colours[name], colours["paper"]), min(colours[name], colours["paper"])
            least = 3.0 if re.fullmatch(r"c\d", name) else 4.5  # WCAG 2.2: 1.4.11 for graphics, 1.4.3 for text
            assert (light + 0.05) / (dark + 0.05) >= least, name


def test_write_replaces_the_file_and_the_same_comparison_gives_the_same_page(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    report.write(compared(*rounding()), path)
    assert path.read_text(encoding="utf-8") == page(*rounding())


def test_a_report_replaces_a_report_and_nothing_else(tmp_path):
    path = tmp_path / "report.html"
    for _ in range(2):
        report.check_replaceable(path)
        report.write(compared(*rounding()), path)
    path.write_text("mine")
    with pytest.raises(ArgumentError, match=r"report\.html is not a report of kerasbridge, so it is not replaced"):
        report.check_replaceable(path)
    for other, words in ((tmp_path, "which is a folder"), (tmp_path / "no" / "a.html", "in a folder that exists")):
        with pytest.raises(ArgumentError, match=words):
            report.check_replaceable(other)
