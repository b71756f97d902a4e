"""`kb.distributed.ray_trainer`."""

import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kerasbridge.errors import ArgumentError, PackageNotInstalled
from kerasbridge.runtime import backend as backend_module


def ray_trainer(
    train_function: Callable[..., Any],
    num_workers: int = 1,
    use_gpu: bool = False,
    run_dir: str | os.PathLike[str] | None = None,
    *,
    backend: str | None = None,
    config: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Return a Ray Train trainer; its `fit` calls a function in several processes, in which `kb.fit` trains together.

    Args:
        train_function: the function to call in each worker, without an argument or with a dict of settings. It imports
            Keras, builds the model and calls `kb.fit`, as with one process; `batch_size` is that of all workers.
        num_workers: the number of workers.
        use_gpu: whether each worker has a GPU.
        run_dir: the run folder, passed to the function as ``config["run_dir"]``, an absolute path: pass it to `kb.fit`,
            with ``resume=True``, so that a restarted training goes on from its last checkpoint. All machines must see
            the folder.
        backend: "jax", "tensorflow" or "torch"; by default that of this process.
        config: settings for the function.
        options: arguments of Ray's DataParallelTrainer: `run_config`, `datasets`, `dataset_config`, and
            `scaling_config` instead of `num_workers` and `use_gpu`.

    Returns:
        A `DataParallelTrainer` of Ray. The metrics of its result are the logs of the last epoch, and its number.

    Raises:
        PackageNotInstalled: Ray is not installed.
        ArgumentError: an argument is invalid.

    Example:
        >>> import kerasbridge as kb
        >>> def train(config):
        ...     data, model = kb.datasets.mnist(), kb.models.mlp()
        ...     model.compile("adam", "sparse_categorical_crossentropy")
        ...     kb.fit(model, data.x_train / 255, data.y_train, run_dir=config["run_dir"], resume=True)
        >>> trainer = kb.distributed.ray_trainer(train, num_workers=2, run_dir="runs/ray")  # doctest: +SKIP
        >>> result = trainer.fit()  # doctest: +SKIP
    """
    settings = dict(config or {})
    if run_dir is not None:
        _check_takes_settings(train_function)
        settings["run_dir"] = str(Path(run_dir).absolute())
    try:
        from ray.train import ScalingConfig
        from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

        from kerasbridge.distributed.ray_worker import KerasbridgeConfig
    except ImportError as why:
        raise PackageNotInstalled.needed("kb.distributed.ray_trainer needs", "ray[train]", "ray", why, "ray") from why
    scaling = options.pop("scaling_config", None) or ScalingConfig(num_workers=num_workers, use_gpu=use_gpu)
    variables = _variables(backend or backend_module.default_backend(), scaling)
    return DataParallelTrainer(
        train_function,
        train_loop_config=settings,
        backend_config=KerasbridgeConfig(variables),
        scaling_config=scaling,
        **options,
    )


def _variables(backend: str | None, scaling: Any) -> dict[str, str]:
    """Return the environment variables that choose the backend and the device of a worker."""
    if backend not in (None, *backend_module.BACKENDS):
        raise ArgumentError(f"Expected backend jax, tensorflow or torch, received {backend!r}.")
    device = {} if getattr(scaling, "use_tpu", False) else {"KERASBRIDGE_DEVICE": "gpu" if scaling.use_gpu else "cpu"}
    return {**({"KERAS_BACKEND": backend} if backend else {}), **device}


def _check_takes_settings(function: Callable[..., Any]) -> None:
    """Refuse a function to which Ray passes no settings: one without a required parameter."""
    parameters = inspect.signature(function).parameters.values()
    if not any(each.default is each.empty and each.kind is not each.VAR_KEYWORD for each in parameters):
        raise ArgumentError(
            "Expected train_function to take a dict, which contains run_dir; received a function without a required "
            'parameter. Write def train(config), and kb.fit(…, run_dir=config["run_dir"], resume=True).'
        )
