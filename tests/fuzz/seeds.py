"""Small valid files of every format that kerasbridge reads, and the function that reads each."""

import bz2
import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.paths import ROOT

RECORDED = ROOT / "tests" / "importers" / "tensorflow_files" / "recorded.zip"
DRAW = np.random.default_rng(0)


@dataclass(frozen=True)
class Format:
    """A format.

    Args:
        make: writes valid files into an empty folder; each list that it returns is one model, of which every file is
            damaged in turn.
        read: reads such files, given their paths.
        framework: whether reading needs Keras and a backend.
    """

    make: Callable
    read: Callable
    framework: bool = False
    extra: dict = field(default_factory=dict)


def numbers(*shape):
    return DRAW.normal(size=shape).astype(np.float32)


def inspect(*paths):
    import kerasbridge as kb

    str(kb.inspect_legacy(*paths, flip_kernels=None))


def load(*paths):
    import kerasbridge as kb

    kb.load_legacy(*paths)


def load_onto(*paths):
    """Load weights into a model."""
    import kerasbridge as kb
    from kerasbridge.keras_compat import keras

    if "model" not in _TARGETS:
        layers = [keras.Input((3,)), keras.layers.Dense(4, name="a"), keras.layers.Dense(2, name="b")]
        _TARGETS["model"] = keras.Sequential(layers)
    kb.load_legacy(*paths, model=_TARGETS["model"])


_TARGETS = {}


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


PROTOTXT = """name: "net" input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param {
  num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "b" type: "BatchNorm" bottom: "p" top: "b" }
layer { name: "s" type: "Scale" bottom: "b" top: "s" scale_param { bias_term: true } }
layer { name: "l" type: "LRN" bottom: "s" top: "l" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layer { name: "f" type: "InnerProduct" bottom: "l" top: "f" inner_product_param { num_output: 2 } }
layer { name: "sm" type: "Softmax" bottom: "f" top: "sm" }
"""


def caffe(folder):
    from kerasbridge.importers.caffe.schema import message

    net = message("NetParameter")()
    from google.protobuf import text_format

    text_format.Parse(PROTOTXT, net)
    weights = message("NetParameter")()
    weights.CopyFrom(net)
    arrays = {"c": [numbers(4, 3, 3, 3), numbers(4)], "b": [numbers(4), abs(numbers(4)), np.ones(1)],
              "s": [numbers(4), numbers(4)], "f": [numbers(2, 64), numbers(2)]}  # fmt: skip
    for layer in weights.layer:
        for array in arrays.get(layer.name, ()):
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.append(np.asarray(array, "<f4").tobytes())
    text = written(folder, "net.prototxt", PROTOTXT.encode())
    return [[text, written(folder, "net.caffemodel", weights.SerializeToString())]]


def prototxt(folder):
    return [[written(folder, "net.prototxt", PROTOTXT.encode())]]


def matconvnet(version, compressed=False):
    def make(folder):
        from tests.importers.mat_files import conv, dag, write

        layers = [conv(numbers(3, 3, 3, 4), numbers(4), stride=[1, 1], pad=[1, 1, 1, 1], name="c"),
                  {"type": "relu", "name": "r"}, {"type": "pool", "pool": [2, 2], "stride": [2, 2], "method": "max"},
                  {"type": "softmax"}]  # fmt: skip
        meta = {"normalization": {"imageSize": [8, 8, 3], "averageImage": numbers(1, 1, 3)}}
        simple = write(folder / "a.mat", version, compressed, layers=layers, meta=meta)
        parts = [("c", "dagnn.Conv", {"stride": [1, 1]}, "x", "y", ["k"]), ("r", "dagnn.ReLU", {}, "y", "z")]
        graph = write(
            folder / "b.mat", version, compressed, **dag(*parts, params={"k": numbers(3, 3, 3, 4)}, meta=meta)
        )
        return [[simple], [graph]]

    return make


