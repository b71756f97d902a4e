"""The script that draws examples/digits/ draws the stored images."""

import subprocess
import sys

import numpy as np
from PIL import Image

from tests.paths import ROOT


def levels(path):
    return np.asarray(Image.open(path).convert("RGBA"), int)


def test_drawing_again_gives_the_same_pictures(tmp_path):
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "draw_digits.py", tmp_path], check=True, stdout=subprocess.DEVNULL
    )
    kept = {path.name: path for path in (ROOT / "examples" / "digits").glob("*.*g")}
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    for name, path in kept.items():
        most = 1 if path.suffix == ".png" else 12  # rounding on another machine; another version of libjpeg
        assert np.abs(levels(tmp_path / name) - levels(path)).max() <= most, name


def test_they_are_small():
    assert sum(path.stat().st_size for path in (ROOT / "examples" / "digits").iterdir()) < 200_000
