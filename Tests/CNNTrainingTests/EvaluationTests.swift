import CNNKit
import Foundation
import Testing

@Suite struct EvaluationTests {
  /// A model whose logits are its inputs.
  private func identity(_ classes: Int) throws -> Model {
    let model = try makeModel(linearNetwork(features: classes, classes: classes))
    try model.setValues(
      of: "fc.weight",
      to: (0..<classes * classes).map { $0 % (classes + 1) == 0 ? 1 : 0 })
    return model
  }

  @Test(arguments: [1, 2, 64])
  func countsByHand(batchSize: Int) throws {
    // Answers 0, 1, 1, 2, 2 for the classes 0, 1, 2, 2, 0; the last one's is second best.
    let data = try TensorDataset(
      inputs: [3, 1, 0, 0, 2, 1, 0, 2, 1, 0, 0, 4, 1, 0, 2], sampleShape: Shape([3]),
      targets: [.classes([0, 1, 2, 2, 0], names: ["a", "b", "c"])])
    var options = EvaluationOptions()
    options.batchSize = batchSize
    options.top = 2
    let metrics = try evaluate(identity(3), on: data, options: options)
    #expect(metrics.count == 5)
    #expect(metrics.accuracy == 0.6)
    #expect(metrics.topAccuracy == 1)
    #expect(metrics.confusion == [[1, 0, 1], [0, 1, 0], [0, 1, 1]])
    #expect(metrics.classAccuracies == [0.5, 1, 0.5])
    #expect(metrics.classPrecisions == [1, 0.5, 0.5])
    let rows: [([Double], Int)] = [
      ([3, 1, 0], 0), ([0, 2, 1], 1), ([0, 2, 1], 2), ([0, 0, 4], 2), ([1, 0, 2], 0),
    ]
    let expected = rows.map { log($0.map(exp).reduce(0, +)) - $0[$1] }.reduce(0, +) / 5
    #expect(isClose(metrics.loss, expected, 1e-6))
    #expect(metrics.json.contains("\"accuracy\": 0.6"))
    options.top = 10
    #expect(try evaluate(identity(3), on: data, options: options).top == 3)
  }

  @Test func doesNotChangeTheModel() throws {
    let model = try makeModel(smallNetwork())
    let before = try numbers(of: model)
    let first = try evaluate(model, on: try stripes(10))
    #expect(try evaluate(model, on: try stripes(10)) == first)
    #expect(try numbers(of: model) == before)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let model = try identity(3)
    let data = try TensorDataset(
      inputs: [.infinity, 0, 0], sampleShape: Shape([3]),
      targets: [.classes([1], names: ["a", "b", "c"])])
    #expect(failure { _ = try evaluate(model, on: data) }?.code == .nonFinite)
    #expect(failure { _ = try evaluate(model, on: try stripes(3)) }?.code == .shapeMismatch)
    let error = failure { _ = try EvaluationOptions(json: #"{"batchsize": 3}"#) }
    #expect(error?.message.contains("did you mean \"batch_size\"") == true)
    var options = EvaluationOptions()
    options.batchSize = 0
    #expect(
      failure { _ = try evaluate(model, on: data, options: options) }?.code == .invalidArgument)
  }
}