def torch7(text):
    def make(folder):
        from tests.importers.torch7_files import nn, save, tensor

        options = {"kW": 3, "kH": 3, "dW": 1, "dH": 1, "padW": 1, "padH": 1, "nInputPlane": 3, "nOutputPlane": 4}
        convolution = nn("SpatialConvolution", weight=tensor(numbers(4, 3, 3, 3)), bias=tensor(numbers(4)), **options)
        pooling = nn("SpatialMaxPooling", kW=2, kH=2, dW=2, dH=2, padW=0, padH=0, ceil_mode=False)
        linear = nn("Linear", weight=tensor(numbers(2, 64)), bias=tensor(numbers(2)))
        branches = nn("ConcatTable", nn("Identity"), nn("Tanh"))
        flat = nn("View", size=[64], numElements=64)
        added = nn("CAddTable")
        net = nn("Sequential", convolution, nn("ReLU"), pooling, branches, added, flat, linear)
        return [[save(folder / "net.t7", net, text=text)], [save(folder / "c.t7", {"model": net, "n": 3}, text=text)]]

    return make


STATE = {"a.weight": (4, 3), "a.bias": (4,), "b.weight": (2, 4), "b.bias": (2,)}


def state():
    return {name: numbers(*shape) for name, shape in STATE.items()}


def torch_zip(folder):
    from tests.unit.importers.torch_files import zipped

    return [[written(folder, "net.pt", zipped(state()))]]


def torch_rows(folder):
    from tests.unit.importers.torch_files import in_rows

    return [[written(folder, "net.pth", in_rows(state()))]]


def torch_script(folder):
    from tests.unit.importers.torch_files import tensor, text

    def module(*pairs):
        return b"c__torch__\nM\n)\x81}(" + b"".join(pairs) + b"ub"

    tensors = [numbers(4, 3), numbers(4)]
    inner = module(
        *(text(name) + tensor(str(key), array) for key, (name, array) in enumerate(zip("wb", tensors, strict=True)))
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + module(text("inner") + inner, text("training") + b"\x89") + b".")
        for key, array in enumerate(tensors):
            archive.writestr(f"a/data/{key}", array.tobytes())
        archive.writestr("a/code/x.py", b"")
    return [[written(folder, "net.pt", content.getvalue())]]


def safetensors(folder):
    from tests.unit.importers.torch_files import safe

    return [[written(folder, "net.safetensors", safe(state()))]]


def saved(compressed, **arrays):
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)
    return content.getvalue()


def npz(folder):
    arrays = {"arr_0": numbers(3, 4), "arr_1": numbers(4), "arr_2": numbers(4, 2), "arr_3": numbers(2)}
    content = io.BytesIO()
    np.save(content, np.array([numbers(3, 4), numbers(4)], object), allow_pickle=True)
    both = [[written(folder, f"{name}.npz", saved(name == "b", **arrays))] for name in "ab"]
    return [*both, [written(folder, "c.npy", content.getvalue())]]


def pickles(folder):
    value = {"params": [numbers(3, 4), numbers(4)], "names": ("a", "b", 2**70, 1.5, None, True), "set": {1, 2}}
    files = [[written(folder, f"{number}.pkl", pickle.dumps(value, number))] for number in (0, 2, 4, 5)]
    for name, module in (("a.gz", gzip), ("a.bz2", bz2)):
        files.append([written(folder, name, module.compress(pickle.dumps(value, 2)))])
    return files


def recorded(*names):
    def make(folder):
        with zipfile.ZipFile(RECORDED) as archive:
            for name in archive.namelist():
                archive.extract(name, folder)
        return [[folder / name] for name in names]

    return make


FUNCTION_NET = ("functions/frozen.pb", "shapes/frozen.pb", "words/frozen.pb", "poolings/frozen.pb")


