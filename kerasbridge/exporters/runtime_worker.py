"""Child side of `runtime_client`: load a file in the runtime of its format and compute its outputs.

python -m kerasbridge.exporters.runtime_worker FOLDER
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasbridge.exporters.batches import Arrays, read_batches, write_batches
from kerasbridge.exporters.signatures import Signature
from kerasbridge.runtime import subprocesses

Run = Callable[[Arrays], Sequence[Any]]


def _onnx(path: Path, signature: Signature) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [spec.name for spec in signature.inputs]
    return lambda batch: session.run(list(signature.outputs), dict(zip(names, batch, strict=True)))


def _tf_saved_model(path: Path, signature: Signature) -> Run:
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")
    loaded = tf.saved_model.load(path)

    def outputs(batch: Arrays) -> list[Any]:
        by_name = loaded.serve(*map(tf.constant, batch))
        return [by_name[name].numpy() for name in signature.outputs]

    return outputs


def _litert(path: Path, signature: Signature) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    def outputs(batch: Arrays) -> list[Any]:
        # an interpreter keeps the sizes of its first batch, so that each batch needs a new one
        runner = Interpreter(model_path=str(path)).get_signature_runner("serving_default")
        by_name = runner(**{spec.name: array for spec, array in zip(signature.inputs, batch, strict=True)})
        return [by_name[name] for name in signature.outputs]

    return outputs


def _openvino(path: Path, signature: Signature) -> Run:
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def outputs(batch: Arrays) -> list[Any]:
        by_name = compiled({spec.name: array for spec, array in zip(signature.inputs, batch, strict=True)})
        return [by_name[name] for name in signature.outputs]

    return outputs


def _torch(path: Path, signature: Signature) -> Run:
    import torch

    del signature
    module = torch.export.load(path).module()
    return lambda batch: [output.detach().numpy() for output in module(*map(torch.from_numpy, batch))]


def _stablehlo(path: Path, signature: Signature) -> Run:
    import jax
    from jax import export

    del signature
    exported = export.deserialize(bytearray(path.read_bytes()))
    return lambda batch: [np.asarray(output) for output in jax.jit(exported.call)(*batch)]


_LOADERS = {
    "onnx": _onnx,
    "tf_saved_model": _tf_saved_model,
    "litert": _litert,
    "openvino": _openvino,
    "torch": _torch,
    "stablehlo": _stablehlo,
}


def _main(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    outputs = _LOADERS[job["format"]](Path(job["path"]), Signature.from_dict(job["signature"]))
    write_batches(folder / "outputs.npz", [list(outputs(batch)) for batch in read_batches(folder / "inputs.npz")])


if __name__ == "__main__":
    with subprocesses.exit_with_message():
        _main(Path(sys.argv[1]))
