"""Each MatConvNet layer, compared with its formula and recorded outputs, after loading a .keras file."""

import numpy as np
import pytest

import kerasbridge as kb
from tests.importers.mat_files import dag, nchw, write
from tests.importers.matconvnet import matconvnet_formulas as formulas
from tests.importers.nets import assert_close, normals, outputs, saved_and_loaded

RANDOM = np.random.default_rng(7)

normal = normals(RANDOM)


X = normal(10, 11, 4, 2)
GATE = normal(1, 1, 4, 2)
SMALL = normal(7, 6, 3, 2)
KINDS = {
    "conv": "dagnn.Conv",
    "convt": "dagnn.ConvTranspose",
    "pool": "dagnn.Pooling",
    "lrn": "dagnn.LRN",
    "bnorm": "dagnn.BatchNorm",
    "relu": "dagnn.ReLU",
    "scale": "dagnn.Scale",
}


class Cases:
    """Layers with the same images as input, as one DagNN, each with the output of its formula."""

    def __init__(self):
        self.layers, self.params, self.expected = [], {}, {}

    def add(self, kind, block, expected, *weights, inputs="x", tolerance=1e-5):
        name = f"l{len(self.layers)}"
        names = [f"{name}_p{place}" for place in range(len(weights))]
        self.params.update(zip(names, weights, strict=True))
        self.layers.append((name, KINDS.get(kind, f"dagnn.{kind}"), block, inputs, name, names))
        self.expected[name] = (expected, tolerance)

    def model(self, path, version, data_format="channels_last"):
        sizes = {"x": X.shape, "gate": GATE.shape, "small": SMALL.shape}
        read = {value for layer in self.layers for value in layer[3].split()}
        inputs = tuple({"name": name, "size": [*map(float, size)]} for name, size in sizes.items() if name in read)
        write(path, version, **dag(*self.layers, params=self.params, meta={"inputs": inputs}))
        return kb.load_legacy(path, data_format=data_format)

    def check(self, model, data_format="channels_last"):
        arrays = {"x": X, "gate": GATE, "small": SMALL}
        found = outputs(model, *(nchw(arrays[one.name]) for one in model.inputs), data_format=data_format)
        for one, (expected, tolerance) in zip(found, self.expected.values(), strict=True):
            assert_close(one, nchw(expected), tolerance)


