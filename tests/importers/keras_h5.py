"""Writers of Keras 1 and Keras 2 files: configurations, and HDF5 with h5py."""

import json

import h5py
import numpy as np


def dense(name, units, word="units", **more):
    """Return the entry of a dense layer in a Sequential."""
    return entry("Dense", name, **{word: units, "activation": "linear"}, **more)


def entry(kind, name, **config):
    """Return the entry of a layer in a Sequential."""
    return {"class_name": kind, "config": {"name": name, "trainable": True, **config}}


def sequential(*entries, name="net", old=False):
    """Return a Sequential: a list in Keras 1, a dict in Keras 2."""
    return {"class_name": "Sequential", "config": [*entries] if old else {"name": name, "layers": [*entries]}}


def node(kind, name, *inputs, calls=None, **config):
    """Return the entry of a layer in a functional model, called once on the layers of these names."""
    inbound = calls or ([[[one, 0, 0] for one in inputs]] if inputs else [])
    return {**entry(kind, name, **config), "name": name, "inbound_nodes": inbound}


def fed(name, *shape, **config):
    """Return the entry of an input; its shape is without the batch."""
    entry = node("InputLayer", name, batch_input_shape=[None, *shape], **config)
    del entry["config"]["trainable"]
    return entry


def functional(*entries, outputs, kind="Model", name="net"):
    """Return a functional model."""
    inputs = [[one["name"], 0, 0] for one in entries if one["class_name"] == "InputLayer"]
    config = {
        "name": name,
        "layers": [*entries],
        "input_layers": inputs,
        "output_layers": [[one, 0, 0] for one in outputs],
    }
    return {"class_name": kind, "config": config}


def write(path, config=None, weights=None, version="1.2.2", backend=None, names=None):
    """Write the .h5 file of a model, or of weights alone, without a configuration.

    Args:
        weights: the arrays by layer name.
        names: the names of the arrays by layer name.
    """
    with h5py.File(path, "w") as root:
        if config is not None:
            root.attrs["model_config"] = json.dumps(config).encode()
        group = root if config is None else root.create_group("model_weights")
        for one in {root, group}:
            if version:
                one.attrs["keras_version"] = version.encode()
            if backend:
                one.attrs["backend"] = backend.encode()
        group.attrs["layer_names"] = np.array([name.encode() for name in weights or {}] or [b""][:0], dtype="S")
        for name, arrays in (weights or {}).items():
            layer, called = group.create_group(name), (names or {}).get(name)
            called = called or [f"{name}/param_{place}:0" for place in range(len(arrays))]
            layer.attrs["weight_names"] = np.array([one.encode() for one in called], dtype="S")
            for one, array in zip(called, arrays, strict=True):
                layer[one] = np.asarray(array, np.float32)
    return path
