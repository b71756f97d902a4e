"""Several devices of one process share the rows of each batch on JAX, with the numbers of one device.

JAX makes several devices of a CPU when it starts, so each test starts a process.
"""

import pytest

from kerasbridge.keras_compat import keras

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX only")
UNOPTIMISED = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"  # compiles faster
EIGHT = {"XLA_FLAGS": f"--xla_force_host_platform_device_count=8 {UNOPTIMISED}"}

TRAIN = """
import numpy as np
import kerasbridge as kb
from kerasbridge.keras_compat import keras
rng = np.random.default_rng(0)
x, y = rng.random((45, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 45)
layers = keras.layers
kinds = {
    "mlp": lambda: [layers.Flatten(), layers.Dense(64), layers.BatchNormalization(), layers.Dropout(0.3)],
    "cnn": lambda: [layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization(), layers.MaxPooling2D(),
                    layers.DepthwiseConv2D(3, use_bias=False), layers.Flatten()],
}
def train(kind):
    model = keras.Sequential([keras.Input((8, 8, 1)), *kinds[kind](), layers.Dense(3, activation="softmax")])
    kb.reinitialize(model, 1)
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = kb.fit(model, x, y, batch_size=16, epochs=3, seed=1, verbose=0, validation_split=0.2)
    stream = ((x[k : k + 16], y[k : k + 16]) for k in range(0, 45, 16))
    losses = kb.fit(model, stream, epochs=1, seed=1, verbose=0).history["loss"]
    numbers = [*history.history["loss"], *history.history["val_loss"], *losses, *kb.evaluate(model, x, y, verbose=0)]
    return model, history, np.array(numbers), kb.predict(model, x, verbose=0)
def difference(one, several):
    return max(np.abs(one[2] - several[2]).max(), np.abs(one[3] - several[3]).max())
"""

DATA_PARALLEL = (
    TRAIN
    + """
import jax
from kerasbridge import engines
from kerasbridge.training.step_loop import COMPILED
def flops(model):
    engine = engines.current()
    block = next(iter(model.__dict__[COMPILED].values())).function
    loop = block._run.function
    values = loop._placement.enter([variable.value for variable in block.variables])
    batch = loop._placement.enter_batch((x[:16], y[:16], None))
    with engine.layer_scope():
        return loop._step.lower(values, batch).compile().cost_analysis()["flops"]
alone = {kind: train(kind) for kind in kinds}
for count, kind in ((2, "mlp"), (4, "cnn"), (8, "mlp")):
    with keras.distribution.DataParallel(devices=[f"cpu:{index}" for index in range(count)]).scope():
        several = train(kind)
        ratio = flops(several[0]) / flops(alone[kind][0])
        used = several[1].params["devices"] == [f"cpu:{index}" for index in range(count)]
        print(count, kind, difference(alone[kind], several) < 5e-6, ratio < 1.5 / count, used, flush=True)
"""
)


def test_data_parallel_splits_each_batch_with_the_numbers_of_one_device(child):
    finished = child(DATA_PARALLEL, **EIGHT)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == [f"{case} True True True" for case in ("2 mlp", "4 cnn", "8 mlp")]


def test_workers_cannot_join_after_jax_has_computed(child):
    launcher = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    finished = child("import jax.numpy\njax.numpy.zeros(1)\nimport kerasbridge", **launcher)
    assert finished.stderr.splitlines()[-1] == (
        "kerasbridge.errors.WorkerError: Expected to start JAX for several workers, found that it has computed "
        'already. Import kerasbridge, or call kb.use_backend("jax"), before anything else computes or builds a model.'
    )
