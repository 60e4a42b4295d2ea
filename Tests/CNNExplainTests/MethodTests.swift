import CNNKit
import Foundation
import Testing

@Suite("methods of looking at a decision")
struct MethodTests {
  /// The score of a class for an input, as the model predicts it.
  private func score(_ model: Model, _ input: [Float], _ index: Int) throws -> Double {
    let session = try Session(model: model, isPrecise: true)
    _ = try session.input().update(fromContentsOf: input)
    try session.run(batch: 1)
    return Double(try session.output()[index])
  }

  private func input(_ photo: Image, _ explainer: Explainer) throws -> [Float] {
    var values = [Float](repeating: 0, count: explainer.preprocessing.outputCount)
    try values.withUnsafeMutableBufferPointer { buffer in
      try explainer.preprocessing.apply(to: photo, into: buffer)
    }
    return values
  }

  @Test("saliency is the slope of the score, measured pixel by pixel")
  func saliency() throws {
    let model = try makeModel(smoothNetwork())
    try randomizeStates(model)
    let explainer = try Explainer(model)
    let photo = try noise(width: 7, height: 6)
    let explanation = try explainer.explain(photo, by: Saliency(), for: .index(2))
    let values = try input(photo, explainer)
    let step: Float = 1e-2
    for place in 0..<42 {
      var largest = 0.0
      for channel in 0..<3 {
        var (up, down) = (values, values)
        up[3 * place + channel] += step
        down[3 * place + channel] -= step
        let slope = (try score(model, up, 2) - score(model, down, 2)) / (2 * Double(step))
        largest = max(largest, abs(slope))
      }
      let found = Double(numbers(explanation.map)[place])
      #expect(abs(found - largest) < 2e-4 + 0.01 * largest, "place \(place): \(found), \(largest)")
    }
    #expect(abs(Double(explanation.score) - (try score(model, values, 2))) < 1e-5)
    #expect(explanation.classIndex == 2 && explanation.method == "saliency")
  }

  @Test("a softmax at the end is looked through")
  func softmax() throws {
    let (plain, ending) = (
      try makeModel(smoothNetwork()), try makeModel(smoothNetwork(softmax: true))
    )
    let photo = try noise(width: 7, height: 6)
    for method in [GradCAM(), Saliency()] as [any HeatmapMethod] {
      let a = try Explainer(plain).explain(photo, by: method)
      let b = try Explainer(ending).explain(photo, by: method)
      #expect(numbers(a.map) == numbers(b.map))
      #expect(a.score == b.score && a.classIndex == b.classIndex)
      #expect(abs(a.probability - b.probability) < 1e-6)
    }
  }

