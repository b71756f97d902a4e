"""Matching of arrays and layers: names, order, shapes; and errors, which leave the model unchanged."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import kerasbridge as kb
from kerasbridge.cli import app
from kerasbridge.errors import ArgumentError, LegacyFileError
from kerasbridge.keras_compat import keras
from tests.unit.importers.torch_files import safe, zipped

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("drawn_on_the_host")]

L = keras.layers
DRAW = np.random.default_rng(6)


def linear(prefix, given, taken):
    return {f"{prefix}.weight": drawn(given, taken), f"{prefix}.bias": drawn(given)}


def drawn(*shape):
    return DRAW.normal(size=shape).astype("f4")


def norm(prefix, size):
    return {f"{prefix}.{role}": drawn(size) for role in ("weight", "bias", "running_mean", "running_var")}


@pytest.fixture
def file(tmp_path):
    def write(state, sort=False):
        path = tmp_path / ("state.safetensors" if sort else "state.pt")
        path.write_bytes(safe(state) if sort else zipped(state))
        return path

    return write


def parallel_layers(names=("left", "right")):
    x = keras.Input((6,))
    return keras.Model(x, L.Add()([L.Dense(4, name=name)(x) for name in names]))


def dense(*sizes, names=None):
    layers = [L.Dense(size, name=name) for size, name in zip(sizes[1:], names or [None] * len(sizes), strict=False)]
    return keras.Sequential([keras.Input((sizes[0],)), *layers])


def kernels(model):
    return {layer.name: layer.get_weights()[0].T for layer in model.layers if layer.weights}


def refused(error, path, model, **options):
    """Return the message of the error, after asserting that the model is unchanged."""
    before = model.get_weights()
    with pytest.raises(error) as caught:
        kb.load_legacy(path, model=model, **options)
    assert all(map(np.array_equal, before, model.get_weights()))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_given_model_is_returned(file):
    model = dense(3, 2)
    assert kb.load_legacy(file(linear("fc", 2, 3)), model=model) is model


def test_a_report_maps_and_changes_nothing(file):
    model, path = dense(3, 2, names=["out"]), file({**linear("fc", 2, 3), "fc.num_batches_tracked": np.array([1])})
    before = model.get_weights()[0]
    report = kb.inspect_legacy(path, model=model)
    assert "mapping       out (Dense): kernel (3, 2), bias (2,) <- fc.weight (2, 3), fc.bias (2,)" in str(report)
    assert "skipped       fc.num_batches_tracked" in str(report)
    assert report.as_dict()["mapping"][0]["layer"] == "out"
    np.testing.assert_array_equal(before, model.get_weights()[0])


def test_without_a_model_an_error_requests_one(file):
    with pytest.raises(ArgumentError, match=r"contains only weights: pass the Keras model to .*, kb\.import_weights\("):
        kb.import_model(file(linear("fc", 2, 3)))


def test_the_former_name_and_the_new_one_load_the_same(file):
    path = file({**linear("p", 4, 6), **linear("q", 4, 6)})
    models = parallel_layers(), parallel_layers()
    kb.load_legacy(path, model=models[0], mapping={"left": "q"})
    assert kb.import_weights(models[1], path, mapping={"left": "q"}) is models[1]
    for name, kernel in kernels(models[0]).items():
        np.testing.assert_array_equal(kernel, kernels(models[1])[name])
    with pytest.raises(ArgumentError, match="Expected a Keras model, received"):
        kb.import_weights(path, models[1])


@pytest.mark.parametrize("sort", [False, True])
def test_equal_parallel_layers_require_a_mapping(file, sort):
    state = {**linear("p", 4, 6), **linear("q", 4, 6)}
    sentence = refused(LegacyFileError, file(state, sort), parallel_layers())
    assert "in more than one way: left <- p or q; right <- p or q. Pass mapping=" in sentence
    model = kb.load_legacy(file(state, sort), model=parallel_layers(), mapping={"left": "q"})
    np.testing.assert_array_equal(kernels(model)["left"], state["q.weight"])
    np.testing.assert_array_equal(kernels(model)["right"], state["p.weight"])


def test_similar_names_resolve_the_mapping(file):
    state = {**linear("body.p", 4, 6), **linear("body.q", 4, 6)}
    model = kb.load_legacy(file(state, sort=True), model=parallel_layers(("body_q", "body_p")))
    np.testing.assert_array_equal(kernels(model)["body_q"], state["body.q.weight"])


def test_default_keras_names_are_not_used_for_the_mapping(file):
    state = {**linear("dense_1", 4, 4), **linear("dense", 4, 4)}
    model = kb.load_legacy(file(state), model=dense(4, 4, 4, names=["dense", "dense_1"]))
    np.testing.assert_array_equal(kernels(model)["dense"], state["dense_1.weight"])


def test_ten_is_sorted_after_nine(file):
    state = {}
    for number in (0, 2, 9, 10):
        state |= linear(f"body.{number}", 4, 4)
    model = kb.load_legacy(file(state, sort=True), model=dense(4, 4, 4, 4, 4))
    for found, number in zip(kernels(model).values(), (0, 2, 9, 10), strict=True):
        np.testing.assert_array_equal(found, state[f"body.{number}.weight"])


def test_sorted_names_without_numbers_require_a_mapping(file):
    state = {**linear("first", 4, 4), **linear("last", 4, 4)}
    assert "in more than one way" in refused(LegacyFileError, file(state, sort=True), dense(4, 4, 4))


def residual(width):
    """A net with a residual block, with a layer in the shortcut, and equal normalisations in both paths."""

    def both(x, filters, size, strides=1):
        x = L.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return L.BatchNormalization(epsilon=1e-5)(x)

    images = keras.Input((8, 8, 3))
    x = L.ReLU()(both(images, width, 3))
    y = both(L.ReLU()(both(x, 2 * width, 3, 2)), 2 * width, 3)
    x = L.Add()([both(x, 2 * width, 1, 2), y])
    return keras.Model(images, L.Dense(5)(L.GlobalAveragePooling2D()(x)))


@pytest.mark.parametrize("sort", [False, True])
def test_a_shortcut_is_distinguished_from_the_main_path(file, sort):
    state = {
        "conv1.weight": drawn(4, 3, 3, 3), **norm("bn1", 4), "layer1.0.conv1.weight": drawn(8, 4, 3, 3),
        **norm("layer1.0.bn1", 8), "layer1.0.conv2.weight": drawn(8, 8, 3, 3), **norm("layer1.0.bn2", 8),
        "layer1.0.downsample.0.weight": drawn(8, 4, 1, 1), **norm("layer1.0.downsample.1", 8), **linear("fc", 5, 8),
    }  # fmt: skip
    model = residual(4)
    mapping = kb.inspect_legacy(file(state, sort), model=model).mapping
    by_shape = {entry.weights[0][1]: entry.arrays[0][0] for entry in mapping if entry.type == "Conv2D"}
    assert by_shape[(1, 1, 4, 8)] == "layer1.0.downsample.0.weight"
    places = {entry.layer: entry.arrays[0][0] for entry in mapping}
    around = next(layer for layer in model.layers if isinstance(layer, L.Add)).input[0]
    (normalization,) = (layer.name for layer in model.layers if layer.output is around)
    assert places[normalization] == "layer1.0.downsample.1.weight"


def test_layers_may_be_created_in_another_order_than_they_are_used(file):
    state = {}
    for number in "123":
        state |= {f"conv{number}.weight": drawn(3, 3, 2, 2)}
    for number in "123":
        state |= norm(f"bn{number}", 3)
    each = [layer for _ in "123" for layer in (L.Conv2D(3, 2, use_bias=False), L.BatchNormalization(epsilon=1e-5))]
    mapping = kb.inspect_legacy(file(state), model=keras.Sequential([keras.Input((9, 9, 3)), *each])).mapping
    assert [entry.arrays[0][0].partition(".")[0] for entry in mapping] == [
        "conv1",
        "bn1",
        "conv2",
        "bn2",
        "conv3",
        "bn3",
    ]


def test_mismatches_are_shown_with_the_partial_mapping(file):
    state = {**linear("a", 4, 3), **linear("b", 5, 4), **linear("c", 7, 5)}
    sentence = refused(LegacyFileError, file(state), dense(3, 4, 5, 6, names=["x", "y", "z"]))
    assert (
        "x <- a.weight, a.bias; y <- b.weight, b.bias; then expected z (Dense) with weight (6, 5), bias (6,)"
        in sentence
    )
    assert "received c (weight (7, 5), bias (7,))" in sentence
    assert "expected no more, received c" in refused(LegacyFileError, file(state), dense(3, 4, 5))
    assert "received nothing more" in refused(LegacyFileError, file(linear("a", 4, 3)), dense(3, 4, 5))


def test_a_layer_may_keep_its_weights(file):
    state, model = {**linear("a", 4, 3), **linear("old", 9, 4)}, dense(3, 4, 2, names=["x", "head"])
    head = model.layers[1].get_weights()[0]
    report = kb.inspect_legacy(file(state), model=model, mapping={"head": None})
    assert report.notes == ("not changed: head", "not used by any layer: old (weight (9, 4), bias (9,))")
    kb.load_legacy(file(state), model=model, mapping={"head": None})
    np.testing.assert_array_equal(model.layers[0].get_weights()[0].T, state["a.weight"])
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], head)


def test_a_mapping_names_single_arrays_of_a_file_without_modules(tmp_path):
    path, w, b = tmp_path / "a.npz", drawn(6, 4), drawn(4)
    np.savez(path, b1=b, W1=w, W2=w + 1, b2=b + 1)
    mapping = {"left": ["W1", "b1"], "right": "W2,b2"}
    model = kb.load_legacy(path, model=parallel_layers(), mapping=mapping)
    np.testing.assert_array_equal(kernels(model)["right"].T, w + 1)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"none": "p"}, "to name layers with weights, received 'none'; they are left, right"),
        ({"left": "r"}, "to name modules of the file, received 'r'; they are p (weight"),
        ({"left": "p", "right": "p"}, "to name each module or array once"),
        ({"left": "wide"}, "assigns wide (weight (5, 6), bias (5,)) to 'left'; expected weight (4, 6), bias (4,)"),
    ],
)
def test_a_wrong_mapping_is_an_error(file, mapping, words):
    state = {**linear("p", 4, 6), **linear("q", 4, 6), **linear("wide", 5, 6)}
    assert words in refused(ArgumentError, file(state), parallel_layers(), mapping=mapping)


@keras.saving.register_keras_serializable("tests")
class Scaled(keras.layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=shape[-1:])

    def call(self, x):
        return x * self.scale


def test_all_unsupported_layers_are_named_at_once(file):
    layers = [Scaled(name="s"), L.Dense(2), L.GRU(2, reset_after=False, name="g")]
    model = keras.Sequential([keras.Input((3, 4)), *layers])
    sentence = refused(ArgumentError, file(linear("a", 2, 2)), model)
    assert "layer 's' (Scaled) is of a type whose weights cannot be loaded from such a file" in sentence
    assert "layer 'g' (GRU) has reset_after=False" in sentence


def test_own_weights_of_a_model_are_not_skipped(file):
    class Shifted(keras.Model):
        def __init__(self):
            super().__init__(name="shifted")
            self.out = L.Dense(2)

        def build(self, shape):
            self.shift = self.add_weight(shape=shape[-1:])
            self.out.build(shape)

        def call(self, x):
            return self.out(x + self.shift)

    model = Shifted()
    model(np.zeros((1, 3), "f4"))
    assert "layer 'shifted' (Shifted) is of a type" in refused(ArgumentError, file(linear("a", 2, 3)), model)


def test_a_model_that_is_not_built_is_rejected(file):
    with pytest.raises(ArgumentError, match="Expected model= to be a built Keras model"):
        kb.load_legacy(file(linear("a", 2, 2)), model=keras.Sequential([L.Dense(2)]))
    with pytest.raises(ArgumentError, match="leave out data_format="):
        kb.load_legacy(file(linear("a", 2, 2)), model=dense(2, 2), data_format="channels_first")


def test_numbers_that_are_not_finite_are_rejected(file):
    state = {**linear("a", 2, 2), "a.bias": np.array([1, np.nan], "f4")}
    assert "a.bias has numbers that are not finite" in refused(LegacyFileError, file(state), dense(2, 2))


def test_an_unusual_epsilon_is_reported(file):
    model = keras.Sequential([keras.Input((3,)), L.BatchNormalization(name="bn")])
    (note,) = kb.inspect_legacy(file(norm("n", 3)), model=model).notes
    assert "bn 0.001; PyTorch's default is 1e-05" in note


class Small(keras.Model):
    """A subclassed model: the order of its layers is unknown."""

    def __init__(self, between):
        super().__init__()
        self.conv, self.between, self.out = L.Conv2D(4, 2), between, L.Dense(2)

    def call(self, x):
        return self.out(self.between(self.conv(x)))


def test_subclassed_models_match_weights_in_the_order_of_their_attributes(file):
    state = {"c.weight": drawn(4, 3, 2, 2), "c.bias": drawn(4), **linear("d", 2, 4)}
    model = Small(L.GlobalAveragePooling2D())
    model(np.zeros((1, 5, 5, 3), "f4"))
    kb.load_legacy(file(state), model=model)
    np.testing.assert_array_equal(model.out.get_weights()[0].T, state["d.weight"])
    model = Small(L.Flatten())
    model(np.zeros((1, 3, 3, 3), "f4"))
    sentence = refused(ArgumentError, file({**state, **linear("d", 2, 16)}), model)
    assert "takes 16 features of images of 4 channels, whose order is unknown after flatten" in sentence


def test_a_subclassed_model_that_flattens_images_is_rejected(file):
    class Flat(keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten, self.out = L.Flatten(), L.Dense(2)

        def call(self, x):
            return self.out(self.flatten(x))

    for channels, fits in ((1, True), (3, False)):
        model, path = Flat(), file(linear("d", 2, 16 * channels))
        model(np.zeros((1, 4, 4, channels), "f4"))
        if fits:
            assert kb.load_legacy(path, model=model) is model
        else:
            assert "takes 48 features of images of 3 channels" in refused(ArgumentError, path, model)


def test_on_the_command_line(tmp_path, file):
    parallel_layers().save(tmp_path / "model.keras")
    path, out = file({**linear("p", 4, 6), **linear("q", 4, 6)}), tmp_path / "out.keras"
    command = ["import", str(path), "--onto", str(tmp_path / "model.keras"), "-o", str(out), "--overwrite", "--json"]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "in more than one way" in result.stderr
    result = CliRunner().invoke(app, [*command, "--map", "left=q"])
    assert json.loads(result.stdout)["mapping"][0]["arrays"][0] == ["q.weight", [4, 6]]
    assert keras.models.load_model(out).get_layer("left").kernel.shape == (6, 4)
    for wrong, words in (("--map=left", "Expected --map as LAYER=MODULE"), (f"--onto={path}", "Expected --onto to be")):
        result = CliRunner().invoke(app, [*command, wrong])
        assert (result.exit_code, words in result.stderr, result.stderr.count("\n")) == (2, True, 1)
