"""The result of a benchmark as Markdown tables, which are aligned so that they can be read in a terminal too."""

from collections.abc import Iterator, Sequence

from kerasbridge.benchmark.result import BenchResult, Measured, Spread, WorkloadResult
from kerasbridge.benchmark.settings import ACCURACY, MAX_EPOCHS, OURS
from kerasbridge.runtime.results import Summary

_COLUMNS = ("backend", "contender", "epoch, s", "×", "first epoch", "evaluate", "predict", "import", "MB", "loss")
_NOTE = (
    "Medians with quartiles. ×: time compared with kerasbridge on the same backend in the same round; above 1, "
    "kerasbridge is faster. The first epoch includes tracing and compiling. MB: peak memory."
)
_APART = {"from shell": "from the shell to a saved model, s", "to accuracy": f"training until {ACCURACY:.1%}, s"}


def as_text(result: BenchResult) -> str:
    """Return the tables, what failed, and the machine, versions and date."""
    parts = ["\n".join(_workload(workload, result.clock)) for workload in result.workloads]
    return "\n\n".join([*parts, f"{_NOTE}\n{_origin(result)}"])


def summary(result: BenchResult) -> Summary:
    """Return the ratios in one line, and the rows of all workloads in one table."""
    pairs = [(workload, one) for workload in result.workloads for one in workload.contenders]
    ratios = (
        f"{workload.name}, {one.label} ×{ratio.median:.2f}"
        for workload, one in pairs
        if one.contender != OURS and (ratio := workload.ratio(one, "epoch", result.clock))
    )
    rows = [[workload.name, *_row(workload, one, result.clock)] for workload, one in pairs]
    remarks = [remark for workload in result.workloads for remark in workload.remarks()]
    title = "; ".join(ratios) or f"{len(pairs)} contenders, of which none is compared"
    return Summary(title, ("workload", *_COLUMNS), rows, [*remarks, _NOTE, _origin(result)])


def _workload(workload: WorkloadResult, clock: str) -> Iterator[str]:
    rows = f", {workload.rows:,} rows" if workload.rows else ""
    yield f"{workload.name}: batch {workload.batch_size}{rows}" + (", processor seconds" if clock == "cpu" else "")
    yield ""
    yield from table(_COLUMNS, [_row(workload, one, clock) for one in workload.contenders])
    remarks = [*_apart(workload, clock), *_fastest(workload, clock), *workload.remarks()]
    if remarks:
        yield ""
    yield from remarks


def _row(workload: WorkloadResult, one: Measured, clock: str) -> list[str]:
    epoch = Spread.of(one.seconds("epoch", clock))
    shown = "" if epoch is None else f"{number(epoch.median)} ({number(epoch.low)}-{number(epoch.high)})"
    imported = Spread.of(one.seconds("import", clock))
    return [
        one.backend,
        one.contender,
        shown,
        _ratio(workload.ratio(one, "epoch", clock), one),
        *(_with_ratio(workload, one, quantity, clock) for quantity in ("first epoch", "evaluate", "predict")),
        "" if imported is None else number(imported.median),
        "" if one.peak_bytes is None else f"{one.peak_bytes / 1e6:.0f}",
        "" if one.loss is None else f"{one.loss:.4g}",
    ]


def _with_ratio(workload: WorkloadResult, one: Measured, quantity: str, clock: str) -> str:
    spread, ratio = Spread.of(one.seconds(quantity, clock)), workload.ratio(one, quantity, clock)
    if spread is None:
        return ""
    return number(spread.median) + ("" if ratio is None or one.contender == OURS else f" ×{ratio.median:.2f}")


def _ratio(ratio: Spread | None, one: Measured) -> str:
    if ratio is None or one.contender == OURS:
        return "" if ratio is None else "1"
    return f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


def _apart(workload: WorkloadResult, clock: str) -> Iterator[str]:
    """Yield a line for each quantity that only some contenders have."""
    for quantity, title in _APART.items():
        shown = [
            f"{one.label} {_with_ratio(workload, one, quantity, clock) or f'not within {MAX_EPOCHS} epochs'}"
            for one in workload.contenders
            if quantity in one.laps
        ]
        if shown:
            yield f"{title}: {', '.join(shown)}"


def _fastest(workload: WorkloadResult, clock: str) -> Iterator[str]:
    """Yield the order of the backends by the epoch of kerasbridge."""
    ours = [one for one in workload.contenders if one.contender == OURS]
    medians = {one.backend: spread.median for one in ours if (spread := Spread.of(one.seconds("epoch", clock)))}
    if len(medians) > 1:
        first, *others = sorted(medians, key=medians.__getitem__)
        slower = ", ".join(f"{name} takes {medians[name] / medians[first]:.2f} times as long" for name in others)
        yield f"kerasbridge is fastest on {first}; {slower}."


def _origin(result: BenchResult) -> str:
    machine = ", ".join(f"{name} {value}".strip() for name, value in result.machine.items() if value)
    load = f", load {' to '.join(f'{value:.1f}' for value in result.load)}" if result.load else ""
    return f"{machine}, {result.started[:10]}{load}."


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for cells in (titles, ["-" * width for width in widths], *rows):
        yield f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |".rstrip()


def number(value: float) -> str:
    """Return three significant digits, without an exponent.

    >>> number(0.012345), number(12.345)
    ('0.0123', '12.3')
    """
    return f"{value:.3g}" if 1e-4 <= abs(value) < 1000 else f"{value:.0f}" if value >= 1000 else f"{value:.1g}"
