"""Whole Torch7 networks: a file of another author, nngraph graphs, typical nets, and training."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.keras_compat import keras
from tests.importers import formulas
from tests.importers.nets import assert_close, normals, outputs, saved_and_loaded
from tests.importers.torch7_files import Thing, longs, nn, save
from tests.paths import SHARED

RANDOM = np.random.default_rng(23)
MLP = SHARED / "legacy" / "torch7" / "mnist_mlp.t7"

normal = normals(RANDOM)


IMAGES = normal(2, 3, 12, 10)


def conv(channels, filters, size=3, pad=1, stride=1):
    weight, bias = normal(filters, channels, size, size) / size**2, normal(filters)
    fields = {"nInputPlane": channels, "nOutputPlane": filters, "weight": weight, "bias": bias, "kW": size, "kH": size}
    return nn("SpatialConvolution", **fields, dW=stride, dH=stride, padW=pad, padH=pad)


def applied(module, x):
    """Return the output of such a convolution for images."""
    fields = module.fields
    stride, pad = (fields["dH"], fields["dW"]), (fields["padH"], fields["padW"])
    return formulas.convolution(x, fields["weight"], fields["bias"], stride, pad)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_net_computes_what_was_recorded(legacy, data_format, tmp_path):
    recorded = np.load(MLP.with_suffix(".reference.npz"))
    model = saved_and_loaded(kb.load_legacy(MLP, data_format=data_format), tmp_path)
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    assert_close(outputs(model, recorded["x"], data_format=data_format)[0], recorded["y"])


def node(nodes, module=None, sources=(), **data):
    """Return an nngraph node after others; nodes are (data, children)."""
    data = {"mapindex": {}, "annotations": {}, **data, **({"module": module} if module else {})}
    for place, (source, children) in enumerate(sources, 1):
        data["mapindex"][Key(source)] = place
        data["mapindex"][place] = source
        children.append(data)
    nodes.append((data, []))
    return nodes[-1]


class Key(dict):
    """A table as a key: the same table, hashable in Python."""

    def __init__(self, table):
        super().__init__()
        self.table = table

    __hash__ = object.__hash__


def graph(nodes, inputs=1):
    """A gModule of nodes in the order in which they run, each with its children."""
    things = {id(data): Thing("nngraph.Node", {"data": data, "children": []}) for data, _ in nodes}
    for data, children in nodes:
        things[id(data)].fields["children"].extend(things[id(child)] for child in children)
    modules = [data["module"] for data, _ in nodes if "module" in data]
    return nn("gModule", *modules, forwardnodes=list(things.values()), nInputs=inputs)


def test_a_graph_with_a_shortcut_is_run_in_its_order(tmp_path):
    nodes, first, last = [], conv(3, 4), conv(4, 4)
    entry = node(nodes)
    one = node(nodes, first, [entry])
    two = node(nodes, last, [one])
    node(nodes, None, [node(nodes, nn("CSubTable"), [two, one])])
    model = kb.load_legacy(save(tmp_path / "net.t7", {"model": graph(nodes)}))
    middle = applied(first, IMAGES)
    assert model.input_shape == (None, None, None, 3)
    assert_close(outputs(model, IMAGES)[0], applied(last, middle) - middle)


def test_a_graph_may_split_tables_and_have_several_inputs_and_outputs(tmp_path):
    nodes, weights = [], (normal(4, 5), normal(4, 6))
    splitting = node(nodes, None, [node(nodes)], nSplitOutputs=2)
    left, right = (node(nodes, None, [splitting], selectindex=place) for place in (1, 2))
    one = node(nodes, nn("Linear", weight=weights[0]), [left])
    two = node(nodes, nn("Linear", weight=weights[1]), [right])
    total = node(nodes, nn("CAddTable"), [one, two])
    node(nodes, None, [total, node(nodes, nn("Tanh"), [one])])
    path = save(tmp_path / "net.t7", graph(nodes, inputs=2), text=True)
    assert kb.inspect_legacy(path).inputs == (("input_1", (None, 5)), ("input_2", (None, 6)))
    rows = normal(3, 5), normal(3, 6)
    given = [x @ weight.T for x, weight in zip(rows, weights, strict=True)]
    found = outputs(kb.load_legacy(path), *rows)
    assert_close(found[0], sum(given))
    assert_close(found[1], np.tanh(given[0]))


def style_net():
    """A smaller net like those of fast-neural-style."""

    def normalized(channels):
        return nn("InstanceNormalization", nOutput=channels, eps=1e-5, weight=normal(channels), bias=normal(channels))

    block = nn("Sequential", conv(6, 6, pad=0), normalized(6), nn("ReLU"), conv(6, 6, pad=0), normalized(6))
    full = {"nInputPlane": 6, "nOutputPlane": 4, "weight": normal(6, 4, 3, 3), "bias": normal(4)}
    full |= {f"{name}{side}": size for side in "WH" for name, size in {"k": 3, "d": 2, "pad": 1, "adj": 1}.items()}
    return nn(
        "Sequential",
        nn("SpatialReflectionPadding", pad_l=4, pad_r=4, pad_t=4, pad_b=4),
        conv(3, 6, stride=2),
        normalized(6),
        nn("ReLU"),
        nn("Sequential", nn("ConcatTable", block, nn("ShaveImage", size=2)), nn("CAddTable")),
        nn("SpatialFullConvolution", **full),
        nn("Tanh"),
        nn("MulConstant", constant_scalar=150),
        nn("TotalVariation", strength=1e-6),
    )


def test_a_style_transfer_net_takes_images_of_any_size(tmp_path):
    model = kb.load_legacy(save(tmp_path / "net.t7", {"opt": {"arch": "c9"}, "model": style_net()}))
    assert model.input_shape == (None, None, None, 3)
    x = normal(2, 12, 10, 3)
    y = model.predict_on_batch(x)
    assert y.shape == (2, 12, 10, 4)
    assert_close(saved_and_loaded(model, tmp_path).predict_on_batch(x), y)


def test_a_net_of_own_layers_trains(tmp_path):
    value = nn(
        "Sequential",
        nn("SpatialReflectionPadding", pad_l=1),
        conv(3, 2, pad=0),
        nn("InstanceNormalization", nOutput=2, weight=normal(2), bias=normal(2)),
        nn("Threshold", threshold=0, val=1e-6),
        nn("SpatialReplicationPadding", pad_l=1, pad_r=0, pad_t=0, pad_b=0),
        nn("Narrow", dimension=3, index=2, length=3),
        nn("View", size=longs(30)),
        nn("Linear", weight=normal(4, 30) / 6, bias=normal(4)),
        nn("Normalize", p=2),
        nn("LogSoftMax"),
    )
    model = kb.load_legacy(save(tmp_path / "net.t7", value), input_shape=(3, 5, 4))
    x, y = normal(16, 5, 4, 3), RANDOM.integers(4, size=16)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.03), loss)
    history = kb.fit(model, x, y, epochs=8, batch_size=16, seed=0, verbose=0)
    assert history.params["execution"] != "eager"
    assert history.history["loss"][-1] < 0.95 * history.history["loss"][0]


def test_a_net_that_depends_on_a_size_takes_the_size_of_its_last_input(tmp_path):
    head = (
        nn("View", size=longs(48), numInputDims=3),
        nn("Dropout", p=0.5, v2=True),
        nn("Linear", weight=(w := normal(5, 48))),
    )
    first = conv(3, 4, pad=0)
    pool = nn("SpatialMaxPooling", kW=3, kH=3, dW=3, dH=3, ceil_mode=True)
    value = nn("Sequential", first, pool, *head, nn("LogSoftMax"), gradInput=np.zeros((8, 3, 12, 10), np.float32))
    model = kb.load_legacy(save(tmp_path / "net.t7", value))
    assert model.input_shape == (None, 12, 10, 3)
    rows = formulas.pooling(applied(first, IMAGES), "MAX", (3, 3), (3, 3)).reshape(2, -1) @ w.T
    assert_close(outputs(model, IMAGES)[0], rows - np.log(np.exp(rows).sum(1, keepdims=True)))
