"""Parsing of device names."""

import pytest

from kerasbridge.errors import DeviceError
from kerasbridge.runtime.device import Device, environment_variables


@pytest.mark.parametrize(
    ("word", "kind", "index"),
    [
        ("cpu", "cpu", None),
        ("cpu:1", "cpu", 1),
        ("gpu", "gpu", None),
        ("GPU:12", "gpu", 12),
        ("cuda", "gpu", None),
        ("Cuda:0", "gpu", 0),
        ("mps", "mps", None),
        ("tpu:3", "tpu", 3),
        ("ALL", "all", None),
        (" Auto ", "auto", None),
    ],
)
def test_a_device_is_parsed_from_its_name(word, kind, index):
    assert Device.parse(word) == Device(kind, index)


@pytest.mark.parametrize("word", ["cpu", "gpu:1", "mps", "tpu:0", "auto", "all"])
def test_a_device_is_written_as_it_was_read(word):
    assert str(Device.parse(word)) == word


@pytest.mark.parametrize("word", ["", "gpus", "gpu:", "gpu:-1", "gpu:one", "auto:1", "xpu", "cpu gpu", "gpu:²"])
def test_an_unknown_name_is_an_error_with_the_fix(word):
    with pytest.raises(DeviceError) as caught:
        Device.parse(word)
    assert str(caught.value) == (
        "Expected a device cpu, gpu, mps or tpu (or one of several, as in gpu:1), all or auto; "
        f'received {word!r}. Type for example device="gpu:1" or KERASBRIDGE_DEVICE=cpu.'
    )


@pytest.mark.parametrize(
    ("word", "torch_word"), [("cpu:0", "cpu"), ("gpu", "cuda"), ("cuda:1", "cuda:1"), ("mps:0", "mps")]
)
def test_keras_on_torch_receives_the_torch_name_of_the_device(word, torch_word):
    assert environment_variables("torch", Device.parse(word)) == {"KERAS_TORCH_DEVICE": torch_word}


def test_jax_is_restricted_to_the_cpu_only_when_the_cpu_is_requested():
    assert environment_variables("jax", Device("cpu"))["JAX_PLATFORMS"] == "cpu"
    assert "JAX_PLATFORMS" not in environment_variables("jax", Device("gpu", 1))
    assert "JAX_PLATFORMS" not in environment_variables("jax", Device("auto"))
