"""SavedModel by TensorFlow, LiteRT and OpenVINO converted from one, and ONNX by tf2onnx."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbridge.exporters.batches import Arrays
from kerasbridge.exporters.model_adapter import serving_function
from kerasbridge.exporters.signatures import Signature
from kerasbridge.exporters.writers.openvino import convert
from kerasbridge.keras_compat import keras


def to_tf_saved_model(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write a folder; its one endpoint `serve` takes the inputs by name and returns a dict of the outputs."""
    del batch
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", _dict_function(model, signature), _specs(signature))
    archive.write_out(str(path), verbose=False)


def to_litert(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write a file that uses built-in TensorFlow Lite operations only; loops over time need a fixed batch."""
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        to_tf_saved_model(model, signature, batch, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        path.write_bytes(converter.convert())


def to_openvino(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write an OpenVINO .xml, and a .bin with the same stem."""
    with tempfile.TemporaryDirectory(prefix="kerasbridge-") as folder:
        to_tf_saved_model(model, signature, batch, Path(folder))
        convert(Path(folder), signature, path)


def to_onnx(model: Any, signature: Signature, batch: Arrays, path: Path) -> None:
    """Write an ONNX file, in which a loop over time stays a loop."""
    del batch
    import tf2onnx

    _register_erfc()
    specs = _specs(signature)
    function = tf.function(_dict_function(model, signature), input_signature=specs)
    tf2onnx.convert.from_function(function, input_signature=specs, output_path=str(path))


def _dict_function(model: Any, signature: Signature) -> Any:
    """Return the model as a function that returns a dict of its outputs by name."""
    serve = serving_function(model, signature)
    return lambda *tensors: dict(zip(signature.outputs, serve(*tensors), strict=True))


def _specs(signature: Signature) -> list[Any]:
    return [tf.TensorSpec(spec.shape, spec.dtype, name=spec.name) for spec in signature.inputs]


def _register_erfc() -> None:
    """Register 1 - erf(x), which TensorFlow uses for GELU and tf2onnx 1.17 cannot convert."""
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
