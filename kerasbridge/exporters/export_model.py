"""One way into a format after the other, each as free as it can be, until a file computes what the model does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasbridge import engines
from kerasbridge.errors import ArgumentError, ExportError
from kerasbridge.exporters import (
    comparison,
    model_adapter,
    output_path,
    remote_export,
    runtime_client,
    sample_inputs,
    writers,
)
from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.formats import Format, Route
from kerasbridge.exporters.result import ExportResult
from kerasbridge.exporters.signatures import Signature
from kerasbridge.runtime import subprocesses


@dataclass(frozen=True)
class ExportRequest:
    """A model, in which format and where it is to lie, and how near the file has to come."""

    model: Any
    target: Format
    path: Path
    tolerance: float


@dataclass(frozen=True)
class ReferenceOutputs:
    """What a file is to take, and what the model itself makes of it."""

    signature: Signature
    batches: list[Arrays]
    expected: list[Arrays]


def try_backends(wanted: ExportRequest, ways: Sequence[Route], example: Any) -> ExportResult:
    """The first file that is right; see `kerasbridge.exporters.export`.

    Args:
        wanted: what is asked for.
        ways: those that are open.
        example: a batch as the model takes it, or None.

    Raises:
        ArgumentError: the model or the example is not what it may be, or the place cannot be written to.
        ExportError: no way led there.
    """
    model = wanted.model
    if example is not None:
        model_adapter.build(model, example)
    signature = model_adapter.signature_of(model, example)
    arrays = None if example is None else model_adapter.arrays_of(signature, example)
    refusals: dict[str, None] = {}
    with model_adapter.computing_in_float32(model):
        for trial in _trials(model, signature, arrays):
            for way in _in_order(ways, model):
                try:
                    return _exported(wanted, way, trial)
                except ArgumentError:
                    raise
                except Exception as error:  # whatever a framework says of a model that it cannot write
                    refusals[f"on {way.backend}: {subprocesses.one_line(error)}"] = None
    raise ExportError(_refused(wanted, [*refusals], lacks_size=signature.open_sizes and example is None))


def _trials(model: Any, signature: Signature, example: Arrays | None) -> Iterator[ReferenceOutputs]:
    """What a file may take, from the freest on."""
    for freedom in signature.freedoms(sizes_known=example is not None):
        batches = sample_inputs.batches(model, signature, freedom, example)
        nests = [model_adapter.outputs_of(model, signature, batch) for batch in batches]
        named = model_adapter.with_outputs(signature, model, nests[0]).fixed(freedom, batches[0])
        yield ReferenceOutputs(named, batches, [model_adapter.flat(nest) for nest in nests])


def _in_order(ways: Sequence[Route], model: Any) -> list[Route]:
    """That of this process's backend first; but a loop that stays a loop before one that is unrolled."""
    here = engines.current().name
    recurrent = model_adapter.has_recurrent_layers(model)
    return sorted(ways, key=lambda way: (recurrent and way.unrolls, way.backend != here))


def _exported(wanted: ExportRequest, way: Route, trial: ReferenceOutputs) -> ExportResult:
    """Write the file, holds it beside the model, and puts it in place."""
    with output_path.staged(wanted.path) as staged:
        _write(wanted, way, trial, staged)
        found = runtime_client.run(wanted.target, staged, trial.signature, trial.batches)
        difference = comparison.largest(found, trial.expected)
        if not difference <= wanted.tolerance:
            raise ExportError(f"its outputs differ by {difference:.1e} of the largest")
        size = output_path.commit(staged, wanted.path)
    return ExportResult(
        wanted.path,
        wanted.target.name,
        way.backend,
        runtime_client.version(wanted.target),
        difference,
        tuple(len(batch[0]) for batch in trial.batches),
        trial.signature.inputs,
        trial.signature.outputs,
        size,
    )


def _write(wanted: ExportRequest, way: Route, trial: ReferenceOutputs, path: Path) -> None:
    """Here, if this process has the backend, and on the CPU: a file of torch's keeps the device that wrote it."""
    here = way.backend == engines.current().name and model_adapter.lies_on_cpu(wanted.model)
    write = writers.write if here else remote_export.export_in_subprocess
    write(wanted.model, wanted.target, way, trial.signature, trial.batches[0], path)


def _refused(wanted: ExportRequest, refusals: Sequence[str], lacks_size: bool) -> str:
    hint = " With one size alone it may: give example=, a batch of that size." if lacks_size else ""
    return (
        f"Expected a model that goes out as {wanted.target.name} and computes the same to {wanted.tolerance:g} there; "
        f"tried {'; '.join(refusals)}.{hint}"
    )
