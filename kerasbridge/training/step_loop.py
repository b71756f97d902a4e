"""The step loop: run a compiled step over chunks of batches, in blocks of several steps."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from kerasbridge.data.epoch_iterators import Chunk
from kerasbridge.engines.base import Block, BlockResult, Engine, StartingBlock
from kerasbridge.engines.compile_cache import cached_on_model, model_fingerprint
from kerasbridge.engines.fast_paths import record
from kerasbridge.engines.stateless import unique
from kerasbridge.engines.step import Step
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.model_state import all_variables, optimizer_variables
from kerasbridge.keras_compat.models import compile_state, keras_settings, metric_results
from kerasbridge.random.generator import host_rng_state, set_host_rng_state
from kerasbridge.runtime.clock import clock
from kerasbridge.training.blocks import BlockSizer, CallbackNotifier, OnBlockEnd, StepsLeft
from kerasbridge.training.compile_decision import CompileDecision
from kerasbridge.training.device_memory import explain_out_of_memory
from kerasbridge.training.python_state import PythonState, user_functions, variables_of
from kerasbridge.training.step_check import Steps, run_checked, steps_to_check
from kerasbridge.training.whole_batch.metrics import needs_whole_batches, single_metrics
from kerasbridge.training.whole_batch.trial import difference_of_split
from kerasbridge.training.workers import MetricSums, Workers, compute_share

log = logging.getLogger("kerasbridge")
LONG_RUN = 50
"""Steps of a run that is worth checking again though its compiled step was checked in an earlier one."""

COMPILED = "_kerasbridge_compiled"


@dataclass(frozen=True)
class Entry:
    """The entry into an epoch: at its first step, or in its middle when a run is continued.

    Attributes:
        step: the first step to run.
        logs: the logs of the step before it.
        before: called with the block and the chunk before the first block runs.
    """

    step: int = 0
    logs: Mapping[str, Any] = field(default_factory=dict)
    before: Callable[[Block, Chunk], None] | None = None


class BlockWatch:
    """Looks at the blocks of a training; this one does nothing.

    Attributes:
        epoch: the current epoch, from 0.
        is_finite: whether the losses of the latest block are known to be finite.
        skipped: the number of steps whose update was not applied.
    """

    epoch = 0
    is_finite = True
    skipped = 0

    def before(self, compiled: "Compiled") -> None:
        """Look at the variables before a block runs."""

    def after(self, compiled: "Compiled", chunk: Chunk, start: int, result: BlockResult) -> None:
        """Look at the result of a block that began at the step `start`, before callbacks see it."""

    def finish(self) -> None:
        """Look at the variables after the training."""


class Resettable(Protocol):
    """Object that accumulates means over an epoch."""

    @property
    def sums(self) -> Sequence[Any]:
        """The variables that accumulate over rows."""
        ...

    def reset_state(self) -> None:
        """Reset the means."""


@dataclass(frozen=True)
class PreparedStep:
    """A step for a model that is built.

    Attributes:
        make_step: returns the step, given the model and the engine.
        means: further means to reset with the metrics of the model.
        functions: the user's functions, if it is a custom step.
        variables: the variables that a custom step uses.
        optimizers: each optimizer in use with the variables that it updates; None if that is the one of the model.
        metrics: the metrics that the step updates, in addition to those of the model.
        trains: whether it changes weights.
        results: returns the logs from the states of the metrics, given the model.
    """

    make_step: Callable[..., Step]
    means: Resettable | None = None
    functions: Sequence[Callable[..., Any]] = ()
    variables: Sequence[Any] = ()
    optimizers: Sequence[tuple[Any, Sequence[Any]]] | None = None
    metrics: Sequence[Any] = ()
    trains: bool = False
    results: Callable[[keras.Model], dict[str, Any]] = metric_results


@dataclass
class Compiled:
    """A step, its compiled function, and the version of the Python values that it reads.

    Attributes:
        decision: decides when the step is compiled; until then, `function` is a `StartingBlock`. None afterwards.
        run: identifies the latest run of a runner that used it; None before the first.
        unchecked: the steps of that run that are still to be checked.
        fast_paths: the fast paths that it uses.
    """

    step: Step
    function: Any
    version: int
    decision: CompileDecision | None = None
    run: object = None
    unchecked: int = 0
    fast_paths: set[str] = field(default_factory=set)

    def compile(self, engine: Engine) -> None:
        """Compile the step, which has run as Python."""
        self.function = engine.compile(replace(self.step, variables=self.function.variables))
        self.decision = None


class Runner:
    """Runs one kind of step of one model.

    Args:
        model: the model.
        engine: the engine that compiles the step.
        prepare: builds the model, if necessary, and returns the step; called again if a callback compiles the model.
        note: called with the reports of the steps of each block.
    """

    def __init__(
        self,
        model: keras.Model,
        engine: Engine,
        prepare: Callable[[], PreparedStep],
        note: Callable[[np.ndarray[Any, Any]], None] | None = None,
    ) -> None:
        self.model, self.engine, self._prepare, self._note = model, engine, prepare, note
        self.execution_mode: str | None = None
        self.fallback_reason: str | None = None
        self.fast_paths: set[str] = set()
        self._run = object()
        self._is_single = False  # whether every block has one step
        self._is_checked = False  # whether the workers were compared after a block
        self._is_compared = False  # whether the step was compared with that of one worker
        self.workers = Workers(engine)
        self._set_step()

    def _set_step(self) -> None:
        self.step = self._prepare()
        self.workers.check_model(self.model)
        self._compile_state = compile_state(self.model)
        self.python_state = PythonState.of(self.model, self.step.functions)
        self._version = self.python_state.version

    def reset_metrics(self) -> None:
        """Reset the metrics of the model and the further means."""
        self.model.reset_metrics()
        if self.step.means:
            self.step.means.reset_state()

    def run(
        self,
        chunks: Iterable[Chunk],
        sizer: BlockSizer,
        begin: Callable[[int], None],
        end: OnBlockEnd,
        stopped: Callable[[], bool],
        stop_on_nonfinite: bool = False,
        entry: Entry = Entry(),
        watch: BlockWatch | None = None,
        steps_left: StepsLeft | None = None,
    ) -> dict[str, Any]:
        """Run every step of the chunks and return the logs of the last.

        Args:
            chunks: chunks of an epoch iterator.
            sizer: chooses the number of steps per block.
            begin: called before the steps that one call of `end` reports, with the index of the first.
            end: called after those steps, with their report.
            stopped: called after `end`; True ends the loop.
            stop_on_nonfinite: end a block at the first loss that is not finite, unless the block size is fixed.
            entry: where the epoch is entered; the chunks begin there.
            watch: looks at each block.
            steps_left: the steps that are left, where they are known.
        """
        steps_left, self._is_single = steps_left or StepsLeft(), sizer.fixed == 1
        notifier = CallbackNotifier(sizer.fixed, begin, end, entry.step)
        notifier.logs, before = dict(entry.logs), entry.before
        stop_on_nonfinite = stop_on_nonfinite and not sizer.fixed
        watch = watch or BlockWatch()
        may_have_changed = True  # callbacks may change the model before the first block, and between blocks if hooked
        for chunk in chunks:
            start = chunk.start
            while start < chunk.steps:
                notifier.begin()
                self.workers.follow(self.model, is_needed=sizer.fixed is not None)
                compiled = self.compiled(chunk, self.engine.compile, may_have_changed)
                may_have_changed = sizer.fixed is not None
                if before:
                    before(compiled.function, chunk)
                    before = None
                size = self.workers.agree(notifier.limit(1 if stopped() else sizer.size()))
                stop = min(start + size, chunk.steps)
                watch.before(compiled)
                start_time = time.perf_counter()
                with explain_out_of_memory(self.engine, self.model, chunk.rows), record(compiled.fast_paths):
                    steps = Steps(chunk, start, stop, stop_on_nonfinite)
                    result = self._run_share(compiled, steps, steps_left.of(chunk.signature))
                self.workers.forget()
                if not self._is_checked:
                    self.check_equal()
                    self._is_checked = True
                steps_left.record(chunk.signature, result.steps)
                sizer.update(result.steps, time.perf_counter() - start_time)
                if self._note:
                    self._note(result.reports)
                watch.after(compiled, chunk, start, result)
                start += result.steps
                is_reported = notifier.notify(result.steps, result.steps * chunk.rows, result.logs)
                if is_reported and self.workers.agree(stopped()):
                    return notifier.logs
        notifier.flush()
        return notifier.logs

    def variables(self) -> list[Any]:
        """Return the variables that the compiled steps of this run use, also those outside the model."""
        compiled = self.model.__dict__.get(COMPILED, {}).values()
        return [variable for each in compiled if each.run is self._run for variable in each.function.variables]

    def listed_variables(self) -> list[Any]:
        """Return the variables that are known before the step is traced, each once."""
        optimizers = [each for each, _ in self.step.optimizers or () if each is not None]
        of_optimizers = [variable for each in optimizers for variable in optimizer_variables(each)]
        of_step = self.step.make_step(self.model, self.engine).variables
        return unique([all_variables(self.model), of_optimizers, of_step])

    def followed_variables(self) -> list[Any]:
        """Return all variables that the step may read, also those outside the model, in the same order everywhere."""
        of_user = variables_of([*user_functions(self.model), *self.step.functions])
        return unique([self.listed_variables(), of_user, self.variables()])

    def changed_by_callbacks(self) -> str | None:
        """Return what callbacks have changed since the latest block, apart from variables; None if nothing."""
        if compile_state(self.model) != self._compile_state:
            return "the optimizer, loss or metrics, with model.compile"
        version = self.python_state.version
        self.python_state.update()
        return None if self.python_state.version == version else "a Python value that the model or its loss reads"

    def trained(self) -> list[Any]:
        """Return the variables that the step trains."""
        if self.step.optimizers is None:
            return list(self.model.trainable_variables)
        return list({id(each): each for _, variables in self.step.optimizers for each in variables}.values())

    def check_equal(self) -> None:
        """Raise WorkerError if a variable has not the same value on all workers."""
        self.workers.check_equal(lambda: unique([self.listed_variables(), self.variables()]))

    def _run_share(self, compiled: Compiled, steps: Steps, steps_left: int | None) -> BlockResult:
        """Run a block on the rows of this worker, and add up the metrics of all."""
        share = self.workers.share(steps.chunk.rows)
        if share is None or share.is_whole:
            return self._run_block(compiled, steps, steps_left)
        if self.step.trains and compiled.run is None and not self._is_compared:
            self._is_compared = True
            self._compare_with_one_worker(steps)
        sums = MetricSums(self.engine, self._metric_variables())
        result = self._run_block(compiled, steps, steps_left)
        sums.add_up()
        results = self.step.results(self.model)
        return replace(result, logs={name: results.get(name, value) for name, value in result.logs.items()})

    def _compare_with_one_worker(self, steps: Steps) -> None:
        """Warn if the step computes other numbers than with one worker."""
        batch = self.engine.gather_rows(steps.chunk.data, steps.chunk.order[steps.start])
        step = self.step.make_step(self.model, self.engine)
        with self.python_state.restored():
            difference = difference_of_split(self.engine, step, self.listed_variables(), self._metrics(), batch)
        if difference and self.workers.leads:
            log.warning(
                "kerasbridge: with several workers, %s is another than with one. A loss must be a mean over rows, or a "
                "loss of Keras; what else depends on several rows must be computed with keras.ops.moments.",
                difference,
            )

    def _metrics(self) -> list[Any]:
        """Return the metrics that the step updates."""
        return single_metrics([*self.model.metrics, *self.step.metrics])

    def _metric_variables(self) -> list[Any]:
        """Return the variables that accumulate over the own rows of an epoch."""
        metrics = [metric for metric in self._metrics() if not needs_whole_batches(metric)]
        return unique([*[metric.variables for metric in metrics], self.step.means.sums if self.step.means else ()])

    def _run_block(self, compiled: Compiled, steps: Steps, steps_left: int | None) -> BlockResult:
        """Run one or more of the steps; `steps_left` is the number of them in the rest of the run."""
        is_first_use, is_new_run = compiled.run is None, compiled.run is not self._run
        compiled.run = self._run
        began_as_python = False
        if compiled.decision:
            result = self._run_as_python(compiled, compiled.decision, steps, steps_left)
            if result:
                return result
            began_as_python = not compiled.decision.is_new
            compiled.compile(self.engine)
            is_first_use = True
        if is_first_use or is_new_run:
            compiled.unchecked = steps_to_check(self.engine) if is_first_use or steps.chunk.steps >= LONG_RUN else 0
        is_checked = compiled.unchecked > 0
        if is_checked:
            steps = steps._replace(stop=min(steps.stop, steps.start + compiled.unchecked))
            unchanged = self.python_state.restored()
            compiled.function, result = run_checked(
                self.engine, compiled.step, compiled.function, steps, unchanged, began_as_python
            )
            compiled.unchecked -= result.steps
        else:
            result = steps.run(compiled.function)
        block: Block = compiled.function
        self.execution_mode, self.fallback_reason = block.execution_mode, block.fallback_reason
        self.fast_paths |= compiled.fast_paths
        if is_first_use or is_checked or block.execution_mode == "eager":
            self.python_state.absorb()  # the step ran as Python, at least while it was traced
        return result

    def _run_as_python(
        self, compiled: Compiled, decision: CompileDecision, steps: Steps, steps_left: int | None
    ) -> BlockResult | None:
        """Run one or more of the steps as Python; return None if it is time to compile instead."""
        if decision.compiles(steps_left):
            return None
        block: StartingBlock = compiled.function
        start_time, estimate = clock(), None
        if decision.is_new:
            result = self._begin(block, steps)
        elif decision.measures(steps_left):
            result, estimate = block.measure(steps.chunk.data, steps.chunk.order, steps.start)
        else:
            result = steps._replace(stop=steps.start + decision.limit(steps.stop - steps.start)).run(block)
        if result is None:
            return None
        decision.record(result.steps, clock() - start_time, estimate)
        self.execution_mode = self.execution_mode or block.execution_mode
        self.fast_paths |= compiled.fast_paths
        if self.python_state.absorb():
            decision.at_once = True
        return result

    def _begin(self, block: StartingBlock, steps: Steps) -> BlockResult | None:
        """Run the first step; return None, with nothing changed, if it may not be possible to compile it."""
        restore, host_rng, engine_rng = self.python_state.saved(), host_rng_state(), self.engine.rng_state()
        try:
            return block.begin(steps.chunk.data, steps.chunk.order, steps.start)
        except Exception:  # compiling it explains the error, or runs the step in another way
            restore()
            set_host_rng_state(host_rng)
            if engine_rng is not None:
                self.engine.set_rng_state(engine_rng)
            return None

    def compiled(self, chunk: Chunk, compile_step: Callable[[Step], Any], may_have_changed: bool) -> Compiled:
        if may_have_changed:
            self.python_state.update()
        is_compiled_again = compile_state(self.model) != self._compile_state
        if is_compiled_again or (self.step.functions and self.python_state.version != self._version):
            self._set_step()  # a custom step may use another optimizer now
        version = self.python_state.version
        settings = keras_settings(), self.engine.settings(), self._compile_state
        is_long = chunk.is_long and self.engine.compiles_long_epochs
        is_single = self._is_single and self.engine.compiles_single_steps
        share = self.workers.share(chunk.rows)
        key = (self.step.make_step, chunk.signature, share, is_long, is_single, settings, model_fingerprint(self.model))

        def create() -> Compiled:
            step = compute_share(self.step.make_step(self.model, self.engine), share, self.engine, self._metrics())
            step = replace(step, is_long=is_long, is_single=is_single)
            starting = self.engine.starting_block(step) if compile_step == self.engine.compile else None
            if starting:
                decision = CompileDecision()
                decision.at_once = share is not None  # what depends on time may differ between workers
                return Compiled(step, starting, version, decision)
            return Compiled(step, compile_step(step), version)

        return cached_on_model(self.model, COMPILED, key, create, lambda found: found.version == version)
