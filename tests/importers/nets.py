"""Small Caffe nets as users write them, and comparisons with the outputs of a model."""

import numpy as np

from kerasbridge.importers.caffe.schema import message
from kerasbridge.keras_compat import keras
from kerasbridge.random.keras_patch import portable_random


def normals(generator):
    """Return a function that draws float32 normal numbers of a shape."""
    return lambda *shape: generator.normal(size=shape).astype(np.float32)


def data(*shape, name="data"):
    """Return the shortest input layer."""
    return f'input: "{name}" input_shape {{ ' + " ".join(f"dim: {size}" for size in shape) + " }\n"


def layer(kind, options="", name="l", bottom="data", top=None):
    """Return one layer of version 2, with one blob or several."""
    bottoms = " ".join(f'bottom: "{blob}"' for blob in bottom.split())
    tops = " ".join(f'top: "{blob}"' for blob in (top or name).split())
    return f'layer {{ name: "{name}" type: "{kind}" {bottoms} {tops} {options} }}\n'


def weights(arrays, version=2):
    """Return a .caffemodel with the given arrays by layer name."""
    net = message("NetParameter")(name="net")
    for name, blobs in arrays.items():
        into = net.layer.add(name=name) if version == 2 else net.layers.add(name=name)
        for array in blobs:
            _fill(into.blobs.add(), np.asarray(array, np.float32), version)
    return net.SerializeToString()


def _fill(blob, array, version):
    blob.data.append(array.astype("<f4").tobytes())
    if version == 2:
        blob.shape.dim.extend(array.shape)
    else:
        sizes = (1,) * (4 - array.ndim) + array.shape
        blob.num, blob.channels, blob.height, blob.width = sizes


def files(folder, text, arrays=None, version=2):
    """Write the files of a net and return their paths."""
    paths = [folder / "net.prototxt"]
    paths[0].write_text(text)
    if arrays:
        paths.append(folder / "net.caffemodel")
        paths[1].write_bytes(weights(arrays, version))
    return paths


def last(array):
    """Convert N, C, H, W to N, H, W, C."""
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array


def outputs(model, *arrays, data_format="channels_last"):
    """Return the outputs of a model for arrays in the order N, C, H, W, in the same order."""
    given = [array if data_format == "channels_first" else last(array) for array in arrays]
    found = model.predict_on_batch(given if len(given) > 1 else given[0])
    found = list(map(np.asarray, found if isinstance(found, list | tuple) else [found]))
    if data_format == "channels_first":
        return found
    return [np.moveaxis(one, -1, 1) if one.ndim == 4 else one for one in found]


def saved_and_loaded(model, folder):
    """Save the model as a .keras file and load it again."""
    model.save(folder / "model.keras")
    with portable_random():  # Keras draws weights before it reads them, which is slow on JAX
        return keras.models.load_model(folder / "model.keras")


def assert_close(found, expected, tolerance=1e-5):
    """Assert equality up to a share of the largest expected number."""
    assert found.shape == expected.shape
    largest = np.abs(expected).max() or 1.0
    np.testing.assert_allclose(found / largest, expected / largest, rtol=0, atol=tolerance)
