"""Custom steps against the same training in plain PyTorch or JAX, each in its own process, in turn.

    python -m kerasbridge.benchmark.custom_steps --backend torch --model gan

Both train on the digits that come with kerasbridge, with batches of 64, and log the same three numbers. The first
epoch of a process, which compiles or warms up, does not count. Look at the ratio. It needs a checkout: the
custom steps are examples/variational_autoencoder.py and examples/gan.py.
"""

import argparse
import importlib
import json
import statistics
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from kerasbridge.runtime import backend

EXAMPLES = Path(__file__).parents[2] / "examples"
MODELS = {"vae": "variational_autoencoder", "gan": "gan"}


def compare(name: str, model: str, rounds: int, epochs: int) -> dict[str, Any]:
    """Return the median times of both, and how many times as fast kerasbridge is.

    Args:
        name: "torch" or "jax".
        model: "vae" or "gan".
        rounds: processes of each, in alternation.
        epochs: epochs of a process; at least 2, since the first does not count.
    """
    sample = resources.files("kerasbridge.datasets") / "mnist_sample.npz"
    with resources.as_file(sample) as digits:
        contender = Path(__file__).parent / "contenders" / f"{model}_{name}.py"
        by_hand = [sys.executable, str(contender), str(digits), str(epochs)]
        bridge = [sys.executable, "-m", "kerasbridge.benchmark.custom_steps", "--child", model, "--epochs", str(epochs)]
        pairs = [(_run(name, by_hand), _run(name, bridge)) for _ in range(rounds)]
    medians = [tuple(statistics.median(result["seconds"][1:]) for result in pair) for pair in pairs]
    ratios = [plain / bridge for plain, bridge in medians]
    return {
        "backend": name,
        "model": model,
        "execution": pairs[0][1]["execution"],
        "by_hand_seconds_per_epoch": round(statistics.median(plain for plain, _ in medians), 4),
        "kerasbridge_seconds_per_epoch": round(statistics.median(bridge for _, bridge in medians), 4),
        "times_as_fast": round(statistics.median(ratios), 2),
        "times_as_fast_min_max": [round(min(ratios), 2), round(max(ratios), 2)],
        "losses": [round(result["loss"], 3) for result in pairs[0]],
    }


def train(model: str, epochs: int) -> dict[str, Any]:
    """Train with kerasbridge in this process; return seconds per epoch, and the last loss."""
    sys.path.insert(0, str(EXAMPLES))
    example = importlib.import_module(MODELS[model])
    from kerasbridge.benchmark.contenders.keras_fit import EpochLaps

    laps = EpochLaps()
    trained, images = example.build(), example.images()
    import kerasbridge as kb

    history = kb.fit(trained, images, batch_size=64, epochs=epochs, verbose=0, callbacks=[laps], step=example.step)
    return {
        "seconds": [lap.wall for lap in laps.laps],
        "loss": history.history["loss"][-1],
        "execution": history.params["execution"],
    }


def _run(name: str, command: list[str]) -> dict[str, Any]:
    finished = subprocess.run(command, env=backend.child_environment(name), check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def main() -> None:
    """Print the result as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="jax", choices=["jax", "torch"])
    parser.add_argument("--model", default="vae", choices=list(MODELS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(train(options.child, options.epochs)))
    else:
        print(json.dumps(compare(options.backend, options.model, options.rounds, options.epochs)))


if __name__ == "__main__":
    main()
