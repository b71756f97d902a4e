"""Workers on TensorFlow: its collective operations, in a graph and outside.

A collective operation finds its counterparts on the other workers by a key. Here the key follows from what is
exchanged alone, and operations with one key run one after the other, so that it does not matter how many graphs each
worker has traced.
"""

import functools
import zlib
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbridge.engines.step import Tensor
from kerasbridge.engines.tensorflow.board import Board
from kerasbridge.engines.tensorflow.peer_watch import PeerWatch, task_of
from kerasbridge.engines.tensorflow.peers import cannot_meet, known_peers
from kerasbridge.engines.tensorflow.private_names import private_name
from kerasbridge.errors import WorkerError
from kerasbridge.runtime import backend
from kerasbridge.runtime.stderr import suppress_stderr
from kerasbridge.runtime.world import World

_HOST, _DEVICE = 1, 2
"""The keys of the two groups that all workers form: with their CPUs, and with the devices that they compute on."""

_SUMMED = (tf.bfloat16, tf.float16, tf.float32, tf.float64, tf.int32, tf.int64)


class Collectives:
    """The collective operations of one worker.

    Args:
        world: the workers.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        context, first = self._join()
        self.watch = PeerWatch(context, world)
        self.board = Board(first, functools.partial(self.watch.has_ended, 0))

    def _join(self) -> tuple[Any, str]:
        """Start TensorFlow and meet the other workers; return TensorFlow's context, and where worker 0 listens."""
        with known_peers(self._world) as peers:
            try:
                with suppress_stderr():
                    context = _start_runtime(self._world, peers)
                    ranks = self._gather(np.array([self._world.rank], np.int32), backend.worker_timeout())
            except tf.errors.OpError as error:
                raise cannot_meet(self._world, error) from error
        if ranks.ravel().tolist() != [*range(self._world.size)]:
            raise WorkerError(f"Expected each worker to have its own RANK, received {ranks.ravel().tolist()}.")
        return context, peers[0]

    def all_sum(self, tensor: Tensor) -> Tensor:
        """Return the sum of a tensor over all workers; its gradient is the sum of the gradients of all workers."""
        tensor = tf.convert_to_tensor(tensor)
        with self.watch.waiting():
            return self._differentiable(tensor) if tensor.dtype.is_floating else self._reduce(tensor)

    def broadcast(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the array of worker 0."""
        if not array.size:
            return array
        words = _words(array)
        options = self._options(_HOST, "broadcast", words.size)
        with self.watch.waiting(), tf.device("/cpu:0"):
            if self._world.is_first:
                received = tf.raw_ops.CollectiveBcastSendV2(input=tf.constant(words), **options)
            else:
                received = tf.raw_ops.CollectiveBcastRecvV2(T=tf.int32, shape=tf.constant(words.shape), **options)
        return _array(received.numpy(), array)

    def all_gather(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the arrays of all workers, stacked."""
        if not array.size:
            return np.stack([array] * self._world.size)
        with self.watch.waiting():
            rows = self._gather(_words(array))
        return np.stack([_array(row, array) for row in rows])

    def _gather(self, words: np.ndarray[Any, Any], seconds: float = 0.0) -> np.ndarray[Any, Any]:
        options = self._options(_HOST, "gather", words.size, seconds=seconds)
        with tf.device("/cpu:0"):
            gathered = tf.raw_ops.CollectiveGatherV2(input=tf.constant(words), ordering_token=[], **options)
        return np.asarray(gathered.numpy()).reshape(self._world.size, -1)

    def _differentiable(self, tensor: Tensor) -> Tensor:
        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def summed(tensor: Tensor) -> Any:
            return self._reduce(tensor), self._differentiable

        return summed(tensor)

    def _reduce(self, tensor: Tensor) -> Tensor:
        wide = tensor if tensor.dtype in _SUMMED else tf.cast(tensor, tf.int64)
        total = tf.raw_ops.CollectiveReduceV2(
            input=wide,
            merge_op="Add",
            final_op="Id",
            ordering_token=[self._token.handle],
            **self._options(_DEVICE, "sum", wide.dtype.name, *wide.shape),
        )
        return tf.cast(total, tensor.dtype)

    @functools.cached_property
    def _token(self) -> Any:
        """A variable that every sum appears to change, so that those of a graph run in the order of the program."""
        with tf.init_scope():
            return tf.Variable(0.0, trainable=False)

    def _options(self, group: int, *content: Any, seconds: float = 0.0) -> dict[str, Any]:
        key = zlib.crc32(repr(content).encode()) >> 1  # TensorFlow keeps one key for each shape
        return {
            "group_size": self._world.size,
            "group_key": group,
            "instance_key": key,
            "communication_hint": "auto",
            "timeout_seconds": seconds,
        }


def _start_runtime(world: World, peers: tuple[str, ...]) -> Any:
    """Start TensorFlow so that this process is a member of a cluster, and return its context.

    `tf.distribute.MultiWorkerMirroredStrategy` does this too, and ends all workers when one is stopped for 5 seconds.
    """
    found = private_name("context")
    if found is None:
        raise WorkerError(f"Expected a TensorFlow that several workers can use, received {tf.__version__}.")
    context = getattr(*found)()
    try:
        context.configure_collective_ops(task_of(0), device_filters=(task_of(world.rank),))
    except RuntimeError as error:
        raise WorkerError(
            f"Expected worker {world.rank} of {world.size} to meet the others before TensorFlow has computed anything, "
            "received a process that has. Put `import kerasbridge as kb` and kb.use_backend() first in the script."
        ) from error
    cluster = tf.train.ClusterSpec({"worker": list(peers)}).as_cluster_def()
    context.enable_collective_ops(
        tf.train.ServerDef(
            cluster=cluster,
            job_name="worker",
            task_index=world.rank,
            protocol="grpc",
            default_session_config=context.config,
        )
    )
    context.ensure_initialized()
    return context


def _words(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the bytes of an array as whole numbers, which every collective operation takes."""
    content = array.tobytes()
    return np.frombuffer(content + bytes(-len(content) % 4), np.int32)


def _array(words: np.ndarray[Any, Any], like: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array with these words, in the shape and dtype of another."""
    return np.frombuffer(words.tobytes()[: like.nbytes], like.dtype).reshape(like.shape).copy()
