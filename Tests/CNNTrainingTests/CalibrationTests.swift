import CNNKit
import Foundation
import Testing

/// A model whose logits are its inputs times `scale`, optionally followed by a softmax.
private func scaling(
  _ classes: Int, by scale: Float = 1, softmax: Bool = false, names: [String] = []
) throws -> Model {
  var layers = [Graph.Node("fc", type: "linear", ["out_features": .integer(classes)])]
  if softmax { layers.append(Graph.Node("softmax", type: "softmax")) }
  let model = try makeModel(Graph(input: [classes], layers: layers))
  try model.setValues(
    of: "fc.weight",
    to: (0..<classes * classes).map { $0 % (classes + 1) == 0 ? scale : 0 })
  model.classNames = names
  return model
}

private func samples(_ rows: [[Float]], _ labels: [Int], _ names: [String]) throws
  -> TensorDataset
{
  try TensorDataset(
    inputs: rows.flatMap { $0 }, sampleShape: Shape([rows[0].count]),
    targets: [.classes(labels, names: names)])
}

/// A logit that gives two classes the probabilities p and 1 - p where the other logit is 0.
private func logit(_ p: Double) -> Float { Float(log(p / (1 - p))) }

/// Logits, and labels drawn with their probabilities.
private func drawn(_ count: Int, classes: Int) throws -> TensorDataset {
  var random = TestRandom(3)
  var rows: [[Float]] = []
  var labels: [Int] = []
  for _ in 0..<count {
    let row = (0..<classes).map { _ in random.number(-2...2) }
    let powers = row.map { exp(Double($0)) }
    var rest = Double.random(in: 0..<powers.reduce(0, +), using: &random)
    var label = 0
    while label + 1 < classes, rest >= powers[label] {
      rest -= powers[label]
      label += 1
    }
    rows.append(row)
    labels.append(label)
  }
  return try samples(rows, labels, (0..<classes).map { "class \($0)" })
}

@Suite struct ProbabilityMetricsTests {
  /// Confidences 0.9 (right and wrong) and 0.62 (right twice).
  private func byHand() throws -> TensorDataset {
    try samples(
      [[logit(0.9), 0], [logit(0.9), 0], [logit(0.62), 0], [0, logit(0.62)]], [0, 1, 0, 1],
      ["a", "b"])
  }

