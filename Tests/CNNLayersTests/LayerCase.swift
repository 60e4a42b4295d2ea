import CNNLayerKit
import CNNLayers
import Testing

/// What the numbers of an input look like.
enum InputValues: Sendable {
  /// Uniformly distributed in [-1, 1).
  case uniform
  /// As `uniform`, but nowhere near zero, where rectifiers have a kink.
  case awayFromZero
  /// A shuffled ladder: no two elements so close that a small change alters which is larger.
  case ladder
  /// Distinct positions in a plane of that many pixels for each channel.
  case positions(plane: Int)
}

/// One configuration of a layer type that all general tests run on.
struct LayerCase: Sendable, CustomTestStringConvertible {
  let type: String
  let attributes: [String: AttributeValue]
  let inputs: [[Int]]
  var batch = 2
  /// The step of centred differences; large for layers that are linear in everything.
  var step: Float = 0.01
  /// By input; the last one counts for the rest.
  var values: [InputValues] = [.uniform]

  init(
    _ type: String, _ attributes: [String: AttributeValue] = [:], _ inputs: [Int]...,
    batch: Int = 2, step: Float = 0.01, values: [InputValues] = [.uniform]
  ) {
    self.type = type
    self.attributes = attributes
    self.inputs = inputs
    self.batch = batch
    self.step = step
    self.values = values
  }

  var testDescription: String {
    "\(type)\(AttributeValue.object(attributes)) of \(inputs), batch \(batch)"
  }

  func makeLayer() throws -> any Layer { try CNNLayersTests.makeLayer(type, attributes, inputs) }
}

/// Makes a built-in layer as a graph would.
func makeLayer(
  _ type: String, _ attributes: [String: AttributeValue], _ inputs: [[Int]]
) throws -> any Layer {
  try registerBuiltinLayers()
  let shapes = try inputs.map { try Shape($0) }
  return try LayerRegistry.shared.type(named: type).make(attributes: attributes, inputs: shapes)
}

/// The error that making a layer gives.
func errorOfMaking(
  _ type: String, _ attributes: [String: AttributeValue], _ inputs: [Int]...
) -> CNNError? {
  do {
    _ = try makeLayer(type, attributes, inputs)
    return nil
  } catch {
    return error as? CNNError
  }
}

/// SplitMix64, a small generator of pseudo-random numbers with a fixed seed.
struct SeededNumbers {
  private var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in [-1, 1).
  mutating func uniform() -> Float { Float(Double(word() >> 11) / Double(1 << 52) - 1) }

  mutating func uniforms(_ count: Int) -> [Float] { (0..<count).map { _ in uniform() } }

  mutating func shuffled<T>(_ items: [T]) -> [T] {
    var items = items
    for i in stride(from: items.count - 1, to: 0, by: -1) {
      items.swapAt(i, Int(word() % UInt64(i + 1)))
    }
    return items
  }

  /// `batch` samples of `shape` with values of the given kind.
  mutating func tensor(_ values: InputValues, _ shape: [Int], batch: Int) -> [Float] {
    let size = shape.reduce(1, *)
    let count = batch * size
    switch values {
    case .uniform: return uniforms(count)
    case .awayFromZero: return uniforms(count).map { $0 < 0 ? $0 - 0.1 : $0 + 0.1 }
    case .ladder:
      return shuffled((0..<count).map { Float($0) * 0.05 - Float(count) * 0.025 })
    case .positions(let plane):
      let channels = shape[shape.count - 1]
      var result = [Float](repeating: 0, count: count)
      for n in 0..<batch {
        for c in 0..<channels {
          let places = shuffled(Array(0..<plane))
          for p in 0..<(size / channels) {
            result[n * size + p * channels + c] = Float(places[p])
          }
        }
      }
      return result
    }
  }
}
