"""The cost of a step with 1 to 4 workers on this machine, and a model of it for large clusters.

    python -m kerasbridge.benchmark.scaling --measure --backend torch --json scaling.json
    python -m kerasbridge.benchmark.scaling                              # computed only

Measured: `kb.fit` on models of 0.1 to 100 MB, 32 rows for each worker, on this machine. The network of the model is
fitted to two workers, and predicts three and four. Computed: MLP, ResNet-50 and BERT-base on 8 to 1,024 workers.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from kerasbridge.benchmark.cost_model import Network, Training, cost, rows_that_pay
from kerasbridge.benchmark.machine import machine
from kerasbridge.benchmark.table import number, table
from kerasbridge.parity.workers import check_backends
from kerasbridge.runtime import backend as backends
from kerasbridge.runtime import subprocesses
from kerasbridge.runtime.ports import free_ports

ROWS = 32  # of each worker in a step
MEGABYTES = (0.1, 1.0, 10.0, 100.0)
WORKERS = (1, 2, 3, 4)
SECONDS = 600  # for the processes of one number of workers

TRAININGS = (
    Training("MLP", 101_770, 6 * 101_770, 788, 60_000),
    Training("ResNet-50", 25.6e6, 3 * 8.2e9, 110e3, 1.28e6, metrics=6),
    Training("BERT-base", 110e6, 6 * 110e6 * 512, 4096, 40e6, metrics=6),
)
"""The MLP of the examples; ResNet-50 on 224 x 224 pixels, 8.2 billion operations forward (He et al. 2016, Table 1: 3.8
billion multiplications and additions, 4.1 in the usual variant), 110 KB a JPEG of ImageNet; BERT-base on 512 tokens
(Devlin et al. 2019), 6 operations a weight and token."""
SPEEDS = {"MLP": 1e12, "ResNet-50": 1e14, "BERT-base": 2e14}
"""Operations per second that a worker, a GPU of 2023, is assumed to reach: a tenth to half of its peak."""
OVERHEAD = 50e-6  # seconds of a step of an empty model on a GPU, assumed
NETWORKS = {"10 Gbit/s": 10e9 / 8, "100 Gbit/s": 100e9 / 8, "400 Gbit/s": 400e9 / 8}
LATENCY = 10e-6  # seconds of a message in a data center, assumed
CLUSTERS = (8, 64, 256, 1024)
BATCHES = {"MLP": 1024, "ResNet-50": 64, "BERT-base": 32}  # rows of each worker in a step
HOURS_PER_FAILURE = 50_000
"""Hours of one GPU between interruptions: 419 in 54 days of 16,384 GPUs (Llama Team, "The Llama 3 Herd of Models",
2024, section 3.3.4)."""


@dataclass(frozen=True)
class Point:
    """A measured step: the backend, the number of workers, megabytes of weights, and seconds."""

    backend: str
    workers: int
    megabytes: float
    seconds: float


def measure(megabytes: Sequence[float], steps: int, rounds: int) -> list[float]:
    """Return the seconds of a step for each size, in a process that a launcher may have started as one of several."""
    import numpy as np

    from kerasbridge import engines

    size = engines.current().world.size
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, steps * ROWS * size).astype("int32")
    x = rng.random((len(y), 784), "float32")
    return [_step_seconds(each, x, y, ROWS * size, rounds) / steps for each in megabytes]


def _step_seconds(megabytes: float, x: Any, y: Any, batch_size: int, rounds: int) -> float:
    import kerasbridge as kb
    from kerasbridge.benchmark.contenders.keras_fit import EpochLaps
    from kerasbridge.keras_compat import keras

    units = round(megabytes * 1e6 / 4 / 795)
    model = keras.Sequential(
        [keras.Input((784,)), keras.layers.Dense(units, activation="relu"), keras.layers.Dense(10, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    laps = EpochLaps()
    kb.fit(model, x, y, batch_size=batch_size, epochs=rounds + 2, verbose=0, seed=0, callbacks=[laps])
    return median(lap.wall for lap in laps.laps[2:]) if laps.laps else 0.0


def measured(backend: str, workers: int, megabytes: Sequence[float], steps: int, rounds: int) -> list[Point]:
    """Train on so many workers, each in a process of its own.

    Raises:
        SystemExit: a process failed; the message is the end of its error output.
    """
    options = [f"--steps={steps}", f"--rounds={rounds}", *(f"--megabytes={each}" for each in megabytes)]
    environment = backends.child_environment(backend, threads=1)
    with subprocesses.ProcessGroup() as group, ThreadPoolExecutor(workers) as pool:

        def start(variables: Mapping[str, str]) -> subprocesses.ChildResult:
            child = group.run(
                "kerasbridge.benchmark.scaling",
                "--child",
                *options,
                environment={**environment, **variables},
                timeout=SECONDS,
            )
            if child.failed:  # the others would wait for it
                group.stop()
            return child

        children = list(pool.map(start, _launcher_variables(workers)))
    failed = sorted((child for child in children if child.failed), key=lambda child: child.crashed)
    if failed:
        raise SystemExit(f"{backend}, {workers} workers: {failed[0].failure_message()}")
    seconds = json.loads(children[0].stdout.splitlines()[-1])
    return [Point(backend, workers, *pair) for pair in zip(megabytes, seconds, strict=True)]


def _launcher_variables(workers: int) -> Iterator[dict[str, str]]:
    """Yield the variables of each worker, as a launcher sets them."""
    if workers == 1:
        yield {}
        return
    port, *ports = free_ports(workers + 1)
    peers = ",".join(f"127.0.0.1:{each}" for each in ports)
    common = {"WORLD_SIZE": str(workers), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    for rank in range(workers):
        yield {**common, "RANK": str(rank), "KERASBRIDGE_PEERS": peers}


def as_text(points: Sequence[Point]) -> str:
    """Return a Markdown table of the steps measured, and what the model predicts from one and two workers."""
    cores = os.cpu_count() or 1
    rows = []
    for backend in dict.fromkeys(point.backend for point in points):
        own = [point for point in points if point.backend == backend]
        alone = {point.megabytes: point.seconds for point in own if point.workers == 1}
        added = [
            (point.workers, point.megabytes * 1e6, point.seconds - alone[point.megabytes])
            for point in own
            if point.workers == 2 and point.seconds > alone.get(point.megabytes, point.seconds)
        ]
        network = Network.fitted(added) if len(added) > 1 else None
        for point in own:
            expected = _expected(point, alone, network, cores)
            rows.append(
                [
                    backend,
                    str(point.workers),
                    number(point.megabytes),
                    number(1e3 * point.seconds),
                    f"{point.seconds / alone[point.megabytes]:.2f}" if point.megabytes in alone else "",
                    "" if expected is None else number(1e3 * expected),
                ]
            )
        if network:
            note = f"{number(1e6 * network.latency)} µs, {number(network.bandwidth / 1e9)} GB/s"
            rows.append([backend, "fitted", note, "", "", ""])
    return "\n".join(table(("backend", "workers", "MB", "step, ms", "compared with 1", "model, ms"), rows))


def _expected(point: Point, alone: Mapping[float, float], network: Network | None, cores: int) -> float | None:
    """Return the seconds that the model gives; workers that share a core compute in turn."""
    if network is None or point.megabytes not in alone or point.workers == 1:
        return None
    compute = alone[point.megabytes] * max(1.0, point.workers / cores)
    return compute + network.all_reduce(point.workers, point.megabytes * 1e6)


def computed() -> str:
    """Return Markdown tables for large clusters: efficiency, the batch that pays, and what breaks first."""
    return f"{_efficiencies()}\n\n{_limits()}"


def _efficiencies() -> str:
    rows = []
    for training in TRAININGS:
        speed, batch = SPEEDS[training.name], BATCHES[training.name]
        for name, bandwidth in NETWORKS.items():
            network = Network(LATENCY, bandwidth, in_ring=False)
            efficiencies = [cost(training, network, n, batch, speed, OVERHEAD).efficiency for n in CLUSTERS]
            needed = rows_that_pay(training, network, CLUSTERS[-1], speed, OVERHEAD)
            rows.append([f"{training.name}, {batch:,} rows", name, *(f"{each:.0%}" for each in efficiencies)])
            rows[-1].append(f"{needed:,.0f}")
    titles = ("model", "network", *(f"{n:,} workers" for n in CLUSTERS), f"rows for 80 % on {CLUSTERS[-1]:,}")
    return "\n".join(table(titles, rows))


def _limits() -> str:
    rows = []
    workers, network = CLUSTERS[-1], Network(LATENCY, NETWORKS["100 Gbit/s"], in_ring=False)
    for training in TRAININGS:
        step = cost(training, network, workers, BATCHES[training.name], SPEEDS[training.name], OVERHEAD)
        samples = workers * BATCHES[training.name] / step.step
        rows.append(
            [
                training.name,
                number(1e3 * step.step),
                number(training.samples / samples),
                number(1e3 * network.all_reduce(workers, 4 * training.metrics)),
                number(training.checkpoint_bytes / 1e6),
                number(samples * training.bytes_per_sample / workers / 1e6),
                number(24 * workers / HOURS_PER_FAILURE),
            ]
        )
    titles = (
        f"{workers:,} workers, 100 Gbit/s",
        "step, ms",
        "epoch, s",
        "sum of metrics, ms a block",
        "checkpoint, MB",
        "data, MB/s a worker",
        "restarts a day",
    )
    return "\n".join(table(titles, rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="train on 1 to 4 workers on this machine")
    parser.add_argument("--backend", action="append", help="default: all that are installed")
    parser.add_argument("--workers", action="append", type=int, help="default: 1, 2, 3 and 4")
    parser.add_argument("--megabytes", action="append", type=float, help="default: 0.1, 1, 10 and 100")
    parser.add_argument("--steps", type=int, default=50, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the measured steps there")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = options.megabytes or MEGABYTES
    if options.child:
        with subprocesses.exit_with_message():
            print(json.dumps(measure(sizes, options.steps, options.rounds)))
        return
    points: list[Point] = []
    for backend in check_backends(options.backend, at_least=1) if options.measure else ():
        for workers in options.workers or WORKERS:
            points += measured(backend, workers, sizes, options.steps, options.rounds)
            print(f"{backend}, {workers} workers: measured", file=sys.stderr, flush=True)
    if points:
        print(as_text(points), end="\n\n")
        print(", ".join(f"{name} {value}".strip() for name, value in machine(options.backend or []).items() if value))
        print()
    print(computed())
    if options.json:
        options.json.write_text(json.dumps([vars(point) for point in points]))


if __name__ == "__main__":
    main()
