"""Import one framework and print its version and devices as one line of JSON.

    python -m kerasbridge.runtime._status_worker jax

A child process of `backend_status`, so that a framework that crashes, hangs or prints a lot does no harm.
"""

import importlib
import json
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable
from typing import Any


def main(name: str) -> None:
    """Print {"version", "devices", "error"}; send the framework's own output and any traceback to stderr."""
    stdout = os.dup(1)
    os.dup2(2, 1)
    status: dict[str, Any] = {"version": None, "devices": [], "error": None}
    try:
        framework = importlib.import_module(name)
        status["version"] = str(framework.__version__)
        status["devices"] = number_devices(KINDS[name](framework))
    except BaseException as error:  # a framework may also call sys.exit
        traceback.print_exc()
        status["error"] = error_line(error)
    os.write(stdout, json.dumps(status).encode() + b"\n")


def number_devices(kinds: Iterable[str]) -> list[str]:
    """Turn ["cpu", "gpu", "gpu"] into ["cpu", "gpu:0", "gpu:1"]; a single cpu or mps has no number."""
    return [
        kind if count == 1 and kind in ("cpu", "mps") else f"{kind}:{index}"
        for kind, count in Counter(kinds).items()
        for index in range(count)
    ]


def error_line(error: BaseException) -> str:
    """Return the line that names an error: the last "SomeError: …" of a message with a traceback or advice in it."""
    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    naming = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    return (naming or lines)[-1].strip()


def _jax_kinds(jax: Any) -> list[str]:
    devices = jax.local_devices()
    if all(device.platform != "cpu" for device in devices):
        devices = _jax_cpus(jax) + devices
    return [{"cuda": "gpu", "rocm": "gpu"}.get(device.platform, device.platform) for device in devices]


def _jax_cpus(jax: Any) -> list[Any]:
    try:
        return list(jax.local_devices(backend="cpu"))
    except RuntimeError:  # JAX_PLATFORMS excludes the CPU
        return []


def _tensorflow_kinds(tensorflow: Any) -> list[str]:
    kinds = [device.device_type.lower() for device in tensorflow.config.list_physical_devices()]
    return [kind for kind in kinds if kind in ("cpu", "gpu", "tpu")]


def _torch_kinds(torch: Any) -> list[str]:
    return ["cpu", *["gpu"] * torch.cuda.device_count(), *["mps"] * torch.backends.mps.is_available()]


KINDS = {"jax": _jax_kinds, "tensorflow": _tensorflow_kinds, "torch": _torch_kinds}

if __name__ == "__main__":
    main(sys.argv[1])
