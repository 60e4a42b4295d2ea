import CNNKernels
import CNNKit
import Foundation
import Testing

@Suite("explainers")
struct ExplainerTests {
  static let methods: [any HeatmapMethod] = [
    GradCAM(), Saliency(samples: 3), Occlusion(window: 3),
  ]

  @Test("the likeliest class is explained, and the answer is the recogniser's to the last bit")
  func answer() throws {
    let model = try makeModel(smoothNetwork())
    model.classNames = ["a", "b", "c", "d"]
    let photo = try noise(width: 30, height: 20)
    let best = try Recognizer(model).classes(of: photo, most: 1)[0]
    for method in ExplainerTests.methods {
      let explanation = try Explainer(model).explain(photo, by: method)
      #expect(explanation.classIndex == best.index && explanation.label == best.label)
      #expect(explanation.probability == best.probability)
      #expect(explanation.map.width == 30 && explanation.map.height == 20)
    }
    let named = try Explainer(model).explain(photo, for: .name("c"))
    #expect(named.classIndex == 2 && named.label == "c")
  }

  @Test("nothing of the model changes, and others may use it meanwhile", arguments: [0, 1, 2])
  func onlyReads(index: Int) throws {
    let model = try makeModel(smoothNetwork())
    try randomizeStates(model)
    let before = try allValues(model)
    let explainer = try Explainer(model)
    let photo = try noise(width: 9, height: 9)
    let expected = numbers(try explainer.explain(photo, by: ExplainerTests.methods[index]).map)
    #expect(try allValues(model) == before)
    // Eight threads at once, while another one predicts.
    let wrong = Locked<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 9) { thread in
      do {
        for _ in 0..<4 {
          if thread == 8 {
            _ = try Recognizer(model).classes(of: photo, most: 1)
          } else {
            let map = try explainer.explain(photo, by: ExplainerTests.methods[index]).map
            if numbers(map) != expected { wrong.withLock { $0.append("another map") } }
          }
        }
      } catch { wrong.withLock { $0.append("\(error)") } }
    }
    #expect(wrong.withLock { $0 } == [])
    #expect(try allValues(model) == before)
  }

  @Test("the bits do not depend on the number of threads", arguments: [0, 1, 2])
  func threads(index: Int) throws {
    let model = try makeModel(
      NamedModel.named("resnet_small").graph(["classes": 3, "input_shape": [24, 24, 3]]))
    let photo = try noise(width: 300, height: 200)
    let count = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(count) }
    var maps: [[Float]] = []
    for threads in [1, 4] {
      ThreadPool.setThreadCount(threads)
      let method: any HeatmapMethod =
        index == 2 ? Occlusion(window: 12, stride: 12) : ExplainerTests.methods[index]
      maps.append(numbers(try Explainer(model).explain(photo, by: method).map))
    }
    #expect(maps[0] == maps[1])
  }

  @Test("what cannot be is said, with names")
  func errors() throws {
    let model = try makeModel(smoothNetwork())
    let photo = try noise(width: 7, height: 6)
    let explainer = try Explainer(model)
    expectError(.invalidArgument, "4 classes") {
      _ = try explainer.explain(photo, for: .index(4))
    }
    expectError(.invalidArgument, "-1") { _ = try explainer.explain(photo, for: .index(-1)) }
    expectError(.unknownName, "no names") { _ = try explainer.explain(photo, for: .name("cat")) }
    model.classNames = ["cat", "dog", "bird", "fish"]
    expectError(.unknownName, "did you mean \"cat\"?") {
      _ = try explainer.explain(photo, for: .name("catt"))
    }
    expectError(.unknownName, "did you mean \"pool\"?") {
      _ = try explainer.explain(photo, by: GradCAM(layer: "pol"))
    }
    expectError(.invalidArgument, "\"hidden\" is [6]") {
      _ = try explainer.explain(photo, by: GradCAM(layer: "hidden"))
    }
    expectError(.invalidArgument, "from 1 to 6") {
      _ = try explainer.explain(photo, by: Occlusion(window: 7))
    }
    expectError(.invalidArgument, "from 1 to the window's side of 3") {
      _ = try explainer.explain(photo, by: Occlusion(window: 3, stride: 4))
    }
    expectError(.invalidArgument, "samples") {
      _ = try explainer.explain(photo, by: Saliency(samples: -1))
    }
    expectError(.invalidArgument, "noise") {
      _ = try explainer.explain(photo, by: Saliency(samples: 1, noise: .nan))
    }
  }

  @Test("models that cannot be explained say why")
  func models() throws {
    let flat = try makeModel(
      Graph(input: [8], layers: [Graph.Node("fc", type: "linear", ["out_features": 2])]))
    expectError(.unsupported, "one input of shape [height, width, 1 or 3]") {
      _ = try Explainer(flat)
    }
    let plane = try makeModel(
      Graph(
        input: [4, 4, 3],
        layers: [
          Graph.Node("conv", type: "conv2d", ["out_channels": 2, "kernel_size": 1])
        ]))
    expectError(.unsupported, "[4, 4, 2]") { _ = try Explainer(plane) }
    let linear = try makeModel(
      Graph(
        input: [4, 4, 3],
        layers: [
          Graph.Node("flat", type: "flatten"),
          Graph.Node("fc", type: "linear", ["out_features": 2]),
        ]))
    let photo = try noise(width: 4, height: 4)
    expectError(.unsupported, "at least 2 x 2; none of this model has") {
      _ = try Explainer(linear).explain(photo)
    }
    // The other methods need no such layer.
    let explanation = try Explainer(linear).explain(photo, by: Saliency(), for: .index(0))
    let weights = try linear.values(of: "fc.weight")
    for (place, found) in numbers(explanation.map).enumerated() {
      // Flattening puts channels first, as the field's files have it.
      let expected = (0..<3).map { abs(weights[16 * $0 + place]) }.max() ?? 0
      #expect(abs(found - expected) < 1e-6)
    }
    #expect(try Explainer(linear).explain(photo, by: Occlusion()).map.width == 4)
    let broken = try makeModel(smoothNetwork())
    try broken.setValues(of: "logits.bias", to: [.nan, 0, 0, 0])
    expectError(.nonFinite, "not a number") {
      _ = try Explainer(broken).explain(try noise(width: 7, height: 6))
    }
  }

  @Test(
    "options are read strictly",
    arguments: [
      (#"{"metod": "saliency"}"#, CNNError.Code.unknownName, "metod"),
      (#"{"method": "gradcam"}"#, .unknownName, "did you mean \"grad_cam\"?"),
      (#"{"method": 3}"#, .invalidArgument, "method"),
      (#"{"window": 3}"#, .unknownName, "grad_cam"),
      (#"{"layer": 3}"#, .invalidArgument, "layer"),
      (#"{"class": 1.5}"#, .invalidArgument, "class"),
      (#"{"method": "saliency", "smooth": -1}"#, .invalidArgument, "smooth"),
      (#"{"method": "saliency", "smooth": 1e300}"#, .invalidArgument, "smooth"),
      (#"{"method": "saliency", "noise": -0.5}"#, .invalidArgument, "noise"),
      (#"{"method": "saliency", "seed": "x"}"#, .invalidArgument, "seed"),
      (#"{"method": "occlusion", "window": 0}"#, .invalidArgument, "window"),
      (#"{"method": "occlusion", "stride": true}"#, .invalidArgument, "stride"),
      (#"{"method": "occlusion", "fill": "meen"}"#, .unknownName, "did you mean \"mean\"?"),
      (#"{"method": "occlusion", "fill": [1, 2]}"#, .invalidArgument, "fill"),
      (#"{"method": "occlusion", "fill": [1, 2, 256]}"#, .invalidArgument, "0 to 255"),
      ("[]", .malformedData, "object"),
    ])
  func badOptions(json: String, code: CNNError.Code, fragment: String) throws {
    expectError(code, fragment) { _ = try ExplanationRequest(json: json) }
  }

  @Test("options mean what they say")
  func goodOptions() throws {
    let plain = try ExplanationRequest(json: "{}")
    #expect(plain.choice == .likeliest && (plain.method as? GradCAM)?.layer == nil)
    let request = try ExplanationRequest(
      json: #"{"method": "saliency", "class": "cat", "smooth": 8, "noise": 0.1, "seed": 7}"#)
    let saliency = try #require(request.method as? Saliency)
    #expect(request.choice == .name("cat"))
    #expect(saliency.samples == 8 && saliency.noise == 0.1 && saliency.seed == 7)
    let hiding = try ExplanationRequest(
      json: #"{"method": "occlusion", "class": 2, "window": 9, "fill": [1, 2, 3], "stride": null}"#)
    let occlusion = try #require(hiding.method as? Occlusion)
    #expect(hiding.choice == .index(2) && occlusion.window == 9 && occlusion.stride == nil)
    #expect(occlusion.fill == .color(Color(red: 1, green: 2, blue: 3)))
  }
}
