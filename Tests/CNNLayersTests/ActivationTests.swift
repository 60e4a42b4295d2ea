import CNNLayerKit
import Foundation
import Testing

@Suite struct ActivationTests {
  private static let numbers: [Float] =
    [
      0, -0.0, 1, -1, 0.5, -0.5, 1e-3, -1e-3, 3, -3, 10, -10, 40, -40, 100, -100, 1e-30, 1e30,
      -1e30,
    ]

  @Test func rectifiers() throws {
    let x: [Float] = [-2, -0.5, 0, 0.5, 2, -.infinity, .infinity]
    #expect(try run("relu", [:], [[7]], [x])[0] == [0, 0, 0, 0.5, 2, 0, .infinity])
    let leaky = try run("leaky_relu", ["negative_slope": 0.25], [[7]], [x])[0]
    #expect(leaky == [-0.5, -0.125, 0, 0.5, 2, -.infinity, .infinity])
    expectClose(try run("leaky_relu", [:], [[1]], [[-3]])[0], [-0.03])
  }

  @Test func sigmoid() throws {
    let x = ActivationTests.numbers
    let expected = x.map { Float(1 / (1 + exp(-Double($0)))) }
    expectClose(
      try run("sigmoid", [:], [[x.count]], [x])[0], expected, relative: 2e-6, absolute: 1e-37)
  }

  @Test func hyperbolicTangent() throws {
    let x = ActivationTests.numbers
    let expected = x.map { Float(tanh(Double($0))) }
    expectClose(
      try run("tanh", [:], [[x.count]], [x])[0], expected, relative: 2e-6, absolute: 1e-37)
  }

  @Test(arguments: ["relu", "leaky_relu", "sigmoid", "tanh"])
  func whatIsNotANumberStaysSo(_ type: String) throws {
    #expect(try run(type, [:], [[1]], [[.nan]])[0][0].isNaN)
  }

  @Test func softmaxOfEachPixel() throws {
    let x: [Float] = [1, 2, 3, 1000, 1000, -1000, 0, 0, 0, -5, 80, 80.5]
    let y = try run("softmax", [:], [[2, 2, 3]], [x])[0]
    let expected = stride(from: 0, to: 12, by: 3).flatMap { start -> [Float] in
      let scores = x[start..<start + 3].map { Double($0) }
      let largest = scores.reduce(-.infinity, max)
      let powers = scores.map { exp($0 - largest) }
      return powers.map { Float($0 / powers.reduce(0, +)) }
    }
    expectClose(y, expected, relative: 2e-6, absolute: 1e-30)
  }
}
