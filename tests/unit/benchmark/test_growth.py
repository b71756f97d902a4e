"""The table and the picture of how cost grows, of made-up points."""

import pytest

from kerasbridge.benchmark import growth
from kerasbridge.benchmark.growth import Point
from kerasbridge.runtime import subprocesses
from kerasbridge.runtime.subprocesses import ChildResult

POINTS = {
    "jax": [Point("batch", 1, 0.1, 2.0, 0.5, 1000, 3_000_000), Point("batch", 64, 0.1, 2.0, 0.8, 1000, None)],
    "torch": [Point("batch", 1, 0.2, 0.5, 1.5, 1000, 0), Point("empty step", 100, 0.2, 0.5, 0.1, 100, 0)],
}


def test_the_table_has_the_time_of_a_step():
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in growth.as_text(POINTS).splitlines()]
    assert lines[2] == ["jax", "batch", "1", "0.1", "2", "500", "2000", "3"]
    assert lines[3][-1] == ""
    assert [line[0] for line in lines[2:]] == ["jax", "jax", "torch", "torch"]


def test_the_picture_has_a_line_per_backend(tmp_path):
    pytest.importorskip("matplotlib")
    growth.draw(tmp_path / "growth.svg", POINTS)
    assert (tmp_path / "growth.svg").stat().st_size > 1000


def test_a_process_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(subprocesses, "run", lambda *_, **__: ChildResult(2, b"", "no such thing"))
    with pytest.raises(SystemExit, match=r"^jax: no such thing$"):
        growth.grow("jax", ["empty"])


def test_the_points_of_a_process_are_read(monkeypatch):
    answer = b'notice\n[{"series": "rows", "size": 2, "begin": 1, "first": 1, "epoch": 1, "steps": 2, "gained": null}]'
    asked = []
    monkeypatch.setattr(subprocesses, "run", lambda *given, **_: asked.append(given) or ChildResult(0, answer, ""))
    assert growth.grow("jax", ["rows"], quick=True) == [Point("rows", 2, 1, 1, 1, 2, None)]
    assert asked[0][1:] == ("--child", "--series=rows", "--quick")
