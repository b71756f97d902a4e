"""The only package that uses Keras's private modules; `tests/backend/keras_compat` checks each name it uses.

Importing it settles the backend and imports Keras. `PRIVATE_API` names the private functions and methods; functions are
reached through it, so that a Keras that keeps one elsewhere is answered with one sentence that names it.
"""

import contextlib
import importlib
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from kerasbridge.errors import BackendNotInstalled, KerasContractError, StepError
from kerasbridge.keras_compat.monkeypatch import patched
from kerasbridge.runtime import backend
from kerasbridge.runtime.stderr import suppress_stderr

_CHOICE = backend.configure()
try:
    with suppress_stderr() if _CHOICE.backend == "tensorflow" else contextlib.nullcontext():
        import keras as keras  # re-exported: every other module takes Keras from here, so the backend is settled
except Exception as broken:
    raise BackendNotInstalled(
        f"Keras does not import with the {_CHOICE.backend} backend: {type(broken).__name__}: {broken}. "
        f"`kerasbridge backends` shows what works here; to install anew: {backend.install_command(_CHOICE.backend)}"
    ) from broken

PRIVATE_API = {
    "random functions": "keras.src.backend:random",
    "image functions": "keras.src.backend:image",
    "orthogonal initializer": "keras:initializers.Orthogonal",
    "STFT initializer": "keras:initializers.STFT",
    "SciPy's windows": "keras.src.utils.module_utils:scipy",
    "seeds of augmenting layers": "keras.src.layers.preprocessing.data_layer:DataLayer",
    "AugMix": "keras.src.layers.preprocessing.image_preprocessing.aug_mix",
    "global seed generator": "keras.src.random.seed_generator:global_seed_generator",
    "draw_seed": "keras.src.random.seed_generator:draw_seed",
    "current scope": "keras.src.backend:get_stateless_scope",
    "conversion to tensors": "keras.src.backend:convert_to_tensor",
    "backend's core": "keras.src.backend:core",
    "backend's nn": "keras.src.backend:nn",
    "casts": "keras.src.backend:cast",
    "crossentropy of classes": "keras.src.backend:nn.sparse_categorical_crossentropy",
    "types narrowed in promotion": "keras.src.backend.common.dtypes:BIT64_TO_BIT32_DTYPE",
    "lazy modules": "keras.src.utils.module_utils:tensorflow",
    "readable logs": "keras.src.utils.python_utils:pythonify_logs",
    "class weights": "keras.src.trainers.data_adapters.data_adapter_utils:class_weight_to_sample_weights",
    "shapes without computing": "keras.src.backend:compute_output_spec",
    "symbolic build": "keras:Model._symbolic_build",
    "loss with or without `training`": "keras:Model._compute_loss",
    "order of metrics": "keras:Model._flatten_metrics_in_order",
    "when to validate": "keras:Model._should_eval",
    "every layer, nested ones too": "keras:Model._flatten_layers",
    "batches as Keras takes them": "keras.src.trainers.epoch_iterator:EpochIterator",
    "warning that data ran out": "keras.src.trainers.epoch_iterator:EpochIterator._interrupted_warning",
    "batches read beforehand": "keras.src.trainers.data_adapters.data_adapter_utils:NUM_BATCHES_FOR_TENSOR_SPEC",
    "what a data adapter is": "keras.src.trainers.data_adapters.data_adapter:DataAdapter",
    "tf.data": "keras.src.trainers.data_adapters:is_tf_dataset",
    "torch's loaders": "keras.src.trainers.data_adapters:is_torch_dataloader",
    "Grain": "keras.src.trainers.data_adapters:is_grain_dataset",
    "sparse tensors of SciPy": "keras.src.trainers.data_adapters.data_adapter_utils:is_scipy_sparse",
    "sparse tensors of JAX": "keras.src.trainers.data_adapters.data_adapter_utils:is_jax_sparse",
    "sparse tensors of TensorFlow": "keras.src.trainers.data_adapters.data_adapter_utils:is_tensorflow_sparse",
    "ragged tensors": "keras.src.trainers.data_adapters.data_adapter_utils:is_tensorflow_ragged",
    "rows of any tensor": "keras.src.trainers.data_adapters.array_slicing:convert_to_sliceable",
    "TensorBoard's summaries": "keras:callbacks.TensorBoard.summary",
    "TensorBoard's graph of the model": "keras:callbacks.TensorBoard._write_keras_model_summary",
    "TensorBoard's writer in training": "keras:callbacks.TensorBoard._train_writer",
}
PORTABLE_FUNCTIONS = (
    "normal", "truncated_normal", "uniform", "randint", "categorical", "shuffle", "dropout", "gamma", "beta",
    "binomial",
)  # fmt: skip
TESTED = "keras 3.15"
SEED_STATE = "seed_generator_state"


