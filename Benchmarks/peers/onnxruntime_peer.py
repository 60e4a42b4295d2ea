"""ONNX Runtime; the network is written as an ONNX file in a process of its own beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import graph
from harness.timing import Job, Task


def _onnx_path(weights: str) -> Path:
    return Path(weights).with_suffix(".onnx")


def prepare(network: dict[str, Any]) -> dict[str, Any]:
    """Writes the ONNX file of a network beside its parameters."""
    import onnx
    from onnx import TensorProto, helper

    description = graph.Graph.read(network["graph"])
    height, width, channels = description.input_shape
    weights = graph.Weights(network["weights"])
    nodes, initializers = [], []
    for node in description.nodes:
        names = [name for name in (f"{node.name}.{part}" for part in (
            "weight", "bias", "running_mean", "running_var")) if name in weights]
        for name in names:
            array = weights[name]
            initializers.append(helper.make_tensor(
                name, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True))
        nodes += _operators(helper, node, names)
    model = helper.make_model(helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info(
            description.input_name, TensorProto.FLOAT, ["N", channels, height, width])],
        [helper.make_tensor_value_info(description.output_name, TensorProto.FLOAT, None)],
        initializers), opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(_onnx_path(network["weights"])))
    return {}


def _operators(helper: Any, node: graph.Node, names: list[str]) -> list[Any]:
    """The operators of a layer."""
    attributes, (first, *_) = node.attributes, node.inputs
    window = {}
    if "kernel_size" in attributes:
        kernel, (top, left) = node.pair("kernel_size"), node.pair("padding")
        window = {"kernel_shape": kernel, "pads": [top, left, top, left],
                  "strides": node.pair("stride", 1 if node.type == "conv2d" else kernel[0])}

    def make(operator: str, *more: str, **options: Any) -> list[Any]:
        return [helper.make_node(operator, [*node.inputs, *more], [node.name], **options)]

    match node.type:
        case "conv2d":
            return make("Conv", *names, **window)
        case "max_pool2d":
            return make("MaxPool", **window)
        case "linear":
            return make("Gemm", *names, transB=1)
        case "batch_norm":
            return make("BatchNormalization", *names, epsilon=attributes.get("epsilon", 1e-5))
        case "local_response_norm":
            return make("LRN", size=attributes["size"], alpha=float(attributes["alpha"]),
                        beta=float(attributes["beta"]), bias=float(attributes["k"]))
        case "relu":
            return make("Relu")
        case "dropout":
            return make("Identity")
        case "flatten":
            return make("Flatten")
        case "add":
            return make("Add")
        case "global_avg_pool2d":
            pooled = f"{node.name}.pooled"
            return [helper.make_node("GlobalAveragePool", [first], [pooled]),
                    helper.make_node("Flatten", [pooled], [node.name])]
    raise ValueError(f"{node.name}: layer type {node.type} has no twin in ONNX yet")


def task(job: Job) -> Task:
    """Prepares a session with all optimizations, which are the default."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(_onnx_path(job.network["weights"])), options, providers=["CPUExecutionProvider"])
    network = graph.Graph.read(job.network["graph"])
    samples = network.samples(job.batch).transpose(0, 3, 1, 2).copy()
    feeds = {network.input_name: samples}

    def result() -> list[float]:
        output = session.run(None, feeds)[0]
        nhwc = output.transpose(0, 2, 3, 1) if output.ndim == 4 else output
        return [float(value) for value in nhwc.ravel()[:8]]

    return Task(lambda: session.run(None, feeds), onnxruntime.__version__, result=result)
