import CNNKit
import Foundation
import Testing

/// The softmax of the mean of the logits of a sample and its mirror image, from two forward passes.
func flippedByHand(
  _ session: Session, _ data: TensorDataset, _ index: Int, temperature: Double
) throws -> [Double] {
  let image = try #require(data.sampleShape.image)
  let input = try session.input()
  try data.read(index, into: input, augmentation: nil)
  try session.run(batch: 1)
  let plain = Array(try session.output())
  let pixels = Array(input)
  for row in 0..<image.height {
    for column in 0..<image.width {
      for channel in 0..<image.channels {
        let from = (row * image.width + image.width - 1 - column) * image.channels + channel
        input[(row * image.width + column) * image.channels + channel] = pixels[from]
      }
    }
  }
  try session.run(batch: 1)
  let logits = zip(plain, try session.output()).map { (Double($0) + Double($1)) / 2 }
  let powers = logits.map { exp($0 / temperature) }
  return powers.map { $0 / powers.reduce(0, +) }
}

@Suite struct RecognitionTests {
  @Test func settingsGoThroughJSONAndFiles() throws {
    let model = try makeModel(smallNetwork())
    #expect(try model.recognition() == .plain)
    let settings = try Recognition(temperature: 1.37, averageFlips: true)
    #expect(try Recognition(json: settings.json) == settings)
    #expect(try Recognition(json: "{}") == .plain)
    #expect(try Recognition(json: #"{"temperature": 2}"#).temperature == 2)
    try model.setRecognition(settings)
    let copy = try ModelFile.encode(model).withUnsafeBytes { try ModelFile.load(bytes: $0) }
    #expect(try copy.recognition() == settings)
    // The default leaves no trace, so that files do not depend on what was set meanwhile.
    try model.setRecognition(.plain)
    #expect(model.metadata[Model.recognitionKey] == nil)
  }

  @Test func refusesWhatMakesNoSense() throws {
    for number in [0, -1, Double.nan, .infinity, -0.0] {
      #expect(failure { _ = try Recognition(temperature: number) }?.code == .invalidArgument)
    }
    for (text, code): (String, CNNError.Code) in [
      (#"{"temperature": 0}"#, .invalidArgument), (#"{"temperature": "1"}"#, .invalidArgument),
      (#"{"average_flips": 1}"#, .invalidArgument), (#"{"temprature": 1}"#, .unknownName),
      ("[]", .malformedData), ("{", .malformedData), (#"{"temperature": 1e999}"#, .malformedData),
    ] {
      #expect(failure { _ = try Recognition(json: text) }?.code == code, "\(text)")
    }
    let model = try makeModel(linearNetwork())
    #expect(
      failure { try model.setRecognition(try Recognition(averageFlips: true)) }?.code
        == .unsupported)
    try model.setRecognition(try Recognition(temperature: 2))
    model.metadata[Model.recognitionKey] = #"{"temperature": -2}"#
    let error = failure { _ = try model.recognition() }
    #expect(error?.message.contains("the model's metadata") == true)
  }

  @Test(arguments: [false, true])
  func recognizerHonoursThem(endsInSoftmax: Bool) throws {
    var graph = smallNetwork()
    if endsInSoftmax { graph.layers.append(Graph.Node("softmax", type: "softmax")) }
    let model = try makeModel(graph)
    let logits = try makeModel(smallNetwork())
    let pixels = (0..<36).map { UInt8($0 * 7 % 256) }
    let image = try Image(width: 6, height: 6, channels: 1, pixels: pixels)
    let data = try TensorDataset(
      inputs: pixels.map { Float($0) / 255 }, sampleShape: Shape([6, 6, 1]),
      targets: [.classes([0], names: ["a", "b", "c"])])
    try model.setRecognition(try Recognition(temperature: 0.7, averageFlips: true))
    let expected = try flippedByHand(try Session(model: logits), data, 0, temperature: 0.7)
    let probabilities = try Recognizer(model).probabilities(of: image)
    for (got, wanted) in zip(probabilities, expected) {
      #expect(isClose(Double(got), wanted, 1e-5))
    }
    // A picture and its mirror image have the same answer, to the last bit.
    let mirrored = try Image(
      width: 6, height: 6, channels: 1,
      pixels: (0..<36).map { pixels[$0 / 6 * 6 + 5 - $0 % 6] })
    #expect(try Recognizer(model).probabilities(of: mirrored) == probabilities)
    try model.setRecognition(.plain)
    let plain = try Recognizer(model).probabilities(of: image)
    #expect(plain != probabilities)
    #expect(isClose(Double(plain.reduce(0, +)), 1, 1e-6))
    // So low a temperature leaves one class.
    try model.setRecognition(try Recognition(temperature: 1e-300))
    #expect(try Recognizer(model).probabilities(of: image).max() == 1)
    try model.setRecognition(try Recognition(temperature: 1e300))
    #expect(
      try Recognizer(model).probabilities(of: image).allSatisfy { isClose(Double($0), 1 / 3, 1e-6) }
    )
  }
}
