import CNNLayerKit

/// Configurations that between them change every code path of every built-in type.
///
/// Sizes are small and odd, because gradients are checked element by element.
enum LayerCases {
  static let all: [LayerCase] =
    convolutions + transposedConvolutions + dense + poolings + resamplings + normalizations
    + activations + structure

  static let convolutions: [LayerCase] = [
    LayerCase("conv2d", ["out_channels": 3, "kernel_size": 3], [5, 6, 2], step: 0.2),
    LayerCase(
      "conv2d", ["out_channels": 2, "kernel_size": 3, "padding": "same"], [4, 5, 3], step: 0.2),
    LayerCase(
      "conv2d", ["out_channels": 2, "kernel_size": [2, 3], "stride": [2, 1], "padding": [1, 0]],
      [7, 5, 2], batch: 3, step: 0.2),
    LayerCase(
      "conv2d",
      [
        "out_channels": 2, "kernel_size": 3, "stride": 2, "dilation": [1, 2],
        "padding": [[1, 2], [2, 0]], "bias": false,
      ], [5, 6, 3], step: 0.2),
    LayerCase("conv2d", ["out_channels": 5, "kernel_size": 1], [3, 4, 4], step: 0.2),
    LayerCase(
      "conv2d", ["out_channels": 4, "kernel_size": 1, "stride": 2], [5, 5, 3], step: 0.2),
    LayerCase(
      "conv2d", ["out_channels": 6, "kernel_size": 3, "groups": 2, "padding": 1], [4, 4, 4],
      step: 0.2),
    LayerCase(
      "conv2d", ["out_channels": 5, "kernel_size": 3, "groups": 5, "padding": 1], [5, 4, 5],
      step: 0.2),
    LayerCase(
      "conv2d",
      ["out_channels": 6, "kernel_size": 3, "groups": 3, "stride": 2, "padding": "same"],
      [5, 5, 3], step: 0.2),
    LayerCase(
      "conv2d", ["out_channels": 9, "kernel_size": 3, "groups": 9, "dilation": 2, "padding": 2],
      [5, 5, 9], batch: 1, step: 0.2),
    LayerCase("conv2d", ["out_channels": 2, "kernel_size": 1], [1, 1, 1], batch: 1, step: 0.2),
    LayerCase(
      "conv2d", ["out_channels": 2, "kernel_size": 7, "padding": 3], [4, 4, 1], step: 0.2),
  ]

  static let transposedConvolutions: [LayerCase] = [
    LayerCase("transposed_conv2d", ["out_channels": 3, "kernel_size": 3], [3, 4, 2], step: 0.2),
    LayerCase(
      "transposed_conv2d", ["out_channels": 2, "kernel_size": 4, "stride": 2, "padding": 1],
      [3, 2, 3], step: 0.2),
    LayerCase(
      "transposed_conv2d",
      [
        "out_channels": 2, "kernel_size": [3, 2], "stride": [2, 3], "padding": [1, 0],
        "output_padding": [1, 2], "bias": false,
      ], [3, 3, 2], batch: 3, step: 0.2),
    LayerCase(
      "transposed_conv2d",
      ["out_channels": 4, "kernel_size": 3, "stride": 2, "dilation": 2, "groups": 2], [3, 3, 2],
      step: 0.2),
    LayerCase(
      "transposed_conv2d", ["out_channels": 3, "kernel_size": 3, "stride": 2, "padding": "same"],
      [3, 4, 2], step: 0.2),
    LayerCase(
      "transposed_conv2d", ["out_channels": 3, "kernel_size": 2, "stride": 3, "padding": "same"],
      [2, 2, 1], step: 0.2),
    LayerCase(
      "transposed_conv2d", ["out_channels": 3, "kernel_size": 3, "stride": 2, "groups": 3],
      [3, 3, 3], step: 0.2),
  ]

  static let dense: [LayerCase] = [
    LayerCase("linear", ["out_features": 4], [7], batch: 3, step: 0.2),
    LayerCase("linear", ["out_features": 1, "bias": false], [1], batch: 1, step: 0.2),
    LayerCase("linear", ["out_features": 19, "bias": false], [33], batch: 2, step: 0.2),
  ]

  static let poolings: [LayerCase] = [
    LayerCase("max_pool2d", ["kernel_size": 2], [5, 4, 3], values: [.ladder]),
    LayerCase(
      "max_pool2d", ["kernel_size": 3, "stride": 2, "padding": 1, "return_indices": true],
      [6, 5, 2], values: [.ladder]),
    LayerCase(
      "max_pool2d", ["kernel_size": [2, 3], "stride": 1, "dilation": [2, 1]], [5, 5, 2], batch: 3,
      values: [.ladder]),
    LayerCase(
      "max_pool2d", ["kernel_size": 3, "stride": 2, "padding": "same"], [5, 4, 9],
      values: [.ladder]),
    LayerCase("avg_pool2d", ["kernel_size": 2], [5, 4, 3], step: 0.2),
    LayerCase(
      "avg_pool2d", ["kernel_size": 3, "stride": 2, "padding": 1], [6, 5, 2], batch: 3, step: 0.2),
    LayerCase(
      "avg_pool2d",
      ["kernel_size": 3, "stride": 1, "padding": "same", "count_include_pad": false], [4, 3, 9],
      step: 0.2),
    LayerCase("global_avg_pool2d", [:], [3, 5, 4], batch: 3, step: 0.2),
    LayerCase("global_avg_pool2d", ["keep_dims": true], [2, 2, 3], step: 0.2),
    LayerCase(
      "max_unpool2d", ["kernel_size": 2], [2, 3, 3], [2, 3, 3], step: 0.2,
      values: [.uniform, .positions(plane: 24)]),
    LayerCase(
      "max_unpool2d", ["output_size": [5, 7]], [2, 3, 2], [2, 3, 2], batch: 3, step: 0.2,
      values: [.uniform, .positions(plane: 35)]),
    LayerCase(
      "max_unpool2d", ["kernel_size": 3, "stride": 2, "padding": 1], [3, 2, 1], [3, 2, 1],
      step: 0.2, values: [.uniform, .positions(plane: 15)]),
  ]

