import CNNGraph
import CNNLayerKit

// A short notation for the layers that the architectures are made of.

func conv(
  _ name: String, _ channels: Int, _ kernelSize: Int, stride: Int = 1,
  padding: AttributeValue = 0, bias: Bool = true, initializer: AttributeValue = "he",
  from input: String? = nil
) -> Graph.Node {
  var attributes: [String: AttributeValue] = [
    "out_channels": .integer(channels), "kernel_size": .integer(kernelSize),
    "weight_initializer": initializer,
  ]
  if stride != 1 { attributes["stride"] = .integer(stride) }
  if padding != 0 { attributes["padding"] = padding }
  if !bias { attributes["bias"] = false }
  return Graph.Node(name, type: "conv2d", attributes, inputs: input.map { [$0] })
}

func linear(
  _ name: String, _ features: Int, initializer: AttributeValue = "he"
) -> Graph.Node {
  Graph.Node(
    name, type: "linear",
    ["out_features": .integer(features), "weight_initializer": initializer])
}

func maxPool(
  _ name: String, _ kernelSize: Int, stride: Int, padding: Int = 0, from input: String? = nil
) -> Graph.Node {
  var attributes: [String: AttributeValue] = [
    "kernel_size": .integer(kernelSize), "stride": .integer(stride),
  ]
  if padding != 0 { attributes["padding"] = .integer(padding) }
  return Graph.Node(name, type: "max_pool2d", attributes, inputs: input.map { [$0] })
}

func relu(_ name: String) -> Graph.Node { Graph.Node(name, type: "relu") }

func flatten(_ name: String = "flatten") -> Graph.Node { Graph.Node(name, type: "flatten") }

func dropout(_ name: String, _ probability: Double) -> Graph.Node {
  Graph.Node(name, type: "dropout", ["p": .number(probability)])
}

func batchNorm(_ name: String, momentum: Double = 0.9) -> Graph.Node {
  Graph.Node(name, type: "batch_norm", momentum == 0.9 ? [:] : ["momentum": .number(momentum)])
}
