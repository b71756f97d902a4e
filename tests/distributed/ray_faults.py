"""Train the MLP on a Ray cluster of two nodes: undisturbed, with a killed worker, and with a node that is replaced.

`python -m tests.distributed.ray_faults 2` reports the numbers of each training; Ray restarts its workers.
"""

import os
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kerasbridge as kb
from tests.distributed.on_ray import MEMORY

FAULTS = ("undisturbed", "worker 0 killed", "worker 1 killed", "node replaced")
STEP = 15  # within the second epoch


def train(config):
    """Train with checkpoints; at a step of the first attempt, let the program around it do something."""
    import os
    from pathlib import Path

    import keras

    from kerasbridge.runtime.world import current
    from tests.distributed import mlp

    folder = Path(config["run_dir"]).parent
    (folder / f"{current().rank}.pid").write_text(str(os.getpid()))

    class Pause(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if (
                int(keras.ops.convert_to_numpy(self.model.optimizer.iterations.value)) == STEP
                and (folder / "ask").exists()
            ):
                (folder / "ask").write_text("\n")
                (folder / "go on").read_text()

    settings = {"run_dir": config["run_dir"], "resume": True, "checkpoint_every": "4 steps", "epochs": 3}
    result = mlp.train(mlp.build(), **settings, callbacks=[Pause()])
    (folder / f"{current().rank}.digest").write_text(result["weights"].tobytes().hex())
    (folder / "history").write_text(repr(result["history"]))


def disturb(fault, folder, cluster, nodes):
    """Wait until the training in a folder pauses, do something to it, and let it go on."""
    (folder / "ask").read_text()
    (folder / "ask").unlink()
    if fault == FAULTS[-1]:
        nodes.append(add_node(cluster))
        cluster.remove_node(nodes.pop(0))
    else:
        os.kill(int((folder / f"{fault.split()[1]}.pid").read_text()), signal.SIGKILL)
    pipe = os.open(folder / "go on", os.O_RDWR)  # its reader may be dead
    os.write(pipe, b"\n")
    os.close(pipe)


def add_node(cluster):
    """Add a node for one worker."""
    return cluster.add_node(num_cpus=1, object_store_memory=MEMORY, include_dashboard=False)


def main():
    """Train once for each fault, and report what each gave."""
    import ray
    from ray.cluster_utils import Cluster
    from ray.train import FailureConfig, RunConfig

    from tests.distributed.workers import report

    head = {"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes, results = [add_node(cluster)], {}
    try:
        ray.init(address=cluster.address)
        for fault in FAULTS:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                config = RunConfig(storage_path=name, failure_config=FailureConfig(max_failures=3))
                trainer = kb.distributed.ray_trainer(train, 2, run_dir=folder / "run", run_config=config)
                with ThreadPoolExecutor() as pool:  # nodes are added in the main thread
                    if fault != FAULTS[0]:
                        [os.mkfifo(folder / pipe) for pipe in ("ask", "go on")]
                    training = pool.submit(trainer.fit)
                    if fault != FAULTS[0]:
                        disturb(fault, folder, cluster, nodes)
                    training.result()
                digests = [(folder / f"{rank}.digest").read_text() for rank in range(2)]
                results[fault] = digests, (folder / "history").read_text()
    finally:
        ray.shutdown()
        cluster.shutdown()
    os.environ["RANK"] = "faults"
    report(results)


if __name__ == "__main__":
    assert sys.argv[1] == "2"
    main()
