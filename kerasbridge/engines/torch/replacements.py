"""Operations that read a tensor's value on torch, rewritten so that a step that uses them can be traced."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from kerasbridge.engines.step import Tensor
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.keras_compat.private_api import private_api


def one_hot(tensor: Tensor, num_classes: int) -> Tensor:
    """Compute `torch.nn.functional.one_hot`, which reads the largest label to check it."""
    return (tensor.unsqueeze(-1) == torch.arange(num_classes, device=tensor.device)).to(torch.int64)


def corrcoef(matrix: Tensor) -> Tensor:
    """Compute `torch.corrcoef`, which compares its input with itself."""
    rows = torch.atleast_2d(matrix)
    centered = rows - rows.mean(1, keepdim=True)
    covariance = centered @ centered.t().conj() / (rows.shape[1] - 1)
    if len(rows) == 1:
        return (covariance / covariance).squeeze()
    deviation = covariance.diag().real.sqrt()
    return (covariance / deviation.view(-1, 1) / deviation.view(1, -1)).clip(-1, 1)


def foreach_add(targets: Sequence[Tensor], terms: Any, alpha: Any = 1) -> Any:
    """Compute `torch._foreach_add_`, whose `alpha`, a learning rate in Keras optimizers, must be a number."""
    return torch._foreach_add_(targets, torch._foreach_mul(terms, alpha))


def full(size: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Tensor:
    """Compute `torch.full`, which reads a value that is a tensor; like it, without a gradient."""
    if dtype is None or not isinstance(fill_value, torch.Tensor):
        return torch.full(size, fill_value, dtype=dtype, **options)
    return fill_value.detach().to(dtype=dtype, **options).expand(size).clone()


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    torch.nn.functional.one_hot: one_hot,
    torch.corrcoef: corrcoef,
    torch.full: full,
    torch._foreach_add_: foreach_add,
}


class TraceableFunctions(TorchFunctionMode):  # type: ignore[misc]
    """Replaces functions of torch by equivalents that can be traced."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function, or its replacement."""
        options = dict(kwargs or {})
        if function is torch._foreach_add_ and not isinstance(options.get("alpha"), torch.Tensor):
            return function(*args, **options)
        return _FUNCTIONS.get(function, function)(*args, **options)


def scatter(_: Any, indices: Any, values: Any, shape: Sequence[int]) -> Tensor:
    """Compute `keras.ops.scatter`, which loops over the indices and reads each."""
    indices, values = keras.ops.convert_to_tensor(indices, "int64"), keras.ops.convert_to_tensor(values)
    depth = indices.shape[-1]
    places = tuple(indices.reshape(-1, depth).unbind(1))
    zeros = torch.zeros(tuple(shape), dtype=values.dtype, device=values.device)
    return zeros.index_put(places, values.reshape(-1, *shape[depth:]), accumulate=True)


def slice_(original: Any, inputs: Any, start_indices: Any, shape: Any) -> Tensor:
    """Compute `keras.ops.slice` where the start is a tensor, by gathering rows instead of reading it."""
    starts = start_indices.unbind() if isinstance(start_indices, torch.Tensor) else start_indices
    if isinstance(shape, torch.Tensor) or not any(isinstance(start, torch.Tensor) for start in starts):
        return original(inputs, start_indices, shape)
    result = keras.ops.convert_to_tensor(inputs)
    for axis, (start, length) in enumerate(zip(starts, shape, strict=True)):
        rows = start + torch.arange(length, device=result.device)
        result = torch.index_select(result, axis, rows)
    return result


def _split_at(split: Callable[..., Any]) -> Callable[..., Any]:
    """Return what computes `keras.ops.split`, which converts the places where to split to a tensor and back."""

    def compute(original: Any, x: Any, indices_or_sections: Any, **options: Any) -> list[Tensor]:
        if isinstance(indices_or_sections, (int, torch.Tensor)):
            return list(original(x, indices_or_sections, **options))
        return list(split(keras.ops.convert_to_tensor(x), tuple(map(int, indices_or_sections)), **options))

    return compute


_SPLITS = {
    "split": _split_at(lambda x, places, axis=0: torch.tensor_split(x, places, axis)),
    "hsplit": _split_at(torch.hsplit),
    "vsplit": _split_at(torch.vsplit),
    "dsplit": _split_at(torch.dsplit),
}


def size(_: Any, x: Any) -> Tensor:
    """Compute `keras.ops.size` as a constant, so that it can be the size of another tensor."""
    return keras.ops.convert_to_tensor(math.prod(x.shape), "int64")


def gaussian_blur(
    _: Any, images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Tensor:
    """Compute `keras.ops.image.gaussian_blur`, which converts the size of its kernel to a tensor and back."""
    images, sigma = keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(sigma)
    rows, columns = map(int, kernel_size)
    batch = images if images.ndim == 4 else images.unsqueeze(0)
    batch = batch.permute(0, 3, 1, 2) if data_format == "channels_last" else batch
    kernel = torch.outer(_gaussian(columns, sigma[1], images.dtype), _gaussian(rows, sigma[0], images.dtype))
    kernel = kernel.view(1, 1, rows, columns).expand(batch.shape[1], 1, rows, columns)
    blurred = torch.nn.functional.conv2d(batch, kernel, stride=1, padding=rows // 2, groups=batch.shape[1])
    blurred = blurred.permute(0, 2, 3, 1) if data_format == "channels_last" else blurred
    return blurred if images.ndim == 4 else blurred.squeeze(0)


def _gaussian(size: int, sigma: Tensor, dtype: torch.dtype) -> Tensor:
    x = torch.arange(size, dtype=dtype, device=sigma.device) - (size - 1) / 2
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    return kernel / torch.sum(kernel)


@contextlib.contextmanager
def traceable_keras() -> Iterator[None]:
    """Replace, in this thread, the functions of Keras that read a tensor's value."""
    core, image = private_api("core functions of the backend"), private_api("image functions")
    numpy = private_api("NumPy functions of the backend")
    with contextlib.ExitStack() as stack:
        stack.enter_context(patched(core, "scatter", scatter))
        stack.enter_context(patched(core, "slice", slice_))
        stack.enter_context(patched(image, "gaussian_blur", gaussian_blur))
        stack.enter_context(patched(numpy, "corrcoef", _with_traceable_functions))
        for name, hook in {**_SPLITS, "size": size}.items():
            stack.enter_context(patched(numpy, name, hook))
        yield


def traceable_optimizers() -> contextlib.AbstractContextManager[None]:
    """Replace, in this thread and in Keras optimizers, the functions of torch that read a tensor's value.

    Elsewhere in a step that is not traced they compute the same: a replacement would cost time at every call of torch.
    """
    return patched(keras.optimizers.Optimizer, "apply", _with_traceable_functions)


def _with_traceable_functions(original: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    with TraceableFunctions():
        return original(*arguments, **keywords)