def private_api(what: str) -> Any:
    """The private part of Keras that `PRIVATE_API` calls `what`."""
    module, _, names = PRIVATE_API[what].partition(":")
    try:
        part: Any = importlib.import_module(module)
        for name in filter(None, names.split(".")):
            part = getattr(part, name)
    except (ImportError, AttributeError) as error:
        raise KerasContractError(
            f"kerasbridge relies on {PRIVATE_API[what].replace(':', '.')} ({what}), "
            f"which Keras {keras.__version__} does not have; "
            f"use a tested version, as {TESTED}."
        ) from error
    return part


draw_seed = private_api("draw_seed")
global_generator = private_api("global seed generator")
to_tensor = private_api("conversion to tensors")
current_scope: Callable[[], Any] = private_api("current scope")
floatx: Callable[[], str] = keras.config.floatx
pythonify_logs: Callable[[Any], dict[str, Any]] = private_api("readable logs")
class_weight_to_sample_weights = private_api("class weights")


def defer_tensorflow_import() -> None:
    """Keep Keras from importing TensorFlow, four seconds, to save a model or set a seed on another backend.

    A program that imports TensorFlow itself, sooner or later, has it.
    """
    module = private_api("lazy modules")
    if keras.config.backend() != "tensorflow" and not isinstance(module, _Deferred):
        module.__class__ = type("HiddenModule", (_Deferred, type(module)), {})


class _Deferred:
    """A lazy module of Keras that is there for Keras once the program has imported it."""

    name: str

    @property
    def available(self) -> bool:
        return self.name in sys.modules


defer_tensorflow_import()


def symbolic_build(model: Any, first: Callable[[], tuple[Any, Any, Any]]) -> None:
    """Create whatever variables the model, its optimizer and its metrics still lack, without computing.

    `first` is asked for a batch where that takes one.
    """

    def steps() -> Iterator[Any]:
        yield 0, 0, [tuple(map_tensors(_symbol, part) for part in first())]

    model._symbolic_build(iterator=steps())


def call(model: Any, x: Any, training: bool) -> Any:
    """The model's predictions; `training` is passed where its `call` takes it."""
    return model(x, training=training) if model._call_has_training_arg else model(x)


def compute_loss(model: Any, batch: tuple[Any, Any, Any], predictions: Any, training: bool) -> Any:
    """The model's scalar loss on one batch, added losses included."""
    x, y, sample_weight = batch
    return model._compute_loss(x=x, y=y, y_pred=predictions, sample_weight=sample_weight, training=training)


def track_loss(model: Any, loss: Any, rows: Any) -> None:
    """Add the loss of a batch of `rows` rows to the mean that Keras reports as `loss`."""
    model._loss_tracker.update_state(loss, sample_weight=rows)


def overrides(model: Any, kind: str) -> str | None:
    """Which method the model's class replaces: `train_step` or `make_train_function`, where `kind` is "train"."""
    methods = (f"{kind}_step", f"make_{kind}_function")
    return next((name for name in methods if getattr(type(model), name) is not getattr(keras.Model, name)), None)


def patch_torch_module_call(call: Callable[..., Any]) -> contextlib.AbstractContextManager[None]:
    """While open, a TorchModuleWrapper is ``call(original, layer, *arguments, training=…, **keywords)``."""
    return patched(keras.layers.TorchModuleWrapper, "call", call)


def metrics_in_order(model: Any, logs: dict[str, Any]) -> Any:
    """What `evaluate` returns: a number, or numbers in the order of `metrics_names`."""
    return model._flatten_metrics_in_order(logs)


def should_validate(model: Any, epoch: int, frequency: Any) -> bool:
    """Return whether this epoch ends with a validation."""
    return bool(model._should_eval(epoch, frequency))


