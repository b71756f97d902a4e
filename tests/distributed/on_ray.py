"""Train the MLP on Ray: `python -m tests.distributed.on_ray WORKERS [shard]`."""

import os
import sys
import tempfile

import kerasbridge as kb

MEMORY = 100 * 1024**2
"""Bytes of the object store, which Ray would take from the memory of the machine."""


def train(config):
    """Train, and report the result of this worker to the test."""
    import random

    from tests.distributed import mlp, workers

    random.seed()  # as in processes that know nothing of each other
    result = mlp.train(mlp.build(), **config)
    workers.report(result)


def train_on_shard(config):
    """Train on the rows of this worker, and report the losses and the number of rows."""
    import ray.train

    from tests.distributed import mlp, workers

    del config
    shard, model = ray.train.get_dataset_shard("train"), mlp.build(dropout=0)
    rows = sum(len(batch["label"]) for batch in shard.iter_batches(batch_format="numpy"))
    losses = kb.fit(model, shard, batch_size=mlp.ROWS - 1, epochs=4, verbose=0).history["loss"]
    workers.report((rows, losses))


def main(size, function=train):
    """Train on a cluster of one node, and report the result of the trainer."""
    import ray
    from ray.train import RunConfig

    from tests.distributed.workers import report

    ray.init(num_cpus=size, include_dashboard=False, object_store_memory=MEMORY)
    with tempfile.TemporaryDirectory() as folder:
        try:
            run_config = RunConfig(storage_path=folder)
            data = {"datasets": {"train": shards()}} if function is train_on_shard else {}
            result = kb.distributed.ray_trainer(function, size, run_config=run_config, **data).fit()
        finally:
            ray.shutdown()
    os.environ["RANK"] = "ray"
    report(result.metrics)


def shards():
    """Return the data of the MLP as a dataset of Ray, without the last row, so that two workers have as many."""
    import ray.data

    from tests.distributed import mlp

    x, y = mlp.data()
    return ray.data.from_items([{"x": row, "label": label} for row, label in zip(x[:-1], y[:-1], strict=True)])


if __name__ == "__main__":
    main(int(sys.argv[1]), train_on_shard if "shard" in sys.argv else train)
