import CNNData
import CNNLayerKit
import Testing

@Suite struct DigitsTests {
  @Test func holdsTheDigitsOfTheDataSet() throws {
    let all = try Digits.load()
    #expect(all.count == 1797)
    #expect(all.sampleShape.sizes == [8, 8, 1])
    var counts = [Int](repeating: 0, count: 10)
    for index in 0..<all.count { counts[try all.label(at: index)] += 1 }
    // numpy.bincount(sklearn.datasets.load_digits().target)
    #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    // sklearn.datasets.load_digits().images[0], first two rows
    let cells: [Float] = [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]
    let values = try sample(all, 0).prefix(16).map { $0 * 255 }
    for (value, cell) in zip(values, cells) {
      #expect(abs(value - cell * 255 / 16) <= 0.501)
    }
  }

  @Test func dividesIntoTrainingAndTest() throws {
    let all = try Digits.load()
    let train = try DatasetLoader.builtIn("digits")
    let test = try DatasetLoader.builtIn(
      "digits", options: DatasetOptions(json: #"{"part": "test"}"#))
    #expect(train.count == 1497 && test.count == 300)
    #expect(try sample(test, 0) == sample(all, 1497))
    #expect(try test.label(at: 299) == all.label(at: 1796))
    #expect(try sample(train, 1496) == sample(all, 1496))
  }

  @Test func otherNamesAreErrors() throws {
    let error = failure { _ = try DatasetLoader.builtIn("digit") }
    #expect(error?.code == .unknownName)
    #expect(error?.message.contains("did you mean \"digits\"") == true)
  }
}
