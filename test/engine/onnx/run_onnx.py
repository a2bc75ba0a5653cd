"""run_onnx.py MODEL IMAGES: prints onnxruntime's logits of the images (bytes, uint8 NHWC), inputs and metadata as JSON.

A model of float32 input gets them normalised by the mean and std of its metadata, NCHW."""
import json
import sys

import numpy
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
given = session.get_inputs()[0]
metadata = session.get_modelmeta().custom_metadata_map
is_float = given.type == "tensor(float)"
height, width, channels = given.shape[2:] + given.shape[1:2] if is_float else given.shape[1:]
images = numpy.fromfile(sys.argv[2], numpy.uint8).reshape(-1, height, width, channels)
if is_float:
    mean, std = (numpy.array(json.loads(metadata[name])) for name in ("mean", "std"))
    images = ((images / 255 - mean) / std).astype(numpy.float32).transpose(0, 3, 1, 2)
logits, probabilities = session.run(["logits", "probabilities"], {given.name: images})
print(json.dumps({
    "input": [given.name, given.type, given.shape],
    "logits": logits.ravel().tolist(),
    "probabilities": probabilities.ravel().tolist(),
    "metadata": metadata,
}))
