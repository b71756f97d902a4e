"""Train the MLP on Ray: `python -m tests.distributed.on_ray WORKERS`."""

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


def main(size):
    """Train on a cluster of one node, and report the result of the trainer."""
    import ray
    from ray.train import RunConfig

    from tests.distributed.workers import report

    ray.init(num_cpus=size, include_dashboard=False, object_store_memory=MEMORY)
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = kb.distributed.ray_trainer(train, size, run_config=RunConfig(storage_path=folder)).fit()
        finally:
            ray.shutdown()
    os.environ["RANK"] = "ray"
    report(result.metrics)


if __name__ == "__main__":
    main(int(sys.argv[1]))
