"""The process of a backend: `python -m kerasbridge.cli.demo.worker`, which is asked for one digit at a time.

A request names the folder of a run and has the pixels of a digit, or null to load the model only.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from kerasbridge.errors import KerasbridgeError
from kerasbridge.runtime.conversation import answer_requests


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the probability of each class under "probabilities", or the message of an error under "error"."""
    import numpy as np

    from kerasbridge import runs
    from kerasbridge.cli.load_run import finite_probabilities

    folder, pixels = Path(request["run"]), request["pixels"]
    try:
        path = runs.load(folder).model_path
        model = _load(folder, path.stat().st_mtime_ns if path.is_file() else 0)
        digit = np.zeros((28, 28)) if pixels is None else np.array(pixels)
        rows = finite_probabilities(folder, model, digit[None])  # also for null: compiling takes a second or two
    except KerasbridgeError as error:
        return {"error": str(error)}
    return {} if pixels is None else {"probabilities": rows[0].tolist()}


@lru_cache(maxsize=4)
def _load(folder: Path, modified: int) -> Any:
    """Load the model of a run; `modified` makes it load one that was trained again."""
    from kerasbridge.cli.load_run import load_run

    return load_run(folder)[1]


if __name__ == "__main__":
    answer_requests(answer)