def first_epoch(model: Any, initial_epoch: int) -> int:
    """The epoch to start from, which `BackupAndRestore` may have set."""
    return int(getattr(model, "_initial_epoch", None) or initial_epoch)


def seed_states(model: Any) -> Sequence[Any]:
    """The state variables of the model's seed generators, by position."""
    return [variable for variable in model.non_trainable_variables if is_seed_state(variable)]


def is_seed_state(variable: Any) -> bool:
    """Return whether a variable is the state of a seed generator."""
    return bool(variable.name == SEED_STATE)


def dtype_policies(model: Any) -> tuple[str, ...]:
    """The dtype policy of every layer."""
    return tuple(str(layer.dtype_policy) for layer in model._flatten_layers())


def flat_losses(model: Any) -> list[Any]:
    """The compiled losses, one for each output, once they are built."""
    compiled = model._compile_loss
    return list(getattr(compiled, "_flat_losses", None) or []) if compiled is not None else []


def has_loss(model: Any) -> bool:
    """Return whether the model was compiled with a loss."""
    return getattr(model, "loss", None) is not None


def output_spec(model: Any, x: Any) -> Any:
    """The shapes and dtypes of the predictions for a batch `x`, without computing."""
    symbols = map_tensors(_symbol, x)
    return private_api("shapes without computing")(model, symbols, training=False)


def _symbol(array: Any) -> Any:
    """The shape and dtype of an array."""
    is_text = getattr(array.dtype, "kind", None) in ("O", "S", "U")
    return keras.KerasTensor(array.shape, "string" if is_text else keras.backend.standardize_dtype(array.dtype))


def eval_abstract(function: Callable[..., Any], *arguments: Any) -> None:
    """Call a function on tensors with the shapes and dtypes of these arrays, and without values."""
    symbols = [map_tensors(_symbol, part) for part in arguments]
    private_api("shapes without computing")(function, *symbols)


def map_tensors(function: Callable[[Any], Any], nest: Any) -> Any:
    """`function` of every array or tensor in a nest; None stays None."""
    return keras.tree.map_structure(lambda leaf: None if leaf is None else function(leaf), nest)


def patch_backend_functions(functions: Mapping[Any, Any]) -> None:
    """Put functions in the place of others wherever a module of Keras's backend, or Keras itself, holds them."""
    for name, module in list(sys.modules.items()):
        if name.startswith("keras.src"):
            for attribute, value in list(vars(module).items()):
                if inspect.isfunction(value) and value in functions:
                    setattr(module, attribute, functions[value])


def patch_convert_to_tensor(read: Callable[[Any], Any]) -> contextlib.AbstractContextManager[None]:
    """While open, `keras.ops.convert_to_tensor` of a variable is what `read` gives for it.

    On TensorFlow a variable passes for a tensor, and comes back as itself.
    """

    def convert(original: Any, x: Any, *arguments: Any, **keywords: Any) -> Any:
        return original(read(x) if isinstance(x, keras.Variable) else x, *arguments, **keywords)

    return patched(private_api("backend's core"), "convert_to_tensor", convert)


def patch_cond(cond: Callable[..., Any]) -> contextlib.AbstractContextManager[None]:
    """While open, `keras.ops.cond` goes to ``cond(original, pred, true_fn, false_fn)``."""
    return patched(private_api("backend's core"), "cond", cond)


def raw_value(variable: Any) -> Any:
    """What a variable holds outside every scope, in its own dtype."""
    return variable._value


def keep_optimizer_tensors() -> contextlib.AbstractContextManager[None]:
    """While open, an optimizer of Keras's own for this backend that turns a number to NumPy goes on with the tensor."""

    def convert(original: Any, tensor: Any) -> Any:
        caller = sys._getframe(2).f_globals["__name__"]
        return tensor if caller.startswith("keras.src.backend.torch.optimizers.") else original(tensor)

    return patched(private_api("backend's core"), "convert_to_numpy", convert)


def patch_moments(moments: Callable[..., Any]) -> contextlib.AbstractContextManager[None]:
    """While open, means and variances come from ``moments(original, x, axes, keepdims=…, synchronized=…)``."""
    return patched(private_api("backend's nn"), "moments", moments)


