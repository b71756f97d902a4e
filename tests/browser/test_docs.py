"""The pages of docs/ in a browser, on a desktop and on a phone; `nox -s docs` builds them and runs this."""

import re
from pathlib import Path

import pytest
import typer

from kerasbridge import cli
from tests.paths import ROOT

BUILT = ROOT / "build" / "docs"
SOURCES = [path.relative_to(ROOT / "docs") for path in sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [*(path.with_suffix(".html") for path in SOURCES), Path("genindex.html"), Path("search.html")]
WIDTHS = (390, 1280)
WIDEST = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
UNLOADED = "[...document.images].filter(image => !image.complete || !image.naturalWidth).map(image => image.src)"

pytestmark = pytest.mark.skipif(not BUILT.is_dir(), reason="`nox -s docs` builds the pages into build/docs")


@pytest.fixture(params=PAGES, ids=str)
def page(request):
    return BUILT / request.param


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_has_its_pictures_and_a_title_and_needs_no_network(chromium, page, width):
    chromium.open(page, width, 800)
    assert chromium.evaluate("innerWidth") == width
    assert chromium.evaluate(WIDEST) <= width
    assert chromium.evaluate(UNLOADED) == []
    assert "kerasbridge" in chromium.evaluate("document.title")
    assert chromium.evaluate("document.body.innerText.length") > 100
    assert chromium.complaints == []
    assert {address.partition(":")[0] for address in chromium.requests} <= {"file", "data"}


def test_its_links_have_existing_targets(page):
    for target in re.findall(r'<a [^>]*href="([^"]+)"', page.read_text("utf-8")):
        if ":" not in target:
            path, _, place = target.partition("#")
            there = page.parent / path if path else page
            assert there.exists(), target
            assert not place or f'id="{place}"' in there.read_text("utf-8"), target


def test_the_language_is_set(page):
    language = "ko" if page.parent.name == "ko" else "en"
    assert re.search(r'<html [^>]*lang="(\w+)"', page.read_text("utf-8"))[1] == language


def test_the_table_of_contents_lists_every_page():
    index = (BUILT / "index.html").read_text("utf-8")
    pages = [path.with_suffix(".html").as_posix() for path in SOURCES if path.stem != "index"]
    assert [page for page in pages if f'class="reference internal" href="{page}"' not in index] == []


def test_every_command_and_option_is_on_the_page_of_the_command_line():
    page = (BUILT / "command-line.html").read_text("utf-8")
    for name, command in typer.main.get_command(cli.app).commands.items():
        section = page.partition(f'<section id="{name}">')[2].partition("<section")[0]
        words = re.sub(r"<[^>]*>", " ", section).split()
        assert command.help.split()[0] in words, name
        assert [
            option for one in command.params for option in one.opts if option[0] == "-" and option not in words
        ] == []


def test_a_page_that_is_wide_and_loads_from_elsewhere_is_found(chromium, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<!doctype html><div style='width: 500px'>wide</div><img src='http://127.0.0.1:9/gone.png'>")
    chromium.open(page, 390, 800)
    assert chromium.evaluate(WIDEST) > 390
    assert chromium.evaluate(UNLOADED) == ["http://127.0.0.1:9/gone.png"]
    assert {address.partition(":")[0] for address in chromium.requests} == {"file", "http"}
