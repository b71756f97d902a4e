"""All figures of a GPU in one run of at most 8 minutes: what is missing, parity with the CPU, and speed.

    python -m kerasbridge.benchmark.gpu --data mnist.npz --json gpu.json

Each backend that sees a GPU trains in processes of its own. In this order, so that the most important figures are there
when the time is over: the same training on CPU and GPU, the full MNIST until 97.5 % accuracy, launches per step, and
the time of a step of MLP and CNN with batches of 32 to 8,192. TensorFlow is left out unless it is asked for.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from kerasbridge.benchmark.machine import machine
from kerasbridge.benchmark.result import Measured, Spread
from kerasbridge.benchmark.settings import OURS
from kerasbridge.benchmark.table import number, table
from kerasbridge.benchmark.worker import Task
from kerasbridge.benchmark.workloads import WORKLOADS, Workload
from kerasbridge.errors import ArgumentError
from kerasbridge.runtime import backend as backends
from kerasbridge.runtime import backend_status
from kerasbridge.runtime.backend_status import BackendStatus
from kerasbridge.runtime.conversation import ChildEnded, Conversation
from kerasbridge.subjects.source import Source

MINUTES = 8.0
RESERVE = 20.0  # seconds that a process needs at least
BATCH_SIZES = (32, 8192, 512, 128, 2048)  # the ends first
PARITY_ROWS = 1280  # 40 steps per epoch
PARITY_TOLERANCE = 1e-3
"""The share by which the loss after 80 steps may differ between CPU and GPU; rounding alone gives less."""
STEPS, FEWEST_STEPS, MOST_ROWS = 500, 16, 131_072
COUNTED_STEPS = 50
OPERATIONS = {"mlp": 6 * 101_632, "cnn": 6 * 2_440_960}  # of a training step per image: 2 forward, 4 backward
PARAMETERS = {"mlp": 101_770, "cnn": 34_826}
WORDS_PER_PARAMETER = 8  # Adam reads and writes the weight and two slots, and the gradient


@dataclass(frozen=True)
class StepTime:
    """The time of a step of one model.

    Attributes:
        backend, model, batch_size: what was trained.
        seconds: the median time of a step.
        flops: operations per second.
        bandwidth: bytes per second that the step must move at least: the images, the weights and their slots.
    """

    backend: str
    model: str
    batch_size: int
    seconds: float

    @property
    def flops(self) -> float:
        """Operations per second."""
        return OPERATIONS[self.model] * self.batch_size / self.seconds

    @property
    def bandwidth(self) -> float:
        """Bytes per second."""
        words = self.batch_size * 784 + WORDS_PER_PARAMETER * PARAMETERS[self.model]
        return 4 * words / self.seconds


@dataclass
class Report:
    """The figures that were measured so far, and those that are missing.

    Attributes:
        missing: a line for each figure that is not there, with the reason.
        remarks: a line for each backend that was measured in spite of a problem, such as a version that is not tested.
        parity: for each backend, the loss on the CPU and on the GPU.
        to_accuracy: for each backend and model, seconds of training.
        launches: for each backend and model, kernels and graphs per step.
        peaks: operations and bytes per second that the card reaches.
        steps: the times of a step.
    """

    missing: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    parity: dict[str, tuple[float, float]] = field(default_factory=dict)
    to_accuracy: dict[str, float] = field(default_factory=dict)
    launches: dict[str, dict[str, float]] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    steps: list[StepTime] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Return whether every loss on the GPU is that on the CPU, up to the tolerance."""
        return all(abs(gpu - cpu) <= PARITY_TOLERANCE * abs(cpu) for cpu, gpu in self.parity.values())

    def as_text(self) -> str:
        """Return everything as text: a line per figure, and a table of the steps."""
        lines = [
            f"{name}: loss {cpu:.6f} on the CPU, {gpu:.6f} on the GPU: "
            + ("the same" if abs(gpu - cpu) <= PARITY_TOLERANCE * abs(cpu) else "different")
            for name, (cpu, gpu) in self.parity.items()
        ]
        lines += [f"{name}: 97.5 % after {number(seconds)} s of training" for name, seconds in self.to_accuracy.items()]
        lines += [
            f"{name}: {number(counts['kernels'])} kernels and {number(counts['graphs'])} graphs launched per step"
            for name, counts in self.launches.items()
        ]
        if self.steps:
            titles = ("backend", "model", "batch", "step, µs", "images/s", "of peak", "of bandwidth")
            lines += ["", *table(titles, [self._row(step) for step in self.steps]), ""]
        return "\n".join([*lines, *self.remarks, *(f"missing: {reason}" for reason in self.missing)])

    def _row(self, step: StepTime) -> list[str]:
        shares = [
            f"{rate / self.peaks[name]:.1%}" if name in self.peaks else ""
            for name, rate in (("flops", step.flops), ("bytes", step.bandwidth))
        ]
        images = step.batch_size / step.seconds
        return [step.backend, step.model, str(step.batch_size), number(1e6 * step.seconds), f"{images:,.0f}", *shares]


