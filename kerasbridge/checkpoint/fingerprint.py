"""A description of a run as JSON data: model, optimizer and data; and the differences between two of them."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kerasbridge.data.digest import digest_of, named_arrays
from kerasbridge.engines.step import Batch
from kerasbridge.keras_compat import keras
from kerasbridge.random import generator

ROWS = 1_000
"""Rows of the data that are compared."""

_NUMBER = re.compile(r"_\d+\b")
_LONG = 80


def of_rows(source: Any, seed: int) -> dict[str, Any]:
    """Return the number of rows of a source, its shapes and dtypes, and a digest of some rows chosen by the seed.

    Args:
        source: an object with `rows` and `gather`.
        seed: the seed of the run.
    """
    rows = np.sort(generator.sample(generator.fold_in(seed, "rows to compare"), source.rows, ROWS))
    batch = source.gather(rows)
    return {"rows": int(source.rows), **of_batch(batch), "content": digest_of(batch)}


def of_batch(batch: Batch) -> dict[str, Any]:
    """Return the structure of a batch: shapes without the number of rows, and dtypes."""
    arrays = named_arrays(batch)
    return {"arrays": {name: f"{array.dtype}{list(array.shape[1:])}" for name, array in arrays.items()}}


def of_model(model: keras.Model) -> dict[str, Any]:
    """Return a description of the model and its optimizer, without the numbers in the names of layers."""
    config = plain(keras.saving.serialize_keras_object(model))
    config.pop("compile_config", None)
    optimizer = getattr(model, "optimizer", None)
    return {
        "model": _sha(config),
        "variables": [f"{_NUMBER.sub('', each.path)} {list(each.shape)}" for each in model.variables],
        "optimizer": None if optimizer is None else _optimizer(optimizer),
        "loss": _NUMBER.sub("", str(plain(_compiled(model).get("loss")))),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any], form: str = "{} was {}, is {}") -> list[str]:
    """Return a description of each entry that differs: "batch_size was 32, is 64", or in another form."""
    return [form.format(path, *map(_shorten, values)) for path, *values in _differences("", before, now)]


def _differences(path: str, before: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in {**before, **now}:
            yield from _differences(f"{path}.{name}" if path else name, before.get(name), now.get(name))
    elif before != now:
        yield path, before, now


def _optimizer(optimizer: Any) -> dict[str, Any]:
    config = {name: value for name, value in optimizer.get_config().items() if name not in ("learning_rate", "name")}
    return {"class": type(optimizer).__name__, **plain(config)}


def _compiled(model: keras.Model) -> dict[str, Any]:
    return model.get_compile_config() or {} if model.compiled else {}


def plain(value: Any) -> Any:
    """Return a value as JSON data, with the names of objects that JSON cannot represent."""
    return json.loads(json.dumps(value, default=_name))


def _name(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return getattr(value, "__name__", type(value).__name__)


def _sha(config: Any) -> str:
    return hashlib.sha256(_NUMBER.sub("", json.dumps(config, sort_keys=True)).encode()).hexdigest()[:32]


def _shorten(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