def keras_h5(folder):
    from tests.importers.keras_h5 import dense, entry, fed, functional, node, sequential, write

    pair = {"a": [numbers(3, 4), numbers(4)], "b": [numbers(4, 2), numbers(2)]}
    two = sequential(dense("a", 4, batch_input_shape=[None, 3]), dense("b", 2))
    one = sequential(dense("a", 4, "output_dim", batch_input_shape=[None, 3]), dense("b", 2, "output_dim"), old=True)
    images = functional(
        fed("x", 8, 8, 3),
        node("Conv2D", "c", "x", filters=4, kernel_size=[3, 3], strides=[1, 1], padding="same", use_bias=True,
             data_format="channels_last", activation="relu"),
        node("BatchNormalization", "n", "c", axis=-1),
        node("Flatten", "f", "n"),
        node("Dense", "d", "f", units=2, activation="softmax"),
        outputs=["d"],
    )  # fmt: skip
    arrays = {"c": [numbers(3, 3, 3, 4), numbers(4)], "n": [numbers(4)] * 2 + [numbers(4), abs(numbers(4))],
              "d": [numbers(256, 2), numbers(2)]}  # fmt: skip
    recurrent = sequential(entry("LSTM", "a", units=2, batch_input_shape=[None, 5, 3]))
    cells = {"a": [numbers(3, 8), numbers(2, 8), numbers(8)]}
    return [
        [write(folder / "two.h5", two, pair, "2.3.1", "tensorflow")],
        [write(folder / "one.h5", one, pair, "1.2.2", "theano")],
        [write(folder / "images.h5", images, arrays, "2.3.1", "tensorflow")],
        [write(folder / "cells.h5", recurrent, cells, "2.3.1", "tensorflow")],
        [write(folder / "weights.h5", None, pair, "2.3.1", "tensorflow")],
        [written(folder, "two.json", json.dumps({**two, "keras_version": "2.3.1", "backend": "tensorflow"}).encode()),
         write(folder / "weights_of_two.h5", None, pair, "2.3.1", "tensorflow")],
    ]  # fmt: skip


def digits(folder):
    arrays = {}
    for part, rows in (("train", 6), ("test", 4)):
        arrays[f"x_{part}"] = DRAW.integers(0, 256, (rows, 4, 4)).astype(np.uint8)
        arrays[f"y_{part}"] = DRAW.integers(0, 10, rows)
    return [[written(folder, f"{name}.npz", saved(name == "b", **arrays))] for name in "ab"]


def read_digits(path):
    import kerasbridge as kb

    kb.datasets.mnist(path)


def records(folder):
    from tests.unit.parity.records import record

    record().write(folder / "jax.npz")
    return [[folder / "jax.npz"]]


def read_record(path):
    from kerasbridge.parity.record import Record

    str(Record.read(path))


def pictures(kind, **options):
    def make(folder):
        from PIL import Image

        files = []
        for mode in options.get("modes", ("L", "RGB", "RGBA", "P")):
            levels = DRAW.integers(0, 256, (20, 16, 4)).astype(np.uint8)
            content = io.BytesIO()
            Image.fromarray(levels).convert(mode).save(content, kind)
            files.append([written(folder, f"{mode}.{kind.lower()}", content.getvalue())])
        return files

    return make


def read_picture(path):
    from kerasbridge.mnist import load
    from kerasbridge.subjects import images

    images.read([path], (8, 8, 3))
    load.load(path)


def tables(folder):
    texts = ("a,b\n1,x\n2,y\n", 'a;"b c"\r\n1.5;"x;\ny"\r\n', "\ufeffname\ttown\nÅse\tTromsø\n")
    return [[written(folder, f"{index}.csv", text.encode())] for index, text in enumerate(texts)]


def read_table(path):
    from kerasbridge.subjects import table

    for name in (read := table.read(path)).columns:
        read.has_text(name)


