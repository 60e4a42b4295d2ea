import CNNKit
import Testing

@Suite struct NamePatternTests {
  static let table: [(pattern: String, name: String, matches: Bool)] = [
    ("layer1.*", "layer1.0.conv1.weight", true), ("layer1.*", "layer10.0.conv1.weight", false),
    ("layer1.*", "layer1.", true), ("layer1.*", "layer1", false),
    ("*.bn?.weight", "layer1.0.bn2.weight", true), ("*.bn?.weight", "bn1.weight", false),
    ("*.bn?.weight", "layer1.0.bn12.weight", false), ("*.bn?.weight", "a.bn1.weight.x", false),
    ("fc.weight", "fc.weight", true), ("fc.weight", "xfc.weight", false),
    ("fc", "fc.weight", false), ("", "", true), ("", "a", false), ("*", "", true),
    ("*", "conv.weight", true), ("**", "a", true), ("?", "", false), ("?", "a", true),
    ("??", "a", false), ("a*b*c", "axxbyybzzc", true), ("a*b*c", "axxcyyb", false),
    ("*a", "aaab", false), ("*a", "aaaba", true), ("*.weight*", "a.weight", true),
    ("?.weight", "é.weight", true), ("fc.[w]eight", "fc.weight", false),
    ("fc.*", "FC.weight", false), ("a?c*e", "abcdde", true), ("a?c*e", "abcdd", false),
  ]

  @Test(arguments: table)
  func standsForNames(pattern: String, name: String, matches: Bool) {
    #expect(NamePattern(pattern).matches(name) == matches)
  }

  @Test func aLongPatternOfStarsIsQuick() {
    let name = String(repeating: "a", count: 256)
    #expect(!NamePattern(String(repeating: "a*", count: 500) + "b").matches(name))
    #expect(NamePattern(String(repeating: "*", count: 10_000)).matches(name))
  }

  private func model() throws -> Model {
    try registerBuiltinLayers()
    return try Model(
      Graph.resNetSmall(inputShape: [8, 8, 3], widths: [4, 8], blocksPerStage: [1]))
  }

  @Test func findsTheParametersOfAModel() throws {
    let model = try model()
    #expect(
      try model.parameterNames(matching: ["fc.*", "*.bn1.bias"], option: "frozen")
        == ["fc.weight", "fc.bias", "layer1.0.bn1.bias", "layer2.0.bn1.bias"])
    #expect(
      try model.parameterNames(matching: ["*"], option: "frozen")
        == Set(model.parameters.map(\.name))
    )
  }

  @Test(arguments: [
    ("layr2.*", "layer2.*"), ("layer2", "layer2.*"), ("fc.wieght", "fc.weight"),
    ("*.bn9.weight", "*.bn1.weight"), ("layer2.0.conv3.weight", "layer2.0.conv1.weight"),
    // States are no parameters.
    ("bn1.running_mean", "expected one of"),
  ])
  func namesTheNearestOfOneThatMatchesNothing(pattern: String, nearest: String) throws {
    let model = try model()
    let error = #expect(throws: CNNError.self) {
      try model.parameterNames(matching: [pattern, "fc.*"], option: "frozen")
    }
    #expect(error?.code == .unknownName)
    #expect(error?.message.contains("\"frozen\"") == true)
    #expect(error?.message.contains(nearest) == true, "\(error?.message ?? "")")
  }
}
