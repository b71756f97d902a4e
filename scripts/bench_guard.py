"""Compare the ratios of one run of `kerasbridge bench` with the bounds in bench_bounds.toml.

    python scripts/bench_guard.py --backend torch --workload mlp --clock cpu
    python scripts/bench_guard.py --bounds-of bench.json

A bound is missed if even the upper quartile of the ratio is below it, so that a single disturbed round does not count.
The exit code is 1 if a bound is missed or could not be compared. The second command measures nothing: it prints the
bounds that follow from a file that `kerasbridge bench --json` wrote, to be copied into bench_bounds.toml.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kerasbridge as kb
from kerasbridge.benchmark.result import BenchResult

BOUNDS = Path(__file__).with_name("bench_bounds.toml")
KEYS = ("workload", "contender", "backend", "rows")
QUANTITIES = ("first epoch", "first fit", "epoch", "evaluate", "predict", "from shell")
ROOM, ROOM_BEHIND_STOCK = 0.8, 0.95


def read_bounds(path: Path = BOUNDS) -> list[dict[str, Any]]:
    """Return the rows of the file."""
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["bounds"]
    return rows


def bounds_of(
    rows: Sequence[Mapping[str, Any]], workload: str, contender: str, backend: str, size: int | None = None
) -> Mapping[str, float]:
    """Return the bound of each quantity: those of the last row that applies."""
    wanted = {"workload": workload, "contender": contender, "backend": backend, "rows": size}
    found: Mapping[str, Any] = {}
    for row in rows:
        if all(row.get(key, wanted[key]) == wanted[key] for key in KEYS):
            found = row
    return {quantity: bound for quantity, bound in found.items() if quantity not in KEYS}


def missed(result: BenchResult, rows: Sequence[Mapping[str, Any]], clock: str) -> Iterator[str]:
    """Yield a line for each bound that is missed, or whose ratio was not measured."""
    for workload in result.workloads:
        if not any(
            row["workload"] == workload.name and row.get("rows", workload.rows) == workload.rows for row in rows
        ):
            yield f"{workload.name}: no bounds for {workload.rows} rows"
        for one in workload.contenders:
            for quantity, bound in bounds_of(rows, workload.name, one.contender, one.backend, workload.rows).items():
                ratio = workload.ratio(one, quantity, clock)
                where = f"{workload.name}, {one.label}, {quantity}"
                if ratio is None:
                    yield f"{where}: expected at least {bound:g}, not compared. {one.failure}".strip()
                elif ratio.high < bound:
                    yield f"{where}: expected at least {bound:g}, received {ratio.median:.2f} (to {ratio.high:.2f})"


def proposed(result: Mapping[str, Any], contender: str = "stock") -> Iterator[dict[str, Any]]:
    """Yield the rows that follow from the JSON of a benchmark.

    A ratio may fall to 0.8 of the lower one of both clocks. Where that is below the speed of stock Keras, it may lose a
    twentieth only; the first epoch, of which there is one sample, may lose a fifth there too.
    """
    for workload in result["workloads"]:
        for one in workload["contenders"]:
            if one["contender"] != contender:
                continue
            where = {"workload": workload["name"], "contender": contender, "backend": one["backend"]}
            yield {**where, "rows": workload["rows"], **dict(_bounds(one["quantities"]))}


def _bounds(quantities: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name in QUANTITIES:
        ratios = [clock["compared_with_kerasbridge"] for clock in quantities.get(name, {}).values()]
        if all(ratios) and ratios:
            ratio = min(median for _, median, _ in ratios)
            least = 0.0 if name.startswith("first") else ROOM_BEHIND_STOCK * min(ratio, 1.0)
            yield name, round(max(ROOM * ratio, least), 2)


def as_toml(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as in the file of bounds."""
    lines = (["[[bounds]]", *(f"{_key(name)} = {json.dumps(value)}" for name, value in row.items())] for row in rows)
    return "\n\n".join("\n".join(each) for each in lines)


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def main() -> None:
    """Measure, print the table and the bounds that are missed."""
    rows = read_bounds()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", help="default: all that have bounds")
    parser.add_argument("--backend", action="append", help="default: all that are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--data", default="", help="an .npz file with the full MNIST")
    parser.add_argument("--bounds-of", type=Path, help="print the bounds that follow from a file, and measure nothing")
    options = parser.parse_args()
    if options.bounds_of:
        print(as_toml(proposed(json.loads(options.bounds_of.read_text(encoding="utf-8")))))
        return
    every = ["mlp"] if options.data else list(dict.fromkeys(row["workload"] for row in rows))
    workloads = options.workload or every
    contenders = sorted({row["contender"] for row in rows})
    measure = {"backends": options.backend, "rounds": options.rounds, "threads": options.threads}
    result = kb.bench(workloads, contenders=contenders, data=options.data, **measure)
    result.clock = options.clock
    print(result, end="\n\n")
    lines = list(missed(result, rows, options.clock))
    print("\n".join(lines) or "No bound is missed.")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
