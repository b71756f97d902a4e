"""The device that JAX computes on: the one that was chosen, which need not be the best of the machine."""

from typing import Any

import jax


def default_device() -> Any:
    """Return the device on which new arrays are placed."""
    device = jax.config.jax_default_device or jax.default_backend()
    return jax.local_devices(backend=device)[0] if isinstance(device, str) else device


def is_on_cpu() -> bool:
    """Return whether new arrays are placed on a CPU; called at each step, so without a list of devices."""
    device = jax.config.jax_default_device or jax.default_backend()
    return bool((device if isinstance(device, str) else device.platform) == "cpu")
