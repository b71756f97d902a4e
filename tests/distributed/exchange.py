"""Exchange arrays and tensors with the other workers, by each operation of an engine."""

import numpy as np

import kerasbridge as kb
from kerasbridge import engines
from kerasbridge.keras_compat import keras

ops = keras.ops
DTYPES = ("uint8", "int32", "int64", "float16", "float32", "float64")


def array_of(rank, dtype):
    """Return the array of a worker."""
    return (np.arange(7).reshape(7, 1) + rank).astype(dtype)


def exchanged(engine):
    """Return what each operation returned for each dtype."""
    arrays = {dtype: array_of(engine.world.rank, dtype) for dtype in DTYPES}
    return {
        "broadcast": {dtype: engine.broadcast(array) for dtype, array in arrays.items()},
        "gathered": {dtype: engine.all_gather(array) for dtype, array in arrays.items()},
        "summed": {dtype: engine.to_numpy(engine.all_sum(engine.to_device(array))) for dtype, array in arrays.items()},
    }


def of_scalars(engine):
    """Return what the operations for arrays return for one number, many times in a row."""
    return [
        (int(engine.broadcast(np.array(k + engine.world.rank))), engine.all_gather(np.array(k)).tolist())
        for k in range(20)
    ]


def derivatives(engine):
    """Return the first and the second derivative of a sum over all workers of cubes, squared."""

    def squared(x):
        return ops.sum(ops.square(engine.all_sum(x * x * x)))

    def slope(x):
        (_, _), gradient = engine.grad(lambda each: (squared(each), None), x)
        return ops.sum(gradient), gradient

    (_, first), second = engine.grad(slope, ops.convert_to_tensor([1.0 + engine.world.rank, 2.0]))
    return [engine.to_numpy(each).tolist() for each in (first, second)]


if __name__ == "__main__":
    from tests.distributed.workers import report

    kb.use_backend()
    current = engines.current()
    report({"arrays": exchanged(current), "scalars": of_scalars(current), "derivatives": derivatives(current)})
