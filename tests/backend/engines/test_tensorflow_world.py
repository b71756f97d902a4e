"""Workers on TensorFlow that cannot meet: the error names what to type."""

import sys

import pytest

from kerasbridge.errors import WorkerError
from kerasbridge.keras_compat import keras

if keras.config.backend() != "tensorflow":
    pytest.skip("workers on TensorFlow", allow_module_level=True)

import tensorflow as tf

from kerasbridge.engines.tensorflow.peers import known_peers
from kerasbridge.engines.tensorflow.world import Collectives
from kerasbridge.runtime.world import World

PEERS = ("127.0.0.1:9", "127.0.0.1:10")


def test_peers_that_the_launcher_announces_need_no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.distributed", None)
    with known_peers(World(0, 2, "127.0.0.1", 9, peers=PEERS)) as peers:
        assert peers == PEERS


def test_without_torch_and_peers_the_error_names_both_ways(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.distributed", None)
    both = r"KERASBRIDGE_PEERS=host:port,host:port .* pip install \"kerasbridge\[torch\]\""
    with pytest.raises(WorkerError, match=both), known_peers(World(0, 2, "127.0.0.1", 9)):
        pass


def test_a_process_that_has_computed_must_join_earlier():
    tf.ones(1)
    with pytest.raises(WorkerError, match=r"before TensorFlow has computed anything.*kb\.use_backend\(\) first"):
        Collectives(World(0, 2, "127.0.0.1", 9, peers=PEERS))
