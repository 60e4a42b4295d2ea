import CNNKit
import Foundation
import Testing

@Suite struct MixingTests {
  private func options(_ change: (inout TrainerOptions) -> Void = { _ in }) -> TrainerOptions {
    var options = TrainerOptions()
    options.training.batchSize = 8
    options.training.learningRate = 0.01
    options.training.seed = 6
    options.epochs = 2
    change(&options)
    return options
  }

  // One step, whose loss and accuracy are worked out from the mixer's partners and share.
  @Test(arguments: [0, 0.1], [false, true])
  func theLossIsThatOfTheShares(smoothing: Double, isCut: Bool) throws {
    let data = try stripes(24)
    let mixing =
      isCut
      ? BatchMixing(cutmix: .init(probability: 1)) : BatchMixing(mixup: .init(alpha: 1))
    let options = options {
      $0.training.batchSize = 24
      $0.epochs = 1
      $0.mixing = mixing
      $0.training.losses = [
        LossSpecification(
          "softmax_cross_entropy", attributes: ["label_smoothing": .number(smoothing)])
      ]
    }
    var graph = linearNetwork(features: 36)
    graph.inputs[0].shape = [6, 6, 1]
    graph.layers.insert(Graph.Node("flat", type: "flatten"), at: 0)
    let model = try makeModel(graph)
    let weights = try model.values(of: "fc.weight").map(Double.init)

    let loader = try BatchLoader(data, batchSize: 24, seed: 6)
    let mixer = try BatchMixer(mixing, batchSize: 24, sampleShape: data.sampleShape, seed: 6)
    try loader.startEpoch(0)
    let batch = try #require(try loader.next())
    let mixed = try mixer.mix(batch)
    let labels = try #require(batch.labels)
    var loss = 0.0
    var correct = 0
    for position in 0..<24 {
      let logits = (0..<3).map { label in
        (0..<36).reduce(0.0) {
          $0 + weights[label * 36 + $1] * Double(mixed.inputs[position * 36 + $1])
        }
      }
      let logSum = log(logits.map(exp).reduce(0, +))
      let own = Int(labels[position])
      let other = Int(labels[mixed.partners[position]])
      for label in 0..<3 {
        let share =
          (label == own ? mixed.share : 0) + (label == other ? 1 - mixed.share : 0)
        loss += ((1 - smoothing) * share + smoothing / 3) * (logSum - logits[label]) / 24
      }
      let answer = logits.indices.max { logits[$0] < logits[$1] }
      if answer == (mixed.share >= 0.5 ? own : other) { correct += 1 }
    }
    let history = try Trainer(model: model, dataset: data, options: options).fit()
    #expect(isClose(history.steps[0], loss, 1e-5), "\(history.steps[0]) \(loss)")
    #expect(isClose(try #require(history.epochs[0].accuracy), Double(correct) / 24, 1e-12))
  }

  @Test func learnsFromMixedSamples() throws {
    let validation = try stripes(60, seed: 9)
    let model = try makeModel(smallNetwork())
    let trainer = try Trainer(
      model: model, dataset: try stripes(60), validation: validation,
      options: options {
        $0.epochs = 15
        $0.accumulation = 2
        $0.mixing = BatchMixing(mixup: .init(), cutmix: .init())
        $0.ema = ExponentialMovingAverage(decay: 0.9)
        $0.classBalance = true
        $0.training.clipNorm = 5
        $0.training.weightDecay = 1e-3
        $0.training.schedule = LearningRateSchedule(
          .cosine(epochs: nil, minimum: 0), warmupEpochs: 0.5)
      })
    let history = try trainer.fit()
    #expect(try #require(evaluate(model, on: validation).accuracy) > 0.9)
    // Half an epoch of 4 steps is 2 steps.
    #expect(history.epochs[0].learningRate < 0.01)
  }

  @Test func needsLossesOfClasses() throws {
    let values = try TensorDataset(
      inputs: [Float](repeating: 0, count: 8), sampleShape: Shape([4]),
      targets: [.values([1, 2, 3, 4, 5, 6], shape: Shape([3]))])
    for name in ["mixup", "cutmix"] {
      let trainer = try Trainer(
        model: makeModel(linearNetwork()), dataset: values,
        options: TrainerOptions(json: #"{"loss": "mean_squared_error", "\#(name)": true}"#))
      let error = failure { try trainer.fit() }
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains(name) == true)
      #expect(error?.message.contains("\"fc\"") == true)
    }
    let flat = try TensorDataset(
      inputs: [Float](repeating: 0, count: 8), sampleShape: Shape([4]),
      targets: [.classes([0, 1], names: ["a", "b", "c"])])
    let trainer = try Trainer(
      model: makeModel(linearNetwork()), dataset: flat,
      options: TrainerOptions(json: #"{"cutmix": {}}"#))
    #expect(failure { try trainer.fit() }?.message.contains("\"cutmix\"") == true)
  }
}