def forbid_optimizer_apply(why: str) -> contextlib.AbstractContextManager[None]:
    """While open, an optimizer that is asked to apply gradients raises a StepError that says why."""

    def refuse(*_: Any, **__: Any) -> None:
        raise StepError(why)

    return patched(keras.optimizers.Optimizer, "apply", refuse)


def flatten_layers(model: Any) -> Sequence[Any]:
    """The layers of a model, nested ones too."""
    return list(model._flatten_layers(include_self=False))


def sublayers(layer: Any) -> Sequence[Any]:
    """The layers that a layer or model holds itself, in the order in which they were given to it."""
    return list(layer._flatten_layers(recursive=False, include_self=False))


def has_cached_logits(tensor: Any) -> bool:
    """Return whether a softmax or sigmoid left its logits on this tensor, where TensorFlow's losses find them."""
    return hasattr(tensor, "_keras_logits")


def optimized_variables(optimizer: Any) -> list[Any]:
    """The variables that an optimizer was built for, whether or not they are trainable still."""
    return list(optimizer._trainable_variables)


def ensure_callback_attributes(model: Any) -> None:
    """Give a model that only holds others, neither called nor compiled, what Keras's callbacks ask it for."""
    if type(model).build is keras.Model.build and all(layer.built for layer in flatten_layers(model)):
        model.built = True
    if not hasattr(model, "optimizer"):
        model.optimizer = None


def set_summary_module(callback: Any, summaries: Any, write_model: Callable[[Any, Callable[[], None]], None]) -> None:
    """Make a TensorBoard callback write with `summaries` in the place of `tf.summary`, with None through that.

    ``write_model(callback, original)`` stands in the place of what writes the model's graph, unless the callback's
    class has that replaced.
    """
    callback._summary_module = summaries
    original = private_api("TensorBoard's graph of the model")
    if type(callback)._write_keras_model_summary is original:
        callback._write_keras_model_summary = partial(write_model, callback, partial(original, callback))


def train_writer(callback: Any) -> Any:
    """The writer of a TensorBoard callback to the folder of the training's events."""
    return callback._train_writer


def is_sparse_or_ragged(tensor: Any) -> bool:
    """Return whether a tensor is none that a backend can stack."""
    kinds = ("sparse tensors of SciPy", "sparse tensors of JAX", "sparse tensors of TensorFlow", "ragged tensors")
    return any(private_api(kind)(tensor) for kind in kinds)


def to_sliceable(tensor: Any) -> Any:
    """A tensor of any library as something that gives rows, and makes NumPy arrays of them."""
    return private_api("rows of any tensor")(tensor, target_backend="numpy")


def yields_batches(x: Any) -> bool:
    """Return whether Keras can train on batches that `x` yields."""
    kinds = (keras.utils.PyDataset, types.GeneratorType, private_api("what a data adapter is"))
    return isinstance(x, kinds) or any(private_api(kind)(x) for kind in ("tf.data", "torch's loaders", "Grain"))


def epoch_iterator(x: Any, steps: int | None, class_weight: Mapping[int, float] | None) -> Any:
    """Keras's own iterator over the epochs of something that yields batches. It is silent where they run out."""
    found = private_api("batches as Keras takes them")(x, steps_per_epoch=steps, class_weight=class_weight)
    found._interrupted_warning = lambda: None
    return found


def warn_data_ran_out(iterator: Any) -> None:
    """Keras's warning."""
    type(iterator)._interrupted_warning(iterator)


def reset_num_batches(iterator: Any) -> None:
    """What does not know its length is asked for all it has again; Keras would hold it to that of the last epoch."""
    iterator._num_batches = iterator.data_adapter.num_batches


def stop_workers(iterator: Any) -> None:
    """End the threads or processes that read a PyDataset ahead; an error in what is not wanted any more is none."""
    workers = getattr(iterator.data_adapter, "enqueuer", None)
    if workers is not None:
        with contextlib.suppress(Exception):
            workers.stop()


def copy_prefetched(generator: Iterator[Any]) -> Iterator[Any]:
    """A generator's batches; those that Keras reads beforehand are copied, for the generator may fill its arrays anew.

    Closing this leaves the generator as it is.
    """
    for batch in itertools.islice(generator, private_api("batches read beforehand")):
        yield keras.tree.map_structure(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, batch)
    for batch in generator:  # `yield from` would close it
        yield batch
