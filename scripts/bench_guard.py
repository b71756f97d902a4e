"""Compare the ratios of one run of `kerasbridge bench` with the bounds in bench_bounds.toml.

    python scripts/bench_guard.py --backend torch --workload mlp --clock cpu

A bound is missed if even the upper quartile of the ratio is below it, so that a single disturbed round does not count.
The exit code is 1 if a bound is missed or could not be compared.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kerasbridge as kb
from kerasbridge.benchmark.result import BenchResult

BOUNDS = Path(__file__).with_name("bench_bounds.toml")
KEYS = ("workload", "contender", "backend")


def read_bounds(path: Path = BOUNDS) -> list[dict[str, Any]]:
    """Return the rows of the file."""
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["bounds"]
    return rows


def bounds_of(rows: Sequence[Mapping[str, Any]], workload: str, contender: str, backend: str) -> Mapping[str, float]:
    """Return the bound of each quantity: those of the last row that applies."""
    wanted = {"workload": workload, "contender": contender, "backend": backend}
    found: Mapping[str, Any] = {}
    for row in rows:
        if all(row.get(key, wanted[key]) == wanted[key] for key in KEYS):
            found = row
    return {quantity: bound for quantity, bound in found.items() if quantity not in KEYS}


def missed(result: BenchResult, rows: Sequence[Mapping[str, Any]], clock: str) -> Iterator[str]:
    """Yield a line for each bound that is missed, or whose ratio was not measured."""
    for workload in result.workloads:
        for one in workload.contenders:
            for quantity, bound in bounds_of(rows, workload.name, one.contender, one.backend).items():
                ratio = workload.ratio(one, quantity, clock)
                where = f"{workload.name}, {one.label}, {quantity}"
                if ratio is None:
                    yield f"{where}: expected at least {bound:g}, not compared. {one.failure}".strip()
                elif ratio.high < bound:
                    yield f"{where}: expected at least {bound:g}, received {ratio.median:.2f} (to {ratio.high:.2f})"


def main() -> None:
    """Measure, print the table and the bounds that are missed."""
    rows = read_bounds()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", help="default: all that have bounds")
    parser.add_argument("--backend", action="append", help="default: all that are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    workloads = options.workload or list(dict.fromkeys(row["workload"] for row in rows))
    contenders = sorted({row["contender"] for row in rows})
    measure = {"backends": options.backend, "rounds": options.rounds, "threads": options.threads}
    result = kb.bench(workloads, contenders=contenders, **measure)
    result.clock = options.clock
    print(result, end="\n\n")
    lines = list(missed(result, rows, options.clock))
    print("\n".join(lines) or "No bound is missed.")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
