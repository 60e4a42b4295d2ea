import ArgumentParser
import CNNFormats
import CNNGraph
import CNNKernels
import CNNKit
import CNNLayerKit
import CNNTraining

/// `cnn bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure how fast a model predicts and trains on this machine.",
    discussion: """
      Prints the median over the runs, after two runs to warm up. With --layers it
      prints the time of every layer instead, and how many billions of additions and
      multiplications of its plain definition that is per second.

        cnn bench resnet18 --batch 8 --train
        cnn bench alexnet --layers
      """)

  @Argument(help: "An architecture, a graph (.json) or a model file.", completion: .file())
  var model: String

  @Option(help: "Samples of a run.")
  var batch = 1

  @Option(help: "How many runs to measure.")
  var runs = 10

  @Flag(help: "Measure training steps too.")
  var train = false

  @Flag(help: "Measure each layer by itself; with --train, in training instead of prediction.")
  var layers = false

  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (1...100_000).contains(runs) else {
      throw ValidationError("--runs is from 1 to 100000, got \(runs)")
    }
  }

  func run() throws {
    try common.apply()
    try reportingErrors {
      let model = try ModelArgument.open(model)
      if layers {
        let steps = try stepTimes(model)
        print(common.json ? LayerTimes.json(steps) : LayerTimes.table(steps))
        return
      }
      var rows = [("predict", try predictionTimes(model))]
      if train { rows.append(("train", try trainingTimes(model))) }
      if common.json {
        let values = rows.map { name, times in
          AttributeValue.object([
            "what": .string(name), "batch": .integer(batch),
            "threads": .integer(ThreadPool.threadCount),
            "median_ms": .number(times.median * 1000), "fastest_ms": .number(times.fastest * 1000),
            "samples_per_second": .number(Double(batch) / times.median),
          ])
        }
        print(JSONText.write(.list(values)))
        return
      }
      print("batch \(batch), \(ThreadPool.threadCount) thread(s), median of \(runs) runs")
      for (name, times) in rows {
        print(
          "\(Format.padded(name, 8)) \(Format.fixed(times.median * 1000, 2)) ms (fastest "
            + "\(Format.fixed(times.fastest * 1000, 2)) ms), "
            + "\(Format.fixed(Double(batch) / times.median, 1)) samples/s")
      }
    }
  }

  private func stepTimes(_ model: Model) throws(CNNError) -> [StepTime] {
    if train {
      let session = try TrainingSession(model: model, options: .init(capacity: batch))
      for index in model.network.inputs { fill(try session.input(index)) }
      return try session.measureSteps(batch: batch, runs: runs)
    }
    let session = try Session(model: model, capacity: batch)
    for index in model.network.inputs { fill(try session.input(index)) }
    return try session.measureSteps(batch: batch, runs: runs)
  }

  private func predictionTimes(_ model: Model) throws(CNNError) -> Times {
    let session = try Session(model: model, capacity: batch)
    for index in model.network.inputs { fill(try session.input(index)) }
    return try measure { () throws(CNNError) in try session.run(batch: batch) }
  }

  private func trainingTimes(_ model: Model) throws(CNNError) -> Times {
    let session = try TrainingSession(model: model, options: .init(capacity: batch))
    for index in model.network.inputs { fill(try session.input(index)) }
    var step: UInt64 = 0
    return try measure { () throws(CNNError) in
      step += 1
      session.zeroGradients()
      try session.forward(batch: batch, random: RandomKey(seed: 0, step: step))
      for index in model.network.outputs.indices { fill(try session.outputGradient(index)) }
      try session.backward()
    }
  }

  private func fill(_ memory: UnsafeMutableBufferPointer<Float>) {
    for index in memory.indices { memory[index] = Float(index % 17) / 17 - 0.5 }
  }

  private func measure(_ body: () throws(CNNError) -> Void) throws(CNNError) -> Times {
    for _ in 0..<2 { try body() }
    var seconds: [Double] = []
    let clock = ContinuousClock()
    for _ in 0..<runs {
      let start = clock.now
      try body()
      let elapsed = (clock.now - start).components
      seconds.append(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
    }
    seconds.sort()
    return Times(median: seconds[seconds.count / 2], fastest: seconds[0])
  }

  private struct Times {
    let median: Double
    let fastest: Double
  }
}