  @Test(arguments: [false, true])
  func calibrationErrorByHand(softmax: Bool) throws {
    let metrics = try evaluate(scaling(2, softmax: softmax), on: byHand())
    let answers = try #require(metrics.classification)
    // Half of the answers say 0.9 and half of those are right; half say 0.62 and all are right.
    #expect(isClose(answers.expectedCalibrationError, (0.4 + 0.38) / 2, 1e-6))
    let logLoss = -(log(0.9) + log(0.1) + 2 * log(0.62)) / 4
    #expect(isClose(answers.negativeLogLikelihood, logLoss, 1e-6))
    #expect(isClose(answers.brierScore, (0.02 + 1.62 + 2 * 0.2888) / 4, 1e-6))
    #expect(isClose(metrics.loss, logLoss, 1e-6))
    #expect(answers.accuracy == 0.75)
    #expect(answers.confusion == [[2, 0], [1, 1]])
    #expect(
      answers.calibrationBins.map(\.count).enumerated().filter { $1 > 0 }.map(\.offset) == [9, 13])
    #expect(isClose(answers.calibrationBins[13].confidence, 0.9, 1e-6))
    #expect(answers.calibrationBins[13].accuracy == 0.5)
    for key in ["expected_calibration_error", "class_precisions", "brier_score", "temperature"] {
      #expect(metrics.json.contains("\"\(key)\": "))
    }
  }

  @Test func probabilitiesThatMeanWhatTheySayHaveNoError() throws {
    var rows: [[Float]] = []
    var labels: [Int] = []
    for index in 0..<10 {
      rows.append([logit(0.8), 0])
      labels.append(index < 8 ? 0 : 1)
    }
    let metrics = try evaluate(scaling(2), on: samples(rows, labels, ["a", "b"]))
    #expect((metrics.classification?.expectedCalibrationError ?? 1) < 1e-6)
  }

  @Test(arguments: [false, true])
  func temperatureDividesLogits(softmax: Bool) throws {
    let model = try scaling(2, softmax: softmax)
    var options = EvaluationOptions()
    options.temperature = 2
    let cooled = try evaluate(model, on: byHand(), options: options)
    #expect(cooled.recognition.temperature == 2)
    // sqrt(0.9) against sqrt(0.1), and so on.
    func share(_ p: Double) -> Double { sqrt(p) / (sqrt(p) + sqrt(1 - p)) }
    let expected = -(log(share(0.9)) + log(1 - share(0.9)) + 2 * log(share(0.62))) / 4
    #expect(isClose(cooled.classification?.negativeLogLikelihood ?? 0, expected, 1e-6))
    // The loss is training's, and the model's own settings are used when none are given.
    let plain = try evaluate(model, on: byHand())
    #expect(cooled.loss == plain.loss)
    try model.setRecognition(try Recognition(temperature: 2))
    #expect(try evaluate(model, on: byHand()) == cooled)
    options.temperature = 1
    #expect(try evaluate(model, on: byHand(), options: options) == plain)
  }

  @Test func chosenClassesAreScaledToOne() throws {
    let model = try scaling(3, names: ["bird", "cat", "dog"])
    // The bird's logit is the largest everywhere, and does not count.
    let data = try samples(
      [[5, 1, 0], [5, 0, 1], [5, 1, 0], [9, 0, 0]], [1, 2, 2, 0], ["bird", "cat", "dog"])
    #expect(try evaluate(model, on: data).accuracy == 0.25)
    var options = EvaluationOptions()
    options.classes = ["dog", "cat"]
    let metrics = try evaluate(model, on: data, options: options)
    let answers = try #require(metrics.classification)
    #expect(metrics.count == 3)
    #expect(metrics.classNames == ["dog", "cat"])
    #expect(answers.confusion == [[1, 1], [0, 1]])
    let p = 1 / (1 + exp(-1.0))
    #expect(isClose(answers.negativeLogLikelihood, -(2 * log(p) + log(1 - p)) / 3, 1e-6))
    for (names, code): ([String], CNNError.Code) in [
      (["cat"], .invalidArgument), (["cat", "cat"], .invalidArgument),
      (["cat", "fish"], .unknownName), ([], .invalidArgument),
    ] {
      options.classes = names
      #expect(failure { _ = try evaluate(model, on: data, options: options) }?.code == code)
    }
  }

  @Test func classesAreMatchedByName() throws {
    let model = try scaling(3, names: ["bird", "cat", "dog"])
    let data = try samples([[0, 2, 0], [0, 0, 2]], [1, 0], ["dog", "cat"])
    let metrics = try evaluate(model, on: data)
    #expect(metrics.confusion == [[0, 0, 0], [0, 1, 0], [0, 0, 1]])
    #expect(metrics.classNames == ["bird", "cat", "dog"])
    #expect(metrics.classAccuracies == [nil, 1, 1])
    // Names that the model does not know: by number.
    let other = try samples([[0, 2, 0], [0, 0, 2]], [1, 0], ["x", "cat"])
    #expect(try evaluate(model, on: other).confusion == [[0, 0, 1], [0, 1, 0], [0, 0, 0]])
    // Classes of the data that the model does not know may be left out.
    let more = try samples(
      [[0, 2, 0], [0, 0, 2], [1, 0, 0]], [0, 1, 2], ["cat", "dog", "horse"])
    var options = EvaluationOptions()
    options.classes = ["cat", "dog"]
    #expect(try evaluate(model, on: more, options: options).confusion == [[1, 0], [0, 1]])
  }

  @Test func sourcesAreCountedApart() throws {
    let metrics = try evaluate(scaling(2), on: Mixture(base: try byHand()))
    #expect(metrics.sources.map(\.name) == ["even", "odd"])
    #expect(metrics.sources.map(\.classification.count) == [2, 2])
    #expect(metrics.sources.map(\.classification.accuracy) == [1, 0.5])
    #expect(metrics.json.contains("\"name\": \"odd\""))
  }

  @Test func averagedFlipsAreTheMeanOfTwoForwards() throws {
    let model = try makeModel(smallNetwork())
    let data = try stripes(7)
    try model.setRecognition(try Recognition(temperature: 1.5, averageFlips: true))
    let metrics = try evaluate(model, on: data)
    let session = try Session(model: model)
    var sum = 0.0
    for index in 0..<7 {
      let expected = try flippedByHand(session, data, index, temperature: 1.5)
      sum -= log(expected[try data.label(at: index)])
    }
    #expect(isClose(metrics.classification?.negativeLogLikelihood ?? 0, sum / 7, 1e-6))
    var options = EvaluationOptions()
    options.averageFlips = false
    #expect(try evaluate(model, on: data, options: options) != metrics)
  }

  @Test func refusesBadOptions() throws {
    for text in [
      #"{"temperature": 0}"#, #"{"temperature": -1}"#, #"{"temperature": "x"}"#,
      #"{"average_flips": 1}"#, #"{"classes": "cat"}"#, #"{"classes": [1, 2]}"#,
    ] {
      #expect(
        failure { _ = try EvaluationOptions(json: text) }?.code == .invalidArgument, "\(text)")
    }
    var options = EvaluationOptions()
    options.temperature = .nan
    #expect(
      failure { _ = try evaluate(scaling(2), on: byHand(), options: options) }?.code
        == .invalidArgument)
    options.temperature = nil
    options.averageFlips = true
    #expect(
      failure { _ = try evaluate(scaling(2), on: byHand(), options: options) }?.code
        == .unsupported)
  }
}

