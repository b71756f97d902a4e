"""Train a digit classifier in several processes: on Ray, or started by torchrun; alone it is an ordinary script.

python several_workers.py                          one process
torchrun --nproc-per-node=2 several_workers.py     two processes on this machine
python several_workers.py --ray 2                  two processes of Ray, on this machine
python several_workers.py --ray 8 --address auto   eight on the Ray cluster of this machine
"""

import argparse
import tempfile

import kerasbridge as kb


def train(config):
    """Train, and return loss and accuracy on the test digits."""
    kb.use_backend()
    data, model = kb.datasets.mnist(), kb.models.mlp()
    kb.reinitialize(model, seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = kb.fit(
        model,
        data.x_train / 255,
        data.y_train,
        epochs=5,
        seed=0,
        verbose=0,
        validation_data=(data.x_test / 255, data.y_test),
        run_dir=config["run_dir"],
        resume=True,  # after a failure, from the last checkpoint
    )
    losses = history.history["val_loss"]
    print(f"{history.params['workers']} workers, test loss after each epoch:", *(f"{loss:.4f}" for loss in losses))


def main():
    """Train in this process, or on Ray with --ray."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ray", type=int, metavar="WORKERS")
    parser.add_argument("--address", help="of a Ray cluster")
    parser.add_argument("--run-dir", help="the run folder, which all machines must see; else it is not kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        run_dir = options.run_dir or f"{temporary}/run"
        if not options.ray:
            train({"run_dir": run_dir})
            return
        import ray

        ray.init(options.address, num_cpus=None if options.address else options.ray, include_dashboard=False)
        result = kb.distributed.ray_trainer(train, options.ray, run_dir=run_dir).fit()
        print("Ray: test loss after the last epoch:", f"{result.metrics['val_loss']:.4f}")


if __name__ == "__main__":
    main()
