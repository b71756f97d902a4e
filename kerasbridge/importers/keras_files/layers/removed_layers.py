"""Layers that Keras 1 alone had, two of which Keras 2 kept for a while in the words of Keras 1; and one of Keras 2."""

from collections.abc import Callable, Sequence

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import WEIGHTED, Said, Table, expect, with_bias

OLD_WORDED = ("Highway", "MaxoutDense")
"""Layers of `keras/legacy/layers.py` of Keras 2."""


def _highway(said: Said) -> Layer:
    """Both kernels before both biases since 1.2, before that each bias behind its kernel."""

    def arrange(arrays: Sequence[Array]) -> list[Sequence[Array]]:
        return [sorted(arrays, key=lambda array: -array.ndim)]

    def fit(arrays: Sequence[Array], shape: Shape) -> Sequence[Array]:
        units = shape[-1]
        return _of_shapes(arrays, *[(units, units)] * 2, *[(units,)] * 2)

    names = ("W", "W_carry", "b", "b_carry") if said.get("use_bias", True) else ("W", "W_carry")
    return said.layer(Part("Highway", said.options(*WEIGHTED), fit=fit), names=names, arrange=arrange)


def _maxout(said: Said) -> Layer:
    options = said.options("units", "pieces", *(name for name in WEIGHTED if name != "activation"))

    def fit(arrays: Sequence[Array], shape: Shape) -> Sequence[Array]:
        pieces, units = options["pieces"], options["units"]
        return _of_shapes(arrays, (pieces, shape[-1], units), (pieces, units))

    return said.layer(Part("MaxoutDense", options, fit=fit), names=with_bias(said, "kernel"))


def _bending(kind: str, *names: str) -> Callable[[Said], Layer]:
    """An activation with weights; along which axes they are shared is not in the file, but in their shapes.

    For SReLU it counts what the model ran on, unless its arrays alone are asked for.
    """

    def layer(said: Said) -> Layer:
        if "a_left_init" in said.config and said.origin.is_theano(said.name):
            return said.layer(Part(kind, {**said.options(), "bounded": True}), names=names)
        return said.layer(Part(kind, said.options()), names=names)

    return layer


def _fourier(said: Said) -> Layer:
    units = said.config.get("output_dim", said.get("units"))

    def fit(arrays: Sequence[Array], shape: Shape) -> Sequence[Array]:
        return _of_shapes(arrays, (1,), (shape[-1], units), (units,))

    part = Part("RandomFourierFeatures", {**said.options(), "units": units}, fit=fit)
    return said.layer(part, names=("kernel_scale", "unscaled_kernel", "bias"))


def _of_shapes(arrays: Sequence[Array], *shapes: tuple[int | None, ...]) -> Sequence[Array]:
    for array, shape in zip(arrays, shapes, strict=False):
        expect(array, shape)
    return arrays


TABLE: Table = {
    "Highway": _highway,
    "MaxoutDense": _maxout,
    "RandomFourierFeatures": _fourier,
    "SReLU": _bending("SReLU", "t_left", "a_left", "t_right", "a_right"),
    "ParametricSoftplus": _bending("ParametricSoftplus", "alphas", "betas"),
}
