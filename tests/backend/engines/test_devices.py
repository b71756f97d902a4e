"""Every tensor of a run is on the chosen device; the error for an unknown device names the available ones.

A process has one device, so each test starts a process; JAX and TensorFlow can simulate a second CPU.
"""

import pytest

SECOND_CPU = {"jax": "cpu:1", "tensorflow": "cpu:1", "torch": "cpu"}  # torch has one CPU
VARIABLES = {"jax": {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}}
PREPARE = {
    "tensorflow": """
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
"""
}
AVAILABLE = {"jax": "cpu:0, cpu:1", "tensorflow": "cpu:0, cpu:1", "torch": "cpu"}

USE = "import kerasbridge as kb; kb.use_backend()"
TRAIN = """
import numpy as np
import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.keras_compat import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dropout(0.2), keras.layers.Dense(3)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
x, y = np.ones((20, 4), "float32"), np.zeros(20, "int64")
history = kb.fit(model, x, y, batch_size=8, epochs=2, verbose=0, validation_data=(x, y), seed=0)
kb.evaluate(model, x, y, verbose=0)
kb.predict(model, x)
"""
WHERE = """
engine = engines.current()
variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
devices = {engine.device_of(variable.value) for variable in variables} | {engine.device_of(engine.to_device(x))}
print(devices, len(variables) > 10, history.params["device"], np.isfinite(history.history["val_loss"]).all())
"""
SAVE = """
import pathlib, sys, tempfile
path = pathlib.Path(tempfile.mkdtemp()) / "model.keras"
kb.seed_everything(1)
model.save(path)
model.to_json()
keras.models.clone_model(model)
keras.models.load_model(path)
print(path.stat().st_size > 0, "tensorflow" in sys.modules)
"""


def test_weights_optimizer_and_data_are_on_the_chosen_device(child, backend):
    device = SECOND_CPU[backend]
    finished = child(PREPARE.get(backend, "") + USE + TRAIN + WHERE, device, **VARIABLES.get(backend, {}))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split("\n")[-2] == f"{{'{device}'}} True {device} True"


def test_the_environment_variable_alone_chooses_the_device(child, backend):
    script = PREPARE.get(backend, "") + "import kerasbridge as kb\nmodel = kb.models.mlp()\nmodel.compile('sgd', 'mse')"
    evaluate = "\nimport numpy as np\nkb.evaluate(model, np.ones((4, 28, 28)), np.ones((4, 10)), verbose=0)"
    finished = child(script + evaluate, SECOND_CPU[backend], **VARIABLES.get(backend, {}))
    assert finished.returncode == 0, finished.stderr


def test_all_devices_are_used_by_one_process_on_jax_only(child, backend):
    finished = child(
        PREPARE.get(backend, "") + USE + TRAIN + "print(history.params['devices'])", "all", **VARIABLES.get(backend, {})
    )
    if backend == "tensorflow":
        assert finished.stderr.splitlines()[-1] == (
            "kerasbridge.errors.DeviceError: Expected one of the devices cpu:0, cpu:1, received 'all', which one "
            "process uses on JAX only. On tensorflow, start one process per device: torchrun --nproc-per-node=2 …"
        )
    else:
        expected = {"jax": "['cpu:0', 'cpu:1']", "torch": "['cpu']"}
        assert finished.stdout.splitlines()[-1:] == [expected[backend]], finished.stderr


def test_a_missing_device_is_an_error_that_names_the_available_ones(child, backend):
    script = PREPARE.get(backend, "") + "import kerasbridge as kb\nkb.use_backend()"
    finished = child(script, "gpu:3", **VARIABLES.get(backend, {}))
    assert finished.stderr.splitlines()[-1] == (
        f"kerasbridge.errors.DeviceError: Expected a device that {backend} has here, received 'gpu:3', "
        f"which is cuda. Available: {AVAILABLE[backend]}. Choose one with --device, device=… or KERASBRIDGE_DEVICE."
    )


def test_a_missing_device_stops_a_script_that_only_trains(child, backend):
    if backend == "torch":
        pytest.skip("Keras builds on KERAS_TORCH_DEVICE, and torch raises an error before kb.fit")
    finished = child(TRAIN, "gpu:3")
    assert finished.returncode == 1
    assert "DeviceError: Expected a device that" in finished.stderr.splitlines()[-1]


def test_a_model_built_before_its_device_was_chosen_is_rejected(child, backend):
    if backend == "torch":
        pytest.skip("torch has one CPU")
    script = """
import keras, numpy as np
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
model.compile("sgd", "mse")
import kerasbridge as kb
kb.fit(model, np.ones((4, 4)), np.ones((4, 3)))
"""
    finished = child(PREPARE.get(backend, "") + script, "cpu:1", **VARIABLES.get(backend, {}))
    assert finished.stderr.splitlines()[-1] == (
        "kerasbridge.errors.DeviceError: Expected the model on cpu:1, found it on cpu:0. Call "
        f'kb.use_backend("{backend}", device="cpu:1") before building the model.'
    )


def test_tensorflow_is_loaded_to_train_and_save_only_where_it_is_the_backend(child, backend):
    finished = child(TRAIN + SAVE)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split("\n")[-2] == f"True {backend == 'tensorflow'}"


def test_training_writes_only_requested_output_to_the_terminal(child, backend):
    finished = child(TRAIN)
    assert (finished.stdout, finished.stderr) == ("", "")
