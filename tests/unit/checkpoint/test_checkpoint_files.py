"""Whatever fails while a checkpoint is written, and whenever the process dies, an older one or the new one is read."""

import contextlib
import itertools
import json

import numpy as np
import pytest

from kerasbridge.checkpoint import files
from kerasbridge.checkpoint.files import Content
from kerasbridge.checkpoint.interval import Interval, parse_interval
from kerasbridge.errors import ArgumentError
from tests.system_calls import ProcessDied, SystemCalls

KEEP = 2


def write(folder, number):
    content = Content({"weight": np.full((3,), number, dtype="float32")}, {"number": number})
    return files.write(folder, content, epoch=number, step=0, keep=KEEP)


def numbers(folder):
    """Return the numbers of the checkpoints that verify, the latest first; the arrays must be their own."""
    found = [content for _, content in files.newest(folder)]
    assert all((content.arrays["weight"] == content.state["number"]).all() for content in found)
    return [content.state["number"] for content in found]


@pytest.mark.parametrize("dies", [False, True])
def test_at_every_system_call_a_checkpoint_is_complete(tmp_path, monkeypatch, caplog, dies):
    for call in itertools.count(1):
        folder = tmp_path / str(call)
        folder.mkdir()
        for number in range(1, KEEP + 1):
            write(folder, number)
        with SystemCalls(monkeypatch, call, dies) as calls, contextlib.suppress(OSError, ProcessDied):
            write(folder, KEEP + 1)
        found = numbers(folder)
        assert found[0] in (KEEP, KEEP + 1), call
        assert len(found) >= KEEP, call
        assert not caplog.records, call  # nothing looks like a damaged checkpoint
        files.clean(folder)
        write(folder, KEEP + 2)
        assert numbers(folder)[0] == KEEP + 2, call
        assert len(list((folder / files.CHECKPOINTS).iterdir())) == KEEP, call
        if not calls.happened:
            break
    assert call > 10


def test_a_damaged_checkpoint_is_skipped(tmp_path, caplog):
    write(tmp_path, 1)
    path = write(tmp_path, 2)
    for name in ("arrays.safetensors", "state.json", "manifest.json"):
        content = (path / name).read_bytes()
        for damaged in (content[:-3], b"", content[:9] + b"\xff" + content[10:], None):
            (path / name).unlink(missing_ok=True)
            if damaged is not None:
                (path / name).write_bytes(damaged)
            assert numbers(tmp_path) == [1]
            assert f"{path} is damaged" in caplog.messages[-1]
        (path / name).write_bytes(content)
    assert numbers(tmp_path) == [2, 1]
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"format": files.FORMAT + 1}))
    assert numbers(tmp_path) == [1]


def test_the_latest_checkpoint_between_epochs_is_kept_if_wanted(tmp_path):
    content = Content({}, {})
    files.write(tmp_path, content, 1, 0, keep=1, keep_epoch=True)
    for step in (5, 6):
        files.write(tmp_path, content, 1, step, keep=1, keep_epoch=True)
    names = sorted(path.name for path in (tmp_path / files.CHECKPOINTS).iterdir())
    assert names == ["000001-epoch-1-step-0", "000003-epoch-1-step-6"]


def test_arrays_of_every_dtype_are_read_as_written(tmp_path):
    dtypes = [
        "bool",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "float16",
        "float32",
        "float64",
    ]
    arrays = {dtype: np.array([[0, 1], [2, 3]]).astype(dtype).T for dtype in dtypes}
    arrays |= {"scalar": np.float32(2).reshape(()), "empty": np.zeros((0, 3), "float32")}
    files.write(tmp_path, Content(arrays, {}), 0, 1, keep=1)
    ((_, content),) = files.newest(tmp_path)
    assert content.arrays.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(content.arrays[key], array, strict=True)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("10s", Interval(seconds=10)),
        ("0.5 min", Interval(seconds=30)),
        ("2 h", Interval(seconds=7200)),
        ("500 steps", Interval(steps=500)),
        ("1 Epoch", Interval(epochs=1)),
    ],
)
def test_intervals(text, interval):
    assert parse_interval(text) == interval


@pytest.mark.parametrize("text", ["10", "s", "0s", "0.5 epochs", "-1 steps", "1 week", "", None, 10, "1e9999s"])
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(ArgumentError, match="Expected checkpoint_every to be a text such as"):
        parse_interval(text)
