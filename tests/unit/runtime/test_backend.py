"""The backend and device that a process chooses, and the errors of impossible choices."""

import importlib.util
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from kerasbridge.errors import BackendError, BackendNotInstalled, DeviceError
from kerasbridge.runtime import backend
from kerasbridge.runtime.device import Device

REAL_FIND_SPEC = importlib.util.find_spec


@pytest.fixture
def install(monkeypatch):
    """Make exactly the named modules look installed."""

    def only(*names):
        specs = {name: ModuleSpec(name, None, origin="somewhere") for name in names}
        monkeypatch.setattr(importlib.util, "find_spec", specs.get)

    return only


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch, tmp_path, install):
    """Three installed backends, no choice, no Keras, no notebook, and a separate environment and KERAS_HOME."""
    install("jax", "tensorflow", "torch")
    monkeypatch.setattr(backend, "_settled", None)
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"], "KERAS_HOME": str(tmp_path)})
    for module in ("keras", "ipykernel"):
        monkeypatch.delitem(sys.modules, module, raising=False)


@pytest.fixture
def import_keras(monkeypatch):
    """Make Keras look imported with a backend."""

    def pretend(name):
        monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(config=SimpleNamespace(backend=lambda: name)))

    return pretend


def message_of(error, *arguments, **named):
    with pytest.raises(error) as caught:
        backend.configure(*arguments, **named)
    assert type(caught.value) is error
    return str(caught.value)


