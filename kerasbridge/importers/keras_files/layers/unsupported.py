"""Layers that no layer of Keras 3 says, nor one of kerasbridge's: why each is refused."""

from collections.abc import Mapping

_TABLES = "looks up words or hashes in tables of TensorFlow, which the other backends have not"
_ON_TENSORFLOW = "is made of calls of TensorFlow's own, which are not brought"
_A_CELL = "is no layer by itself, and stands in none that is brought"

_REASONS: Mapping[str, str] = {
    "Lambda": "holds Python code, which is not run",
    **dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"), _TABLES),
    **dict.fromkeys(("CategoryCrossing", "IndexLookup", "DynamicLookup", "DynamicEmbedding"), _TABLES),
    **dict.fromkeys(("SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod"), _ON_TENSORFLOW),
    "InstanceProperty": _ON_TENSORFLOW,
    **dict.fromkeys(("SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells", "ConvLSTM2DCell"), _A_CELL),
    "ConvRNN2D": "runs a cell of its own over images, which Keras 3 has not",
    "RandomCrop": "crops to the middle outside of training, which that of Keras 3 does not",
    "DenseFeatures": "reads feature columns of TensorFlow's, which Keras 3 has not",
    "SequenceFeatures": "reads feature columns of TensorFlow's, which Keras 3 has not",
    "KerasLayer": "is a module of TensorFlow Hub, which lies elsewhere",
}


def unsupported_reason(kind: str) -> str:
    """Why a class of layers is not brought, to follow a layer's name."""
    return _REASONS.get(kind, "is unknown: no layer of Keras's own has this name")
