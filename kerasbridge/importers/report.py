"""The report on an import, as text for the user and as a dict for programs."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from kerasbridge.importers.ir.ops import Array, Shape
from kerasbridge.runtime.results import Result, Summary


@dataclass(frozen=True)
class LayerReport:
    """A layer of the file, its type there, and how it was converted."""

    layer: str
    type: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.layer} ({self.type})" + (f": {self.what}" if self.what else "")


@dataclass(frozen=True)
class Preprocessing:
    """The preprocessing of images that a file mentions: ``(image - mean) * scale``.

    Args:
        layer: the name of the layer or input that mentions it.
        scale: a factor, applied after the mean is subtracted.
        means: the mean to subtract from each channel, in the file's order of channels.
        mean_file: the name of another file, which contains the mean image to subtract.
        mean_image: the mean image, shape (height, width, channels), if this file contains it.
        crop: the size that images are cropped to; 0 for no cropping.
        colours: the order of the channels, as text.
        others: other steps, as text.
    """

    layer: str
    scale: float = 1.0
    means: tuple[float, ...] = ()
    mean_file: str = ""
    crop: int = 0
    others: tuple[str, ...] = ()
    colours: str = ""
    mean_image: Array | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.mean_image is not None or self != Preprocessing(self.layer)

    def __str__(self) -> str:
        return f"{self.layer}: " + ", ".join(self._steps())

    def _steps(self) -> Iterable[str]:
        if self.crop:
            yield f"crops images to {self.crop}x{self.crop}"
        if self.means:
            yield "subtracts " + ", ".join(f"{mean:g}" for mean in self.means)
        if self.mean_file:
            yield f"subtracts the image in {self.mean_file}"
        if self.mean_image is not None:
            height, width, _ = self.mean_image.shape
            average = ", ".join(f"{mean:g}" for mean in self.mean_image.mean((0, 1)).round(2))
            yield f"subtracts an image of {height}x{width}, on average {average}"
        if self.scale != 1:
            yield f"multiplies by {self.scale:g}"
        yield from self.others
        if self.colours:
            yield f"takes the channels as {self.colours}"


@dataclass(frozen=True)
class WeightAssignment:
    """A layer of the user's model, its weights, and the arrays of the file that they are loaded from.

    Args:
        layer: the name of the layer, after those of the models that contain it.
        type: the class of the layer.
        weights: the name and shape of each weight.
        arrays: the name and shape of each array.
    """

    layer: str
    type: str
    weights: tuple[tuple[str, Shape], ...]
    arrays: tuple[tuple[str, Shape], ...]

    def __str__(self) -> str:
        weights, arrays = (
            ", ".join(f"{name} {shape}" for name, shape in pairs) for pairs in (self.weights, self.arrays)
        )
        return f"{self.layer} ({self.type}): {weights} <- {arrays}"


@dataclass(frozen=True, repr=False)
class Report(Result):
    """The content of a file, and how it was converted.

    Args:
        format: the name of the format: "caffe", …
        files: the names of the files.
        network: the name of the network in the file.
        inputs: the name and shape of each input, in the order N, C, H, W; None for a size that is free or unknown.
        outputs: the names of the outputs, in the order of the model's outputs.
        converted: the layers that became the same layer in Keras.
        substituted: the layers that became something else.
        skipped: the layers that were left out.
        preprocessing: the preprocessing that the file mentions.
        notes: further notes for the user.
        mapping: for files that contain only weights, the arrays that each layer of the model takes.
    """

    format: str
    files: tuple[str, ...]
    network: str
    inputs: tuple[tuple[str, Shape], ...]
    outputs: tuple[str, ...]
    converted: tuple[LayerReport, ...]
    substituted: tuple[LayerReport, ...] = ()
    skipped: tuple[LayerReport, ...] = ()
    preprocessing: tuple[Preprocessing, ...] = ()
    notes: tuple[str, ...] = field(default=())
    mapping: tuple[WeightAssignment, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the report in dicts, lists, strings and numbers, as for JSON; a mean image is given by its shape."""
        report = asdict(self)
        for entry, step in zip(report["preprocessing"], self.preprocessing, strict=True):
            entry["mean_image"] = None if step.mean_image is None else step.mean_image.shape
        return report

    def rows(self) -> Iterable[tuple[str, str]]:
        """Return the heading and the text of each section of the printed report."""
        yield "format", self.format
        yield "files", ", ".join(self.files)
        yield "network", self.network or ("without a name" if self.outputs else "")
        yield "inputs", ", ".join(f"{name} {_format_shape(shape)}" for name, shape in self.inputs)
        yield "outputs", ", ".join(self.outputs)
        yield "converted", ", ".join(map(str, self.converted))
        for heading in ("mapping", "substituted", "skipped", "preprocessing", "notes"):
            yield heading, "\n".join(map(str, getattr(self, heading)))

    def _summary(self) -> Summary:
        counts = (
            (heading, len(getattr(self, heading))) for heading in ("converted", "substituted", "skipped", "mapping")
        )
        found = ", ".join(f"{count} {heading}" for heading, count in counts if count)
        return Summary(f"{', '.join(self.files)} ({self.format}): {found}", rows=self._lines())

    def __str__(self) -> str:
        return "\n".join(f"{heading:14}{line}" for heading, line in self._lines())

    def _lines(self) -> list[tuple[str, str]]:
        return [(heading, line) for heading, text in self.rows() if text for line in text.split("\n")]


def _format_shape(shape: Shape) -> str:
    return "(" + ", ".join(["N", *("any" if size is None else str(size) for size in shape[1:])]) + ")"
