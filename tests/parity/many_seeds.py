"""Record a subject with many seeds in one process: ``python many_seeds.py SCRIPT FUNCTION SEEDS EPOCHS FOLDER``."""

import sys
from pathlib import Path

from kerasbridge.keras_compat import keras
from kerasbridge.parity.compare_worker import record
from kerasbridge.parity.jobs import Job


def main(script, function, seeds, epochs, folder):
    for seed in range(int(seeds)):
        keras.backend.clear_session()
        record(Job(script=f"{script}:{function}", seed=seed, epochs=int(epochs))).write(Path(folder, f"{seed}.npz"))


if __name__ == "__main__":
    main(*sys.argv[1:])
