"""torch modules: their outputs, and files as read by `torch.load(weights_only=True)`, if torch is the backend."""

import numpy as np
import pytest

import kerasbridge as kb
from kerasbridge.importers.pytorch import torch_zip
from kerasbridge.importers.pytorch.state_dict import find_state_dict
from kerasbridge.importers.source_file import SourceFile
from kerasbridge.keras_compat import keras
from kerasbridge.runtime import backend as choice
from tests.importers.nets import assert_close, last

if choice.configure().backend != "torch":
    pytest.skip("torch computes the expected outputs, but is not the backend", allow_module_level=True)

import torch
from torch import nn

L = keras.layers


def shaken(module):
    """Set the numbers of a module at random, as if it had been trained."""
    torch.manual_seed(0)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if "var" in name else torch.randn_like(value) * 0.3)
    return module.eval()


def assert_same(module, model, x, folder, given=None):
    """Assert that the model with the weights of the module has the same output; images are transposed."""
    torch.save(shaken(module).state_dict(), folder / "state.pt")
    kb.load_legacy(folder / "state.pt", model=model)
    with torch.no_grad():
        expected = module(x).numpy()
    found = np.asarray(model.predict_on_batch(last(x.numpy()) if given is None else given))
    assert_close(found, last(expected))


class Chain(nn.Module):
    """Modules one after the other, with a function before the last."""

    def __init__(self, *modules, between):
        super().__init__()
        self.body, self.head, self.between = nn.Sequential(*modules[:-1]), modules[-1], between

    def forward(self, x):
        return self.head(self.between(self.body(x)))


def flat(x):
    return x.flatten(1)


IMAGES = torch.randn(2, 3, 6, 5)


def convolved():
    return Chain(nn.Conv2d(3, 4, 2), nn.Linear(80, 3), between=flat)


def test_rows_of_flattened_images_are_reordered(tmp_path):
    images = keras.Input((6, 5, 3))
    x = L.Conv2D(4, 2)(images)
    inner = keras.Sequential([keras.Input((6, 5, 3)), L.Conv2D(4, 2)])(images)
    for flattened in (
        L.Flatten()(x),
        L.Reshape((80,))(x),
        keras.ops.reshape(x, (-1, 80)),
        L.Flatten()(L.Permute((3, 1, 2))(x)),
        L.Flatten()(inner),
        L.Flatten()(L.Dropout(0.5)(L.Activation("linear")(x))),
    ):
        assert_same(convolved(), keras.Model(images, L.Dense(3)(flattened)), IMAGES, tmp_path)


SQUARES = torch.randn(2, 3, 6, 6)


def square():
    return Chain(nn.Conv2d(3, 4, 3), nn.Linear(64, 3), between=flat)


def test_operations_that_move_axes_of_equal_size_are_followed(tmp_path):
    ops = keras.ops
    images = keras.Input((6, 6, 3))
    x = L.Conv2D(4, 3)(images)
    for moved in (
        ops.transpose(x, (0, 2, 1, 3)),
        ops.swapaxes(x, -1, 1),
        ops.moveaxis(x, -1, 1),
        ops.einsum("bhwc->bwhc", x),
        ops.relu(ops.transpose(x, (0, 3, 2, 1)) * 1.0) - ops.relu(-ops.transpose(x, (0, 3, 2, 1))),
        ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, 0]]),
    ):
        assert_same(square(), keras.Model(images, L.Dense(3)(L.Flatten()(moved))), SQUARES, tmp_path)


def test_operations_that_may_mix_axes_are_rejected(tmp_path):
    ops = keras.ops
    images = keras.Input((6, 6, 3))
    x = L.Conv2D(4, 3)(images)
    torch.save(square().state_dict(), tmp_path / "state.pt")
    for moved in (
        ops.rot90(x, axes=(1, 2)),
        ops.take(x, [2, 0, 1, 3], axis=-1),
        x[:, ::-1],
        ops.matmul(x, np.eye(4)[::-1].astype("float32")),
        ops.einsum("bhwc,ck->bhwk", x, np.eye(4, dtype="float32")),
        L.Lambda(lambda value: ops.transpose(value, (0, 2, 1, 3)), output_shape=(4, 4, 4))(x),
    ):
        model = keras.Model(images, L.Dense(3)(L.Flatten()(moved)))
        with pytest.raises(kb.errors.ArgumentError, match=r"order is unknown after .* keep the order of the file"):
            kb.load_legacy(tmp_path / "state.pt", model=model)


def test_rows_of_images_that_are_scaled_first_are_reordered(tmp_path):
    images = keras.Input((6, 6, 3))
    module = Chain(nn.Identity(), nn.Linear(108, 3), between=lambda x: (x / 4).flatten(1))
    for scaled in (L.Rescaling(0.25)(images), images / 4, L.LeakyReLU(negative_slope=1.0)(images) * 0.25):
        assert_same(module, keras.Model(images, L.Dense(3)(L.Flatten()(scaled))), SQUARES, tmp_path)
    layers = [L.Rescaling(0.25), L.Flatten(), L.Dense(3)]
    assert_same(module, keras.Sequential([keras.Input((6, 6, 3)), *layers]), SQUARES, tmp_path)