def test_importing_the_module_changes_nothing():
    program = (
        "import logging, os, sys; before = dict(os.environ); import kerasbridge.runtime.backend;"
        "assert dict(os.environ) == before; assert not logging.getLogger('kerasbridge').handlers;"
        "assert not {'keras', 'jax', 'torch', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_nothing_is_settled_before_choosing():
    assert backend.current() is None
    choice = backend.configure("torch")
    assert backend.current() is choice


def test_the_argument_wins_over_the_environment_and_keras_json(tmp_path):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert backend.configure("torch") == backend.BackendConfig("torch", Device("auto"), "use_backend")
    assert os.environ["KERAS_BACKEND"] == "torch"


def test_the_environment_wins_over_keras_json(tmp_path):
    os.environ["KERAS_BACKEND"] = "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert backend.configure() == backend.BackendConfig("tensorflow", Device("auto"), "KERAS_BACKEND")


def test_keras_json_is_a_choice_if_it_names_another_backend_than_tensorflow(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert backend.configure() == backend.BackendConfig("torch", Device("auto"), "keras.json")


@pytest.mark.parametrize("text", ['{"backend": "tensorflow"}', "{}", "[]", "not json", ""])
def test_keras_json_is_ignored_if_keras_wrote_it_or_it_is_broken(tmp_path, text):
    (tmp_path / "keras.json").write_text(text)
    assert backend.configure().reason == "first installed"


def test_keras_json_is_looked_for_in_the_home_folder(tmp_path):
    del os.environ["KERAS_HOME"]
    os.environ["HOME"] = str(tmp_path)
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "torch"}')
    assert backend.configure().backend == "torch"


def test_the_first_installed_backend_is_used_and_reported_in_one_line(install, caplog):
    install("torch", "tensorflow")
    os.environ["KERAS_BACKEND"] = ""
    assert backend.configure().backend == "tensorflow"
    assert caplog.messages == [
        "kerasbridge: no backend chosen, using tensorflow (installed: tensorflow, torch). "
        "Choose with --backend, KERAS_BACKEND or kb.use_backend."
    ]


def test_an_explicit_choice_prints_nothing(caplog):
    backend.configure("jax")
    backend.configure()
    assert caplog.messages == []


@pytest.mark.parametrize("name", ["numpy", "openvino", "pytorch", "JAX"])
def test_another_backend_is_rejected_with_the_three_supported_ones(name):
    os.environ["KERAS_BACKEND"] = name
    assert message_of(BackendError) == (
        "Expected backend jax, tensorflow or torch, the three kerasbridge trains on; "
        f"received {name!r} (KERAS_BACKEND). Choose with --backend, KERAS_BACKEND or kb.use_backend."
    )
    assert backend.current() is None


def test_an_empty_name_is_rejected():
    assert "received '' (use_backend)" in message_of(BackendError, "")


def test_a_missing_backend_is_an_error_with_the_installed_ones_and_the_install_command(install, tmp_path):
    install("jax", "tensorflow")
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert message_of(BackendNotInstalled) == (
        "Expected an installed backend (jax, tensorflow); received 'torch' (keras.json). "
        'Type: pip install "kerasbridge[torch]"'
    )


def test_without_any_backend_the_error_contains_the_install_commands(install):
    install()
    assert message_of(BackendNotInstalled) == (
        "Expected jax, tensorflow or torch to be installed; found none. Type one of: "
        'pip install "kerasbridge[jax]", pip install "kerasbridge[tensorflow]", pip install "kerasbridge[torch]".'
    )
    assert backend.default_backend() is None


def test_a_folder_that_an_uninstalled_framework_left_behind_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", REAL_FIND_SPEC)
    (tmp_path / "jax").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    assert "jax" not in backend.installed()


def test_a_framework_injected_into_the_process_counts_as_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", REAL_FIND_SPEC)
    monkeypatch.setitem(sys.modules, "jax", ModuleType("jax"))
    assert "jax" in backend.installed()


def test_an_imported_keras_determines_the_default_backend(import_keras, tmp_path, caplog):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    import_keras("torch")
    assert backend.configure() == backend.BackendConfig("torch", Device("auto"), "the imported Keras")
    assert caplog.messages == []


def test_an_imported_keras_with_the_same_backend_is_fine(import_keras):
    import_keras("torch")
    assert backend.configure("torch").reason == "use_backend"


def test_an_imported_keras_with_another_backend_is_an_error_that_explains_how_to_restart(import_keras):
    import_keras("tensorflow")
    assert message_of(BackendError, "torch") == (
        "This process has imported Keras with the tensorflow backend and cannot change it; received 'torch' "
        '(use_backend). Put kb.use_backend("torch") before `import keras`, or start with KERAS_BACKEND=torch.'
    )
    assert "KERAS_BACKEND" not in os.environ


def test_in_a_notebook_the_kernel_must_be_restarted(import_keras, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    import_keras("tensorflow")
    assert message_of(BackendError, "jax").endswith(
        'Restart the kernel and call kb.use_backend("jax") in the first cell, before importing Keras.'
    )


def test_choosing_again_gives_the_same_choice():
    choice = backend.configure("jax", "gpu:1")
    assert backend.configure() is choice
    assert backend.configure("jax") is choice
    assert backend.configure(device="cuda:1") is choice


def test_a_process_has_one_backend():
    os.environ["KERAS_BACKEND"] = "jax"
    backend.configure()
    assert message_of(BackendError, "torch").startswith(
        "This process runs on jax (KERAS_BACKEND) and cannot change it; received 'torch' (use_backend). "
    )


def test_a_process_has_one_device():
    backend.configure("jax", "cpu")
    assert message_of(DeviceError, "jax", "cuda:1") == (
        "Expected device 'cpu', which this process runs on; received 'cuda:1'. "
        "A process has one device: start another with KERASBRIDGE_DEVICE=gpu:1."
    )


def test_the_device_is_taken_from_the_variable_without_an_argument():
    os.environ["KERASBRIDGE_DEVICE"] = "mps"
    assert backend.configure("torch").device == Device("mps")


def test_the_device_argument_wins_over_the_variable_and_reaches_children():
    os.environ["KERASBRIDGE_DEVICE"] = "mps"
    assert backend.configure("torch", "cpu").device == Device("cpu")
    assert os.environ["KERASBRIDGE_DEVICE"] == "cpu"


def test_a_wrong_device_name_configures_nothing():
    os.environ["KERASBRIDGE_DEVICE"] = "gpus"
    assert "received 'gpus'" in message_of(DeviceError, "jax")
    assert backend.current() is None
    assert "KERAS_BACKEND" not in os.environ


@pytest.mark.parametrize(
    ("name", "device", "written"),
    [
        ("jax", "cpu", {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_PLATFORMS": "cpu"}),
        ("jax", "gpu:1", {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}),
        ("tensorflow", "gpu", {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "TF_CPP_MIN_LOG_LEVEL": "2"}),
        ("torch", "gpu:1", {"KERAS_TORCH_DEVICE": "cuda:1"}),
        ("torch", "auto", {}),
    ],
)
def test_choosing_writes_what_the_framework_reads_and_nothing_else(name, device, written):
    before = dict(os.environ)
    backend.configure(name, device)
    assert os.environ == before | written | {"KERAS_BACKEND": name, "KERASBRIDGE_DEVICE": device}


def test_variables_set_by_the_user_are_kept():
    own = {"JAX_PLATFORMS": "cuda,cpu", "XLA_PYTHON_CLIENT_PREALLOCATE": "true"}
    os.environ.update(own)
    backend.configure("jax", "cpu")
    assert own.items() <= os.environ.items()


def test_a_torch_device_that_contradicts_is_rejected_before_anything_is_written():
    os.environ["KERAS_TORCH_DEVICE"] = "cpu"
    before = dict(os.environ)
    assert message_of(DeviceError, "torch", "gpu:1") == (
        "Expected KERAS_TORCH_DEVICE to agree with the device 'gpu:1'; received KERAS_TORCH_DEVICE=cpu. "
        "Unset it, or ask for the same device."
    )
    assert os.environ == before
    assert backend.current() is None


def test_a_torch_device_that_agrees_is_fine():
    os.environ["KERAS_TORCH_DEVICE"] = "cuda:0"
    assert backend.configure("torch", "gpu").device == Device("gpu")


def test_the_default_backend_is_found_without_configuring_it():
    before = dict(os.environ)
    assert backend.default_backend() == "jax"
    assert os.environ == before
    assert backend.current() is None
    backend.configure("torch")
    assert backend.default_backend() == "torch"


def test_a_child_gets_its_own_backend_and_device():
    backend.configure("jax", "cpu")
    environment = backend.child_environment("torch", "gpu:1")
    assert environment["KERAS_BACKEND"] == "torch"
    assert environment["KERASBRIDGE_DEVICE"] == "gpu:1"
    assert environment["KERAS_TORCH_DEVICE"] == "cuda:1"
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_a_child_without_a_device_does_not_inherit_one():
    backend.configure("jax", "cpu")
    environment = backend.child_environment("jax")
    assert {"KERASBRIDGE_DEVICE", "JAX_PLATFORMS"}.isdisjoint(environment)


def test_a_child_keeps_what_the_user_set():
    os.environ["JAX_PLATFORMS"] = "cpu"
    backend.configure("jax", "cpu")
    assert backend.child_environment("jax")["JAX_PLATFORMS"] == "cpu"
