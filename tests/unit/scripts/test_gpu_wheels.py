"""The wheels for a GPU image are those that kerasbridge needs, without the frameworks, and not too large."""

import importlib.metadata
import runpy
import subprocess
import sys
from itertools import pairwise

import pytest

from tests.paths import ROOT

WHEELS = runpy.run_path(ROOT / "scripts" / "gpu_wheels.py", run_name="gpu_wheels")
REQUIRES = {"keras": ["h5py", "numpy", 'torch; extra == "torch"', "Ml_Dtypes>=0.5"], "h5py": ["numpy>=1.21"]}


@pytest.fixture
def pip(monkeypatch):
    """The commands of pip, which write a wheel of ten bytes each; every package is installed in version 1."""
    commands = []

    def run(command, check):
        commands.append(command[3:])
        folder = next(after for word, after in pairwise(command) if word in {"--dest", "--wheel-dir"})
        (WHEELS["Path"](folder) / f"{command[3]}.whl").write_bytes(bytes(10))

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1")
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: REQUIRES.get(name, []))
    return commands


def test_what_kerasbridge_needs_is_downloaded_without_what_the_image_has(pip, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu_wheels", str(tmp_path), "--python", "3.12"])
    WHEELS["main"]()
    download, build = pip
    assert {"keras==1", "h5py==1", "ml-dtypes==1", "--python-version", "3.12"} <= set(download)
    assert not {"numpy==1", "torch==1", "jax==1"} & set(download)
    assert build[0] == "wheel"
    assert "0.00 MB in all" in capsys.readouterr().out


def test_more_than_40_megabytes_are_refused(pip, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["gpu_wheels", str(tmp_path)])
    monkeypatch.setitem(WHEELS["main"].__globals__, "LIMIT", 10)
    with pytest.raises(SystemExit, match="Expected at most"):
        WHEELS["main"]()
    assert "--python-version" not in pip[0]
