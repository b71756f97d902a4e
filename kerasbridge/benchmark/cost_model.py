"""The cost of a step on several workers, as a model: its computation, and an all-reduce of the gradients.

A ring all-reduce, as Gloo and TensorFlow compute it, sends 2 (n - 1) messages one after the other (Patarasuk and Yuan,
"Bandwidth optimal all-reduce algorithms for clusters of workstations", Journal of Parallel and Distributed Computing
69(2), 2009). Recursive halving and doubling sends as many bytes in 2 log2(n) messages (Thakur, Rabenseifner and Gropp,
"Optimization of collective communication operations in MPICH", International Journal of High Performance Computing
Applications 19(1), 2005); the trees of NCCL are as short.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """A network between workers.

    Attributes:
        latency: seconds of a message.
        bandwidth: bytes per second that a worker sends.
        in_ring: whether an all-reduce is a ring; otherwise it is recursive halving and doubling.
    """

    latency: float
    bandwidth: float
    in_ring: bool = True

    def all_reduce(self, workers: int, size: float) -> float:
        """Return the seconds of an all-reduce of so many bytes."""
        messages = 2 * (workers - 1) if self.in_ring else 2 * math.ceil(math.log2(workers))
        return messages * self.latency + 2 * (workers - 1) / workers * size / self.bandwidth

    @classmethod
    def fitted(cls, measured: Sequence[tuple[int, float, float]]) -> "Network":
        """Return the network whose rings take the times measured: the least relative squares.

        Args:
            measured: (workers, bytes, seconds) of several sizes; the seconds are above 0.
        """
        rows = [(2 * (n - 1) / t, 2 * (n - 1) / n * size / t) for n, size, t in measured]
        aa, ab, bb = (sum(row[i] * row[k] for row in rows) for i, k in ((0, 0), (0, 1), (1, 1)))
        a, b = (sum(row[i] for row in rows) for i in (0, 1))
        determinant = aa * bb - ab * ab
        latency, per_byte = (a * bb - b * ab) / determinant, (b * aa - a * ab) / determinant
        if latency <= 0:
            latency, per_byte = 0.0, b / bb
        return cls(latency, 1 / per_byte)


@dataclass(frozen=True)
class Training:
    """The computation of one worker, and what it sends.

    Attributes:
        name: the name of the model.
        parameters: its number of weights.
        operations: floating-point operations of a training step for one sample.
        bytes_per_sample: bytes read from the data for one sample.
        samples: samples of an epoch.
        metrics: numbers in the states of its metrics.
    """

    name: str
    parameters: float
    operations: float
    bytes_per_sample: float
    samples: float
    metrics: int = 4

    @property
    def gradient_bytes(self) -> float:
        """Bytes that a worker contributes to the sum of a step, in float32."""
        return 4 * self.parameters

    @property
    def checkpoint_bytes(self) -> float:
        """Bytes of a checkpoint: the weights and two slots of Adam."""
        return 12 * self.parameters


@dataclass(frozen=True)
class Cost:
    """A step on n workers, in seconds.

    Attributes:
        compute: the computation of the own rows.
        communicate: the all-reduce after it.
    """

    compute: float
    communicate: float

    @property
    def step(self) -> float:
        """Seconds of the step; nothing overlaps, since the sum is one bucket after all gradients."""
        return self.compute + self.communicate

    @property
    def efficiency(self) -> float:
        """The share of the time in which the workers compute."""
        return self.compute / self.step


def cost(training: Training, network: Network, workers: int, rows: int, speed: float, overhead: float = 0.0) -> Cost:
    """Return the cost of a step.

    Args:
        training, network: what is trained, on which network.
        workers: the number of workers.
        rows: samples of each worker in a step.
        speed: operations per second that a worker reaches.
        overhead: seconds of a step of an empty model.
    """
    compute = overhead + rows * training.operations / speed
    return Cost(compute, network.all_reduce(workers, training.gradient_bytes) if workers > 1 else 0.0)


def rows_that_pay(
    training: Training, network: Network, workers: int, speed: float, overhead: float = 0.0, efficiency: float = 0.8
) -> float:
    """Return how many rows each worker needs in a step for this efficiency, at least one."""
    waiting = network.all_reduce(workers, training.gradient_bytes)
    needed = waiting * efficiency / (1 - efficiency) - overhead
    return max(1.0, needed * speed / training.operations)
