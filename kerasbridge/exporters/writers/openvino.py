"""OpenVINO's own reading of a SavedModel or an ONNX file, written down as its intermediate representation."""

from pathlib import Path

import openvino

from kerasbridge.exporters.signatures import Signature


def convert(source: Path, signature: Signature, path: Path) -> None:
    """Write what OpenVINO reads as an .xml, in float32, and a .bin beside it; the names are the signature's."""
    model = openvino.Core().read_model(source)
    for spec in signature.inputs:
        model.input(spec.name).node.set_friendly_name(spec.name)
    openvino.save_model(model, path, compress_to_fp16=False)
