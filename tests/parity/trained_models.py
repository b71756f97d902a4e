"""Train models for an epoch and save them, or trace and record saved models: children of test_no_false_alarm.

``python trained_models.py train FOLDER SEEDS NAME...`` or ``python trained_models.py trace FOLDER OUT DTYPE``.
"""

import sys
from pathlib import Path

import numpy as np

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from kerasbridge.parity.compare_worker import record
from kerasbridge.parity.diagnose_worker import trace_step
from kerasbridge.parity.jobs import Job


def train(folder, seeds, *names):
    """Save each model after an epoch, as NAME-SEED.keras, with its data."""
    import subjects

    for name in names:
        for seed in range(int(seeds)):
            keras.backend.clear_session()
            kb.seed_everything(seed)
            model, x, y = getattr(subjects, name)()
            kb.fit(model, x, y, epochs=1, batch_size=32, seed=seed, verbose=0)
            model.save(Path(folder, f"{name}-{seed}.keras"))
            np.savez(Path(folder, f"{name}-{seed}.npz"), x=x, y=y)


def trace(folder, out, dtype):
    """Trace a step of each saved model; in float32 also train it as `kb.compare` does."""
    for path in sorted(Path(folder).glob("*.keras")):
        keras.backend.clear_session()
        seed = int(path.stem.rpartition("-")[2])
        settings = {"data": str(path.with_suffix(".npz")), "seed": seed, "dtype": dtype}
        job = Job(model=str(path), correct_leaks=dtype == "float64", **settings)
        trace_step(job).write(Path(out, f"{path.stem}.{dtype}.out"))
        if dtype == "float32":
            record(job).write(Path(out, f"{path.stem}.npz"))


if __name__ == "__main__":
    {"train": train, "trace": trace}[sys.argv[1]](*sys.argv[2:])
