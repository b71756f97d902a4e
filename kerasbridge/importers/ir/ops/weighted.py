"""Operations with weights: convolutions, dense layers, normalisations by stored statistics."""

from dataclasses import dataclass

from kerasbridge.importers.ir.ops.base import (
    Array,
    Elementwise,
    Operation,
    Pair,
    Shape,
    Sides,
    count,
    expect,
    image,
    normalize_axis,
    same,
)


@dataclass(frozen=True)
class Convolution(Operation):
    """A cross-correlation of images: the kernel is not flipped, sizes are rounded down.

    Args:
        weight: shape (out, in / groups, height, width).
        bias: shape (out,), or None.
        same: as many zeros around each image as let ``ceil(size / stride)`` numbers come out, one more behind than
            before where their number is odd, instead of `padding`: TensorFlow's "SAME".
    """

    weight: Array
    bias: Array | None = None
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    same: bool = False

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        filters, depth, *kernel = self.weight.shape
        expect(same(channels, depth * self.groups), f"its weights take {depth * self.groups} channels")
        expect(filters % self.groups == 0, f"{filters} filters cannot be shared out among {self.groups} groups")
        if self.same:
            if max(self.stride) > 1 < max(self.dilation):
                count(tuple(size))  # no layer of Keras has both: the zeros are counted
            return (
                (batch, filters, *(None if n is None else -(-n // s) for n, s in zip(size, self.stride, strict=True))),
            )
        pads = (sum(self.padding[:2]), sum(self.padding[2:]))
        after = (
            None if n is None else (n + pad - dilation * (k - 1) - 1) // stride + 1
            for n, pad, k, stride, dilation in zip(size, pads, kernel, self.stride, self.dilation, strict=True)
        )
        return ((batch, filters, *after),)


@dataclass(frozen=True)
class Deconvolution(Operation):
    """The transpose of a convolution: each input spreads its kernel, what falls outside is cut off.

    Args:
        weight: shape (in, out / groups, height, width).
        bias: shape (out,), or None.
        cropping: what the convolution it transposes has as padding.
    """

    weight: Array
    bias: Array | None = None
    stride: Pair = (1, 1)
    cropping: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        batch, channels, *size = image(inputs[0])
        depth, filters, *kernel = self.weight.shape
        expect(same(channels, depth), f"its weights take {depth} channels")
        expect(depth % self.groups == 0, f"{depth} channels cannot be shared out among {self.groups} groups")
        crops = (sum(self.cropping[:2]), sum(self.cropping[2:]))
        after = (
            None if n is None else (n - 1) * stride + dilation * (k - 1) + 1 - crop
            for n, crop, k, stride, dilation in zip(size, crops, kernel, self.stride, self.dilation, strict=True)
        )
        return ((batch, filters * self.groups, *after),)


@dataclass(frozen=True)
class Dense(Operation):
    """All axes from `axis` on, in the order C, H, W, by a matrix.

    Args:
        weight: shape (out, in).
        bias: shape (out,), or None.
    """

    weight: Array
    bias: Array | None = None
    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        axis = normalize_axis(self.axis, len(inputs[0]))
        expect(axis > 0, "it would take the whole batch as one sample")
        features = self.weight.shape[1]
        expect(count(inputs[0][axis:]) == features, f"its weights take {features} numbers per sample")
        return self.open_shapes(*inputs)

    def open_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape where sizes are open that have to be known in the end."""
        return ((*inputs[0][: normalize_axis(self.axis, len(inputs[0]))], self.weight.shape[0]),)


@dataclass(frozen=True)
class BatchNormalization(Elementwise):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` per channel; gamma and beta may be None.

    Args:
        momentum: how much of the old statistics a training step keeps.
    """

    mean: Array
    variance: Array
    gamma: Array | None = None
    beta: Array | None = None
    epsilon: float = 1e-5
    momentum: float = 0.999

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) > 1, "expected channels in axis 1")
        expect(same(inputs[0][1], len(self.mean)), f"its statistics are those of {len(self.mean)} channels")
        return super().shapes(*inputs)


@dataclass(frozen=True)
class InstanceNormalization(Elementwise):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, mean and variance those of each image's channel."""

    gamma: Array
    beta: Array
    epsilon: float = 1e-5

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        channels = image(inputs[0])[1]
        expect(same(channels, len(self.gamma)), f"its weights are those of {len(self.gamma)} channels")
        return super().shapes(*inputs)


@dataclass(frozen=True)
class Affine(Elementwise):
    """``scale * x + bias``; both span the axes from `axis` on, as many as they have, and either may be None."""

    scale: Array | None
    bias: Array | None
    axis: int = 1

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        (shape,) = super().shapes(*inputs)
        axis = normalize_axis(self.axis, len(shape))
        for weight in (self.scale, self.bias):
            if weight is not None and weight.ndim:
                expect(axis > 0, "it would have weights of its own for each sample of a batch")
                spanned = shape[axis : axis + weight.ndim]
                count(spanned)
                expect(spanned == weight.shape, f"its weights have the shape {weight.shape}")
        return (shape,)


@dataclass(frozen=True)
class PRelu(Elementwise):
    """``max(x, 0) + slope * min(x, 0)``; slope has one number per channel, or one for all, shape ()."""

    slope: Array

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) > 1, "expected channels in axis 1")
        expect(not self.slope.ndim or same(inputs[0][1], len(self.slope)), f"it has {self.slope.size} slopes")
        return super().shapes(*inputs)


@dataclass(frozen=True)
class Embedding(Operation):
    """A row of `weight`, shape (words, numbers), for each whole number, and a bias, shape (numbers,), or None."""

    weight: Array
    bias: Array | None = None

    def shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        expect(len(inputs[0]) < 4, "expected whole numbers in at most three dimensions")
        return ((*inputs[0], self.weight.shape[1]),)
