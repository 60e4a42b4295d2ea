import CNNLayerKit

extension LayerCases {
  /// Large enough that the kernels cut the work into several chunks.
  static let large: [LayerCase] = [
    LayerCase("conv2d", ["out_channels": 24, "kernel_size": 3, "padding": 1], [33, 31, 16]),
    LayerCase(
      "conv2d", ["out_channels": 64, "kernel_size": 3, "padding": 1, "groups": 64], [28, 28, 64]),
    LayerCase("conv2d", ["out_channels": 96, "kernel_size": 1], [28, 28, 64]),
    LayerCase(
      "transposed_conv2d", ["out_channels": 16, "kernel_size": 4, "stride": 2], [20, 20, 24]),
    LayerCase("linear", ["out_features": 300], [700], batch: 40),
    LayerCase(
      "max_pool2d", ["kernel_size": 3, "stride": 2], [61, 61, 32], batch: 3, values: [.ladder]),
    LayerCase("avg_pool2d", ["kernel_size": 3, "stride": 1], [50, 50, 40], batch: 3),
    LayerCase("global_avg_pool2d", [:], [50, 50, 200], batch: 3),
    LayerCase("batch_norm", [:], [40, 40, 70], batch: 4),
    LayerCase("batch_norm", [:], [3000], batch: 40),
    LayerCase("local_response_norm", [:], [30, 30, 64]),
    LayerCase("dropout", [:], [50, 50, 30]),
    LayerCase("relu", [:], [64, 64, 33]),
    LayerCase("sigmoid", [:], [64, 64, 33]),
    LayerCase("tanh", [:], [64, 64, 33]),
    LayerCase("softmax", [:], [1000], batch: 100),
    LayerCase("flatten", [:], [40, 40, 70], batch: 3),
    LayerCase("add", [:], [64, 64, 33], [64, 64, 33]),
    LayerCase("multiply", [:], [64, 64, 33], [64, 64, 33]),
    LayerCase("concat", [:], [64, 64, 33], [64, 64, 5]),
    LayerCase("upsample2d", ["scale_factor": 2, "mode": "bilinear"], [40, 40, 40]),
    LayerCase("upsample2d", ["scale_factor": 2], [40, 40, 40]),
    LayerCase("pad2d", ["padding": 3, "mode": "reflect"], [64, 64, 33]),
    LayerCase(
      "max_unpool2d", ["kernel_size": 2], [30, 30, 40], [30, 30, 40],
      values: [.uniform, .positions(plane: 3600)]),
  ]
}