@Suite struct CalibrationTests {
  @Test(arguments: [(Float(3), false), (3, true), (0.4, false)])
  func recoversAKnownTemperature(scale: Float, softmax: Bool) throws {
    let model = try scaling(4, by: scale, softmax: softmax)
    let data = try drawn(20_000, classes: 4)
    let report = try calibrate(model, on: data)
    let found = report.recognition.temperature
    #expect(isClose(found / Double(scale), 1, 0.05), "\(found)")
    #expect(try model.recognition().temperature == found)
    #expect(report.oldRecognition == .plain)
    #expect(report.before.accuracy == report.after.accuracy)
    #expect(report.after.expectedCalibrationError < report.before.expectedCalibrationError)
    #expect(report.after.expectedCalibrationError < 0.02)
    // It is the minimum.
    let now = try evaluate(model, on: data).classification
    #expect(now == report.after)
    for factor in [0.999, 1.001] {
      var options = EvaluationOptions()
      options.temperature = found * factor
      let other = try evaluate(model, on: data, options: options).classification
      #expect((other?.negativeLogLikelihood ?? 0) > report.after.negativeLogLikelihood)
    }
    // Once more changes nothing.
    let again = try calibrate(model, on: data)
    #expect(again.recognition == report.recognition)
    #expect(again.before == report.after)
    #expect(report.json.contains("\"before\": {"))
  }

  @Test func batchesDoNotMatter() throws {
    let data = try drawn(300, classes: 3)
    var temperatures: Set<Double> = []
    for size in [1, 7, 300] {
      var options = CalibrationOptions()
      options.batchSize = size
      temperatures.insert(
        try calibrate(scaling(3, by: 2), on: data, options: options).recognition.temperature)
    }
    #expect(temperatures.count == 1)
  }

  @Test func keepsOrSetsMirrorImages() throws {
    let model = try makeModel(smallNetwork())
    let data = try stripes(60, noise: 3)
    var options = CalibrationOptions()
    options.averageFlips = true
    let report = try calibrate(model, on: data, options: options)
    #expect(report.recognition.averageFlips && !report.oldRecognition.averageFlips)
    #expect(report.before == (try evaluate(try copy(model, .plain), on: data).classification))
    #expect(try calibrate(model, on: data).recognition == report.recognition)
  }

  private func copy(_ model: Model, _ recognition: Recognition) throws -> Model {
    let copy = try ModelFile.encode(model).withUnsafeBytes { try ModelFile.load(bytes: $0) }
    try copy.setRecognition(recognition)
    return copy
  }

  @Test func whatCannotBeCalibratedIsAnError() throws {
    let model = try scaling(2)
    let right = try samples([[1, 0], [0, 1]], [0, 1], ["a", "b"])
    let wrong = try samples([[1, 0], [0, 1]], [1, 0], ["a", "b"])
    for (data, words) in [(right, "is right"), (wrong, "no better than guesses")] {
      let error = failure { _ = try calibrate(model, on: data) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(words) == true)
    }
    #expect(try model.recognition() == .plain)
    let nan = try samples([[.nan, 0], [0, 1]], [1, 0], ["a", "b"])
    #expect(failure { _ = try calibrate(model, on: nan) }?.code == .nonFinite)
    #expect(
      failure { _ = try CalibrationOptions(json: #"{"batchsize": 2}"#) }?.code == .unknownName)
  }
}

/// A data set with a source for even and one for odd indices.
private struct Mixture: Dataset {
  let base: TensorDataset
  var count: Int { base.count }
  var sampleShape: Shape { base.sampleShape }
  var targets: [DatasetTarget] { base.targets }
  let sourceNames = ["even", "odd"]

  func source(of index: Int) throws(CNNError) -> Int { index % 2 }
  func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try base.read(index, into: output, augmentation: augmentation)
  }
  func label(of index: Int, target: Int) throws(CNNError) -> Int {
    try base.label(of: index, target: target)
  }
  func check(_ augmentation: Augmentation) throws(CNNError) { try base.check(augmentation) }
}
