"""A training of 1,000 short epochs needs no more memory at its end than after its first hundred."""

import json
import subprocess
import sys

import pytest

from kerasbridge.runtime.backend import BACKENDS, child_environment
from tests.paths import ROOT

SCRIPT = """
import gc, json, resource
import numpy as np
import kerasbridge as kb
from kerasbridge.keras_compat import keras

resident = []

class Watch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch % 100 == 99:
            gc.collect()
            pages = int(open("/proc/self/statm").read().split()[1])
            resident.append(pages * resource.getpagesize())

x, y = np.random.default_rng(0).random((64, 8)).astype("float32"), np.arange(64) % 3
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8), keras.layers.Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
kb.fit(model, x, y, epochs=1000, validation_split=0.25, verbose=0, callbacks=[Watch()])
print(json.dumps(resident))
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("backend", BACKENDS)
def test_memory_stays_level_over_1000_epochs(backend):
    environment = child_environment(backend, threads=1)
    command = [sys.executable, "-c", SCRIPT]
    child = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    first, *_, last = json.loads(child.stdout.splitlines()[-1])
    print(f"{backend}: {first / 1e6:.0f} MB after 100 epochs, {last / 1e6:.0f} MB after 1,000")
    assert last - first < 8e6
