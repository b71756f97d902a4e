"""Read damaged files of one format, many in one process, and print which of them fail.

It prints the number of each file before it reads it, and a line with the reason for each failure.
"""

import contextlib
import json
import random
import resource
import signal
import sys
import tempfile
from pathlib import Path

from kerasbridge.errors import KerasbridgeError
from tests.fuzz import mutations
from tests.fuzz.seeds import FORMATS, parser

SECONDS = 5
"""Seconds of the processor that one file may take."""

MEMORY = 2**30
"""Bytes of memory that one file may add to the process."""

ADDRESS_SPACE = 4 * 2**30


class TooSlow(BaseException):
    """A file took too long."""


class Checksum(int):
    """A checksum that equals any other, so that damage behind it is read too."""

    __hash__ = int.__hash__

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False


class Files:
    """The valid files of a format, and damaged ones by their numbers."""

    def __init__(self, name, seed, folder):
        self.name, self.seed, self.format = name, seed, FORMATS[name]
        self.models = [(paths, _files_of(paths)) for paths in self.format.make(folder)]
        self.whole = {path: path.read_bytes() for _, files in self.models for path in files}
        self.cuts = [(*model, path, size) for model in self.models for path in model[1]
                     for size in mutations.truncations(self.whole[path])]  # fmt: skip

    def damaged(self, number):
        """Return the paths to read, the damaged file among them and its content; numbers below 0 are truncations."""
        draw = random.Random(f"{self.seed}/{self.name}/{number}")
        if number < 0:
            paths, _, path, size = self.cuts[-number - 1]
            return paths, path, self.whole[path][:size]
        paths, files = draw.choice(self.models)
        path = draw.choice(files)
        return paths, path, mutations.mutate(draw, self.whole[path], [*self.whole.values()], parser(path))

    def read(self, number):
        """Read one damaged model; return why that failed, "" if it did not."""
        paths, path, content = self.damaged(number)
        path.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        try:
            with limited_time(), contextlib.redirect_stdout(sys.stderr):
                self.format.read(*paths)
        except KerasbridgeError as error:
            if "more memory than there is" in str(error):
                return "memory"
            if STRICT and "reading it fails with" in str(error):
                return f"unexpected {error.__cause__!r}"
        except TooSlow:
            return f"more than {SECONDS} seconds"
        except BaseException as error:
            return f"{type(error).__name__}: {str(error)[:200]}"
        finally:
            path.write_bytes(self.whole[path])
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
        return f"{grown:,} bytes of memory" if grown > MEMORY else ""


STRICT = "--strict" in sys.argv


def _files_of(paths):
    """Return the files of a model, those in a folder and the other files of a checkpoint included."""
    found = []
    for path in paths:
        if path.is_dir():
            found += sorted(inner for inner in path.rglob("*") if inner.is_file())
        elif path.suffix in (".meta", ".index"):
            found += sorted(other for other in path.parent.iterdir() if other.name.startswith(f"{path.stem}."))
        else:
            found.append(path)
    return found


@contextlib.contextmanager
def limited_time():
    """Raise TooSlow in a reader that takes too much time of the processor."""

    def stop(*_):
        raise TooSlow

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextlib.contextmanager
def ignored_checksums(name):
    """Accept any checksum of the tables of TensorFlow, so that damage behind them is read too."""
    from kerasbridge.importers.tensorflow import crc32c, sstable, tensor_bundle

    modules = (sstable, tensor_bundle) if name.startswith(("checkpoint", "saved_model")) else ()
    for module in modules:
        module.masked_crc32c = lambda content: Checksum(crc32c.masked_crc32c(content))
    yield
    for module in modules:
        module.masked_crc32c = crc32c.masked_crc32c


def main(seed, tasks):
    """Read the files of (format, first number, last number)."""
    if any(FORMATS[name].framework for name, _, _ in tasks):
        import kerasbridge as kb

        kb.use_backend()
    unlimited = resource.getrlimit(resource.RLIMIT_AS)
    for name, first, last in tasks:
        resource.setrlimit(resource.RLIMIT_AS, unlimited)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, ignored_checksums(name):
            files = Files(name, seed, Path(folder))
            for paths, _ in files.models:
                with contextlib.suppress(KerasbridgeError), contextlib.redirect_stdout(sys.stderr):
                    files.format.read(*paths)  # imports what it needs before memory is limited
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESS_SPACE, unlimited[1]))
            for number in range(max(first, -len(files.cuts)), last):
                place = {"format": name, "number": number}
                print(json.dumps(place), flush=True)
                if problem := files.read(number):
                    print(json.dumps({**place, "problem": problem}), flush=True)
                    if "memory" in problem:
                        return  # the peak is that of the process: the next process goes on


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
