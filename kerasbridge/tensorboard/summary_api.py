"""Keras's TensorBoard callback without TensorFlow: what it uses of `tf.summary`, written to event files."""

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
    """Ready Keras's TensorBoard callbacks, before they are given the model.

    Where TensorFlow is loaded they go on writing through it, so that a program's own `tf.summary` calls land beside
    theirs; elsewhere they get `SummaryWriterApi`. Everywhere the model's summary is written as a text, too.

    Raises:
        PackageNotInstalled: there is such a callback, and no package tensorboard.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.TensorBoard):
            import kerasbridge.tensorboard.event_writer  # noqa: F401 - raises where tensorboard is not installed

            own = None if _tensorflow_is_loaded() else SummaryWriterApi()
            set_summary_module(callback, own, _write_model)


class SummaryWriterApi:
    """The part of `tf.summary` that one TensorBoard callback uses.

    As there, values go to the innermost writer that is the default one, unless `record_if` says no, and nowhere where
    there is none; every method that writes says whether it did.
    """

    def __init__(self) -> None:
        self._defaults: list[tuple[EventFile, int | None]] = []
        self._conditions: list[Callable[[], bool]] = []

    def create_file_writer(self, folder: str) -> "Writer":
        """A writer to a new event file in a folder."""
        from kerasbridge.tensorboard.event_writer import EventFile

        return Writer(EventFile(folder), self._defaults)

    @contextlib.contextmanager
    def record_if(self, condition: Callable[[], bool]) -> Iterator[None]:
        """While open, writes only where the condition holds."""
        self._conditions.append(condition)
        try:
            yield
        finally:
            self._conditions.pop()

    def scalar(self, name: str, data: Any, step: Any = None) -> bool:
        """Write one number."""
        return self._write(lambda file, step: file.scalar(name, _array(data), step), step)

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
        """Write a Keras model, given by its JSON."""
        return self._write(lambda file, step: file.model(name, config, step), step)

    def graph(self, graph_data: Any) -> bool:
        """Write nothing: only TensorFlow's functions have such a graph."""
        del graph_data
        return False

    def trace_on(self, graph: bool = True, profiler: bool = False) -> None:
        """Do nothing, as there is no graph to trace; the callback starts the backend's profiler by itself."""

    def trace_export(self, name: str, step: Any = None) -> None:
        """Do nothing, as `trace_on`."""

    def _write(self, write: Callable[["EventFile", int], None], step: Any) -> bool:
        if not self._defaults or (self._conditions and not self._conditions[-1]()):
            return False
        steps = [step, *(default for _, default in reversed(self._defaults))]
        step = next((given for given in steps if given is not None), None)
        if step is None:
            raise ArgumentError("Expected a step for TensorBoard, received none. Type for example step=epoch.")
        write(self._defaults[-1][0], int(_array(step)))
        return True


class Writer:
    """An event file that can be made the default."""

    def __init__(self, file: "EventFile", defaults: list[tuple["EventFile", int | None]]) -> None:
        self._file, self._defaults = file, defaults

    @contextlib.contextmanager
    def as_default(self, step: int | None = None) -> Iterator[None]:
        """While open, values go to this writer, with this step where they have none of their own."""
        self._defaults.append((self._file, step))
        try:
            yield
        finally:
            self._defaults.pop()

    def flush(self) -> None:
        """Do nothing: what was written is on the disk."""

    def close(self) -> None:
        """Close the event file."""
        self._file.close()


def _write_model(callback: Any, write_graph: Callable[[], None]) -> None:
    """Write a callback's model: the graph that TensorBoard draws, and the model's summary as a text."""
    summary = callback.summary
    with train_writer(callback).as_default():
        if isinstance(summary, SummaryWriterApi):
            _write_graph(summary, callback.model)
        else:
            write_graph()
        summary.text("model", _as_code(_summary_of(callback.model)), step=0)


def _write_graph(summary: SummaryWriterApi, model: Any) -> None:
    """The JSON of a model whose layers are known, under the tag that Keras gives it."""
    if type(model).__name__ in ("Functional", "Sequential"):
        try:
            summary.model("keras", model.to_json(), step=0)
        except Exception as error:  # a layer's get_config may raise anything
            warnings.warn(f"Model failed to serialize as JSON. Ignoring... {error}", stacklevel=2)


def _summary_of(model: Any) -> str:
    """What `model.summary` prints."""
    lines: list[str] = []
    model.summary(line_length=80, print_fn=lambda line, line_break=True: lines.append(line))
    return "\n".join(lines)


def _as_code(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _array(data: Any) -> Any:
    return keras.ops.convert_to_numpy(data)


def _tensorflow_is_loaded() -> bool:
    return sys.modules.get("tensorflow") is not None
