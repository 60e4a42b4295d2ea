import CNNLayerKit

/// Runs one layer forward on given numbers and returns its outputs.
func run(
  _ type: String, _ attributes: [String: AttributeValue] = [:], _ shapes: [[Int]],
  _ inputs: [[Float]], parameters: [[Float]] = [], mode: ExecutionMode = .inference
) throws -> [[Float]] {
  try prepared(type, attributes, shapes, inputs, parameters: parameters, forward: mode).outputs
    .map(\.values)
}

/// Makes a host for one layer, fills it with given numbers, and runs it forward.
func prepared(
  _ type: String, _ attributes: [String: AttributeValue] = [:], _ shapes: [[Int]],
  _ inputs: [[Float]], parameters: [[Float]] = [], forward mode: ExecutionMode = .training
) throws -> LayerHarness {
  let layer = try makeLayer(type, attributes, shapes)
  let harness = try LayerHarness(
    layer, inputs: shapes, batch: inputs[0].count / shapes[0].reduce(1, *))
  for (buffer, values) in zip(harness.inputs, inputs) { buffer.values = values }
  for (buffer, values) in zip(harness.parameters, parameters) { buffer.values = values }
  try harness.forward(mode)
  return harness
}
