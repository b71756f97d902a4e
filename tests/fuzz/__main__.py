"""Read damaged files of every format: `python -m tests.fuzz --seed 1 --count 100`.

A file fails if reading it crashes, hangs, takes too much memory, or raises another error than those of kerasbridge. It
is stored in build/fuzz, named by format, seed and number; `--formats png --seed 1 --only 17` repeats one.
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.seeds import FORMATS
from tests.paths import ROOT

KEPT = ROOT / "build" / "fuzz"
SILENCE = 120
"""Seconds of the clock after which a child that does not end a file is killed."""


class Child:
    """A process that reads files of several formats, one after the other."""

    def __init__(self, names, ranges, seed, strict):
        self.counts, self.failures, self.last = Counter(), [], None
        tasks = json.dumps([(name, *ranges[name]) for name in names])
        command = [sys.executable, "-m", "tests.fuzz.worker", str(seed), tasks, *(["--strict"] if strict else [])]
        environment = {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, env=environment
        )
        self.lines = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(b"")

    def follow(self):
        """Wait until it ends."""
        while line := self._line():
            found = json.loads(line)
            if "problem" in found:
                self.failures.append(found)
                print(found, flush=True)
            else:
                if self.last and self.last["format"] != found["format"]:
                    print(f"{self.last['format']}: done", flush=True)
                self.last = found
                self.counts[found["format"]] += 1
        code = self.process.wait()
        if code and self.last and not (self.failures and self.failures[-1]["number"] == self.last["number"]):
            self.failures.append({**self.last, "problem": f"the process ends with {code}"})

    def _line(self):
        try:
            return self.lines.get(timeout=SILENCE)
        except queue.Empty:
            self.process.kill()
            self.failures.append({**(self.last or {}), "problem": "does not end"})
            return b""


def read_all(names, count, cuts, options):
    """Read the damaged files of formats, in as many processes as crash; return counts and failures."""
    ranges = dict.fromkeys(names, (-cuts, count))
    counts, failures, left = Counter(), [], [*names]
    while left:
        child = Child(left, ranges, options.seed, options.strict)
        child.follow()
        counts += child.counts
        failures += child.failures
        if child.last is None:
            failures.append({"format": left[0], "number": None, "problem": "the process does not begin"})
            left = left[1:]
            continue
        name, number = child.last["format"], child.last["number"]
        left = left[left.index(name) :]
        ranges[name] = (number + 1, ranges[name][1])
        if number + 1 >= ranges[name][1]:
            left = left[1:]
    return counts, failures


def keep(seed, failure):
    """Store a file that fails, and return its path."""
    from tests.fuzz.worker import Files

    if failure.get("number") is None:
        return ""
    name, number = failure["format"], failure["number"]
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _, path, content = Files(name, seed, Path(folder)).damaged(number)
    kept = KEPT / f"{name}-{seed}-{number}{path.suffix}"
    kept.write_bytes(content)
    return kept


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--formats", nargs="*", choices=FORMATS, default=[*FORMATS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, help="damaged files of each format (10,000, or 1,000 with a framework)")
    parser.add_argument("--cuts", type=int, default=10**6, help="files of each format that are cut short (all)")
    parser.add_argument("--only", type=int, help="read one file")
    parser.add_argument("--strict", action="store_true", help="also report errors that a reader did not expect")
    options = parser.parse_args()
    if options.only is not None:
        options.count, options.cuts = options.only + 1, -options.only
    started, failed = time.monotonic(), False
    groups = [[name for name in options.formats if FORMATS[name].framework == kind] for kind in (False, True)]
    with ThreadPoolExecutor() as pool:  # a process without a framework, and one with
        sizes = (options.count or 10_000, options.count or 1_000)
        results = pool.map(lambda names, size: read_all(names, size, options.cuts, options), groups, sizes)
        for counts, failures in results:
            for name, count in counts.items():
                print(f"{name}: {count:,} files", flush=True)
            for failure in failures:
                failed = True
                print(f"{failure} {keep(options.seed, failure)}", flush=True)
    print(f"{'failed' if failed else 'no failures'}, {time.monotonic() - started:.0f} seconds")
    sys.exit(failed)


if __name__ == "__main__":
    main()
