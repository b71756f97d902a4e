"""Try each export route, most dynamic shapes first, until the output of a file matches the model."""

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
    """A model, the format and path to write it to, the tolerance of its outputs, and the time for a subprocess."""

    model: Any
    target: Format
    path: Path
    tolerance: float
    timeout: float


@dataclass(frozen=True)
class ReferenceOutputs:
    """A signature for the file, inputs that fit it, and the outputs of the model for them."""

    signature: Signature
    batches: list[Arrays]
    expected: list[Arrays]


def try_backends(request: ExportRequest, routes: Sequence[Route], example: Any) -> ExportResult:
    """Write the model along the first route whose file is right; see `kerasbridge.exporters.export`.

    Args:
        request: the model, the format and the path.
        routes: the routes whose packages are installed.
        example: a batch as the model takes it, or None.

    Raises:
        ArgumentError: the model or the example is not valid, or the path cannot be written to.
        ExportError: no route led to a file that matches the model.
    """
    model = request.model
    if example is not None:
        model_adapter.build(model, example)
    signature = model_adapter.signature_of(model, example)
    arrays = None if example is None else model_adapter.example_arrays(signature, example)
    failures: dict[str, None] = {}
    has_crashed = False
    with model_adapter.float32_compute(model):
        for reference in _references(model, signature, arrays):
            for route in _sort_routes(routes, model):
                try:
                    return _export_and_verify(request, route, reference)
                except ArgumentError:
                    raise
                except Exception as error:  # converters raise anything for a model that they cannot write
                    is_crash = isinstance(error, ExportError) and error.exit_code == 1
                    message = str(error) if is_crash else subprocesses.one_line(error)
                    failures[f"on {route.backend}: {message}"] = None
                    has_crashed = has_crashed or is_crash
    failed = ExportError(_failure_message(request, [*failures], signature.has_dynamic_sizes and example is None))
    failed.exit_code = 1 if has_crashed else failed.exit_code
    raise failed


def _references(model: Any, signature: Signature, example: Arrays | None) -> Iterator[ReferenceOutputs]:
    """Yield the signatures that a file may have, from the most dynamic to a static one."""
    for dynamic in signature.dynamic_axis_options(sizes_known=example is not None):
        batches = sample_inputs.batches(model, signature, dynamic, example)
        outputs = [model_adapter.predict(model, signature, batch) for batch in batches]
        named = model_adapter.with_output_names(signature, model, outputs[0])
        yield ReferenceOutputs(
            named.with_dynamic_axes(dynamic, batches[0]),
            batches,
            [model_adapter.flatten(structure) for structure in outputs],
        )


def _sort_routes(routes: Sequence[Route], model: Any) -> list[Route]:
    """Sort the current backend first; for a recurrent model the routes that keep its loops come before that."""
    current = engines.current().name
    recurrent = model_adapter.has_recurrent_layers(model)
    return sorted(routes, key=lambda route: (recurrent and route.unrolls, route.backend != current))


def _export_and_verify(request: ExportRequest, route: Route, reference: ReferenceOutputs) -> ExportResult:
    """Write the file to a temporary path, compare its outputs with the model, and move it into place."""
    with output_path.staging_path(request.path) as staged:
        _write(request, route, reference, staged)
        outputs = runtime_client.run(request.target, staged, reference.signature, reference.batches, request.timeout)
        difference = comparison.max_relative_difference(outputs, reference.expected)
        if not difference <= request.tolerance:
            raise ExportError(f"its outputs differ by {difference:.1e} of the largest")
        size = output_path.commit(staged, request.path)
    return ExportResult(
        request.path,
        request.target.name,
        route.backend,
        runtime_client.version(request.target),
        difference,
        tuple(len(batch[0]) for batch in reference.batches),
        reference.signature.inputs,
        reference.signature.outputs,
        size,
    )


def _write(request: ExportRequest, route: Route, reference: ReferenceOutputs, path: Path) -> None:
    """Write in this process if it runs the backend of the route on the CPU: torch files record the device."""
    in_process = route.backend == engines.current().name and model_adapter.is_on_cpu(request.model)
    task = request.model, request.target, route, reference.signature, reference.batches[0], path
    if in_process:
        writers.write(*task)
    else:
        remote_export.export_in_subprocess(*task, request.timeout)


def _failure_message(request: ExportRequest, failures: Sequence[str], lacks_size: bool) -> str:
    hint = " A model of one fixed size may work: pass example=, a batch of that size." if lacks_size else ""
    return (
        f"Expected a model that can be exported to {request.target.name} and computes the same there to "
        f"{request.tolerance:g}; tried {'; '.join(failures)}.{hint}"
    )
