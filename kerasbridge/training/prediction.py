"""The loop of a prediction: run a compiled step over stacks of batches, and copy the outputs to the host."""

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from kerasbridge.data.epoch_iterators import Chunk
from kerasbridge.engines.base import PredictBlock, batches_that_fit
from kerasbridge.engines.step import Step
from kerasbridge.keras_compat import keras
from kerasbridge.training.blocks import BlockReport, BlockSizer, CallbackNotifier
from kerasbridge.training.device_memory import explain_out_of_memory
from kerasbridge.training.step_loop import Runner
from kerasbridge.training.whole_batch.rows import gather_batches


def predict_blocks(
    runner: Runner,
    chunks: Iterable[Chunk],
    steps: int | None,
    sizer: BlockSizer,
    begin: Callable[[int], None],
    end: Callable[[BlockReport, Any], None],
    stopped: Callable[[], bool],
) -> list[Any]:
    """Return the predictions of each block, as nests of arrays.

    Args:
        runner: the runner of the prediction step.
        chunks: stacks of batches.
        steps: the number of batches, if it is known.
        sizer, begin, stopped: as for `Runner.run`.
        end: called with the predictions of the batches that it reports; these are tensors if it is one batch.
    """

    def compile_step(step: Step) -> PredictBlock:
        return runner.engine.compile_predict(step, runner.python_state.restored)

    outputs: list[Any] = []
    pending: list[Any] = []

    def report_block(report: BlockReport) -> None:
        outputs.append(_to_host(pending))
        end(report, pending[0] if sizer.fixed and len(pending) == 1 else outputs[-1])
        pending.clear()

    notifier = CallbackNotifier(sizer.fixed, begin, report_block)
    compiled, signature, fitting, done = None, None, 1, 0
    for chunk in chunks:
        if compiled is None or sizer.fixed or signature != chunk.signature:
            fitting = fitting if signature == chunk.signature else 1
            compiled, signature = runner.compiled(chunk, compile_step, True), chunk.signature
        start = chunk.start
        while start < chunk.steps:
            notifier.begin()
            size = runner.workers.agree(notifier.limit(1 if stopped() else min(sizer.size(), fitting)))
            stop = min(start + size, chunk.steps)
            left = chunk.steps - start if steps is None else steps - done
            start_time = time.perf_counter()
            with explain_out_of_memory(runner.engine, runner.model, chunk.rows):
                predicted = compiled.function(chunk.data, start, stop, left)
                pending += _of_all_workers(runner, predicted, stop - start, chunk.rows)
                count, start, done = stop - start, stop, done + stop - start
                is_reported = notifier.notify(count, count * chunk.rows, {})
            sizer.update(count, time.perf_counter() - start_time)
            runner.python_state.absorb()
            runner.fallback_reason = runner.fallback_reason or compiled.function.fallback_reason
            if is_reported:
                fitting = batches_that_fit(_bytes_of(outputs[-1]) // count)
                if runner.workers.agree(stopped()):
                    return outputs
    notifier.flush()
    return outputs


def _of_all_workers(runner: Runner, predicted: list[Any], batches: int, rows: int) -> list[Any]:
    """Return the predictions for the own rows of some batches as those for all rows."""
    share = runner.workers.share(rows)
    if share is None or share.is_whole:
        return predicted
    gather = partial(gather_batches, runner.engine, batches=batches, share=share)
    return [keras.tree.map_structure(gather, _to_host(predicted))]


def concatenate_parts(parts: list[Any]) -> Any:
    """Return nests of arrays as one, with memory of its own."""
    return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)


def _to_host(batches: list[Any]) -> Any:
    """Return the predictions of several batches as NumPy arrays."""
    arrays = [keras.tree.map_structure(keras.ops.convert_to_numpy, batch) for batch in batches]
    return arrays[0] if len(arrays) == 1 else concatenate_parts(arrays)


def _bytes_of(arrays: Any) -> int:
    return sum(int(leaf.nbytes) for leaf in keras.tree.flatten(arrays))
