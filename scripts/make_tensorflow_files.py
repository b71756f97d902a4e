"""Write tests/importers/tensorflow_files/recorded.zip: TensorFlow files and the outputs that TensorFlow computes.

    KERAS_BACKEND=tensorflow python scripts/make_tensorflow_files.py

The networks are those of tests/importers/tensorflow_nets.py. Tests read the files on backends without TensorFlow.
The Keras 2 models are written by the package tf_keras, which only this script needs: pip install tf_keras==2.21.0.
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.core.protobuf import saved_model_pb2

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.importers import tensorflow_nets as nets  # noqa: E402

ARCHIVE = ROOT / "tests" / "importers" / "tensorflow_files" / "recorded.zip"
ON_DISK = ("frozen.pb", "saved", "module", "model.ckpt.meta", "model.ckpt.index", "model.ckpt.data-00000-of-00001")


def operations(folder: Path) -> None:
    """Write a frozen graph of each group of operations."""
    for group, (write, shape) in nets.GROUPS.items():
        with nets.session(tf) as running:
            x = tf.compat.v1.placeholder(tf.float32, [None, *shape[1:]], name="x")
            outputs = {f"y{place}": tf.identity(one, f"y{place}") for place, one in enumerate(write(tf, x).values())}
            expected = running.run(outputs, {x: nets.given(shape)})
            (folder / group).mkdir()
            nets.save(tf, running, folder / group, {"x": x}, outputs)
        keep(folder / group, ["frozen.pb"], expected)


def lenet(folder: Path) -> None:
    """Write a TensorFlow 1 SavedModel that includes the training graph."""
    with nets.session(tf) as running:
        x, keep_prob, scores = nets.lenet(tf, momenta=False)
        running.run(tf.compat.v1.global_variables_initializer())
        digits = np.random.default_rng(0).random((3, 784)).astype(np.float32)
        expected = running.run(scores, {x: digits, keep_prob: 1})
        nets.save(tf, running, folder, {"x": x}, {"scores": scores})
    keep(folder, ["saved"], {"scores": expected})


def checkpoint(folder: Path) -> None:
    """Write a checkpoint with its graph."""
    with nets.session(tf) as running:
        x, y = nets.pieces(tf)
        running.run(tf.compat.v1.global_variables_initializer())
        expected = running.run(y, {x: nets.given((3, 7))})
        tf.compat.v1.train.Saver().save(running, str(folder / "model.ckpt"))
    keep(folder, [name for name in ON_DISK if name.startswith("model")], {"y": expected})


def module(folder: Path) -> None:
    """Write a TensorFlow 2 SavedModel."""
    net = nets.module(tf)
    tf.saved_model.save(net, str(folder / "module"), signatures=net.serve)
    found = net.serve(nets.given(nets.IMAGES))
    keep(folder, ["module"], {name: value.numpy() for name, value in found.items()})


def keras2(folder: Path) -> None:
    """Write a Keras 2 SavedModel with Keras metadata."""
    model = drawn(nets.of_keras(tf_keras))
    model.get_layer("conv").trainable = model.get_layer("head").get_layer("norm").trainable = False
    model.save(str(folder / "model"), save_format="tf")
    outputs = model.predict([nets.given((2, 7, 6, 2)), nets.given((2, 5, 3))], verbose=0)
    without_graph(folder / "model" / "saved_model.pb")
    keep(folder, ["model"], {str(place): output for place, output in enumerate(outputs)})


def without_graph(path: Path) -> None:
    """Remove the graph, which is large and not needed by the tests of the layers."""
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    (meta,) = saved_model.meta_graphs
    meta.ClearField("graph_def")
    meta.object_graph_def.concrete_functions.clear()
    path.write_bytes(saved_model.SerializeToString())


def lambdas(folder: Path) -> None:
    """Write a Keras 2 SavedModel with a layer that cannot be imported."""
    model = drawn(nets.with_a_lambda(tf, tf_keras))
    model.save(str(folder / "model"), save_format="tf")
    keep(folder, ["model"], {"0": model.predict(nets.given((3, 4, 1))[..., 0], verbose=0)})


def weights(folder: Path) -> None:
    """Write weights alone, in TensorFlow 2 checkpoints with and without optimizer, and in a TensorFlow 1 checkpoint."""
    x, y = nets.given((4, 6, 5, 1)), nets.numbers(4, 4)
    model = drawn(nets.sequence(tf_keras))
    model.compile("adam", "mse")
    model.train_on_batch(x, y)
    model.save_weights(str(folder / "two"), save_format="tf")
    tf.train.Checkpoint(net=model, optimizer=model.optimizer).write(str(folder / "tracked"))
    variables, v1 = {one.name.partition(":")[0]: one.numpy() for one in model.weights}, tf.compat.v1
    expected = model.predict(x, verbose=0)
    with nets.session(tf) as running:
        copies = [v1.get_variable(name, initializer=value, use_resource=False) for name, value in variables.items()]
        loss = tf.add_n([tf.reduce_sum(one) for one in copies])
        v1.train.AdamOptimizer().minimize(loss, v1.train.create_global_step())
        running.run(v1.global_variables_initializer())
        v1.train.Saver().save(running, str(folder / "one"), write_meta_graph=False)
    names = [f"{name}.{end}" for name in ("one", "two", "tracked") for end in ("index", "data-00000-of-00001")]
    keep(folder, names, {"0": expected})


def drawn(model: tf_keras.Model) -> tf_keras.Model:
    """Set the weights of the model to different values, with positive variances."""
    for place, variable in enumerate(model.weights):
        numbers = np.abs(np.random.default_rng(place).normal(0, 0.5, variable.shape))
        variable.assign(numbers if "variance" in variable.name else numbers - 0.3)
    return model


def keep(folder: Path, names: list[str], expected: dict[str, np.ndarray]) -> None:
    """Add files and expected outputs to the archive."""
    shapes = {f"{name} shape": np.array(array.shape, np.int16) for name, array in expected.items()}
    samples = {name: nets.sample(array) for name, array in expected.items()}
    np.savez_compressed(folder / "expected.npz", **shapes, **samples)
    with zipfile.ZipFile(ARCHIVE, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in (*names, "expected.npz"):
            for path in [folder / name, *sorted((folder / name).rglob("*"))]:
                if path.is_file() and path.name != "fingerprint.pb":
                    archive.write(path, f"{folder.name}/{path.relative_to(folder)}")


def main() -> None:
    """Write the whole archive."""
    ARCHIVE.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        operations(Path(folder))
        for make in (lenet, checkpoint, module, keras2, lambdas, weights):
            (Path(folder) / make.__name__).mkdir()
            make(Path(folder) / make.__name__)
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
