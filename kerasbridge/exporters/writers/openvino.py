"""Conversion of a SavedModel or an ONNX file to the OpenVINO intermediate representation, by OpenVINO itself."""

from pathlib import Path

import openvino

from kerasbridge.exporters.signatures import Signature


def convert(source: Path, signature: Signature, path: Path) -> None:
    """Write an .xml, in float32 and with the input names of the signature, and a .bin with the same stem."""
    model = openvino.Core().read_model(source)
    for spec in signature.inputs:
        model.input(spec.name).node.set_friendly_name(spec.name)
    openvino.save_model(model, path, compress_to_fp16=False)