  static let resamplings: [LayerCase] = [
    LayerCase("upsample2d", ["scale_factor": 2], [3, 2, 3], step: 0.2),
    LayerCase("upsample2d", ["size": [5, 3]], [3, 4, 2], batch: 3, step: 0.2),
    LayerCase("upsample2d", ["scale_factor": [2, 3], "mode": "bilinear"], [3, 2, 3], step: 0.2),
    LayerCase(
      "upsample2d", ["size": [5, 7], "mode": "bilinear", "align_corners": true], [3, 4, 2],
      step: 0.2),
    LayerCase("upsample2d", ["size": [2, 1], "mode": "bilinear"], [4, 3, 9], step: 0.2),
    LayerCase("pad2d", ["padding": 1], [2, 3, 2], step: 0.2),
    LayerCase("pad2d", ["padding": [[1, 0], [2, 3]], "value": 1.5], [2, 3, 2], step: 0.2),
    LayerCase(
      "pad2d", ["padding": [[1, 2], [3, 0]], "mode": "reflect"], [3, 4, 2], batch: 3, step: 0.2),
    LayerCase("pad2d", ["padding": [2, 3], "mode": "replicate"], [2, 1, 3], step: 0.2),
  ]

  static let normalizations: [LayerCase] = [
    LayerCase("batch_norm", [:], [5], batch: 6),
    LayerCase("batch_norm", ["epsilon": 0.01, "momentum": 0.5], [3, 4, 3], batch: 2),
    LayerCase("batch_norm", [:], [2, 2, 17], batch: 3),
    LayerCase("local_response_norm", [:], [2, 3, 7]),
    LayerCase(
      "local_response_norm", ["size": 3, "alpha": 2, "beta": 0.6, "k": 2], [2, 2, 5], batch: 3),
    LayerCase("local_response_norm", ["size": 4, "alpha": 3, "beta": 1.5], [2, 1, 3]),
    LayerCase("local_response_norm", ["size": 9, "alpha": 3], [1, 2, 4]),
    LayerCase("dropout", [:], [4, 5, 3], step: 0.2),
    LayerCase("dropout", ["p": 0.25], [40], batch: 3, step: 0.2),
    LayerCase("dropout", ["p": 0], [7], step: 0.2),
    LayerCase("dropout", ["p": 1], [7], step: 0.2),
  ]

  static let activations: [LayerCase] = [
    LayerCase("relu", [:], [3, 4, 3], values: [.awayFromZero]),
    LayerCase("relu", [:], [9], batch: 1, values: [.awayFromZero]),
    LayerCase("leaky_relu", [:], [3, 4, 3], values: [.awayFromZero]),
    LayerCase("leaky_relu", ["negative_slope": 0.3], [11], values: [.awayFromZero]),
    LayerCase("sigmoid", [:], [3, 3, 2]),
    LayerCase("tanh", [:], [17]),
    LayerCase("softmax", [:], [7], batch: 3),
    LayerCase("softmax", [:], [2, 3, 4]),
  ]

  static let structure: [LayerCase] = [
    LayerCase("flatten", [:], [3, 4, 5], step: 0.2),
    LayerCase("flatten", ["order": "hwc"], [3, 4, 5], step: 0.2),
    LayerCase("flatten", [:], [6], step: 0.2),
    LayerCase("flatten", [:], [1, 1, 6], step: 0.2),
    LayerCase("reshape", ["shape": [4, -1]], [2, 3, 2], step: 0.2),
    LayerCase("add", [:], [2, 3, 2], [2, 3, 2], step: 0.2),
    LayerCase("add", [:], [5], [5], [5], batch: 3, step: 0.2),
    LayerCase("multiply", [:], [2, 3, 2], [2, 3, 2], step: 0.2),
    LayerCase("multiply", [:], [5], [5], [5], batch: 3, step: 0.05),
    LayerCase("concat", [:], [2, 3, 2], [2, 3, 1], [2, 3, 4], step: 0.2),
    LayerCase("concat", ["axis": 0], [2, 3, 2], [1, 3, 2], batch: 3, step: 0.2),
    LayerCase("concat", ["axis": -2], [2, 3, 2], [2, 1, 2], step: 0.2),
    LayerCase("concat", [:], [3], [4], step: 0.2),
  ]
}
