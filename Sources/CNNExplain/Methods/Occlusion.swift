import CNNGraph
public import CNNImaging
public import CNNLayerKit

/// Occlusion: how much less likely the class gets when a part of the picture is hidden (Zeiler and
/// Fergus 2014).
///
/// A square window of one colour is moved over the network's input; each pixel gets the mean drop of the
/// class's probability over all windows that hid it, negative where hiding made the class likelier. It
/// needs no gradient, so it works with every model, and costs a prediction for each position.
public struct Occlusion: HeatmapMethod {
  /// The word by which options refer to it.
  public static let name = "occlusion"
  /// The options that there are.
  public static let optionNames = ["window", "stride", "fill"]

  /// What a window is filled with.
  public enum Fill: Hashable, Sendable {
    /// The mean colour of the photo, as far as the network sees it.
    case mean
    /// A grey of 50 percent.
    case grey
    /// A colour.
    case color(Color)
  }

  /// The side of the window, in pixels of the network's input; nil for a sixth of the shorter side.
  public var window: Int?
  /// How far the window moves each time, at most `window`; nil for half of it.
  public var stride: Int?
  /// What the window is filled with.
  public var fill: Fill

  /// Hides parts of the picture.
  public init(window: Int? = nil, stride: Int? = nil, fill: Fill = .mean) {
    self.window = window
    self.stride = stride
    self.fill = fill
  }

  /// Creates the method from options as they stand in JSON.
  ///
  /// - Throws: `invalidArgument` or `unknownName` for a value that is none.
  public init(options: [String: AttributeValue]) throws(CNNError) {
    let members = MethodOptions(options)
    window = try members.integer("window", in: 1...Int.max)
    stride = try members.integer("stride", in: 1...Int.max)
    fill = try options["fill"].map(Occlusion.fill) ?? .mean
  }

  private static func fill(_ value: AttributeValue) throws(CNNError) -> Fill {
    if let word = value.asString {
      switch word {
      case "mean": return .mean
      case "gray", "grey": return .grey
      default: throw .unknownName("value of \"fill\"", word, valid: ["mean", "grey"])
      }
    }
    guard case .list(let items) = value, items.count == 3 else {
      throw MethodOptions.unfit("fill", "\"mean\", \"grey\" or [red, green, blue]", value)
    }
    let parts = items.compactMap { $0.asInteger.flatMap(UInt8.init(exactly:)) }
    guard parts.count == 3 else {
      throw MethodOptions.unfit("fill", "three whole numbers from 0 to 255", value)
    }
    return .color(Color(red: parts[0], green: parts[1], blue: parts[2]))
  }

  /// The most positions that are computed at once.
  private static let largestBatch = 16

  /// Returns the map and what it explains; see `HeatmapMethod`.
  public func heatmap(of decision: Decision) throws(CNNError) -> (map: Heatmap, score: Float) {
    let preprocessing = decision.preprocessing
    let positions = try self.positions(in: preprocessing)
    let hidden = try uniformInput(decision)
    defer { extendLifetime(hidden) }
    let capacity = min(Occlusion.largestBatch, positions.count + 1)
    // The first sample is the picture itself.
    var shares: [Float] = []
    try decision.sessions.withSession(batch: capacity) { session throws(CNNError) in
      var next = -1
      while next < positions.count {
        let batch = min(capacity, positions.count - next)
        let input = try session.input()
        try decision.withInput { source throws(CNNError) in
          for sample in 0..<batch {
            let part = UnsafeMutableBufferPointer(
              rebasing: input[sample * source.count..<(sample + 1) * source.count])
            _ = part.update(fromContentsOf: source)
            guard next + sample >= 0 else { continue }
            positions[next + sample].copy(from: hidden.elements, to: part, preprocessing)
          }
        }
        try session.run(batch: batch)
        shares += try probabilities(decision, try session.output(), batch: batch)
        next += batch
      }
    }
    let whole = shares[0]
    let map = try Heatmap(
      width: preprocessing.width, height: preprocessing.height
    ) { map throws(CNNError) in
      let counts = try FloatBuffer(count: map.count, for: "a map of how often pixels were hidden")
      for (window, share) in zip(positions, shares.dropFirst()) {
        window.add(whole - share, to: map, counts.elements, width: preprocessing.width)
      }
      for place in map.indices { map[place] /= counts.pointer[place] }
    }
    return (map, whole)
  }

