"""Convolutions that Keras has no layer for: stride with dilation, and grouped transposed convolution."""

from collections.abc import Sequence
from typing import Any, ClassVar

from kerasbridge.keras_compat import keras
from kerasbridge.layers.base import Layer

ops = keras.ops


class _Convolution(Layer):
    """A convolution with a kernel and an optional bias."""

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
class StridedDilatedConv2D(_Convolution):
    """A convolution with both stride and dilation, which `keras.layers.Conv2D` rejects; without padding.

    ``y[i, j] = bias + sum over a, b of kernel[a, b] * x[i * stride + a * dilation, j * stride + b * dilation]``
    (Caffe: `src/caffe/layers/base_conv_layer.cpp`). It is computed as the dilated convolution, reduced to every
    stride-th row and column.

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: two numbers each, for height and width.
        groups: number of groups of channels.
        use_bias: whether to add a bias.
    """

    def build(self, shape: Sequence[int]) -> None:
        """Create the kernel, shape (height, width, channels / groups, filters), and the bias, shape (filters,)."""
        self._add_kernel((shape[-1] // self.groups, self.filters))

    def call(self, images: Any) -> Any:
        """Convolve images of shape (batch, height, width, channels) to (batch, rows, columns, filters)."""
        dense = ops.conv(images, self.kernel, 1, "valid", "channels_last", self.dilation_rate)
        down, right = self.strides
        return self._with_bias(dense[:, ::down, ::right])

    def compute_output_shape(self, shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """Return (batch, rows, columns, filters), which JAX cannot infer for images of unknown size."""
        options = zip(shape[1:3], self.kernel_size, self.strides, self.dilation_rate, strict=True)
        sizes = (None if n is None else (n - rate * (k - 1) - 1) // stride + 1 for n, k, stride, rate in options)
        return (shape[0], *sizes, self.filters)


@keras.saving.register_keras_serializable("kerasbridge")
class GroupedConv2DTranspose(_Convolution):
    """A transposed convolution with groups and dilation, which `keras.layers.Conv2DTranspose` lacks; without padding.

    ``y[i * stride + a * dilation, j * stride + b * dilation] += x[i, j] * kernel[a, b]``, within each group of channels
    (Caffe: `src/caffe/layers/deconv_layer.cpp`); the output has ``(H - 1) * stride + (k - 1) * dilation + 1`` rows.

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: two numbers each, for height and width.
        groups: number of groups of channels.
        use_bias: whether to add a bias.
    """

    def build(self, shape: Sequence[int]) -> None:
        """Create the kernel, shape (height, width, filters / groups, channels), and the bias, shape (filters,)."""
        self._add_kernel((self.filters // self.groups, shape[-1]))

    def call(self, images: Any) -> Any:
        """Convolve images of shape (batch, height, width, channels) to (batch, rows, columns, filters)."""
        groups, kernels = (ops.split(tensor, self.groups, axis=-1) for tensor in (images, self._dilated_kernel()))
        outputs = [
            ops.conv_transpose(group, kernel, self.strides, "valid", None, "channels_last")
            for group, kernel in zip(groups, kernels, strict=True)
        ]
        return self._with_bias(self._crop(ops.concatenate(outputs, axis=-1)))

    def _dilated_kernel(self) -> Any:
        """Return the kernel with dilation - 1 zeros between its cells."""
        kernel = ops.convert_to_tensor(self.kernel)
        for axis, rate in enumerate(self.dilation_rate):
            padding = [(0, 0)] * 5
            padding[axis + 1] = (0, rate - 1)
            sizes = [size * (rate if k == axis else 1) for k, size in enumerate(kernel.shape)]
            kernel = ops.reshape(ops.pad(ops.expand_dims(kernel, axis + 1), padding), sizes)
            kernel = kernel[: sizes[0] - rate + 1] if axis == 0 else kernel[:, : sizes[1] - rate + 1]
        return kernel

    def _crop(self, images: Any) -> Any:
        """Remove the rows and columns that Keras adds if the stride is larger than the kernel."""
        extra = [
            max(stride - (size - 1) * rate - 1, 0)
            for stride, size, rate in zip(self.strides, self.kernel_size, self.dilation_rate, strict=True)
        ]
        return images[:, : -extra[0] or None, : -extra[1] or None]
