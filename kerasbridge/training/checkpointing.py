"""Write the checkpoints of a run between its blocks, and continue a run from one."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kerasbridge import checks
from kerasbridge.checkpoint import callback_state, files, fingerprint, nested, variables
from kerasbridge.checkpoint.background import BackgroundWriter
from kerasbridge.checkpoint.files import Content
from kerasbridge.checkpoint.interval import Interval, parse_interval
from kerasbridge.checkpoint.position import Position
from kerasbridge.data.epoch_iterators import EpochIterator
from kerasbridge.engines import fast_paths
from kerasbridge.engines.base import Block, Engine
from kerasbridge.errors import ArgumentError, RunFolderError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.models import pythonify_logs
from kerasbridge.random.generator import host_rng_state, set_host_rng_state
from kerasbridge.runs import RunWriter
from kerasbridge.runtime import signals
from kerasbridge.runtime.signals import NotedSignals, note_signals
from kerasbridge.training.blocks import BlockReport
from kerasbridge.training.python_state import user_functions, variables_of
from kerasbridge.training.step_loop import BlockWatch, Runner

log = logging.getLogger("kerasbridge")
COMPARED_ARGUMENTS = (
    "batch_size", "validation_split", "shuffle", "class_weight", "steps_per_epoch", "validation_steps",
    "validation_batch_size", "validation_freq", "seed", "rng", "step",
)  # fmt: skip
"""The arguments of `kb.fit` that must be the same when a run is continued."""


@dataclass(frozen=True)
class Settings:
    """The times at which checkpoints are written, and how many are kept.

    Attributes:
        interval: the time, steps or epochs between two.
        keep: how many are kept.
        resume: whether to continue from the latest one.
    """

    interval: Interval
    keep: int
    resume: bool


def check_settings(
    run_dir: Any, checkpoint_every: Any, keep_checkpoints: Any, resume: Any, initial_epoch: int
) -> Settings | None:
    """Return the settings of the arguments of `kb.fit`; None if there are to be no checkpoints.

    Raises:
        ArgumentError: an argument is invalid, or does not go with another.
    """
    checks.check_flag("resume", resume)
    checks.check_count("keep_checkpoints", keep_checkpoints)
    interval = None if checkpoint_every is None else parse_interval(checkpoint_every)
    if not resume and interval is None:
        return None
    if run_dir is None:
        name = "resume" if resume else "checkpoint_every"
        raise ArgumentError(
            f"Expected run_dir with {name}, received none. Pass run_dir, the folder of the checkpoints."
        )
    if resume and initial_epoch:
        raise ArgumentError(
            f"Expected no initial_epoch with resume, received {initial_epoch}: the checkpoint contains the epoch. "
            "Leave one of them out."
        )
    return Settings(interval or Interval(epochs=1), keep_checkpoints, resume)


class NoCheckpoints:
    """Does nothing at the points of a training where `Checkpointer` acts.

    Attributes:
        has_sought: whether `load` has moved the data to the position.
    """

    has_sought = False

    def connect(self, runner: Runner, iterator: EpochIterator, callbacks: Sequence[Any], watch: BlockWatch) -> None:
        """Set what the checkpoints are about."""

    def load(self, epochs: int) -> Position | None:
        """Return the position to continue from; None to begin. `epochs` is the epoch to train up to."""
        del epochs
        return None

    def restore(self) -> None:
        """Assign the loaded state, after `on_train_begin` and, within an epoch, `on_epoch_begin` of the callbacks."""

    def has_outside(self) -> bool:
        """Return whether the checkpoint has variables outside the model."""
        return False

    def restore_outside(self, block: Block) -> None:
        """Assign the variables outside the model, before the first block runs, which is traced."""

    def steps_left(self) -> int | None:
        """Return how many steps the next block may have at most; None for any number."""
        return None

    def after_block(self, epoch: int, report: BlockReport) -> None:
        """Write a checkpoint if one is due after a block; raise if a signal was noted."""
        signals.check()

    def after_epoch(self, position: Position) -> None:
        """Write a checkpoint if one is due after an epoch and its callbacks."""

    def wait(self) -> None:
        """Wait for the checkpoint that is being written."""

    def close(self) -> None:
        """Wait for it also if the training has failed."""


class Checkpointer(NoCheckpoints):
    """Writes the checkpoints of one call of `kb.fit`.

    Args:
        settings: when they are written.
        run: the writer of the run that they belong to.
        started_with: what the run was started with, as JSON data: arguments, model and data.
        environment: what changes the last bits of numbers: backend, versions, threads.
        noted: the signals that arrived.
    """

    def __init__(
        self,
        settings: Settings,
        run: RunWriter,
        started_with: Mapping[str, Any],
        environment: Mapping[str, Any],
        noted: NotedSignals,
    ) -> None:
        self._settings, self._started_with, self._environment = settings, started_with, environment
        self._run, self._noted, self._writer = run, noted, BackgroundWriter()
        self._content: Content | None = None
        self._copies: nested.Arrays = {}
        self._path = run.target
        self._saved_at, self._steps, self._epochs = time.monotonic(), 0, 0

    def connect(self, runner: Runner, iterator: EpochIterator, callbacks: Sequence[Any], watch: BlockWatch) -> None:
        """Set what the checkpoints are about."""
        self._runner, self._iterator, self._callbacks, self._watch = runner, iterator, callbacks, watch
        iterator.keep_digests()
        names = callback_state.without_state(callbacks)
        if names:
            log.info(
                "kerasbridge: %s keeps no state in checkpoints; give it get_state and set_state if it must.",
                ", ".join(names),
            )

    def load(self, epochs: int) -> Position | None:
        """Choose the checkpoint to continue from, move the data there, and return its position.

        Raises:
            ArgumentError: the run was started with other arguments, data or another model.
        """
        if not self._settings.resume:
            return None
        files.clean(self._run.target)
        position = self._choose()
        is_complete = self._run.was_finished and position is not None and position.has_ended(epochs)
        if not self._run.is_open and not is_complete:
            self._run.continue_after(position.epoch if position else 0)
        return position

    def _choose(self) -> Position | None:
        data_differs = False
        for path, content in files.newest(self._run.target):
            with self._expecting_our_state(path):
                position = Position(**content.state["position"])
                position = replace(position, logs=nested.decode(position.logs, content.arrays))
                self._check(content)
            if data_differs and position.step:
                continue
            if not data_differs and not self._iterator.seek(position.epoch, position.step, position.data):
                data_differs = True
                log.warning(
                    "kerasbridge: the data gave other batches than before the interruption, so the run continues at "
                    "the beginning of an epoch, with other batches than without it. Seed the data, or pass arrays or a "
                    "keras.utils.PyDataset."
                )
                self._iterator.restart()
                if position.step:
                    continue
            log.info("kerasbridge: continuing from %s.", path)
            self._path, self._content, self.has_sought = path, content, not data_differs
            return position
        return None

    def restore(self) -> None:
        """Assign variables, callbacks and random generators their values in the checkpoint, if there is one."""
        if self._content is None:
            return
        with self._expecting_our_state(self._path):
            self._restore(self._content.state, self._content.arrays)

    def _restore(self, state: Mapping[str, Any], arrays: nested.Arrays) -> None:
        variables.assign(self._listed(), {key: arrays[name] for key, name in state["variables"].items()})
        callback_state.restore(self._callbacks, state["callbacks"], arrays)
        if self._iterator.digest is None:  # data that was read again has moved the generators itself
            _set_host_rng(nested.decode(state["host_rng"], arrays))
        engine_rng = nested.decode(state["engine_rng"], arrays)
        if engine_rng is not None and state["environment"]["backend"] == self._environment["backend"]:
            self._runner.engine.set_rng_state(engine_rng)
        self._warn_environment(state["environment"])

    def has_outside(self) -> bool:
        if self._content is not None and not self._content.state["outside"]:
            self._content = None
        return self._content is not None

    def restore_outside(self, block: Block) -> None:
        """Assign the variables that the compiled step uses outside the model, once it is traced."""
        if self._content is None:
            return
        state, arrays = self._content.state, self._content.arrays
        self._content = None
        outside = variables.by_key(self._outside(self._listed(), block.variables))
        variables.assign(outside, {key: arrays[name] for key, name in state["outside"].items()})

    def steps_left(self) -> int | None:
        """Return after how many steps the next checkpoint is due, if that is counted in steps."""
        every = self._settings.interval.steps
        return max(1, every - self._steps) if every else None

    def after_block(self, epoch: int, report: BlockReport) -> None:
        """Write a checkpoint if one is due, or if a signal ends the program here.

        Raises:
            KeyboardInterrupt, SystemExit: a signal has arrived; the checkpoint is written.
            RunFolderError: an earlier checkpoint could not be written.
        """
        self._steps += report.last + 1 - report.first
        self._save_if_due(lambda: Position(epoch, report.last + 1, pythonify_logs(report.logs)))

    def _save_if_due(self, position: Callable[[], Position]) -> None:
        """Write a checkpoint if one is due; only then the position is computed, which waits for the device."""
        interval = self._settings.interval
        due_by_time = interval.seconds and time.monotonic() - self._saved_at >= interval.seconds
        due_by_steps = interval.steps and self._steps >= interval.steps
        if self._noted.number is not None:
            self._start(position())
            self.wait()
            self._noted.check()
        elif self._watch.is_finite and (due_by_steps or (due_by_time and not self._writer.is_busy)):
            self._start(position())

    def after_epoch(self, position: Position) -> None:
        """Write a checkpoint if one is due at the end of an epoch.

        One is always written after the last epoch, and for data that can only be read in sequence.

        Raises:
            KeyboardInterrupt, SystemExit, RunFolderError: as for `after_block`.
        """
        self._epochs += 1
        every = self._settings.interval.epochs
        must_save = position.finished_epochs is not None
        is_due = self._iterator.digest is not None or (every and self._epochs >= every)
        if self._noted.number is None and (must_save or (is_due and self._watch.is_finite)):
            self._start(position)
        else:
            self._save_if_due(lambda: position)

    def close(self) -> None:
        """Wait for the checkpoint that is being written, when the training has failed; its errors are ignored."""
        with contextlib.suppress(Exception):
            self._writer.wait()

    def wait(self) -> None:
        """Wait for the checkpoint that is being written.

        Raises:
            RunFolderError: it could not be written.
        """
        with self._run.wrap_errors():
            self._writer.wait()

    def _start(self, position: Position) -> None:
        folder, keep, keep_epoch = self._run.target, self._settings.keep, self._iterator.digest is not None
        self.wait()  # for the arrays that the next content is copied into
        content = self._read(position)
        with self._run.wrap_errors():
            self._writer.start(lambda: files.write(folder, content, position.epoch, position.step, keep, keep_epoch))
        self._saved_at, self._steps, self._epochs = time.monotonic(), 0, 0

    def _read(self, position: Position) -> Content:
        """Return the state of the run as it is now, copied."""
        engine, arrays = self._runner.engine, {}  # type: Any, nested.Arrays
        listed = self._listed()
        outside = variables.by_key(self._outside(listed, self._runner.variables()))

        def add(prefix: str, named: Mapping[str, Any]) -> dict[str, str]:
            prefixed = {f"{prefix} {key}": variable for key, variable in named.items()}
            arrays.update(variables.read(engine, prefixed, self._copies))
            return {key: f"{prefix} {key}" for key in named}

        position = replace(position, data=self._iterator.digest)
        state = {
            "variables": add("variable", listed),
            "outside": add("outside", outside),
            "position": {**position.to_json(), "logs": nested.encode(position.logs, arrays)},
            "callbacks": callback_state.read(self._callbacks, arrays),
            "host_rng": nested.encode(list(host_rng_state()), arrays),
            "engine_rng": nested.encode(engine.rng_state(), arrays),
            "started_with": dict(self._started_with),
            "environment": dict(self._environment),
        }
        self._copies = {key: arrays[key] for key in (*state["variables"].values(), *state["outside"].values())}
        return Content(arrays, state)

    def _listed(self) -> dict[str, Any]:
        """Return the variables that are known before the step is traced."""
        return variables.by_key(self._runner.listed_variables())

    def _outside(self, listed: Mapping[str, Any], used: Sequence[Any]) -> list[Any]:
        """Return the variables outside the model: those of the user's objects, then others that a compiled step uses.

        A step on TensorFlow, or one that runs as Python, does not list what it uses.
        """
        ids = {id(variable) for variable in listed.values()}
        of_user = variables_of([*user_functions(self._runner.model), *self._runner.step.functions])
        return [variable for variable in [*of_user, *used] if id(variable) not in ids]

    @contextlib.contextmanager
    def _expecting_our_state(self, path: Path) -> Iterator[None]:
        """Raise RunFolderError if a checkpoint, though its checksums fit, contains what kerasbridge does not write."""
        try:
            yield
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise RunFolderError(
                f"{path} contains a state that kerasbridge did not write ({type(error).__name__}: {error}): remove it, "
                "to continue from an earlier checkpoint."
            ) from error

    def _check(self, content: Content) -> None:
        found = fingerprint.differences(content.state["started_with"], self._started_with)
        if found:
            raise ArgumentError(
                f"Expected what the run in {self._run.folder} was started with, to continue it; "
                f"{'; '.join(found[:5])}. Pass the same, or choose another folder."
            )

    def _warn_environment(self, before: Mapping[str, Any]) -> None:
        found = fingerprint.differences(before, self._environment)
        if found:
            log.warning(
                "kerasbridge: the run continues with %s, so that its numbers are equal up to rounding only.",
                "; ".join(found),
            )


def _set_host_rng(state: Any) -> None:
    (version, internal, gauss), numpy_state = state
    set_host_rng_state(((version, tuple(internal), gauss), tuple(numpy_state)))


@contextlib.contextmanager
def open_checkpoints(
    settings: Settings | None,
    run: RunWriter | None,
    engine: Engine,
    fit_arguments: Mapping[str, Any],
    sources: Mapping[str, tuple[Any, Any]],
) -> Iterator[NoCheckpoints]:
    """Provide what writes the checkpoints of a call of `kb.fit`; meanwhile Ctrl-C and SIGTERM wait for one.

    Args:
        settings: when they are written; None for no checkpoints.
        run: the writer of the run.
        engine: the engine of the run.
        fit_arguments: the arguments of `kb.fit`.
        sources: training and validation data by name: the source, and the phase that runs over it; None if absent.
    """
    if settings is None or run is None:
        yield NoCheckpoints()
        return
    seed = run.config.seed or 0
    data = {name: _describe(*pair, seed) for name, pair in sources.items() if pair[1] is not None}
    arguments = {name: fingerprint.plain(fit_arguments[name]) for name in COMPARED_ARGUMENTS}
    started_with = {**arguments, **fingerprint.of_model(fit_arguments["model"]), **data}
    environment = {
        "backend": engine.name,
        "device": engine.device,
        "threads": engine.threads(),
        "floatx": keras.config.floatx(),
        "fast_paths": sorted(fast_paths.allowed()),
        **{name: run.config.versions.get(name) for name in ("keras", engine.name)},
    }
    with note_signals() as noted:
        yield Checkpointer(settings, run, started_with, environment, noted)
        noted.check()


def _describe(source: Any, phase: Any, seed: int) -> dict[str, Any]:
    """Return a description of the data of a phase: of some rows, or of the structure of a batch."""
    if hasattr(source, "gather"):
        return fingerprint.of_rows(source, seed)
    return fingerprint.of_batch(phase.iterator.first())
