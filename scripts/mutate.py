"""Break the library on purpose, one small fault at a time, and see that a test finds each.

    python scripts/mutate.py [--list] [--only NAME] [--jobs N]

The faults are the rows of mutations.toml: a text that stands once in a file, what to write in its place, and the tests
that should turn red, on a backend or, where that is left out, on none. Each is made in a scratch copy of the project.
The same tests run without any fault first, since one that is red anyway would find everything.
"""

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("mutations.toml")
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider")
MOST_SECONDS = 300
FOUND, SURVIVED, BROKEN = "found", "SURVIVED", "BROKEN"

Trees = queue.SimpleQueue[Path]


@dataclass(frozen=True)
class Mutation:
    """A fault.

    Attributes:
        name: what is wrong, in a few words.
        file: the one to be changed, below the project's folder.
        old, new: a text that stands once in it, and what is written in its place.
        tests: what should find it, as pytest takes them.
        backend: that the tests run on; None for those that need none.
    """

    name: str
    file: str
    old: str
    new: str
    tests: list[str]
    backend: str | None = None


@dataclass(frozen=True)
class Result:
    """What became of a fault, and by which test, or why."""

    mutation: Mutation
    verdict: str
    remark: str


def main() -> int:
    """Read the command line, run, and say what was found: 0 where that is everything."""
    options = parsed()
    chosen = [each for each in mutations() if options.only in (None, each.name)]
    if options.list:
        print(*(f"{each.file}: {each.name}" for each in chosen), sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        trees: Trees = queue.SimpleQueue()
        for number in range(options.jobs):
            trees.put(copied(Path(folder, str(number))))
        return 1 if are_red_anyway(chosen, trees) else report(judged(chosen, trees, options.jobs))


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="show the faults, and run nothing")
    parser.add_argument("--only", metavar="NAME", help="make this fault alone")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="how many to run at a time")
    return parser.parse_args()


def mutations() -> list[Mutation]:
    """Read the table."""
    rows = tomllib.loads(TABLE.read_text("utf-8"))["mutation"]
    return [Mutation(**row) for row in rows]


def copied(tree: Path) -> Path:
    """Copy the project."""
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    return tree


def are_red_anyway(chosen: Sequence[Mutation], trees: Trees) -> bool:
    """Run all tests without a fault, backend by backend, and show what fails."""
    tree, red = trees.get(), False
    for backend in dict.fromkeys(each.backend for each in chosen):
        tests = dict.fromkeys(test for each in chosen if each.backend == backend for test in each.tests)
        done = pytest(tree, [*tests], backend, seconds=None)
        if done.returncode:
            print(f"Without a fault, on {backend or 'no backend'}:\n{done.stdout}{done.stderr}")
            red = True
    trees.put(tree)
    return red


def judged(chosen: Sequence[Mutation], trees: Trees, jobs: int) -> Iterator[Result]:
    """Make the faults, as many at a time as there are trees."""

    def in_a_free_tree(mutation: Mutation) -> Result:
        tree = trees.get()
        try:
            return judge(mutation, tree)
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(in_a_free_tree, chosen)


def judge(mutation: Mutation, tree: Path) -> Result:
    """Make a fault in a tree, run its tests, and take it back."""
    path = tree / mutation.file
    sound = path.read_text("utf-8") if path.is_file() else ""
    times = sound.count(mutation.old)
    if times != 1:
        return Result(mutation, BROKEN, f"the text stands {times} times in {mutation.file}")
    path.write_text(sound.replace(mutation.old, mutation.new), "utf-8")
    try:
        return Result(mutation, *verdict(pytest(tree, mutation.tests, mutation.backend)))
    except subprocess.TimeoutExpired:
        return Result(mutation, BROKEN, f"the tests take more than {MOST_SECONDS} s")
    finally:
        path.write_text(sound, "utf-8")


def pytest(
    tree: Path, tests: Sequence[str], backend: str | None, seconds: float | None = MOST_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run tests of a tree; without bytecode, which would outlive a file that changes twice within a second."""
    env = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    env |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    env |= {"KERAS_BACKEND": backend} if backend else {}
    command = [*PYTEST, *tests]
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=seconds)


def verdict(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Tell what a run of pytest says of a fault, and by which test."""
    lines = done.stdout.splitlines() or done.stderr.splitlines() or [""]
    if done.returncode == 0:
        return SURVIVED, lines[-1]
    if done.returncode != 1:
        return BROKEN, lines[-1]
    return FOUND, next((line for line in lines if line.startswith(("FAILED", "ERROR"))), lines[-1])


def report(results: Iterator[Result]) -> int:
    """Print a line for each fault and a summary; 1 if a fault was not found."""
    counts = dict.fromkeys((FOUND, SURVIVED, BROKEN), 0)
    for each in results:
        counts[each.verdict] += 1
        print(f"{each.verdict:8}  {each.mutation.file}: {each.mutation.name}  ({each.remark})", flush=True)
    print(", ".join(f"{count} {word}" for word, count in counts.items()))
    return int(counts[SURVIVED] + counts[BROKEN] > 0)


if __name__ == "__main__":
    sys.exit(main())