def test_rows_as_stored_keep_the_order_of_the_file(tmp_path):
    images = keras.Input((6, 6, 3))
    x = L.Conv2D(4, 3, name="conv")(images)
    module = Chain(nn.Conv2d(3, 4, 3), nn.Linear(64, 3), between=lambda x: x.permute(0, 3, 2, 1).flatten(1))
    torch.save(shaken(module).state_dict(), tmp_path / "state.pt")
    with torch.no_grad():
        expected = module(SQUARES).numpy()
    turned = L.Lambda(lambda value: keras.ops.transpose(value, (0, 2, 1, 3)), output_shape=(4, 4, 4))
    for between in (L.Permute((2, 1, 3)), turned):
        model = keras.Model(images, L.Dense(3, name="fc")(L.Flatten()(between(x))))
        for value in ("as stored", ["head", "as stored"], "head,as stored"):
            report = kb.inspect_legacy(tmp_path / "state.pt", model=model, mapping={"fc": value})
            assert not any("reordered" in note for note in report.notes)
            kb.load_legacy(tmp_path / "state.pt", model=model, mapping={"fc": value})
            assert_close(np.asarray(model.predict_on_batch(last(SQUARES.numpy()))), expected)
    model = keras.Model(images, L.Dense(3, name="fc")(L.Flatten()(x)))
    (note,) = kb.inspect_legacy(tmp_path / "state.pt", model=model).notes
    assert note.startswith("fc: its features are reordered")
    assert "mapping={'fc': 'as stored'}" in note
    with pytest.raises(kb.errors.ArgumentError, match="name layers with weights, received 'x'; they are conv, fc"):
        kb.load_legacy(tmp_path / "state.pt", model=model, mapping={"x": "as stored"})


def test_rows_of_two_branches_are_reordered_separately(tmp_path):
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.fc = nn.Conv2d(3, 4, 2), nn.Conv2d(3, 2, 3), nn.Linear(104, 3)

        def forward(self, x):
            return self.fc(torch.cat([self.a(x).flatten(1), self.b(x).flatten(1)], 1))

    images = keras.Input((6, 5, 3))
    both = [L.Flatten()(L.Conv2D(4, 2)(images)), L.Flatten()(L.Conv2D(2, 3)(images))]
    assert_same(Branches(), keras.Model(images, L.Dense(3)(L.Concatenate()(both))), IMAGES, tmp_path)


def test_rows_that_become_images_are_reordered(tmp_path):
    module = Chain(
        nn.Linear(5, 24),
        nn.BatchNorm1d(24),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 3, 2),
        between=lambda x: x.view(-1, 4, 3, 2),
    )
    model = keras.Sequential(
        [
            keras.Input((5,)),
            L.Dense(24),
            L.BatchNormalization(epsilon=1e-5),
            L.ReLU(),
            L.Reshape((3, 2, 4)),
            L.Conv2DTranspose(3, 2),
        ]
    )
    assert_same(module, model, torch.randn(2, 5), tmp_path)


def test_rows_that_become_signals_are_reordered(tmp_path):
    module = Chain(nn.Linear(5, 12), nn.Conv1d(3, 2, 2), between=lambda x: x.view(-1, 3, 4))
    model = keras.Sequential([keras.Input((5,)), L.Dense(12), L.Reshape((4, 3)), L.Conv1D(2, 2)])
    torch.save(shaken(module).state_dict(), tmp_path / "state.pt")
    kb.load_legacy(tmp_path / "state.pt", model=model)
    x = torch.randn(2, 5)
    with torch.no_grad():
        assert_close(np.asarray(model.predict_on_batch(x.numpy())), module(x).numpy().transpose(0, 2, 1))


def test_signals_and_volumes(tmp_path):
    x, module = torch.randn(2, 3, 7), Chain(nn.Conv1d(3, 4, 3), nn.Linear(20, 2), between=flat)
    model = keras.Sequential([keras.Input((7, 3)), L.Conv1D(4, 3), L.Flatten(), L.Dense(2)])
    assert_same(module, model, x, tmp_path, given=x.numpy().transpose(0, 2, 1))
    x, module = torch.randn(2, 2, 3, 4, 3), Chain(nn.Conv3d(2, 4, 2), nn.Linear(48, 2), between=flat)
    model = keras.Sequential([keras.Input((3, 4, 3, 2)), L.Conv3D(4, 2), L.Flatten(), L.Dense(2)])
    assert_same(module, model, x, tmp_path, given=np.moveaxis(x.numpy(), 1, -1))


