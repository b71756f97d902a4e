"""Run one training on every installed backend: with one seed the numbers agree up to rounding.

    python switch_backends.py

A process has one backend, so this script starts itself once per backend, with KERAS_BACKEND set.
"""

import json
import os
import subprocess
import sys

import kerasbridge as kb


def train() -> dict[str, list[float]]:
    """Train the MNIST model on the backend in KERAS_BACKEND; the code does not depend on the backend."""
    kb.seed_everything(0)
    data = kb.datasets.mnist()
    model = kb.models.mlp()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = kb.fit(model, data.x_train / 255, data.y_train, epochs=3, seed=0, verbose=0)
    test = kb.evaluate(model, data.x_test / 255, data.y_test, verbose=0)
    return {"losses": history.history["loss"], "test": test}


def train_on(backend: str) -> dict[str, list[float]]:
    """Run the training in a child process, which prints the numbers as its last line."""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    child = subprocess.run([sys.executable, __file__, "child"], env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(child.stdout.splitlines()[-1])


def main() -> None:
    """Train on each backend that works, and print a line for each."""
    working = [status.name for status in kb.backends() if status.devices]
    print(f"{'backend':<12}{'loss 1':>10}{'loss 2':>10}{'loss 3':>10}{'test loss':>12}{'test accuracy':>16}")
    for backend in working:
        result = train_on(backend)
        losses = "".join(f"{loss:10.6f}" for loss in result["losses"])
        print(f"{backend:<12}{losses}{result['test'][0]:12.6f}{result['test'][1]:16.4f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["child"]:
        print(json.dumps(train()))
    else:
        main()
