"""Digits and probabilities drawn in characters, 80 columns wide, for terminals with colours, without, and for files."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_BAR = 20  # characters that stand for certainty
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HALVES = " ▄▀█"  # by twice the upper pixel and the lower one
_GREYS = " .:-=+*#%@"
_INK = 100  # grey level from which a pixel counts as white where there is no grey
_APART = " " * 4


def show(answers: Iterable[tuple[str, Sequence[float], Any]]) -> None:
    """Print each picture's name, its likeliest digit and ten bars, beside the picture where there is one.

    Args:
        answers: for each picture its name, the ten probabilities, and pixels, uint8 of shape (28, 28), or None.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    for name, probabilities, pixels in answers:
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
    """A line of 33 characters: the digit, a bar and per cent.

    >>> print(bar(3, 1, chosen=True).plain.split()[::3])
    ['>', '100.0']
    """
    from rich.text import Text

    eighths = round(probability * _BAR * 8)
    whole, part = divmod(eighths, 8)
    drawn = "█" * whole + _EIGHTHS[part].strip() if _can_print(_EIGHTHS) else "#" * round(eighths / 8)
    line = f"{'>' if chosen else ' '} {digit} {drawn:{_BAR}} {probability:6.1%}".replace("%", " %")
    return Text(line, style="bold" if chosen else "")


def picture(pixels: Any, console: "Console") -> "list[Text]":
    """28x28 pixels in 14 lines of 28 characters: in greys, else black and white, else the greys of a line printer."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    def drawn(upper: int, lower: int) -> Text:
        if not _can_print(_HALVES):
            return Text(_GREYS[(upper + lower) // 2 * len(_GREYS) // 256])
        if console.color_system is None:
            return Text(_HALVES[2 * (upper >= _INK) + (lower >= _INK)])
        return Text("▀", Style(color=Color.from_rgb(*[upper] * 3), bgcolor=Color.from_rgb(*[lower] * 3)))

    rows = pixels.tolist()
    return [Text.assemble(*map(drawn, upper, lower)) for upper, lower in zip(rows[::2], rows[1::2], strict=True)]


def side_by_side(left: "Sequence[Text]", right: "Sequence[Text | str]") -> "list[Text]":
    """Lines joined to lines; what is missing on the right stays empty."""
    from rich.text import Text

    missing = [""] * (len(left) - len(right))
    joined = [Text.assemble(line, _APART, other) for line, other in zip(left, [*right, *missing], strict=True)]
    for line in joined:
        line.rstrip()
    return joined


def encodable(text: str) -> str:
    """The text, with question marks for what the output's encoding has not."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _can_print(characters: str) -> bool:
    return encodable(characters) == characters
