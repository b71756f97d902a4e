"""The colours of pictures and reports: Matplotlib draws with the light palette, HTML pages use both."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Palette:
    """Colours as in CSS.

    Attributes:
        paper, card: backgrounds of the page and of a box on it.
        ink, soft: text, and secondary text.
        rule, grid: lines of tables and of charts.
        good, fine, bad: verdicts.
        tint: the area above a bound.
        curves: the curves of a chart, in this order.
    """

    paper: str
    card: str
    ink: str
    soft: str
    rule: str
    grid: str
    good: str
    fine: str
    bad: str
    tint: str
    curves: tuple[str, ...]

    def css_variables(self) -> str:
        """Return CSS declarations: ``--ink`` and so on for each colour, ``--c0``, ``--c1``, … for the curves."""
        named = {name: colour for name, colour in asdict(self).items() if name != "curves"}
        curves = {f"c{index}": colour for index, colour in enumerate(self.curves)}
        return " ".join(f"--{name}: {colour};" for name, colour in {**named, **curves}.items())


def css() -> str:
    """Return CSS rules that set the variables of the light palette, and of the dark one where the browser is dark."""
    return (
        f":root {{ color-scheme: light dark; {LIGHT.css_variables()} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {DARK.css_variables()} }} }}\n"
    )


LIGHT = Palette(
    paper="#fbfbf9",
    card="#ffffff",
    ink="#1d2329",
    soft="#5a646e",
    rule="#dfe2e4",
    grid="#eaecee",
    good="#00714f",
    fine="#0b5cad",
    bad="#b3261e",
    tint="rgb(179 38 30 / 7%)",
    curves=("#0b63b0", "#c4500c", "#00805e", "#8a3b9c", "#8a6d00", "#00788f"),
)
DARK = Palette(
    paper="#14171a",
    card="#1b1f23",
    ink="#e6e9ec",
    soft="#a3adb7",
    rule="#343b42",
    grid="#262c32",
    good="#4cc79b",
    fine="#74b4ff",
    bad="#ff8d84",
    tint="rgb(255 141 132 / 10%)",
    curves=("#6fb3ff", "#ff9d5c", "#41cfa3", "#d69af0", "#e0c548", "#5cd3ea"),
)