def formula_cases():
    cases = Cases()
    f, b = normal(3, 2, 2, 6), normal(1, 6)
    cases.add("conv", {"pad": [1, 0, 2, 1], "stride": [2, 1]}, formulas.conv(X, f, b, (1, 0, 2, 1), (2, 1)), f, b)
    f, b = normal(3, 3, 4, 5), normal(5, 1)
    cases.add("conv", {"pad": 1.0, "dilate": [2, 1]}, formulas.conv(X, f, b, (1,) * 4, dilate=(2, 1)), f, b)
    y = formulas.conv(X, f, None, (2, 2, 1, 1), (3, 2), (2, 2))
    block = {"pad": [2, 1], "stride": [3, 2], "hasBias": np.zeros(1, bool), "opts": ["Dilate", np.full((1, 1), 2.0)]}
    cases.add("conv", block, y, f)
    f = normal(3, 3, 1, 8)
    cases.add("conv", {"pad": 1}, formulas.conv(X, f, pad=(1,) * 4), f, np.zeros((0, 0)))
    f = normal(10, 11, 4, 3)
    cases.add("conv", {"hasBias": False}, formulas.conv(X, f), f)
    f = normal(1, 1, 4)  # MATLAB removes the last axis of a single filter
    cases.add("conv", {"hasBias": False}, formulas.conv(X, f[..., None]), f)
    f, b = normal(4, 3, 5, 4), normal(5)
    y = formulas.convt(X, f, b, (2, 3), (1, 0, 1, 1))
    cases.add("convt", {"upsample": [2, 3], "crop": [1, 0, 1, 1]}, y, f, b)
    f = normal(4, 4, 3, 4)
    block = {"upsample": 2, "crop": 1, "numGroups": 2, "hasBias": False}
    cases.add("convt", block, formulas.convt(X, f, None, (2, 2), (1,) * 4, 2), f)
    block = {"poolSize": [3, 2], "pad": [1, 0, 1, 1], "stride": [2, 3], "method": "max"}
    cases.add("pool", block, formulas.pool(X, (3, 2), "max", (1, 0, 1, 1), (2, 3)))
    block = {"poolSize": 3, "pad": [1, 2, 0, 2], "stride": 2, "method": "avg"}
    cases.add("pool", block, formulas.pool(X, (3, 3), "avg", (1, 2, 0, 2), (2, 2)))
    block = {"poolSize": [3, 2], "stride": [2, 3], "method": "avg"}
    cases.add("pool", block, formulas.pool(X, (3, 2), "avg", stride=(2, 3)))
    for size in (5, 4, 8, 9):
        cases.add("lrn", {"param": [size, 2, 0.3, 0.6]}, formulas.normalize(X, size, 2, 0.3, 0.6))
    moments = np.abs(normal(4, 2)) + 0.1
    g, b = normal(4, 1), normal(1, 4)
    cases.add("bnorm", {"epsilon": 0.5}, formulas.bnorm(X, g, b, moments), g, b, moments)
    cases.add("SpatialNorm", {"param": [3, 2, 0.5, 0.75]}, formulas.spnorm(X, 3, 2, 0.5, 0.75))
    cases.add("relu", {"leak": 0.1}, np.where(X > 0, X, 0.1 * X))
    cases.add("relu", {"leak": 0.0, "opts": ["leak", np.full((1, 1), 0.25)]}, np.where(X > 0, X, 0.25 * X))
    cases.add("Sigmoid", {}, 1 / (1 + np.exp(-X)))
    cases.add("SoftMax", (), formulas.softmax(X))
    cases.add("DropOut", {"rate": 0.7}, X)
    return cases


def joining_cases():
    cases = Cases()
    cases.add("Sum", {}, X + X + X, inputs="x x x")
    cases.add("Max", {}, np.maximum(X, GATE * 0 + X), inputs="x x")
    cases.add("Concat", {}, np.concatenate([X, X], 2), inputs="x x")
    cases.add("Concat", {"dim": 1}, np.concatenate([X, X], 0), inputs="x x")
    cases.add("Concat", {"dim": 2}, np.concatenate([X, X], 1), inputs="x x")
    for offsets in ([2, 4], [0, 0], [9, 5]):
        cases.add("Crop", {"crop": offsets}, formulas.crop(X, SMALL, offsets), inputs="x small")
    m, b = normal(1, 1, 4), normal(1, 1, 4)
    cases.add("scale", {}, X * m[..., None] + b[..., None], m, b)
    m = normal(10, 11, 4)
    cases.add("scale", {"hasBias": False}, X * m[..., None], m)
    m, b = normal(1, 1), normal(1, 1, 4)
    cases.add("scale", {}, X * m[0, 0] + b[..., None], m, b)
    cases.add("scale", {"hasBias": False}, X * GATE, inputs="x gate")
    cases.add("scale", {}, X * GATE + b[..., None], b, inputs="x gate")
    return cases


def reshaping_cases():
    """Return cases of mcnExtraLayers, which nets converted from PyTorch and Caffe use."""
    cases = Cases()
    cases.add("Flatten", {"axis": 3}, formulas.reshape(X, 1, 1, 440))
    cases.add("Flatten", {"axis": 1}, formulas.reshape(X, 440, 1, 1))
    cases.add("Reshape", {"shape": [np.full((1, 1), 5.0), [], np.full((1, 1), 8.0)]}, formulas.reshape(X, 5, 11, 8))
    cases.add("Reshape", {"shape": [0, -1, 11]}, formulas.reshape(X, 10, 4, 11))
    cases.add("Permute", {"order": [3, 1, 2, 4]}, X.transpose(2, 0, 1, 3))
    cases.add("Permute", {"order": [2, 1, 3]}, X.transpose(1, 0, 2, 3))
    cases.add("GlobalPooling", {}, X.mean((0, 1), keepdims=True))
    cases.add("GlobalPooling", {"method": "max"}, X.max((0, 1), keepdims=True))
    return cases


