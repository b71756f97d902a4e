"""Write MatConvNet nets as .mat files of both versions.

Arrays and lists of numbers are arrays, `str` is text, other lists are cells, a tuple of dicts is a struct array and a
dict one struct.
"""

import itertools

import h5py
import numpy as np
import scipy.io

NUMBERS = itertools.count()
HEADER = b"MATLAB 7.3 MAT-file, Platform: TEST, Created on: Thu Jan  1 00:00:00 1970 HDF5 schema 1.00 ."


def write(path, version="5", compressed=True, **variables):
    """Write the variables to a file, and return its path."""
    if version == "5":
        scipy.io.savemat(path, {name: _old(value) for name, value in variables.items()}, do_compression=compressed)
    else:
        with h5py.File(path, "w", userblock_size=512) as file:
            for name, value in variables.items():
                _put(file, name, value, file.require_group("#refs#"))
        with path.open("r+b") as file:
            file.write(HEADER.ljust(124) + b"\x00\x02IM")
    return path


def _plain(value):
    """Convert numbers to arrays, and a struct to an array of structs with at least one field."""
    if isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
        return np.atleast_2d(np.array(value, float))
    if isinstance(value, dict):
        return (value or {"none": []},)
    return value if isinstance(value, str | list | tuple) else np.atleast_2d(value)


def _old(value):
    """Convert a value for `savemat`."""
    value = _plain(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        cell = np.empty((1, len(value)), object)
        for place, one in enumerate(value):
            cell[0, place] = _old(one)
        return cell
    if isinstance(value, tuple):
        array = np.empty((1, len(value)), [(name, object) for name in (value[0] if value else ("none",))])
        for place, one in enumerate(value):
            for name, of in one.items():
                array[name][0, place] = _old(of)
        return array
    return value


def _put(group, name, value, references):
    """Write a value to HDF5 as MATLAB does."""
    value = _plain(value)
    kind = {str: "char", list: "cell", tuple: "struct"}.get(type(value))
    if kind is None:
        kind = {"f4": "single", "b1": "logical"}.get(value.dtype.str[1:], "double")
    if not (value.size if isinstance(value, np.ndarray) else len(value)):
        made = group.create_dataset(name, data=np.zeros(2, np.uint64))
        made.attrs["MATLAB_empty"] = np.uint8(1)
    elif kind == "char":
        made = group.create_dataset(name, data=np.frombuffer(value.encode("utf-16-le"), "<u2")[:, None])
    elif kind == "cell":
        made = _pointers(group, name, value, references)
    elif kind == "struct":
        made = group.create_group(name)
        for field in value[0]:
            if len(value) == 1:
                _put(made, field, value[0][field], references)
            else:
                _pointers(made, field, [one[field] for one in value], references)
    else:
        made = group.create_dataset(name, data=value.astype(np.uint8 if kind == "logical" else value.dtype).T)
    made.attrs["MATLAB_class"] = np.bytes_(kind)


def _pointers(group, name, values, references):
    pointers = np.empty((len(values), 1), h5py.ref_dtype)
    for place, value in enumerate(values):
        pointed = str(next(NUMBERS))
        _put(references, pointed, value, references)
        pointers[place, 0] = references[pointed].ref
    return group.create_dataset(name, data=pointers, dtype=h5py.ref_dtype)


def conv(filters, biases=None, **options):
    """Return a SimpleNN layer."""
    return {"type": "conv", "weights": [filters, np.zeros((0, 0)) if biases is None else biases], **options}


def dag(*layers, params=(), **fields):
    """Return the variables of a DagNN saved by `saveobj`; a layer is (name, type, block, inputs, outputs, params)."""
    names = ("name", "type", "block", "inputs", "outputs", "params")
    made = tuple(dict(zip(names, (*layer, [])[:6], strict=True)) for layer in layers)
    made = tuple({**one, **{part: one[part].split() for part in ("inputs", "outputs")}} for one in made)
    held = tuple({"name": name, "value": value} for name, value in dict(params).items())
    return {"layers": made, "params": held, **fields}


def nchw(images):
    """Convert H, W, C, N to N, C, H, W."""
    return images.transpose(3, 2, 0, 1)
