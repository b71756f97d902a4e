"""Names of devices, the same on every backend, and the environment variables that make a framework use one.

An engine checks that the device exists.
"""

import re
from dataclasses import dataclass
from typing import Self

from kerasbridge.errors import DeviceError

# Do not allocate the memory of the whole GPU, do not print notices.
_ALWAYS = {
    "jax": {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
    "tensorflow": {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "TF_CPP_MIN_LOG_LEVEL": "2"},
    "torch": {},
}


@dataclass(frozen=True)
class Device:
    """A device: kind is cpu, gpu, mps, tpu, auto, or all; with index None the framework chooses one of that kind."""

    kind: str
    index: int | None = None

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read "cpu", "gpu", "gpu:1", "mps", "tpu", "all" or "auto", in any case; "cuda" is accepted as "gpu".

        Raises:
            DeviceError: it is another name.

        Example:
            >>> Device.parse("CUDA:1")
            Device(kind='gpu', index=1)
        """
        match = re.fullmatch(r"(cpu|gpu|cuda|mps|tpu)(?::([0-9]+))?|auto|all", name.strip().lower())
        if match is None:
            raise DeviceError(
                f"Expected a device cpu, gpu, mps or tpu (or one of several, as in gpu:1), all or auto; "
                f"received {name!r}. "
                'Type for example device="gpu:1" or KERASBRIDGE_DEVICE=cpu.'
            )
        if match[0] == "all":
            return cls("all")
        kind, index = match.groups()
        return cls({"cuda": "gpu", None: "auto"}.get(kind, kind), None if index is None else int(index))

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"


def environment_variables(backend: str, device: Device) -> dict[str, str]:
    """Return the environment variables that a framework, and Keras on it, must read when they are imported."""
    if backend == "jax" and device.kind == "cpu":
        return {**_ALWAYS[backend], "JAX_PLATFORMS": "cpu"}
    if backend == "torch" and device.kind in ("cpu", "gpu", "mps"):
        return {**_ALWAYS[backend], "KERAS_TORCH_DEVICE": _torch_device_name(device)}
    return _ALWAYS[backend]


def _torch_device_name(device: Device) -> str:
    return str(device).replace("gpu", "cuda") if device.kind == "gpu" else device.kind  # PyTorch numbers only CUDA