  @Test("SmoothGrad is the mean over noisy inputs, whatever the batches; its seed decides")
  func smoothGrad() throws {
    let model = try makeModel(smoothNetwork())
    let explainer = try Explainer(model)
    let photo = try noise(width: 7, height: 6)
    func map(_ samples: Int, _ noise: Double = 0.2, seed: UInt64 = 1) throws -> [Float] {
      numbers(
        try explainer.explain(
          photo, by: Saliency(samples: samples, noise: noise, seed: seed), for: .index(0)
        ).map)
    }
    #expect(try map(19) == map(19))
    #expect(try map(19) != map(19, seed: 2))
    // Without noise it is the gradient itself.
    let plain = try map(0)
    for (a, b) in zip(try map(11, 0), plain) { #expect(abs(a - b) < 1e-5) }
    let mean = try map(19)
    #expect(zip(mean, plain).contains { abs($0 - $1) > 1e-3 })
  }

  @Test("Grad-CAM of a linear layer on means is the class activation map", arguments: 0..<3)
  func gradCAM(index: Int) throws {
    let model = try makeModel(
      Graph(
        input: [5, 6, 3],
        layers: [
          Graph.Node(
            "conv", type: "conv2d", ["out_channels": 7, "kernel_size": 3, "padding": "same"]),
          Graph.Node("relu", type: "relu"),
          Graph.Node("mean", type: "global_avg_pool2d"),
          Graph.Node("logits", type: "linear", ["out_features": 3]),
        ]))
    let explainer = try Explainer(model)
    let photo = try noise(width: 6, height: 5)
    let explanation = try explainer.explain(photo, for: .index(index))
    // Zhou et al. 2016: the class's weights times the features; Grad-CAM divides by the places.
    let session = try Session(model: model, keep: ["relu"])
    _ = try session.input().update(fromContentsOf: input(photo, explainer))
    try session.run(batch: 1)
    let features = try session.tensor("relu")
    let weights = try model.values(of: "logits.weight")
    let map = numbers(explanation.map)
    #expect(map.count == 30 && map.contains { $0 > 0 })
    for place in 0..<30 {
      let sum = (0..<7).reduce(Float(0)) { $0 + weights[index * 7 + $1] * features[place * 7 + $1] }
      #expect(abs(map[place] - max(0, sum / 30)) < 1e-6)
    }
    let named = try explainer.explain(photo, by: GradCAM(layer: "relu"), for: .index(index))
    #expect(numbers(named.map) == map)
    let other = try explainer.explain(photo, by: GradCAM(layer: "conv"), for: .index(index))
    #expect(numbers(other.map) != map)
  }

  @Test(
    "occlusion is what hiding each window by hand gives",
    arguments: [(3, 2), (2, 1), (6, 6), (1, 1)])
  func occlusion(window: Int, stride: Int) throws {
    let model = try makeModel(smoothNetwork())
    let explainer = try Explainer(model)
    let photo = try noise(width: 7, height: 6)
    let color = Color(red: 10, green: 200, blue: 90)
    let explanation = try explainer.explain(
      photo, by: Occlusion(window: window, stride: stride, fill: .color(color)), for: .index(1))
    func share(_ image: Image) throws -> Double {
      let values = try input(image, explainer)
      let powers = try (0..<4).map { Foundation.exp(try score(model, values, $0)) }
      return powers[1] / powers.reduce(0, +)
    }
    let pixels = photo.withPixels { Array($0) }
    let whole = try share(photo)
    func starts(_ size: Int) -> [Int] {
      Array(Set(Swift.stride(from: 0, through: size - window, by: stride)).union([size - window]))
    }
    var sums = [Double](repeating: 0, count: 42)
    var counts = sums
    for y in starts(6) {
      for x in starts(7) {
        var hidden = pixels
        for row in y..<y + window {
          for column in x..<x + window {
            let place = row * 7 + column
            (hidden[3 * place], hidden[3 * place + 1], hidden[3 * place + 2]) = (10, 200, 90)
          }
        }
        let drop = whole - (try share(Image(width: 7, height: 6, channels: 3, pixels: hidden)))
        for row in y..<y + window {
          for column in x..<x + window {
            sums[row * 7 + column] += drop
            counts[row * 7 + column] += 1
          }
        }
      }
    }
    for (place, found) in numbers(explanation.map).enumerated() {
      #expect(abs(Double(found) - sums[place] / counts[place]) < 1e-5)
    }
    #expect(abs(Double(explanation.score) - whole) < 1e-5)
    #expect(explanation.score == explanation.probability)
  }

  @Test("hiding with the mean or grey fills with that colour")
  func fills() throws {
    let model = try makeModel(smoothNetwork())
    let explainer = try Explainer(model)
    let photo = try noise(width: 7, height: 6)
    func map(_ fill: Occlusion.Fill) throws -> [Float] {
      numbers(try explainer.explain(photo, by: Occlusion(fill: fill), for: .index(0)).map)
    }
    let sums = photo.withPixels { pixels in
      (0..<3).map { c in (0..<42).reduce(0) { $0 + Int(pixels[3 * $1 + c]) } }
    }
    let mean = sums.map { UInt8((Double($0) / 42).rounded()) }
    #expect(try map(.mean) == map(.color(Color(red: mean[0], green: mean[1], blue: mean[2]))))
    #expect(try map(.grey) == map(.color(Color(red: 128, green: 128, blue: 128))))
    #expect(try map(.grey) != map(.mean))
  }
}
