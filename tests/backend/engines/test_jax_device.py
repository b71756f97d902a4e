"""The chosen device decides on JAX, not the best one of the machine."""

import importlib

import pytest

from kerasbridge.keras_compat import keras

if keras.config.backend() != "jax":
    pytest.skip("an engine of JAX", allow_module_level=True)

import jax

from kerasbridge.engines.jax.device import default_device, is_on_cpu


def test_the_chosen_device_decides_where_the_machine_has_a_better_one(monkeypatch):
    cpu = jax.local_devices(backend="cpu")[0]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    with jax.default_device(None):
        assert not is_on_cpu()
    for chosen in (cpu, "cpu"):
        with jax.default_device(chosen):
            assert is_on_cpu()
            assert default_device() == cpu


def test_jax_has_the_private_names_by_which_workers_post():
    distributed = importlib.import_module("jax._src.distributed")
    runtime = importlib.import_module("jaxlib._jax")
    assert hasattr(distributed.global_state, "client")
    for name in ("key_value_set", "key_value_try_get"):
        assert hasattr(runtime.DistributedRuntimeClient, name)
