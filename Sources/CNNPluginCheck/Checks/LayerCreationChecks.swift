import CNNLayerKit
import Glibc

/// Checks of how layers are made and what they say of themselves.
let layerCreationChecks: [Check] = [
  Check(
    .layer, "create",
    "For inputs of any shape there is a layer whose declarations make sense, or an error with a "
      + "message.", run: checkCreation),
  Check(
    .layer, "attributes",
    "Attributes at the ends of their limits give a layer or an error with a message; other values are "
      + "refused.", needs: ["create"], run: checkAttributes),
  Check(
    .layer, "workspace",
    "Sizes of temporary memory are possible, the same each time, and not less for more samples.",
    needs: ["create"], run: checkWorkspace),
  Check(
    .layer, "memory-limit",
    "When the host has no memory, create fails with CNN_OUT_OF_MEMORY and keeps nothing.",
    needs: ["create"], run: checkMemoryLimit),
]

/// Shapes of all sorts.
private let oddShapes: [[Int]] = [
  [], [1], [31], [1, 1], [17, 3], [1, 1, 1], [7, 5, 3], [31, 1, 2], [8, 8, 64], [2, 3, 4, 5],
  [1, 1, 1, 1, 1, 1, 1, 1], [1 << 20], [1 << 20, 1 << 20, 1 << 10],
]

/// Makes a layer that may be refused, but only with a reason.
///
/// - Returns: Whether there is a layer.
func attempt(_ layerCase: LayerCase) throws -> Bool {
  CheckProcess.note("create, \(layerCase)")
  do throws(CNNError) {
    let layer = try layerCase.make()
    CheckProcess.note("destroy, \(layerCase)")
    withExtendedLifetime(layer) {}
    return true
  } catch {
    try expect(
      !error.message.contains("gave no message"), "\(layerCase): \(error.message)")
    try expect(
      error.code != .internal && error.code != .layerFailed, "\(layerCase): \(error.message)")
    return false
  }
}

private func checkCreation(_ context: CheckContext) throws {
  let type = try context.layerType()
  let finder = CaseFinder(type: type, request: context.request)
  let least = type.inputCount.lowerBound
  func attempt(_ shapes: [[Int]]) throws {
    let inputs = try shapes.map { try Shape($0) }
    for number in 0..<3 {
      _ = try CNNPluginCheck.attempt(
        LayerCase(
          type: type, attributes: finder.attributes(number: number, inputs: inputs), inputs: inputs)
      )
    }
  }
  for count in Set([least, min(least + 1, type.inputCount.upperBound)]).sorted() {
    for sizes in oddShapes { try attempt(Array(repeating: sizes, count: count)) }
  }
  if least == 2 {
    for (a, b) in zip(oddShapes, oddShapes.reversed()) { try attempt([a, b]) }
  }
  for layerCase in try context.layerCases() {
    let layer = try layerCase.make()
    for parameter in layer.parameters + layer.states where parameter.shape.count > 1 << 34 {
      throw Finding("\(layerCase): \"\(parameter.name)\" has the shape \(parameter.shape)")
    }
  }
}

private func checkAttributes(_ context: CheckContext) throws {
  let first = try context.layerCases()[0]
  guard !first.type.attributes.isEmpty else { throw Skip("the type has no attributes") }
  for attribute in first.type.attributes {
    func with(_ value: AttributeValue) -> LayerCase {
      LayerCase(
        type: first.type, attributes: first.attributes.merging([attribute.name: value]) { $1 },
        inputs: first.inputs)
    }
    for value in AttributeGuess.extremes(attribute) { _ = try attempt(with(value)) }
    for value in AttributeGuess.wrong(attribute) where value != attribute.defaultValue {
      try expect(try !attempt(with(value)), "attribute \"\(attribute.name)\" took \(value)")
    }
  }
  let unknown = first.attributes.merging(["no_such_attribute": 1]) { $1 }
  try expect(
    try !attempt(LayerCase(type: first.type, attributes: unknown, inputs: first.inputs)),
    "an attribute that was not declared was taken")
}

private func checkWorkspace(_ context: CheckContext) throws {
  for layerCase in try context.layerCases() {
    let layer = try layerCase.make()
    for mode in [ExecutionMode.training, .inference] {
      for concurrency in [1, 2, 3, 8, 64] {
        var last = Workspace()
        for batch in [1, 2, 3, 4, 7, 32, 33] {
          let what =
            "\(layerCase), batch \(batch), concurrency \(concurrency), "
            + (mode == .training ? "training" : "predicting")
          CheckProcess.note("workspace, \(what)")
          let sizes = try layer.workspace(batch: batch, mode: mode, concurrency: concurrency)
          let again = try layer.workspace(batch: batch, mode: mode, concurrency: concurrency)
          try expect(sizes == again, "\(what): the sizes are \(sizes), and then \(again)")
          try expect(
            sizes.cache >= last.cache && sizes.forwardScratch >= last.forwardScratch
              && sizes.backwardScratch >= last.backwardScratch,
            "\(what): the sizes are \(sizes), and fewer samples need \(last)")
          let most = 1 << 32
          try expect(
            sizes.cache <= most && sizes.forwardScratch <= most && sizes.backwardScratch <= most,
            "\(what): the sizes are \(sizes), which is more memory than machines have")
          last = sizes
        }
      }
    }
  }
}

private func checkMemoryLimit(_ context: CheckContext) throws {
  var wasRefused = false
  for layerCase in try context.layerCases() {
    _ = try layerCase.make()
    let before = MemoryBudget.bytesInUse
    for number in 0..<1000 {
      CheckProcess.note("create without memory for request \(number + 1), \(layerCase)")
      var failure: CNNError?
      let requests = HostHooks.refusingAllocation(number) {
        do throws(CNNError) {
          _ = try layerCase.make()
        } catch { failure = error }
      }
      guard requests > number else { break }
      wasRefused = true
      if let failure {
        try expect(
          failure.code == .outOfMemory,
          "\(layerCase): without memory, create fails with another status: \(failure.message)")
        try expect(
          !failure.message.contains("gave no message"), "\(layerCase): \(failure.message)")
      }
      try expect(
        MemoryBudget.bytesInUse == before,
        "\(layerCase): without memory for request \(number + 1), create keeps "
          + "\(MemoryBudget.bytesInUse - before) bytes")
    }
  }
  if !wasRefused { throw Skip("create takes no memory from the host") }
}
