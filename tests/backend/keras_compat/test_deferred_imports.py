"""Packages that Keras uses for single functions are imported when it uses them."""

import importlib.util
import json
import subprocess
import sys

import pytest

from kerasbridge.keras_compat import keras
from tests.paths import ROOT

NAMES = ("pandas", "matplotlib", "IPython", "requests", "cv2")

STARTED = """
import builtins, json, sys
before = builtins.__import__
from kerasbridge.keras_compat import keras
from keras.src.trainers.data_adapters.array_slicing import can_slice_array, convert_to_sliceable
assert builtins.__import__ is before
assert not can_slice_array(object())
imported = [name for name in sys.argv[1].split(",") if name in sys.modules]
if keras.config.backend() == "torch":
    imported += [name for name in ("jax", "tensorflow") if name in sys.modules]

import pandas
rows = pandas.DataFrame({"a": [1.0, 2.0]})
assert can_slice_array(rows) and can_slice_array(rows["a"]) and not can_slice_array(object())
slices = [type(convert_to_sliceable(x)).__name__ for x in (rows, rows["a"])]

from keras.src.callbacks import remote_monitor
from keras.src.visualization import plot_bounding_box_gallery, plot_image_gallery
used = [remote_monitor.requests.exceptions.RequestException, plot_bounding_box_gallery.patches.Patch]
print(json.dumps([imported, slices, plot_image_gallery.plt.subplots.__module__, [each.__name__ for each in used]]))
"""


def test_keras_imports_packages_for_single_functions_when_it_uses_them():
    names = [name for name in NAMES if importlib.util.find_spec(name)]
    for name in ("pandas", "matplotlib", "requests"):
        pytest.importorskip(name)
    command = (sys.executable, "-c", STARTED, ",".join(names))
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    imported, slices, plots, used = json.loads(ended.stdout)
    by_tensorflow = {"requests"} if keras.config.backend() == "tensorflow" else set()
    assert set(imported) <= by_tensorflow
    assert slices == ["PandasDataFrameSliceable", "PandasSeriesSliceable"]
    assert plots == "matplotlib.pyplot"
    assert used == ["RequestException", "Patch"]
