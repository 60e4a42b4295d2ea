import CNNFormats
import CNNGraph
import CNNKit
import CNNLayerKit
import Foundation
import Testing

@Suite("half precision")
struct HalfPrecisionTests {
  init() throws { try registerBuiltinLayers() }

  /// The stored halves of numbers.
  private func rounded(_ numbers: [Float], to element: SafetensorsElement) throws -> [UInt16] {
    var writer = SafetensorsWriter()
    try writer.add("x", shape: [numbers.count], roundedTo: element) {
      _ = $0.update(from: numbers)
    }
    let bytes = try writer.encoded().withUnsafeBytes { Array($0) }
    let header = try bytes.withUnsafeBytes { try SafetensorsHeader(parsing: $0) }
    let tensor = try #require(header.tensor(named: "x"))
    #expect(tensor.element == element)
    return tensor.range.filter { ($0 - tensor.range.lowerBound) % 2 == 0 }.map {
      UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
    }
  }

  /// The value of a half by the definition of the format.
  private func value(_ half: UInt16, fractionBits: Int) -> Double {
    let bias = fractionBits == 10 ? 15 : 127
    let exponentMask = (1 << (15 - fractionBits)) - 1
    let exponent = Int(half >> fractionBits) & exponentMask
    let fraction = Double(Int(half) & (1 << fractionBits - 1)) / Double(1 << fractionBits)
    let sign: Double = half & 0x8000 == 0 ? 1 : -1
    if exponent == 0 { return sign * fraction * pow(2, Double(1 - bias)) }
    return sign * (1 + fraction) * pow(2, Double(exponent - bias))
  }

  @Test(
    "every half comes back, and what lies between goes to the nearest, ties to even",
    arguments: [(SafetensorsElement.float16, 10), (.bfloat16, 7)])
  func exhaustive(element: SafetensorsElement, fractionBits: Int) throws {
    let infinity: UInt16 = element == .float16 ? 0x7C00 : 0x7F80
    var numbers: [Float] = []
    var expected: [UInt16] = []
    for half in UInt16(0)..<infinity {
      let low = value(half, fractionBits: fractionBits)
      let high = value(half + 1, fractionBits: fractionBits)
      let middle = (low + high) / 2
      let even = half & 1 == 0 ? half : half + 1
      for (number, wanted) in [
        (Float(low), half), (Float(middle), even), (Float(middle).nextDown, half),
        (Float(middle).nextUp, half + 1),
      ] {
        numbers += [number, -number]
        expected += [wanted, wanted | 0x8000]
      }
    }
    numbers += [.infinity, -.infinity]
    expected += [infinity, infinity | 0x8000]
    #expect(try rounded(numbers, to: element) == expected)
    for (nan, sign): (Float, UInt16) in [
      (.nan, 0), (-.nan, 0x8000), (Float(bitPattern: 0x7F80_0001), 0),
    ] {
      let half = try rounded([nan], to: element)[0]
      #expect(half & 0x7FFF > infinity && half & 0x8000 == sign)
    }
  }

  @Test("only halves are rounded to")
  func otherElements() {
    var writer = SafetensorsWriter()
    let error = #expect(throws: CNNError.self) {
      try writer.add("x", shape: [1], roundedTo: .int8) { _ in }
    }
    #expect(error?.code == .invalidArgument)
  }

  @Test(
    "parameters are stored in 16 bits, statistics and what is out of range in 32",
    arguments: [ModelFile.Precision.float16, .bfloat16])
  func models(precision: ModelFile.Precision) throws {
    let folder = try TemporaryFolder()
    let model = try ModelFileTests().sampleModel()
    try model.setValues(of: "fc.bias", to: [1, 1e38, -2, .greatestFiniteMagnitude])
    try model.setValues(of: "bn.weight", to: [1, .infinity, -0.1])
    try model.save(to: folder.file("h.cnn"), precision: precision)
    let file = try SafetensorsFile(path: folder.file("h.cnn"))
    let half: SafetensorsElement = precision == .float16 ? .float16 : .bfloat16
    func element(_ name: String) -> SafetensorsElement? { file.header.tensor(named: name)?.element }
    #expect(element("conv.weight") == half && element("bn.weight") == half)
    #expect(element("fc.bias") == .float32 && element("bn.running_mean") == .float32)
    #expect(try ModelFile.precision(path: folder.file("h.cnn")) == precision)

    let loaded = try Model.load(path: folder.file("h.cnn"))
    #expect(try loaded.values(of: "fc.bias") == model.values(of: "fc.bias"))
    #expect(try loaded.values(of: "bn.running_var") == model.values(of: "bn.running_var"))
    let precise: Float = precision == .float16 ? 0x1p-11 : 0x1p-8
    for name in ["conv.weight", "fc.weight"] {
      for (got, exact) in zip(try loaded.values(of: name), try model.values(of: name)) {
        #expect(abs(got - exact) <= max(abs(exact) * precise, 0x1p-25))
      }
      #expect(try loaded.values(of: name) != model.values(of: name))
    }
    // Rounding again changes nothing, and exact storage is the default.
    #expect(try bytes(loaded, precision) == bytes(model, precision))
    try loaded.save(to: folder.file("f.cnn"))
    #expect(try ModelFile.precision(path: folder.file("f.cnn")) == .float32)
    #expect(
      try bytes(try Model.load(path: folder.file("f.cnn")), .float32) == bytes(loaded, .float32))
  }

  private func bytes(_ model: Model, _ precision: ModelFile.Precision) throws -> [UInt8] {
    try ModelFile.encode(model, precision: precision).withUnsafeBytes { Array($0) }
  }

  @Test("the same model has the same bytes", arguments: ModelFile.Precision.allCases)
  func deterministic(precision: ModelFile.Precision) throws {
    let first = try ModelFileTests().sampleModel()
    let second = try ModelFileTests().sampleModel()
    // Dictionaries have an order of their own, which depends on how they came about.
    second.metadata = [:]
    for key in (0..<50).map({ "key \($0)" }) { first.metadata[key] = "x" }
    for key in (0..<50).map({ "key \(49 - $0)" }) { second.metadata[key] = "x" }
    for (key, text) in try ModelFileTests().sampleModel().metadata { second.metadata[key] = text }
    #expect(try bytes(first, precision) == bytes(second, precision))
    #expect(try bytes(first, precision) == bytes(first, precision))
  }
}
