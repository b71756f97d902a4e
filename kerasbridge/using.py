"""`kb.use_backend`: the backend and the device of this process, in words."""

from kerasbridge import engines
from kerasbridge.runtime import backend


def use_backend(name: str | None = None, device: str | None = None) -> backend.Choice:
    """Chooses the backend and the device of this process, and imports Keras on it, without its framework's notices.

    Args:
        name: "jax", "tensorflow" or "torch". Without it KERAS_BACKEND decides, then keras.json where it names
            something other than tensorflow, then the first that is installed.
        device: "cpu", "gpu", "gpu:1", "mps", "tpu" or "auto". Without it KERASBRIDGE_DEVICE decides, then "auto".

    Returns:
        The backend, the device, and what chose the backend.

    Raises:
        BackendError: the backend is unknown, or the process already runs on another.
        BackendNotInstalled: the backend is not installed.
        DeviceError: the device is unknown, not there, or not the one the process runs on.

    Example:
        >>> import kerasbridge as kb
        >>> choice = kb.use_backend(device="cpu")
    """
    choice = backend.choose(name, device)
    engines.current()
    return choice
