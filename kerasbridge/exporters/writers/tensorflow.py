"""A SavedModel by TensorFlow, and what is made of one: LiteRT, OpenVINO; and ONNX by tf2onnx."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.model_adapter import serving
from kerasbridge.exporters.signatures import Signature
from kerasbridge.exporters.writers.openvino import convert
from kerasbridge.keras_compat import keras


def to_tf_saved_model(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """A folder; its one endpoint `serve` takes the inputs by name and gives a dict of the outputs."""
    del batch
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", _named(model, signature), _specs(signature))
    archive.write_out(str(path), verbose=False)


def to_litert(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """A file of TensorFlow Lite's own operations alone; loops over time need a fixed batch."""
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        to_tf_saved_model(model, signature, batch, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        path.write_bytes(converter.convert())


def to_openvino(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """OpenVINO's .xml, and its .bin beside it."""
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        to_tf_saved_model(model, signature, batch, Path(folder))
        convert(Path(folder), signature, path)


def to_onnx(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """An ONNX file, a loop over time a loop."""
    del batch
    import tf2onnx

    _teach_erfc()
    specs = _specs(signature)
    function = tf.function(_named(model, signature), input_signature=specs)
    tf2onnx.convert.from_function(function, input_signature=specs, output_path=str(path))


def _named(model: Any, signature: Signature) -> Any:
    """The model as a function that gives a dict of its outputs by name."""
    serve = serving(model, signature)
    return lambda *tensors: dict(zip(signature.outputs, serve(*tensors), strict=True))


def _specs(signature: Signature) -> list[Any]:
    return [tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in signature.inputs]


def _teach_erfc() -> None:
    """tf2onnx 1.17 does not know 1 - erf(x), of which TensorFlow makes GELU."""
    from tf2onnx import handler, utils

    class Erfc:
        @classmethod
        def version_9(cls, context: Any, node: Any, **_: Any) -> None:
            dtype = utils.map_onnx_to_numpy_type(context.get_dtype(node.output[0]))
            one = context.make_const(utils.make_name("one"), np.ones((), dtype))
            erf = context.make_node("Erf", node.input[:])
            context.remove_node(node.name)
            context.make_node("Sub", [one.output[0], erf.output[0]], outputs=node.output, name=node.name)

    handler.tf_op("Erfc")(Erfc)