def test_sequences_of_images(tmp_path):
    class Film(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.lstm = nn.Conv2d(3, 4, 2), nn.LSTM(80, 5, batch_first=True)

        def forward(self, x):
            return self.lstm(self.conv(x.flatten(0, 1)).reshape(2, 3, -1))[0][:, -1]

    x = torch.randn(2, 3, 3, 6, 5)
    layers = [L.TimeDistributed(layer) for layer in (L.Conv2D(4, 2), L.Flatten())]
    frame = keras.Sequential([keras.Input((6, 5, 3)), L.Conv2D(4, 2), L.Flatten()])
    for each in (layers, [L.TimeDistributed(frame)]):
        model = keras.Sequential([keras.Input((3, 6, 5, 3)), *each, L.LSTM(5)])
        assert_same(Film(), model, x, tmp_path, given=x.numpy().transpose(0, 1, 3, 4, 2))


class Block(nn.Module):
    """The BasicBlock of torchvision, with its names and order."""

    def __init__(self, taken, given, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(taken, given, 3, stride, 1, bias=False), nn.BatchNorm2d(given)
        self.conv2, self.bn2 = nn.Conv2d(given, given, 3, 1, 1, bias=False), nn.BatchNorm2d(given)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(taken, given, 1, stride, bias=False), nn.BatchNorm2d(given))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """The ResNet of torchvision, narrower."""

    def __init__(self, width=4):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width)
        for stage in range(4):
            taken, given = width * 2 ** max(stage - 1, 0), width * 2**stage
            blocks = nn.Sequential(Block(taken, given, 2 if stage else 1), Block(given, given, 1))
            setattr(self, f"layer{stage + 1}", blocks)
        self.fc = nn.Linear(8 * width, 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(4):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(x.mean((2, 3)))


def resnet18(width=4):
    """The same in Keras, as in keras.applications: the shortcut is created first."""

    def both(x, filters, size, stride):
        x = L.ZeroPadding2D(size // 2)(x)
        return L.BatchNormalization(epsilon=1e-5)(L.Conv2D(filters, size, stride, use_bias=False)(x))

    def block(x, filters, stride):
        around = both(x, filters, 1, stride) if stride > 1 else x
        return L.ReLU()(L.Add()([around, both(L.ReLU()(both(x, filters, 3, stride)), filters, 3, 1)]))

    images = keras.Input((40, 40, 3))
    x = L.MaxPooling2D(3, 2)(L.ZeroPadding2D(1)(L.ReLU()(both(images, width, 7, 2))))
    for stage in range(4):
        x = block(block(x, width * 2**stage, 2 if stage else 1), width * 2**stage, 1)
    return keras.Model(images, L.Dense(10)(L.GlobalAveragePooling2D()(x)))


def test_the_residual_net_of_torchvision(tmp_path):
    module, model, x = ResNet18(), resnet18(), torch.randn(2, 3, 40, 40)
    assert_same(module, model, x, tmp_path)
    expected = model.get_weights()
    from safetensors.torch import save_file

    save_file(module.state_dict(), tmp_path / "state.safetensors")
    model = kb.load_legacy(tmp_path / "state.safetensors", model=resnet18())
    assert all(map(np.array_equal, model.get_weights(), expected))


def read(path):
    """Return the arrays of a file by name."""
    found, _ = find_state_dict(*torch_zip.read(SourceFile(path)))
    return {one.name: one.array for one in found}


@pytest.mark.parametrize("new", [True, False])
def test_files_are_read_as_torch_reads_them(tmp_path, new):
    path, base = tmp_path / "state.pt", torch.randn(5, 6)
    state = {
        "turned": base.t(), "part": base[1:4, ::2], "one": torch.tensor(2.5), "none": torch.zeros(0, 3),
        "parameter": nn.Parameter(torch.ones(2)), "half": base.half(), "brain": base.bfloat16(),
        "double": base.double(), "whole": torch.arange(3),
        "truth": torch.tensor([True, False]), "bytes": torch.arange(4, dtype=torch.uint8),
    }  # fmt: skip
    torch.save(state, path, _use_new_zipfile_serialization=new)
    found = read(path)
    for name, expected in torch.load(path, weights_only=True).items():
        expected = expected.detach()
        np.testing.assert_array_equal(found[name], (expected.float() if name == "brain" else expected).numpy())


def test_torch_files_of_other_programs_are_read_or_rejected(tmp_path):
    module, path = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), tmp_path / "state.pt"
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.randn(1, 1, 4, 4)).sum().backward()
    optimizer.step()
    torch.save({"state_dict": module.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
    assert read(path).keys() == module.state_dict().keys()
    torch.save(module, path)
    with pytest.raises(kb.errors.LegacyFileError, match=r"a whole pickled module, torch.*Sequential, which"):
        kb.inspect_legacy(path)
    torch.save({"a": torch.zeros(2).to(torch.float8_e5m2)}, path)
    with pytest.raises(kb.errors.LegacyFileError, match=r"tensor a has numbers of type torch\.float8_e5m2"):
        kb.inspect_legacy(path)
