"""Convolutions that Keras has no layer for: stride with dilation, and transposed ones in groups."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _Kernel(Layer):
    """A kernel and a bias."""

    options: ClassVar[tuple[str, ...]] = ("filters", "kernel_size", "strides", "dilation_rate", "groups", "use_bias")

    def __init__(
        self,
        filters: int,
        kernel_size: Sequence[int],
        strides: Sequence[int] = (1, 1),
        dilation_rate: Sequence[int] = (1, 1),
        groups: int = 1,
        use_bias: bool = True,
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.filters, self.groups, self.use_bias = filters, groups, use_bias
        self.kernel_initializer = keras.initializers.GlorotUniform()
        self.kernel_size, self.strides, self.dilation_rate = map(tuple, (kernel_size, strides, dilation_rate))

    def _add_kernel(self, shape: Sequence[int]) -> None:
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, *shape), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias") if self.use_bias else None

    def _with_bias(self, images: Any) -> Any:
        return images if self.bias is None else images + ops.convert_to_tensor(self.bias)


@keras.saving.register_keras_serializable("kerasbridge")
class StridedDilatedConv2D(_Kernel):
    """A convolution with stride and dilation, which Keras's `Conv2D` refuses together; without padding.

    ``y[i, j] = bias + sum over a, b of kernel[a, b] * x[i * stride + a * dilation, j * stride + b * dilation]``
    (Caffe: `src/caffe/layers/base_conv_layer.cpp`). It is the dilated convolution, of which every stride-th row and
    column is kept.

    Args:
        filters: how many channels come out.
        kernel_size, strides, dilation_rate: two numbers each, for height and width.
        groups: into how many the channels are shared out.
        use_bias: whether a bias is added.
    """

    def build(self, shape: Sequence[int]) -> None:
        """Make the kernel, shape (height, width, channels / groups, filters), and the bias, shape (filters,)."""
        self._add_kernel((shape[-1] // self.groups, self.filters))

    def call(self, images: Any) -> Any:
        """Images of shape (batch, height, width, channels) to (batch, rows, columns, filters)."""
        dense = ops.conv(images, self.kernel, 1, "valid", "channels_last", self.dilation_rate)
        down, right = self.strides
        return self._with_bias(dense[:, ::down, ::right])

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """(batch, rows, columns, filters); JAX cannot find it out for images of any size."""
        options = zip(shape[1:3], self.kernel_size, self.strides, self.dilation_rate, strict=True)
        sizes = (None if n is None else (n - rate * (k - 1) - 1) // stride + 1 for n, k, stride, rate in options)
        return (shape[0], *sizes, self.filters)


@keras.saving.register_keras_serializable("kerasbridge")
class GroupedConv2DTranspose(_Kernel):
    """A transposed convolution in groups, or with dilation, which Keras's `Conv2DTranspose` has not; without padding.

    ``y[i * stride + a * dilation, j * stride + b * dilation] += x[i, j] * kernel[a, b]``, within each group of channels
    (Caffe: `src/caffe/layers/deconv_layer.cpp`); ``(H - 1) * stride + (k - 1) * dilation + 1`` rows come out.

    Args:
        filters: how many channels come out.
        kernel_size, strides, dilation_rate: two numbers each, for height and width.
        groups: into how many the channels are shared out.
        use_bias: whether a bias is added.
    """

    def build(self, shape: Sequence[int]) -> None:
        """Make the kernel, shape (height, width, filters / groups, channels), and the bias, shape (filters,)."""
        self._add_kernel((self.filters // self.groups, shape[-1]))

    def call(self, images: Any) -> Any:
        """Images of shape (batch, height, width, channels) to (batch, rows, columns, filters)."""
        parts, kernels = (ops.split(whole, self.groups, axis=-1) for whole in (images, self._spread()))
        spread = [
            ops.conv_transpose(part, kernel, self.strides, "valid", None, "channels_last")
            for part, kernel in zip(parts, kernels, strict=True)
        ]
        return self._with_bias(self._cut(ops.concatenate(spread, axis=-1)))

    def _spread(self) -> Any:
        """The kernel with dilation - 1 zeros between its cells."""
        kernel = ops.convert_to_tensor(self.kernel)
        for axis, rate in enumerate(self.dilation_rate):
            between = [(0, 0)] * 5
            between[axis + 1] = (0, rate - 1)
            sizes = [size * (rate if at == axis else 1) for at, size in enumerate(kernel.shape)]
            kernel = ops.reshape(ops.pad(ops.expand_dims(kernel, axis + 1), between), sizes)
            kernel = kernel[: sizes[0] - rate + 1] if axis == 0 else kernel[:, : sizes[1] - rate + 1]
        return kernel

    def _cut(self, images: Any) -> Any:
        """Without the rows and columns that Keras adds where the stride is larger than the kernel."""
        more = [
            max(stride - (size - 1) * rate - 1, 0)
            for stride, size, rate in zip(self.strides, self.kernel_size, self.dilation_rate, strict=True)
        ]
        return images[:, : -more[0] or None, : -more[1] or None]
