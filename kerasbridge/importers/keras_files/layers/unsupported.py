"""The reasons why layers are not supported."""

from collections.abc import Mapping

_LOOKUP = "looks up strings or hashes in TensorFlow tables, which other backends do not have"
_TENSORFLOW_CALLS = "consists of TensorFlow calls, which are not supported"
_CELL = "is a cell outside of a supported RNN layer"
_FEATURE_COLUMNS = "reads TensorFlow feature columns, which Keras 3 does not support"

_REASONS: Mapping[str, str] = {
    "Lambda": "contains Python code, which is not run",
    **dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing"), _LOOKUP),
    **dict.fromkeys(("CategoryCrossing", "IndexLookup", "DynamicLookup", "DynamicEmbedding"), _LOOKUP),
    **dict.fromkeys(("SlicingOpLambda", "TensorFlowOpLayer"), _TENSORFLOW_CALLS),
    **dict.fromkeys(("ClassMethod", "InstanceMethod", "InstanceProperty"), _TENSORFLOW_CALLS),
    **dict.fromkeys(("SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells", "ConvLSTM2DCell"), _CELL),
    **dict.fromkeys(("DenseFeatures", "SequenceFeatures"), _FEATURE_COLUMNS),
    "ConvRNN2D": "runs a custom cell over images, which Keras 3 does not support",
    "RandomCrop": "crops to the center outside of training, which RandomCrop of Keras 3 does not do",
    "KerasLayer": "is a TensorFlow Hub module, which is not in the file",
}


def unsupported_reason(kind: str) -> str:
    """Return the reason why a class of layers is not supported, as a predicate that follows the layer's name."""
    return _REASONS.get(kind, "is unknown: Keras has no layer class of this name")
