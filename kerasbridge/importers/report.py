"""What became of a file's layers, for a person and for a program."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from kerasbridge.importers.ir.ops import Array, Shape


@dataclass(frozen=True)
class LayerReport:
    """A layer of the file, its type there, and what became of it."""

    layer: str
    type: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.layer} ({self.type})" + (f": {self.what}" if self.what else "")


@dataclass(frozen=True)
class Preprocessing:
    """What a file says is done to the images before they reach the network: ``(image - mean) * scale``.

    Args:
        layer: the layer that says so.
        scale: a factor, applied after the mean is subtracted.
        means: what is subtracted from each channel, in the file's order of channels.
        mean_file: a file that holds the image that is subtracted.
        mean_image: that image, shape (height, width, channels), where this file holds it.
        crop: the size that images are cut to, 0 for none.
        colours: the order of the channels, in words.
        others: what else, in words.
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
        return f"{self.layer}: " + ", ".join(self._words())

    def _words(self) -> Iterable[str]:
        if self.crop:
            yield f"cuts images to {self.crop}x{self.crop}"
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
    """A layer of a model that was given, its weights, and the arrays of the file that they are made of.

    Args:
        layer: its name, behind those of the models that it is in.
        type: its class.
        weights: name and shape of each.
        arrays: name and shape of each.
    """

    layer: str
    type: str
    weights: tuple[tuple[str, Shape], ...]
    arrays: tuple[tuple[str, Shape], ...]

    def __str__(self) -> str:
        weights, arrays = (", ".join(f"{name} {shape}" for name, shape in one) for one in (self.weights, self.arrays))
        return f"{self.layer} ({self.type}): {weights} <- {arrays}"


@dataclass(frozen=True)
class Report:
    """What a file holds, and what of it a Keras model can have.

    Args:
        format: "caffe", …
        files: their names.
        network: the name of the network in the file.
        inputs: name and shape of each, in the order N, C, H, W; None where any size will do, or where it is unknown.
        outputs: their names, in the order of the model's outputs.
        converted: the layers that are in the model as they were.
        substituted: those that are in it as something else.
        skipped: those that are not in it.
        preprocessing: what the file says is done to the images.
        notes: what else there is to know.
        mapping: of files that hold weights alone, which of them each layer of a model takes.
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
        """All of it in dicts, lists, texts and numbers, as JSON has them; of an image that is subtracted its shape."""
        told = asdict(self)
        for entry, said in zip(told["preprocessing"], self.preprocessing, strict=True):
            entry["mean_image"] = None if said.mean_image is None else said.mean_image.shape
        return told

    def rows(self) -> Iterable[tuple[str, str]]:
        """Heading and text of each line that a person reads."""
        yield "format", self.format
        yield "files", ", ".join(self.files)
        yield "network", self.network or ("without a name" if self.outputs else "")
        yield "inputs", ", ".join(f"{name} {_written(shape)}" for name, shape in self.inputs)
        yield "outputs", ", ".join(self.outputs)
        yield "converted", ", ".join(map(str, self.converted))
        for heading in ("mapping", "substituted", "skipped", "preprocessing", "notes"):
            yield heading, "\n".join(map(str, getattr(self, heading)))

    def __str__(self) -> str:
        lines = [(heading, line) for heading, text in self.rows() if text for line in text.split("\n")]
        return "\n".join(f"{heading:14}{line}" for heading, line in lines)


def _written(shape: Shape) -> str:
    return "(" + ", ".join(["N", *("any" if size is None else str(size) for size in shape[1:])]) + ")"
