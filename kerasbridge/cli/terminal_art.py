"""Digits and probabilities as text, 80 columns wide, for terminals with or without colours, and for files."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_BAR = 20  # characters for a probability of 1
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HALVES = " ▄▀█"  # at 2 * upper pixel + lower pixel
_GREYS = " .:-=+*#%@"
_INK = 100  # grey level from which a pixel is drawn white if there are no greys
_APART = " " * 4


def show(predictions: Iterable[tuple[str, Sequence[float], Any]]) -> None:
    """Print for each picture its name, the most probable digit and ten bars, next to the picture if it is given.

    Args:
        predictions: for each picture its name, the ten probabilities, and pixels, uint8 of shape (28, 28), or None.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for name, probabilities, pixels in predictions:
        digit = max(range(len(probabilities)), key=probabilities.__getitem__)
        console.print(f"{encodable(name)}: {digit}", markup=False, style="bold")
        bars = [bar(value, probability, value == digit) for value, probability in enumerate(probabilities)]
        lines = (
            side_by_side(bars[:5], bars[5:])
            if pixels is None
            else side_by_side(picture(pixels, console), ["", "", *bars])
        )
        console.print(*lines, "", sep="\n")


def bar(digit: int, probability: float, chosen: bool) -> "Text":
    """Return a line of 33 characters: the digit, a bar and the percentage.

    >>> print(bar(3, 1, chosen=True).plain.split()[::3])
    ['>', '100.0']
    """
    from rich.text import Text

    eighths = round(probability * _BAR * 8)
    full, part = divmod(eighths, 8)
    blocks = "█" * full + _EIGHTHS[part].strip() if _can_print(_EIGHTHS) else "#" * round(eighths / 8)
    line = f"{'>' if chosen else ' '} {digit} {blocks:{_BAR}} {probability:6.1%}".replace("%", " %")
    return Text(line, style="bold" if chosen else "")


def picture(pixels: Any, console: "Console") -> "list[Text]":
    """Draw 28x28 pixels in 14 lines of 28 characters: in greys, in black and white, or as ASCII art."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    def draw(upper: int, lower: int) -> Text:
        if not _can_print(_HALVES):
            return Text(_GREYS[(upper + lower) // 2 * len(_GREYS) // 256])
        if console.color_system is None:
            return Text(_HALVES[2 * (upper >= _INK) + (lower >= _INK)])
        return Text("▀", Style(color=Color.from_rgb(*[upper] * 3), bgcolor=Color.from_rgb(*[lower] * 3)))

    rows = pixels.tolist()
    return [Text.assemble(*map(draw, upper, lower)) for upper, lower in zip(rows[::2], rows[1::2], strict=True)]


def side_by_side(left: "Sequence[Text]", right: "Sequence[Text | str]") -> "list[Text]":
    """Join each line on the left with one on the right; missing lines on the right stay empty."""
    from rich.text import Text

    missing = [""] * (len(left) - len(right))
    joined = [Text.assemble(line, _APART, other) for line, other in zip(left, [*right, *missing], strict=True)]
    for line in joined:
        line.rstrip()
    return joined


def encodable(text: str) -> str:
    """Replace the characters that the encoding of stdout lacks with question marks."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _can_print(characters: str) -> bool:
    return encodable(characters) == characters