@pytest.mark.parametrize(
    ("make", "version"),
    [(formula_cases, "5"), (joining_cases, "7.3"), (reshaping_cases, "5")],
    ids=["alone", "joining", "reshaping"],
)
def test_layers_compute_their_formulas(make, version, tmp_path):
    cases = make()
    cases.check(saved_and_loaded(cases.model(tmp_path / "net.mat", version), tmp_path))


def test_channels_first_has_the_same_inputs_and_outputs(tmp_path):
    cases = Cases()
    f, b = normal(3, 2, 2, 6), normal(1, 6)
    cases.add("conv", {"stride": [2, 1]}, formulas.conv(X, f, b, stride=(2, 1)), f, b)
    cases.add("lrn", {"param": [5, 2, 0.3, 0.6]}, formulas.normalize(X, 5, 2, 0.3, 0.6))
    for offsets in ([2, 4], [9, 1]):
        cases.add("Crop", {"crop": offsets}, formulas.crop(X, SMALL, offsets), inputs="x small")
    cases.add("scale", {"hasBias": False}, X * GATE, inputs="x gate")
    cases.check(cases.model(tmp_path / "net.mat", "7.3", "channels_first"), "channels_first")


def recorded_cases(reference):
    """Return the calls of layers.md with the outputs of the C++ code; its LRN approximates the power."""
    cases, r = Cases(), reference
    cases.add("pool", {"poolSize": [3, 2], "pad": [1, 0, 1, 1], "stride": [2, 3]}, r["pmax"])
    cases.add("pool", {"poolSize": 3, "method": "avg", "stride": 2, "pad": [1, 2, 0, 2]}, r["pavg"])
    cases.add("pool", {"poolSize": 3, "method": "avg", "stride": 2, "pad": 1}, r["pavg1"])
    cases.add("conv", {"pad": [1, 0, 2, 1], "stride": [2, 1]}, r["cgrp"], r["f"], r["b"])
    cases.add("conv", {"pad": 1, "dilate": [2, 1]}, r["cdil"], r["f2"], r["b2"])
    cases.add("conv", {"hasBias": False}, r["fc"], r["ff"])
    cases.add("convt", {"upsample": [2, 3], "crop": [1, 0, 1, 1]}, r["ct"], r["ft"], r["bt"])
    cases.add("convt", {"upsample": 2, "crop": 1, "numGroups": 2, "hasBias": False}, r["ctg"], r["ftg"])
    for key, param in (("lrn", [5, 2, 0.3, 0.6]), ("lrn4", [4, 1, 0.2, 0.75])):
        cases.add("lrn", {"param": param}, r[key], tolerance=5e-3)
        cases.add("lrn", {"param": param}, formulas.normalize(r["x"], *param))
    cases.add("SoftMax", {}, r["sm"])
    cases.add("relu", {"leak": 0.1}, r["lk"])
    cases.add("Sigmoid", {}, r["sg"])
    cases.add("bnorm", {"epsilon": 0.5}, r["bn"], r["g"], r["bb"], r["m"])
    cases.add("bnorm", {"epsilon": 0.01}, r["bnt"], r["g"], r["bb"], r["mom"])
    cases.add("SpatialNorm", {"param": [3, 3, 0.5, 0.75]}, r["spn"])
    return cases


def test_layers_compute_what_matconvnet_computed(legacy, tmp_path, monkeypatch):
    reference = np.load(legacy / "matconvnet" / "layers.reference.npz")
    monkeypatch.setattr("tests.importers.matconvnet.test_matconvnet_ops.X", reference["x"])
    cases = recorded_cases(reference)
    cases.check(saved_and_loaded(cases.model(tmp_path / "net.mat", "7.3"), tmp_path))
