"""The table, the picture and the command of how cost grows, of made-up points."""

import json
import re
import sys

import pytest

from kerasbridge.benchmark import growth
from kerasbridge.benchmark.growth_result import Point, as_text, draw
from kerasbridge.benchmark.timing import Lap
from kerasbridge.runtime import subprocesses
from kerasbridge.runtime.subprocesses import ChildResult


def point(series, size, epoch, steps, peak=None):
    return Point(series, size, Lap(0.1, 0.2), Lap(2.0, 3.0), epoch, steps, peak, "looped")


POINTS = {
    "jax": [point("batch", 1, Lap(0.5, 0.25), 1000, 3_000_000), point("batch", 64, Lap(0.8, 0.4), 1000)],
    "torch": [point("batch", 1, Lap(1.5, 1.0), 1000, 0), point("empty step", 100, Lap(0.1, 0.1), 100, 0)],
    "tensorflow": [],
}


def cells(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_the_table_has_the_time_of_a_step_by_either_clock():
    lines = cells(as_text(POINTS))
    assert lines[2] == ["jax", "batch", "1", "0.1", "2", "500", "2000", "3", "looped"]
    assert lines[3][-2] == ""
    assert [line[0] for line in lines[2:]] == ["jax", "jax", "torch", "torch"]
    assert cells(as_text(POINTS, "cpu"))[2][3:7] == ["0.2", "3", "250", "4000"]


def test_the_picture_has_a_line_per_backend(tmp_path):
    pytest.importorskip("matplotlib")
    draw(tmp_path / "growth.svg", POINTS)
    assert (tmp_path / "growth.svg").stat().st_size > 1000


def test_a_process_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(subprocesses, "run", lambda *_, **__: ChildResult(2, b"", "no such thing"))
    with pytest.raises(SystemExit, match=r"^jax: no such thing$"):
        growth.grow("jax", "empty")


def test_the_command_measures_each_series_in_a_process_and_writes_all_points(monkeypatch, tmp_path, capsys):
    lap = {"wall": 1, "cpu": 2}
    fields = {"series": "rows", "size": 2, "begin": lap, "first": lap, "epoch": lap, "steps": 2, "peak": None}
    answer = json.dumps([{**fields, "execution": "looped"}])
    asked, path = [], tmp_path / "growth.json"
    monkeypatch.setattr(growth, "check_backends", lambda names, at_least: names)
    monkeypatch.setattr(growth, "machine", lambda names: {"CPU": "2 cores", **dict.fromkeys(names, "1.0")})
    run = lambda *given, **_: asked.append(given[1:]) or ChildResult(0, f"notice\n{answer}".encode(), "")  # noqa: E731
    monkeypatch.setattr(subprocesses, "run", run)
    command = ["growth", "--backend=jax", "--series=rows", "--series=empty", "--quick", "--clock=cpu", f"--json={path}"]
    monkeypatch.setattr(sys, "argv", command)
    growth.main()
    assert asked == [("--child", f"--series={name}", "--quick") for name in ("rows", "empty")]
    assert json.loads(path.read_text())["points"] == {"jax": 2 * json.loads(answer)}
    printed = capsys.readouterr().out
    assert cells(printed)[2][5] == "1000000"
    assert re.search(r"^processor time, CPU 2 cores, jax 1\.0, \d{4}-\d\d-\d\d", printed, re.MULTILINE)
