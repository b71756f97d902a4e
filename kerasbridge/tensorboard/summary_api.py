"""The part of `tf.summary` that the Keras TensorBoard callback uses, without TensorFlow."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kerasbridge.errors import ArgumentError
from kerasbridge.keras_compat import keras
from kerasbridge.keras_compat.tensorboard import set_summary_module, train_writer

if TYPE_CHECKING:
    from kerasbridge.tensorboard.event_writer import EventFile


def patch_tensorboard_callbacks(callbacks: Iterable[Any]) -> None:
    """Let Keras TensorBoard callbacks write without TensorFlow; call this before they get the model.

    If TensorFlow is loaded, they still write through it, so that the program's own `tf.summary` calls go to the same
    files; otherwise they use `SummaryWriterApi`. In both cases, they also write the summary of the model as a text.

    Raises:
        PackageNotInstalled: there is such a callback, but the package tensorboard is not installed.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.TensorBoard):
            import kerasbridge.tensorboard.event_writer  # noqa: F401 - raises if tensorboard is not installed

            summary_api = TensorFlowSummary() if _tensorflow_is_loaded() else SummaryWriterApi()
            set_summary_module(callback, summary_api, _write_model)


class TensorFlowSummary:
    """The module `tf.summary`, whose `scalar` also accepts the result of a metric that is a vector."""

    def __init__(self) -> None:
        self._module = sys.modules["tensorflow"].summary

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def scalar(self, name: str, data: Any, step: Any = None) -> Any:
        """Write one number, the mean of a vector."""
        return self._module.scalar(name, _mean(data), step=step)


class SummaryWriterApi:
    """Replacement of the module `tf.summary` for one TensorBoard callback.

    As in `tf.summary`, values go to the innermost default writer; they are dropped if there is no default writer or
    the condition of `record_if` is false. Methods that write return whether they did.
    """

    def __init__(self) -> None:
        self._defaults: list[tuple[EventFile, int | None]] = []
        self._conditions: list[Callable[[], bool]] = []

    def create_file_writer(self, folder: str) -> "Writer":
        """Return a writer of a new event file in a folder."""
        from kerasbridge.tensorboard.event_writer import EventFile

        return Writer(EventFile(folder), self._defaults)

    @contextlib.contextmanager
    def record_if(self, condition: Callable[[], bool]) -> Iterator[None]:
        """Write only if the condition is true, while open."""
        self._conditions.append(condition)
        try:
            yield
        finally:
            self._conditions.pop()

    def scalar(self, name: str, data: Any, step: Any = None) -> bool:
        """Write one number, the mean of a vector."""
        return self._write(lambda file, step: file.scalar(name, _array(_mean(data)), step), step)

    def histogram(self, name: str, data: Any, step: Any = None) -> bool:
        """Write the histogram of a tensor."""
        return self._write(lambda file, step: file.histogram(name, _array(data), step), step)

    def image(self, name: str, data: Any, step: Any = None, max_outputs: int = 3) -> bool:
        """Write images of shape (images, height, width, channels)."""
        return self._write(lambda file, step: file.image(name, _array(data), step, max_outputs), step)

    def text(self, name: str, data: str, step: Any = None) -> bool:
        """Write a text in Markdown."""
        return self._write(lambda file, step: file.text(name, data, step), step)

    def model(self, name: str, config: str, step: Any = None) -> bool:
        """Write a Keras model, given as JSON."""
        return self._write(lambda file, step: file.model(name, config, step), step)

    def graph(self, graph_data: Any) -> bool:
        """Write nothing: only TensorFlow functions have such a graph."""
        del graph_data
        return False

    def trace_on(self, graph: bool = True, profiler: bool = False) -> None:
        """Do nothing: there is no graph to trace, and the callback starts the profiler of the backend itself."""

    def trace_export(self, name: str, step: Any = None) -> None:
        """Do nothing, like `trace_on`."""

    def _write(self, write: Callable[["EventFile", int], None], step: Any) -> bool:
        if not self._defaults or (self._conditions and not self._conditions[-1]()):
            return False
        steps = [step, *(default for _, default in reversed(self._defaults))]
        step = next((candidate for candidate in steps if candidate is not None), None)
        if step is None:
            raise ArgumentError("Expected a step for TensorBoard, received none. Pass one, for example step=epoch.")
        write(self._defaults[-1][0], int(_array(step)))
        return True


class Writer:
    """Writer of an event file, which can be made the default."""

    def __init__(self, file: "EventFile", defaults: list[tuple["EventFile", int | None]]) -> None:
        self._file, self._defaults = file, defaults

    @contextlib.contextmanager
    def as_default(self, step: int | None = None) -> Iterator[None]:
        """Make this the default writer while open, with `step` for values without a step of their own."""
        self._defaults.append((self._file, step))
        try:
            yield
        finally:
            self._defaults.pop()

    def flush(self) -> None:
        """Do nothing: every value has been flushed."""

    def close(self) -> None:
        """Close the event file."""
        self._file.close()


def _write_model(callback: Any, write_graph: Callable[[], None]) -> None:
    """Write the model of a callback: the graph that TensorBoard draws, and its summary as a text."""
    summary = callback.summary
    with train_writer(callback).as_default():
        if isinstance(summary, SummaryWriterApi):
            _write_graph(summary, callback.model)
        else:
            write_graph()
        summary.text("model", _summary_markdown(callback.model), step=0)


def _write_graph(summary: SummaryWriterApi, model: Any) -> None:
    """Write the JSON of a functional or sequential model, under the tag that Keras uses."""
    if type(model).__name__ in ("Functional", "Sequential"):
        try:
            summary.model("keras", model.to_json(), step=0)
        except Exception as error:  # a layer's get_config may raise anything
            warnings.warn(f"Model failed to serialize as JSON. Ignoring... {error}", stacklevel=2)


def _summary_markdown(model: Any) -> str:
    """Return the text that `model.summary` prints, as a code block in Markdown."""
    lines: list[str] = []
    model.summary(line_length=80, print_fn=lambda line, line_break=True: lines.append(line))
    return "".join(f"    {line}\n" for line in "\n".join(lines).splitlines())


def _mean(data: Any) -> Any:
    """Return a number as it is, and the mean of an array."""
    return _array(data).mean() if getattr(data, "shape", ()) else data


def _array(data: Any) -> Any:
    return keras.ops.convert_to_numpy(data)


def _tensorflow_is_loaded() -> bool:
    return sys.modules.get("tensorflow") is not None