  /// The class's probability for each sample.
  private func probabilities(
    _ decision: Decision, _ output: UnsafeMutableBufferPointer<Float>, batch: Int
  ) throws(CNNError) -> [Float] {
    let count = decision.classScores.count
    var shares: [Float] = []
    for sample in 0..<batch {
      let scores = UnsafeMutableBufferPointer(
        rebasing: output[sample * count..<(sample + 1) * count])
      shares.append(try decision.classScores.probabilities(scores)[decision.classIndex])
    }
    return shares
  }

  /// What the network's input would be if the photo had one colour: what windows show.
  private func uniformInput(_ decision: Decision) throws(CNNError) -> FloatBuffer {
    let preprocessing = decision.preprocessing
    let color =
      switch fill {
      case .mean: try meanColor(decision)
      case .grey: Color(red: 128, green: 128, blue: 128)
      case .color(let color): color
      }
    let image = try Image(
      width: preprocessing.width, height: preprocessing.height, channels: 3
    ) { pixels in
      for index in pixels.indices {
        pixels[index] = index % 3 == 0 ? color.red : index % 3 == 1 ? color.green : color.blue
      }
    }
    let input = try FloatBuffer(count: preprocessing.outputCount, for: "a hidden picture")
    try preprocessing.normalize(
      try image.converted(to: preprocessing.channels == 1 ? .grey : .rgb), into: input.elements)
    return input
  }

  /// The mean of the pixels that the network sees, without what was added around the photo.
  private func meanColor(_ decision: Decision) throws(CNNError) -> Color {
    let preprocessing = decision.preprocessing
    let placement = preprocessing.placement(of: decision.photo)
    let seen = try decision.seen.cropped(
      x: max(0, -placement.x), y: max(0, -placement.y),
      width: min(preprocessing.width, placement.scaledWidth),
      height: min(preprocessing.height, placement.scaledHeight)
    ).converted(to: .rgb)
    return seen.withPixels { pixels in
      var sums = [0, 0, 0]
      for index in pixels.indices { sums[index % 3] += Int(pixels[index]) }
      let count = max(1, pixels.count / 3)
      let means = sums.map { UInt8(truncatingIfNeeded: ($0 + count / 2) / count) }
      return Color(red: means[0], green: means[1], blue: means[2])
    }
  }

  /// Every place of the window.
  private func positions(in preprocessing: Preprocessing) throws(CNNError) -> [Window] {
    let (width, height) = (preprocessing.width, preprocessing.height)
    let shorter = min(width, height)
    let side = window ?? max(1, shorter / 6)
    guard side >= 1, side <= shorter else {
      throw .invalidArgument(
        "the window is \(side), and must be from 1 to \(shorter) for an input of \(width) x \(height)"
      )
    }
    let step = stride ?? max(1, side / 2)
    guard step >= 1, step <= side else {
      throw .invalidArgument(
        "the stride is \(step), and must be from 1 to the window's side of \(side)")
    }
    // The last window ends at the edge, so that every pixel is hidden at least once.
    func starts(_ size: Int) -> [Int] {
      var starts = Array(Swift.stride(from: 0, to: size - side, by: step))
      starts.append(size - side)
      return starts
    }
    let columns = starts(width)
    return starts(height).flatMap { y in columns.map { Window(x: $0, y: y, side: side) } }
  }
}

/// A square part of the network's input.
private struct Window {
  let x: Int
  let y: Int
  let side: Int

  func copy(
    from source: UnsafeMutableBufferPointer<Float>, to target: UnsafeMutableBufferPointer<Float>,
    _ preprocessing: Preprocessing
  ) {
    let channels = preprocessing.channels
    for row in y..<y + side {
      let start = (row * preprocessing.width + x) * channels
      for index in start..<start + side * channels { target[index] = source[index] }
    }
  }

  func add(
    _ value: Float, to map: UnsafeMutableBufferPointer<Float>,
    _ counts: UnsafeMutableBufferPointer<Float>, width: Int
  ) {
    for row in y..<y + side {
      for index in row * width + x..<row * width + x + side {
        map[index] += value
        counts[index] += 1
      }
    }
  }
}