def run_folder(folder):
    versions = {"kerasbridge": "0.1", "keras": "3.15", "jax": "0.7", "numpy": "2", "python": "3.11"}
    config = {"arguments": {"epochs": 2}, "versions": versions, "backend": "jax", "device": "cpu", "seed": 0,
              "rng": "portable", "data": {"name": "sample"}, "started": "2026-11-30T10:00:00+00:00", "model": "mlp",
              "epochs": 2, "test": {"accuracy": 0.9}, "mistakes": {"3": 5}, "seconds": 1.5}  # fmt: skip
    rows = [{"epoch": epoch, "seconds": 0.5, "loss": 1 / epoch, "accuracy": None} for epoch in (1, 2, 3)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    written(folder, "history.jsonl", lines.encode())
    return [[written(folder, "config.json", json.dumps(config, indent=2).encode()), folder / "history.jsonl"]]


def read_run(config, history):
    import kerasbridge as kb

    kb.runs.list(config.parent)
    str(kb.runs.load(config.parent).history)


def keras_files(folder):
    from kerasbridge.keras_compat import keras

    layers = keras.layers
    small = keras.Sequential([keras.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2)])
    small.compile("adam", "mse")
    image = x = keras.Input((8, 8, 1))
    for layer in (layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(2)):
        x = layer(x)
    models = {"a": small, "b": keras.Model(image, x)}
    for name, model in models.items():
        model.save(folder / f"{name}.keras")
    return [[folder / f"{name}.keras"] for name in models]


def read_keras(path):
    from kerasbridge.saving import load_model

    load_model(path)


def parser(path):
    """Return the function that parses a file as a protobuf message; None for another file."""
    from kerasbridge.importers.caffe import schema as caffe_schema
    from kerasbridge.importers.tensorflow import schema

    if path.suffix == ".caffemodel":
        return caffe_schema.message("NetParameter").FromString
    kinds = {".meta": "MetaGraphDef", ".pb": "GraphDef"}
    kind = {"saved_model.pb": "SavedModel", "keras_metadata.pb": "KerasMetadata"}.get(path.name)
    kind = kind or kinds.get(path.suffix)
    return schema.message_class(kind).FromString if kind else None


TENSORFLOW = {
    "frozen": recorded(*FUNCTION_NET),
    "saved_model": recorded("module/module", "lenet/saved", "keras2/model"),
    "checkpoint": recorded("checkpoint/model.ckpt.meta", "weights/one.index", "weights/tracked.index"),
}
MODELS = {
    "prototxt": prototxt, "caffe": caffe, "mat5": matconvnet("5"), "mat5_compressed": matconvnet("5", True),
    "mat73": matconvnet("7.3"), "torch7": torch7(False), "torch7_text": torch7(True), **TENSORFLOW,
    "keras_h5": keras_h5,
}  # fmt: skip
WEIGHTS = {
    "torch_zip": torch_zip, "torch_rows": torch_rows, "torch_script": torch_script, "safetensors": safetensors,
    "npz": npz, "pickle": pickles,
}  # fmt: skip

FORMATS = {name: Format(make, inspect) for name, make in {**MODELS, **WEIGHTS}.items()}
FORMATS |= {
    "dataset": Format(digits, read_digits),
    "record": Format(records, read_record),
    "png": Format(pictures("PNG", modes=("L", "RGB", "RGBA", "P", "LA", "1")), read_picture),
    "jpeg": Format(pictures("JPEG", modes=("L", "RGB")), read_picture),
    "gif": Format(pictures("GIF", modes=("L", "P")), read_picture),
    "bmp": Format(pictures("BMP", modes=("L", "RGB", "1")), read_picture),
    "webp": Format(pictures("WEBP", modes=("RGB", "RGBA")), read_picture),
    "run": Format(run_folder, read_run),
    "table": Format(tables, read_table),
}
FORMATS |= {f"{name}_built": Format(make, load, framework=True) for name, make in MODELS.items()}
FORMATS |= {f"{name}_onto": Format(make, load_onto, framework=True) for name, make in WEIGHTS.items()}
FORMATS["keras"] = Format(keras_files, read_keras, framework=True)
"""By name."""
