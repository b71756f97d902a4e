"""Results of a benchmark: samples, medians with quartiles, ratios to kerasbridge, and their JSON."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerasbridge.benchmark.settings import OURS
from kerasbridge.benchmark.timing import Lap
from kerasbridge.runtime.results import Result, Summary

LOSS_TOLERANCE = 0.25
"""The share of the larger loss by which two losses may differ: dropout and the order of rows are not the same."""


@dataclass(frozen=True)
class Spread:
    """The median of samples, and the quartiles next to it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread | None":
        """Return the spread of samples; None if there are no samples.

        >>> Spread.of([1.0, 2.0, 3.0, 4.0, 5.0])
        Spread(median=3.0, low=2.0, high=4.0)
        """
        if not samples:
            return None
        if len(samples) == 1:
            return cls(samples[0], samples[0], samples[0])
        low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(median, low, high)


@dataclass
class Measured:
    """A contender on one backend, with what was measured so far.

    Attributes:
        contender, backend: its names.
        laps: the times of each quantity: "import"; "first epoch", "first fit" (two epochs), "first evaluate",
            "first predict"; "epoch", "evaluate", "predict"; "from shell"; "to accuracy".
        loss: the mean loss of the last epoch of the first fit.
        peak_bytes: the largest resident memory of its process.
        runs: how kerasbridge ran the steps.
        failure: why nothing more was measured.
    """

    contender: str
    backend: str
    laps: dict[str, list[Lap]] = field(default_factory=dict, repr=False)
    loss: float | None = None
    peak_bytes: int | None = None
    runs: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def label(self) -> str:
        """The name in messages."""
        return f"{self.contender} on {self.backend}"

    def add(self, answer: Mapping[str, Any]) -> None:
        """Add an answer of the process."""
        for quantity, laps in answer.get("laps", {}).items():
            self.laps.setdefault(quantity, []).extend(Lap(*lap) for lap in laps)
        self.peak_bytes = answer.get("peak_bytes", self.peak_bytes)
        self.loss = answer.get("loss", self.loss)
        self.runs = answer.get("runs", self.runs)

    def seconds(self, quantity: str, clock: str = "wall") -> list[float]:
        """Return the samples of a quantity by one clock, "wall" or "cpu"."""
        return [getattr(lap, clock) for lap in self.laps.get(quantity, [])]


@dataclass
class WorkloadResult:
    """The contenders of one workload.

    Attributes:
        name, rows, batch_size: the workload; None for a number that only the user's data knows.
        contenders: in the order in which they are measured.
    """

    name: str
    rows: int | None
    batch_size: int
    contenders: list[Measured]

    def ours(self, backend: str) -> Measured | None:
        """Return kerasbridge on a backend."""
        found = (one for one in self.contenders if (one.contender, one.backend) == (OURS, backend))
        return next(found, None)

    def ratio(self, one: Measured, quantity: str, clock: str = "wall") -> Spread | None:
        """Return how many times as long as kerasbridge on the same backend a contender takes.

        The samples of one round form a pair, so that a machine that becomes slower meanwhile affects both. None without
        samples, or if the losses are not comparable.
        """
        ours = self.ours(one.backend)
        if ours is None or one.loss is None or not self.is_comparable(one):
            return None
        pairs = zip(one.seconds(quantity, clock), ours.seconds(quantity, clock), strict=False)
        return Spread.of([theirs / own for theirs, own in pairs if own > 0])

    def is_comparable(self, one: Measured) -> bool:
        """Return whether the loss of a contender is that of kerasbridge on its backend, up to the tolerance."""
        ours = self.ours(one.backend)
        if ours is None or ours.loss is None or one.loss is None:
            return True
        return abs(one.loss - ours.loss) <= LOSS_TOLERANCE * max(abs(one.loss), abs(ours.loss))

    def remarks(self) -> Iterator[str]:
        """Yield a line for each contender that failed or whose loss is another."""
        for one in self.contenders:
            if one.failure:
                yield f"{one.label}: {one.failure}"
            elif not self.is_comparable(one):
                ours = self.ours(one.backend)
                assert ours is not None
                yield (
                    f"{one.label}: not compared, its loss of {one.loss:.4g} differs from the {ours.loss:.4g} of "
                    f"kerasbridge by more than {LOSS_TOLERANCE:.0%}, so it does not learn the same."
                )


@dataclass(repr=False)
class BenchResult(Result):
    """Result of `kb.bench`.

    Attributes:
        machine: processor, cores, system, Python, and the versions of the packages.
        settings: what was asked for.
        started: the date and time, in ISO 8601.
        load: the mean number of waiting processes before and after, where the system reports it.
        workloads: one result per workload.
        clock: "wall" or "cpu", the clock of the table.
    """

    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    started: str
    load: list[float] = field(default_factory=list)
    workloads: list[WorkloadResult] = field(default_factory=list)
    clock: str = "wall"

    @property
    def failed(self) -> bool:
        """Return whether a contender could not be measured."""
        return any(one.failure for workload in self.workloads for one in workload.contenders)

    def __str__(self) -> str:
        from kerasbridge.benchmark.table import as_text

        return as_text(self)

    def _summary(self) -> Summary:
        from kerasbridge.benchmark.table import summary

        return summary(self)

    def as_dict(self) -> dict[str, Any]:
        """Return everything in a form that JSON can encode."""
        return {
            "machine": dict(self.machine),
            "settings": dict(self.settings),
            "started": self.started,
            "load": self.load,
            "workloads": [
                {
                    "name": workload.name,
                    "rows": workload.rows,
                    "batch_size": workload.batch_size,
                    "contenders": [_contender_as_dict(workload, one) for one in workload.contenders],
                }
                for workload in self.workloads
            ],
        }


def _contender_as_dict(workload: WorkloadResult, one: Measured) -> dict[str, Any]:
    quantities: dict[str, dict[str, Any]] = {}
    for quantity in one.laps:
        for clock in ("wall", "cpu"):
            samples = one.seconds(quantity, clock)
            quantities.setdefault(quantity, {})[clock] = {
                "seconds": _spread(Spread.of(samples)),
                "compared_with_kerasbridge": _spread(workload.ratio(one, quantity, clock)),
                "samples": samples,
            }
    return {
        "contender": one.contender,
        "backend": one.backend,
        "loss": one.loss,
        "comparable": workload.is_comparable(one),
        "peak_bytes": one.peak_bytes,
        "runs": dict(one.runs),
        "failure": one.failure,
        "quantities": quantities,
    }


def _spread(spread: Spread | None) -> list[float] | None:
    return None if spread is None else [spread.low, spread.median, spread.high]
