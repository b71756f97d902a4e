"""Mutation testing: break the library in one small place at a time, and check that a test fails each time.

    python scripts/mutate.py [--list] [--only NAME] [--jobs N]

Each row of mutations.toml is a mutation: a text that occurs exactly once in a file, its replacement, and the tests
that should fail, with the backend to run them on where they need one. Mutations are applied to a scratch copy of the
project. The tests run once without any mutation first, since a test that always fails would detect every mutation.
"""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("mutations.toml")
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider")
MAX_SECONDS = 300
FOUND, SURVIVED, BROKEN = "found", "SURVIVED", "BROKEN"

Trees = queue.SimpleQueue[Path]


@dataclass(frozen=True)
class Mutation:
    """A change of the code that should make a test fail.

    Attributes:
        name: the wrong behaviour, in a few words.
        file: the file to change, relative to the root of the project.
        old, new: a text that occurs exactly once in the file, and its replacement.
        tests: the tests that should fail, as arguments of pytest.
        backend: the backend to run them on; None for tests that need no backend.
    """

    name: str
    file: str
    old: str
    new: str
    tests: list[str]
    backend: str | None = None


@dataclass(frozen=True)
class Result:
    """The outcome of a mutation: found, survived or broken, and the test that failed or the reason."""

    mutation: Mutation
    status: str
    detail: str


def main() -> int:
    """Run the command; return 0 if the tests found every mutation."""
    options = parse_arguments()
    mutations = [mutation for mutation in read_table() if options.only in (None, mutation.name)]
    errors = [error for mutation in mutations for error in row_errors(mutation)]
    if errors or not mutations:
        print(*errors or ["No mutation has this name."], sep="\n", file=sys.stderr)
        return 1
    if options.list:
        print(*(f"{mutation.file}: {mutation.name}" for mutation in mutations), sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        trees: Trees = queue.SimpleQueue()
        for number in range(options.jobs):
            trees.put(copy_project(Path(folder, str(number))))
        if not passes_unmutated(mutations, trees):
            return 1
        return report(run_all(mutations, trees, options.jobs))


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="list the mutations, and check the table, without running")
    parser.add_argument("--only", metavar="NAME", help="run this mutation alone")
    parser.add_argument("--jobs", metavar="N", type=int, default=1, help="the number of processes, 1 by default")
    return parser.parse_args()


def read_table() -> list[Mutation]:
    """Read mutations.toml."""
    rows = tomllib.loads(TABLE.read_text("utf-8"))["mutation"]
    return [Mutation(**row) for row in rows]


def row_errors(mutation: Mutation) -> Iterator[str]:
    """Yield the reasons why a row is stale: its text is not in the file exactly once, or a test does not exist."""
    path = ROOT / mutation.file
    count = path.read_text("utf-8").count(mutation.old) if path.is_file() else 0
    if count != 1:
        yield f"{mutation.name}: expected its text once in {mutation.file}, found it {count} times: {mutation.old!r}"
    for test in mutation.tests:
        file, *names = test.partition("[")[0].split("::")
        text = (ROOT / file).read_text("utf-8") if (ROOT / file).is_file() else ""
        if not text or not all(re.search(rf"^\s*(def|class) {name}\b", text, re.MULTILINE) for name in names):
            yield f"{mutation.name}: expected the test {test}, found none"


def copy_project(tree: Path) -> Path:
    """Copy the project to a new folder."""
    shutil.copytree(ROOT, tree, ignore=IGNORED)
    return tree


def passes_unmutated(mutations: Sequence[Mutation], trees: Trees) -> bool:
    """Run all tests of the table without a mutation, one backend at a time; print the output of failures."""
    tree, passed = trees.get(), True
    for backend in unique(mutation.backend for mutation in mutations):
        tests = unique(test for mutation in mutations if mutation.backend == backend for test in mutation.tests)
        process = run_pytest(tree, tests, backend, seconds=None)
        if process.returncode:
            print(f"Without a mutation, on {backend or 'no backend'}:\n{process.stdout}{process.stderr}")
            passed = False
    trees.put(tree)
    return passed


def unique(items: Iterable[str | None]) -> list[str | None]:
    """Return the items without duplicates, in their order."""
    return list(dict.fromkeys(items))


def run_all(mutations: Sequence[Mutation], trees: Trees, jobs: int) -> Iterator[Result]:
    """Run the mutations in parallel, one per scratch copy; yield the results in the order of the table."""

    def run_in_free_tree(mutation: Mutation) -> Result:
        tree = trees.get()
        try:
            return run_mutation(mutation, tree)
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(run_in_free_tree, mutations)


def run_mutation(mutation: Mutation, tree: Path) -> Result:
    """Apply a mutation to a scratch copy, run its tests, and restore the file."""
    path = tree / mutation.file
    original = path.read_text("utf-8")
    path.write_text(original.replace(mutation.old, mutation.new), "utf-8")
    try:
        return Result(mutation, *status_of(run_pytest(tree, mutation.tests, mutation.backend)))
    except subprocess.TimeoutExpired:
        return Result(mutation, BROKEN, f"the tests take more than {MAX_SECONDS} s")
    finally:
        path.write_text(original, "utf-8")


def run_pytest(
    tree: Path, tests: Sequence[str | None], backend: str | None, seconds: float | None = MAX_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run tests in a scratch copy.

    Bytecode is off: Python reuses it for a file that changes twice within a second without changing its size.
    """
    env = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    env |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    env |= {"KERAS_BACKEND": backend} if backend else {}
    command = [*PYTEST, *filter(None, tests)]
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=seconds)


def status_of(process: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Return the status of a mutation after a run of pytest, and the line of its output to show."""
    lines = process.stdout.splitlines() or process.stderr.splitlines() or [""]
    if process.returncode == 0:
        return SURVIVED, lines[-1]
    if process.returncode != 1:
        return BROKEN, lines[-1]
    return FOUND, next((line for line in lines if line.startswith(("FAILED", "ERROR"))), lines[-1])


def report(results: Iterable[Result]) -> int:
    """Print a line per mutation and the totals; return 1 if one was not found."""
    counts = dict.fromkeys((FOUND, SURVIVED, BROKEN), 0)
    for result in results:
        counts[result.status] += 1
        print(f"{result.status:8}  {result.mutation.file}: {result.mutation.name}  ({result.detail})", flush=True)
    print(", ".join(f"{count} {status}" for status, count in counts.items()))
    return int(counts[SURVIVED] + counts[BROKEN] > 0)


if __name__ == "__main__":
    sys.exit(main())
