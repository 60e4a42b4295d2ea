import CNNKernels
import CNNLayerKit

/// Checks of what calls read and write.
let layerCallChecks: [Check] = [
  Check(
    .layer, "forward",
    "Forward of ordinary numbers succeeds, when training and when predicting, for any batch and "
      + "concurrency; its outputs are finite.", needs: ["create"], run: checkForward),
  Check(
    .layer, "backward",
    "Backward succeeds with no more than it says it reads; its gradients are finite.",
    needs: ["forward"], run: checkBackward),
]

/// Checks of what calls read and write, for layers that can be called.
let layerMemoryChecks: [Check] = [
  Check(
    .layer, "bounds",
    "Nothing is written or read beside any array.", needs: ["backward"], run: checkBounds),
  Check(
    .layer, "read-only",
    "Nothing is written to inputs, parameters, gradients of outputs, the cache in backward, or states "
      + "unless forward trains.", needs: ["backward"], run: checkReadOnly),
  Check(
    .layer, "outputs",
    "Every number of outputs and of the inputs' gradients is written, whatever the memory held.",
    needs: ["repeat"], run: checkOutputs),
  Check(
    .layer, "scratch", "Results do not depend on what temporary memory held.", needs: ["repeat"],
    run: checkScratch),
  Check(
    .layer, "smaller-batch", "Fewer samples than planned give what they give alone.",
    needs: ["repeat"], run: checkSmallerBatch),
]

/// Options of a bench for the context.
func options(
  _ context: CheckContext, batch: Int = 2, concurrency: Int = 2,
  _ surroundings: Surroundings = .room
) -> LayerBench.Options {
  var options = LayerBench.Options()
  options.batch = batch
  options.concurrency = concurrency
  options.surroundings = surroundings
  options.values = context.request.values
  return options
}

private func checkForward(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(3)
  for layerCase in try context.layerCases() {
    for batch in [1, 2, 3, 5] {
      for concurrency in [1, 2, 3, 8] {
        let bench = try LayerBench(
          layerCase, filled(options(context, batch: batch, concurrency: concurrency)))
        for mode in [ExecutionMode.training, .inference] {
          try bench.forward(mode)
          for (output, declaration) in zip(bench.outputs, bench.layer.outputs)
          where declaration.isDifferentiable {
            guard let index = output.elements.firstIndex(where: { !$0.isFinite }) else { continue }
            throw Finding(
              "\(layerCase), batch \(batch): \(output.name)[\(index)] is \(output.elements[index])")
          }
        }
      }
    }
  }
}

/// The same options with zeros in all memory: numbers that are not written, and scratch memory that is
/// trusted, are the business of other checks.
func filled(_ options: LayerBench.Options) -> LayerBench.Options {
  var options = options
  (options.outputFill, options.scratchFill) = (0, 0)
  return options
}

private func checkBackward(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(3)
  for layerCase in try context.differentiableCases() {
    for batch in [1, 2, 3] {
      for concurrency in [1, 3] {
        let bench = try LayerBench(
          layerCase, filled(options(context, batch: batch, concurrency: concurrency)))
        try bench.forward(.training)
        try bench.backward()
        for gradient in bench.inputGradients + bench.parameterGradients {
          guard let index = gradient.elements.firstIndex(where: { !$0.isFinite }) else { continue }
          throw Finding(
            "\(layerCase), batch \(batch): \(gradient.name)[\(index)] is \(gradient.elements[index])"
          )
        }
      }
    }
  }
}

/// Runs every pass, with guards on either side or with memory that cannot be written.
private func runGuarded(_ context: CheckContext, protects: Bool) throws {
  ThreadPool.setThreadCount(3)
  for layerCase in try context.layerCases() {
    for batch in [1, 2, 3] {
      for concurrency in protects ? [2] : [1, 2, 3, 8] {
        for surroundings in protects
          ? [Surroundings.room] : [.guardBehind, .guardInFront, .guardRightBehind]
        {
          var options = options(context, batch: batch, concurrency: concurrency, surroundings)
          options.protects = protects
          let bench = try LayerBench(layerCase, options)
          do {
            _ = try bench.runAll()
          } catch let finding as Finding {
            throw Finding("\(layerCase), batch \(batch): \(finding.message)")
          }
        }
      }
    }
  }
}

private func checkBounds(_ context: CheckContext) throws {
  try runGuarded(context, protects: false)
}

private func checkReadOnly(_ context: CheckContext) throws {
  try runGuarded(context, protects: true)
}

private func checkOutputs(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.layerCases() {
    for mode in [ExecutionMode.training, .inference] {
      var (first, second) = (options(context, batch: 3), options(context, batch: 3))
      (first.outputFill, second.outputFill) = (.nan, -12345)
      let benches = try [first, second].map { try LayerBench(layerCase, $0) }
      for bench in benches {
        try bench.forward(mode)
        if mode == .training, bench.layer.isDifferentiable { try bench.backward() }
      }
      var arrays = benches.map(\.outputs)
      if mode == .training, benches[0].layer.isDifferentiable {
        for i in 0..<2 {
          arrays[i] += benches[i].inputGradients.enumerated()
            .filter { benches[i].layer.isDifferentiable(input: $0.offset) }.map(\.element)
        }
      }
      for (a, b) in zip(arrays[0], arrays[1]) {
        guard let index = zip(a.bits, b.bits).enumerated().first(where: { $1.0 != $1.1 })?.offset
        else { continue }
        throw Finding(
          "\(layerCase): \(a.name)[\(index)] depends on what the memory held: \(a.elements[index]), "
            + "or \(b.elements[index])")
      }
    }
  }
}

private func checkScratch(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.layerCases() {
    var results: [[[UInt32]]] = []
    for fill in [Float.nan, 0, 3.5] {
      var options = options(context, batch: 3)
      options.scratchFill = fill
      let bench = try LayerBench(layerCase, options)
      results.append(try bench.runAll())
      try expect(
        results[0] == results[results.count - 1],
        "\(layerCase): results depend on what scratch memory or the cache held before (NaN, or \(fill))"
      )
    }
  }
}

private func checkSmallerBatch(_ context: CheckContext) throws {
  ThreadPool.setThreadCount(1)
  for layerCase in try context.layerCases() {
    for batch in [1, 2] {
      let alone = try LayerBench(layerCase, options(context, batch: batch))
      var options = options(context, batch: batch)
      options.planned = batch + 5
      let planned = try LayerBench(layerCase, options)
      try expect(
        try alone.runAll() == planned.runAll(),
        "\(layerCase): \(batch) samples give something else where memory is for \(batch + 5)")
    }
  }
}
