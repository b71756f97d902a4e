"""Dense layers that say by letters which axes they sum over."""

from collections.abc import Sequence

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.importers.keras_files.ir import Layer, Part
from kerasbridge.importers.keras_files.layers.base import WEIGHTED, Said, Table, expect


def _einsum_dense(said: Said) -> Layer:
    """Its kernel has to be of the sizes that the letters have in what it takes and gives."""
    names = [name for name in WEIGHTED if name != "use_bias"]
    options = said.options("equation", "output_shape", "bias_axes", *names)
    given, wanted = options["equation"].split("->")
    given, kernel = given.split(",")
    shape = options["output_shape"]

    def fit(arrays: Sequence[Array], taken: Shape) -> Sequence[Array]:
        ends = (wanted, shape if isinstance(shape, list | tuple) else [shape]), (given, taken)
        sizes = {
            letter: size for axes, end in ends for letter, size in zip(axes[::-1], end[::-1], strict=False) if size
        }
        expect(arrays[0], tuple(sizes.get(letter) for letter in kernel))
        return arrays

    arrays = ("kernel", "bias") if said.get("bias_axes") else ("kernel",)
    return said.layer(Part("EinsumDense", options, fit=fit), names=arrays)


TABLE: Table = {"EinsumDense": _einsum_dense}