class Measurement:
    """Measures until the time is over.

    Args:
        seconds: the time for everything.
        digits: an .npz file with the full MNIST, or "".
        clock: returns the seconds that have passed.
        announce: called with a line on what is measured next.
    """

    def __init__(
        self,
        seconds: float,
        digits: str,
        clock: Callable[[], float] = time.monotonic,
        announce: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._clock, self._end, self._digits, self._announce = clock, clock() + seconds, digits, announce
        self.report = Report()

    def run(self, statuses: Sequence[BackendStatus], wanted: Sequence[str]) -> Report:
        """Measure each wanted backend that sees a GPU; return what was measured, and what is missing."""
        seeing = [status for status in statuses if status.name in wanted and not self._name_missing(status)]
        self.report.remarks += [f"{status.name}: {status.problem}" for status in seeing if status.problem]
        usable = [status.name for status in seeing]
        for name in usable:
            self._try(f"{name}: parity", self._compare, name)
        if self._digits:
            for name in usable:
                self._try(f"{name}: the full MNIST", self._reach, name)
        elif usable:
            self.report.missing.append("the full MNIST until 97.5 %: pass --data mnist.npz")
        for name in usable:
            if name == "torch":
                self._try(f"{name}: launches", self._count, name)
            else:
                self.report.missing.append(f"{name}: launches per step, which are counted with torch only")
        for batch_size in BATCH_SIZES:
            for model in OPERATIONS:
                for name in usable:
                    self._try(f"{name}: {model}, batch {batch_size}", self._step, name, model, batch_size)
        if self.report.steps and not self.report.peaks:
            self.report.missing.append("shares of peak and bandwidth, which are measured with torch only")
        return self.report

    def _name_missing(self, status: BackendStatus) -> bool:
        """Note why a backend cannot be measured; return whether it cannot."""
        if not status.installed:
            self.report.missing.append(f"{status.name}: not installed; type: {status.remedy}")
        elif not any(device.startswith("gpu") for device in status.devices):
            problem = status.problem or f"it sees {', '.join(status.devices) or 'no device'}, and no GPU"
            self.report.missing.append(f"{status.name}: {problem}" + f"; type: {status.remedy}" * bool(status.remedy))
        else:
            return False
        return True

    def _try(self, where: str, measure: Callable[..., None], *arguments: Any) -> None:
        """Measure if there is time; a process that fails or is too slow is named."""
        if self._end - self._clock() < RESERVE:
            self.report.missing.append(f"{where}: the time was over")
            return
        self._announce(where)
        try:
            measure(*arguments)
        except ChildEnded as ended:
            self.report.missing.append(f"{where}: {ended.result.failure_message()}")

    def _compare(self, name: str) -> None:
        workload = replace(WORKLOADS["mlp"], rows=PARITY_ROWS, test_rows=32)
        losses = [self._ask(name, device, workload, "first")["loss"] for device in ("cpu", "gpu")]
        self.report.parity[name] = (losses[0], losses[1])

    def _reach(self, name: str) -> None:
        workload = replace(WORKLOADS["mlp-1024"], rows=0, test_rows=0)
        one = Measured(OURS, name)
        one.add(self._ask(name, "gpu", workload, "first", "reach"))
        seconds = one.seconds("to accuracy")
        if seconds:
            self.report.to_accuracy[f"{name}, mlp, batch 1024"] = seconds[0]
        else:
            self.report.missing.append(f"{name}: the full MNIST: 97.5 % was not reached")

    def _count(self, name: str) -> None:
        for model in OPERATIONS:
            workload = Workload(model, model, 128, 128 * COUNTED_STEPS, 128, WORKLOADS[model].dropout)
            answer = self._ask(name, "gpu", workload, "first", "count")
            self.report.launches[f"{name}, {model}"] = {
                kind: count / COUNTED_STEPS for kind, count in answer["launches"].items()
            }
            self.report.peaks = answer["peaks"]

    def _step(self, name: str, model: str, batch_size: int) -> None:
        steps = max(FEWEST_STEPS, min(STEPS, MOST_ROWS // batch_size))
        workload = Workload(model, model, batch_size, steps * batch_size, batch_size, WORKLOADS[model].dropout)
        one = Measured(OURS, name)
        one.add(self._ask(name, "gpu", workload, "first", "steps"))
        epoch = Spread.of(one.seconds("epoch"))
        assert epoch is not None
        self.report.steps.append(StepTime(name, model, batch_size, epoch.median / steps))

    def _ask(self, name: str, device: str, workload: Workload, *requests: str) -> dict[str, Any]:
        """Return the last answer of a new process."""
        with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
            data, path = Path(folder, "data.npz"), Path(folder, "task.json")
            digits = self._digits if workload.rows == 0 else ""
            task = Task(OURS, name, workload, Source(), digits, str(data), epochs=4, cores=None)
            path.write_text(json.dumps(asdict(task)), encoding="utf-8")
            environment = backends.child_environment(name, device)
            with Conversation("kerasbridge.benchmark.worker", path, environment=environment) as child:
                answer: dict[str, Any] = {}
                for request in ("prepare", "start", *requests):
                    answer = child.ask({"do": request}, max(self._end - self._clock(), 0.1))
        return answer


def lines_of_origin(names: Sequence[str]) -> Iterator[str]:
    """Yield the machine and versions."""
    yield ", ".join(f"{name} {value}" for name, value in machine(names).items() if value)


def main() -> None:
    """Print the report; the exit code is 1 if a loss on the GPU is not that on the CPU."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", action="append", help="default: torch and jax")
    parser.add_argument("--data", default="", help="an .npz file with the full MNIST")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--json", type=Path, help="write the report there too")
    options = parser.parse_args()
    if options.data and not Path(options.data).is_file():
        raise SystemExit(str(ArgumentError(f"Expected --data to be an .npz file, received {options.data}.")))
    wanted = options.backend or ["torch", "jax"]
    begin = time.monotonic()
    statuses = backend_status.backends()
    seconds = 60 * options.minutes - (time.monotonic() - begin)
    digits = str(Path(options.data).resolve()) if options.data else ""
    measurement = Measurement(seconds, digits, announce=lambda text: print(text, file=sys.stderr, flush=True))
    if "tensorflow" not in wanted:
        measurement.report.missing.append("tensorflow: left out; pass --backend tensorflow to measure it")
    try:
        measurement.run(statuses, wanted)
    finally:
        print(measurement.report.as_text(), *lines_of_origin(wanted), sep="\n")
        if options.json:
            options.json.write_text(json.dumps(asdict(measurement.report), indent=1), encoding="utf-8")
    sys.exit(not measurement.report.agrees)


if __name__ == "__main__":
    main()
