"""The page of `kerasbridge demo` in a browser: digits that are drawn and uploaded, and every backend's answers."""

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from kerasbridge import mnist
from kerasbridge.runtime import backend
from tests.paths import ROOT

INSTALLED = backend.installed()
PHOTO = ROOT / "examples" / "digits" / "7-pencil.png"
HEADS = "[...document.querySelectorAll('thead b')].map(head => head.textContent)"
NAMES = "[...document.querySelectorAll('thead th')].slice(1).map(head => head.firstChild.textContent)"
BARS = "[...document.querySelectorAll('.bar i')].map(bar => bar.getBoundingClientRect().width)"
PERCENT = "[...document.querySelectorAll('tbody span')].map(cell => parseFloat(cell.textContent))"
DIFFERENCE = "document.getElementById('difference').textContent"
PROBLEMS = "document.getElementById('problems').textContent"
WIDEST = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
PHONE, DESKTOP = 360, 1000

pytestmark = pytest.mark.skipif(not INSTALLED, reason="no backend is installed")


@pytest.fixture
def script(monkeypatch):
    """The script that makes the picture of the page, which starts the command and draws."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("make_demo_screenshot")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a run, one that was not trained, and one whose model is damaged."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    environment = backend.child_environment(INSTALLED[0])
    for name, epochs in (("good", 3), ("new", 0)):
        command = ["train", "--epochs", str(epochs), "--quiet", "--run-dir", f"runs/{name}"]
        subprocess.run([sys.executable, "-m", "kerasbridge", *command], cwd=tmp_path, env=environment, check=True)
    shutil.copytree(tmp_path / "runs" / "new", tmp_path / "runs" / "damaged")
    (tmp_path / "runs" / "damaged" / "model.keras").write_bytes(b"no zip")
    return tmp_path


def children_of(process):
    """Return the processes that a process started, on Linux."""
    fields = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")]
    names = [path.parent.name for path in Path("/proc").glob("[0-9]*/stat")]
    return [int(name) for name, (_, parent, *_) in zip(names, fields, strict=True) if int(parent) == process.pid]


def test_a_drawn_digit_is_recognised_by_every_backend(chromium, script, folder, tmp_path):
    with script.started("runs/good", folder=folder) as (process, address):
        for name in INSTALLED:  # without the time limit of the browser
            urllib.request.urlopen(f"{address}answer?backend={name}&run=good", data=b"")
        children = children_of(process)
        for width, touch in ((DESKTOP, False), (PHONE, True)):
            chromium.open(address, width, 800)
            chromium.evaluate(script.DONE)
            assert chromium.evaluate(NAMES) == [*INSTALLED]
            assert chromium.evaluate(HEADS) == ["ready"] * len(INSTALLED)
            check_drawn(chromium, script, touch)
            assert chromium.evaluate("innerWidth") == width
            assert chromium.evaluate(WIDEST) <= width
            check_quiet(chromium, address)
        check_upload(chromium, script, tmp_path)
        check_other_runs(chromium, script)
        check_quiet(chromium, address)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    assert len(children) == len(INSTALLED)


def check_drawn(chromium, script, touch):
    """Draw a three: every backend gives it the longest bar, and their probabilities differ by rounding."""
    script.draw(chromium, script.draw_digits.THREE, touch)
    assert chromium.evaluate(HEADS) == ["3"] * len(INSTALLED)
    bars, percents = chromium.evaluate(BARS), chromium.evaluate(PERCENT)
    for column in range(len(INSTALLED)):
        probabilities = percents[column :: len(INSTALLED)]
        assert sum(probabilities) == pytest.approx(100, abs=1)
        assert probabilities[3] == max(probabilities) > 50
        assert max(bars[column :: len(INSTALLED)]) == bars[3 * len(INSTALLED) + column] > 20
    if len(INSTALLED) > 1:
        found = re.fullmatch(r"Largest difference of a probability: (\S+)( \(.*\))?\.", chromium.evaluate(DIFFERENCE))
        assert float(found[1]) < 1e-5
    chromium.evaluate("get('clear').click()")
    chromium.evaluate(script.DONE)
    assert chromium.evaluate(HEADS) == ["ready"] * len(INSTALLED)


def check_upload(chromium, script, folder):
    """Upload a photo, which the models see as `kerasbridge predict` converts it, and files that contain no digit."""
    upload(chromium, script, PHOTO)
    assert chromium.evaluate(HEADS) == ["7"] * len(INSTALLED)
    assert chromium.evaluate(f"answers.{INSTALLED[0]}.pixels") == mnist.read(PHOTO).tolist()
    (folder / "notes.png").write_text("no picture")
    upload(chromium, script, folder / "notes.png")
    assert chromium.evaluate(HEADS) == ["error"] * len(INSTALLED)
    assert chromium.evaluate(PROBLEMS).startswith("The picture is not a readable picture")
    upload(chromium, script, PHOTO)
    assert chromium.evaluate(PROBLEMS) == ""


def check_other_runs(chromium, script):
    """Choose the run that was not trained, and the damaged one."""
    assert chromium.evaluate("[...get('run').options].map(run => run.value)") == ["new", "damaged", "good"]
    trained = chromium.evaluate(PERCENT)
    choose(chromium, script, "new")
    assert max(abs(a - b) for a, b in zip(chromium.evaluate(PERCENT), trained, strict=True)) > 20
    choose(chromium, script, "damaged")
    assert chromium.evaluate(PROBLEMS).count("model.keras cannot be loaded") == 1
    choose(chromium, script, "good")
    assert chromium.evaluate(PERCENT) == trained


def check_quiet(chromium, address):
    """Nothing is printed on the console, and nothing is requested from elsewhere."""
    assert chromium.complaints == []
    assert [url for url in chromium.requests if not url.startswith((address, "data:", "blob:"))] == []


def upload(chromium, script, path):
    chromium.evaluate(script.CHANGED)
    chromium.choose_file("get('photo')", path)
    chromium.evaluate(script.DONE)


def choose(chromium, script, run):
    chromium.evaluate(f"{script.CHANGED}; get('run').value = '{run}'; get('run').onchange()")
    chromium.evaluate(script.DONE)
