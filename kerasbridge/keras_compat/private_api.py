"""The private names of Keras that kerasbridge uses, each under a name that errors can show."""

import importlib
from typing import Any

from kerasbridge.errors import KerasContractError
from kerasbridge.keras_compat import keras

PRIVATE_API = {
    "random functions": "keras.src.backend:random",
    "image functions": "keras.src.backend:image",
    "orthogonal initializer": "keras:initializers.Orthogonal",
    "STFT initializer": "keras:initializers.STFT",
    "TensorFlow functions": "keras.src.backend.tensorflow",
    "SciPy windows": "keras.src.utils.module_utils:scipy",
    "seeds of augmentation layers": "keras.src.layers.preprocessing.data_layer:DataLayer",
    "AugMix": "keras.src.layers.preprocessing.image_preprocessing.aug_mix",
    "numbers in automatic names": "keras.src.utils.naming:reset_uids",
    "global seed generator": "keras.src.random.seed_generator:global_seed_generator",
    "name of the global seed generator": "keras.src.random.seed_generator:GLOBAL_SEED_GENERATOR",
    "global state": "keras.src.backend.common:global_state",
    "draw_seed": "keras.src.random.seed_generator:draw_seed",
    "masks": "keras.src.backend.common:masking",
    "current scope": "keras.src.backend:get_stateless_scope",
    "conversion to tensors": "keras.src.backend:convert_to_tensor",
    "functions of the backend": "keras.src.backend",
    "NumPy functions of the backend": "keras.src.backend:numpy",
    "core functions of the backend": "keras.src.backend:core",
    "nn functions of the backend": "keras.src.backend:nn",
    "assignment without checks": "keras:Variable._direct_assign",
    "cast": "keras.src.backend:cast",
    "sparse crossentropy": "keras.src.backend:nn.sparse_categorical_crossentropy",
    "narrowed dtypes": "keras.src.backend.common.dtypes:BIT64_TO_BIT32_DTYPE",
    "seed of the process": "keras.src.utils.rng_utils:get_random_seed",
    "lazy modules": "keras.src.utils.module_utils:tensorflow",
    "readable logs": "keras.src.utils.python_utils:pythonify_logs",
    "abstract evaluation": "keras.src.backend:compute_output_spec",
    "symbolic build": "keras:Model._symbolic_build",
    "loss with or without `training`": "keras:Model._compute_loss",
    "functional models": "keras.src.models.functional:Functional",
    "losses": "keras.src.losses.loss",
    "sum of an added loss": "keras:Model._aggregate_additional_loss",
    "moments of BatchNormalization": "keras:layers.BatchNormalization._moments",
    "compiled losses": "keras.src.trainers.compile_utils:CompileLoss",
    "compiled metrics": "keras.src.trainers.compile_utils:CompileMetrics",
    "metrics at a threshold": "keras.src.metrics.confusion_metrics:SensitivitySpecificityBase",
    "order of metrics": "keras:Model._flatten_metrics_in_order",
    "epochs to validate": "keras:Model._should_eval",
    "nested layers": "keras:Model._flatten_layers",
    "epoch iterator": "keras.src.trainers.epoch_iterator:EpochIterator",
    "warning that data ran out": "keras.src.trainers.epoch_iterator:EpochIterator._interrupted_warning",
    "number of batches read ahead": "keras.src.trainers.data_adapters.data_adapter_utils:NUM_BATCHES_FOR_TENSOR_SPEC",
    "data adapter": "keras.src.trainers.data_adapters.data_adapter:DataAdapter",
    "tf.data datasets": "keras.src.trainers.data_adapters:is_tf_dataset",
    "torch data loaders": "keras.src.trainers.data_adapters:is_torch_dataloader",
    "Grain datasets": "keras.src.trainers.data_adapters:is_grain_dataset",
    "SciPy sparse arrays": "keras.src.trainers.data_adapters.data_adapter_utils:is_scipy_sparse",
    "JAX sparse arrays": "keras.src.trainers.data_adapters.data_adapter_utils:is_jax_sparse",
    "TensorFlow sparse tensors": "keras.src.trainers.data_adapters.data_adapter_utils:is_tensorflow_sparse",
    "ragged tensors": "keras.src.trainers.data_adapters.data_adapter_utils:is_tensorflow_ragged",
    "sliceable tensors": "keras.src.trainers.data_adapters.array_slicing:convert_to_sliceable",
    "Adam on torch": "keras.src.backend.torch.optimizers.torch_adam:Adam",
    "SGD on torch": "keras.src.backend.torch.optimizers.torch_sgd:SGD",
    "optimizers on TensorFlow": "keras.src.backend.tensorflow.optimizer:TFOptimizer",
    "loop of recurrent layers": "keras:layers.RNN.inner_loop",
    "loop of LSTM layers": "keras:layers.LSTM.inner_loop",
    "loop of GRU layers": "keras:layers.GRU.inner_loop",
    "TensorBoard summary module": "keras:callbacks.TensorBoard.summary",
    "TensorBoard model graph": "keras:callbacks.TensorBoard._write_keras_model_summary",
    "TensorBoard training writer": "keras:callbacks.TensorBoard._train_writer",
}
TESTED = "keras 3.15"


def private_api(name: str) -> Any:
    """Return the private part of Keras that `PRIVATE_API` lists under `name`.

    Raises:
        KerasContractError: the installed Keras does not have it.
    """
    module, _, attributes = PRIVATE_API[name].partition(":")
    try:
        part: Any = importlib.import_module(module)
        for attribute in filter(None, attributes.split(".")):
            part = getattr(part, attribute)
    except (ImportError, AttributeError) as error:
        raise KerasContractError(
            f"kerasbridge relies on {PRIVATE_API[name].replace(':', '.')} ({name}), "
            f"which Keras {keras.__version__} does not have; "
            f"use a tested version, as {TESTED}."
        ) from error
    return part
