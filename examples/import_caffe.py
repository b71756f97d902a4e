"""Import a Caffe net, fine-tune it on MNIST, and export it to ONNX.

    python import_caffe.py [NET.prototxt NET.caffemodel]

Without arguments, the script first writes an untrained LeNet in the Caffe format. Needs
``pip install "kerasbridge[legacy,export]"``.
"""

import sys
from pathlib import Path

import kerasbridge as kb

kb.use_backend()  # KERAS_BACKEND, or the first backend that is installed; before Keras is imported

import numpy as np

LENET = """
name: "LeNet"
layer { name: "mnist" type: "Input" top: "data" input_param { shape { dim: 64 dim: 1 dim: 28 dim: 28 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 20 kernel_size: 5 } }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "conv2" type: "Convolution" bottom: "pool1" top: "conv2"
        convolution_param { num_output: 50 kernel_size: 5 } }
layer { name: "pool2" type: "Pooling" bottom: "conv2" top: "pool2" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip1" type: "InnerProduct" bottom: "pool2" top: "ip1" inner_product_param { num_output: 500 } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"""
WEIGHTS = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (10, 500)}
SCALE = np.float32(1 / 256)
"""The factor of the pixels in the data layer of LeNet."""


def untrained() -> tuple[Path, Path]:
    """Write an untrained LeNet as the two files of Caffe."""
    from kerasbridge.importers.caffe.schema import message

    net, random = message("NetParameter")(name="LeNet"), np.random.default_rng(0)
    for name, shape in WEIGHTS.items():
        layer, fan_in = net.layer.add(name=name), np.prod(shape[1:])
        for values in (random.normal(0, fan_in**-0.5, shape), np.zeros(shape[0])):
            blob = layer.blobs.add(data=[values.astype("<f4").tobytes()])
            blob.shape.dim.extend(values.shape)
    files = Path("lenet.prototxt"), Path("lenet.caffemodel")
    files[0].write_text(LENET)
    files[1].write_bytes(net.SerializeToString())
    return files


def main() -> None:
    """Print the import report, the accuracy before and after an epoch, and the export report."""
    files = [Path(name) for name in sys.argv[1:]] or untrained()
    print(kb.inspect_import(*files))
    model = kb.import_model(*files)
    data = kb.datasets.mnist()
    x, x_test = (images[..., None] * SCALE for images in (data.x_train, data.x_test))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    print(f"accuracy before training: {kb.evaluate(model, x_test, data.y_test, verbose=0)[1]:.4f}")
    kb.fit(model, x, data.y_train, epochs=1, seed=0, verbose=0)
    print(f"accuracy after an epoch: {kb.evaluate(model, x_test, data.y_test, verbose=0)[1]:.4f}")
    print(kb.export(model, "lenet.onnx", overwrite=True))


if __name__ == "__main__":
    main()
