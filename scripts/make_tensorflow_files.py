"""Writes tests/legacy/tensorflow_files/recorded.zip: files of TensorFlow's and what TensorFlow computes from them.

    KERAS_BACKEND=tensorflow python scripts/make_tensorflow_files.py

The networks are those of tests/legacy/tensorflow_nets.py. Tests read the files on backends where TensorFlow is not.
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.legacy import tensorflow_nets as nets  # noqa: E402

PLACE = ROOT / "tests" / "legacy" / "tensorflow_files" / "recorded.zip"
ON_DISK = ("frozen.pb", "saved", "module", "model.ckpt.meta", "model.ckpt.index", "model.ckpt.data-00000-of-00001")


def operations(folder: Path) -> None:
    """A frozen graph of each group of operations."""
    for group, (write, shape) in nets.GROUPS.items():
        with nets.session(tf) as running:
            x = tf.compat.v1.placeholder(tf.float32, [None, *shape[1:]], name="x")
            outputs = {f"y{place}": tf.identity(one, f"y{place}") for place, one in enumerate(write(tf, x).values())}
            expected = running.run(outputs, {x: nets.given(shape)})
            (folder / group).mkdir()
            nets.save(tf, running, folder / group, {"x": x}, outputs)
        keep(folder / group, ["frozen.pb"], expected)


def lenet(folder: Path) -> None:
    """A SavedModel of TensorFlow 1's, with all that trains it."""
    with nets.session(tf) as running:
        x, keep_prob, scores = nets.lenet(tf, momenta=False)
        running.run(tf.compat.v1.global_variables_initializer())
        digits = np.random.default_rng(0).random((3, 784)).astype(np.float32)
        expected = running.run(scores, {x: digits, keep_prob: 1})
        nets.save(tf, running, folder, {"x": x}, {"scores": scores})
    keep(folder, ["saved"], {"scores": expected})


def checkpoint(folder: Path) -> None:
    """A checkpoint with its graph."""
    with nets.session(tf) as running:
        x, y = nets.pieces(tf)
        running.run(tf.compat.v1.global_variables_initializer())
        expected = running.run(y, {x: nets.given((3, 7))})
        tf.compat.v1.train.Saver().save(running, str(folder / "model.ckpt"))
    keep(folder, [name for name in ON_DISK if name.startswith("model")], {"y": expected})


def module(folder: Path) -> None:
    """A SavedModel of TensorFlow 2's."""
    net = nets.module(tf)
    tf.saved_model.save(net, str(folder / "module"), signatures=net.serve)
    found = net.serve(nets.given(nets.IMAGES))
    keep(folder, ["module"], {name: value.numpy() for name, value in found.items()})


def keep(folder: Path, names: list[str], expected: dict[str, np.ndarray]) -> None:
    """Adds files, and what was computed, to the archive."""
    shapes = {f"{name} shape": np.array(array.shape, np.int16) for name, array in expected.items()}
    samples = {name: nets.sample(array) for name, array in expected.items()}
    np.savez_compressed(folder / "expected.npz", **shapes, **samples)
    with zipfile.ZipFile(PLACE, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in (*names, "expected.npz"):
            for path in [folder / name, *sorted((folder / name).rglob("*"))]:
                if path.is_file() and path.name != "fingerprint.pb":
                    archive.write(path, f"{folder.name}/{path.relative_to(folder)}")


def main() -> None:
    """Writes the archive anew."""
    PLACE.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        operations(Path(folder))
        for make in (lenet, checkpoint, module):
            (Path(folder) / make.__name__).mkdir()
            make(Path(folder) / make.__name__)
    print(f"{PLACE}: {PLACE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
