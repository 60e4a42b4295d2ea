import CNNKernelTypes
import CNNKernels
import Foundation
import Testing

struct RandomTests {
  static let key = PhiloxKey(seed: 0x1234_5678_9abc_def0, node: 7, step: 1 << 40)

  /// The known answers that come with Random123, the authors' own library (kat_vectors).
  @Test func knownAnswers() {
    let ones: UInt32 = 0xffff_ffff
    #expect(
      Philox.block(counter: SIMD4(0, 0, 0, 0), key: SIMD2(0, 0))
        == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox.block(counter: SIMD4(repeating: ones), key: SIMD2(repeating: ones))
        == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox.block(
        counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
        key: SIMD2(0xa409_3822, 0x299f_31d0))
        == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  /// The word of an element, from the description of the order.
  static func word(_ key: PhiloxKey, _ element: UInt64) -> UInt32 {
    let counter = element / 32 * 8 + element % 8
    let words = Philox.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
        key.counter2, key.counter3), key: SIMD2(key.key0, key.key1))
    return words[Int(element % 32 / 8)]
  }

  @Test func vectorWordsAreThoseOfTheBlocks() {
    for kernels in variants {
      // The second range passes a carry into the upper half of the counter.
      for group in [0, (UInt64(1) << 29) - 2, UInt64(1) << 40] {
        var words = [UInt32](repeating: 0, count: 128)
        kernels.random.words(Self.key, group, 4, &words)
        #expect(words == (0..<128).map { Self.word(Self.key, group * 32 + $0) })
      }
    }
  }

  @Test(arguments: [(0, 1), (0, 31), (5, 3), (31, 2), (32, 64), (7, 1000), (100, 40_000)])
  func anyRangeCanBeMadeAlone(start: Int, count: Int) {
    var words = [UInt32](repeating: 0, count: count)
    Philox.words(Self.key, start: start, &words, count: count, slots: 3)
    #expect(words == (0..<count).map { Self.word(Self.key, UInt64(start + $0)) })
    let uniform = filled(count) {
      Philox.uniform(Self.key, start: start, $0, count: count, slots: 3)
    }
    #expect(uniform == words.map { Float($0 >> 8) * 0x1p-24 })
    let all = filled(start + count) { Philox.normal(Self.key, $0, count: start + count, slots: 3) }
    let part = filled(count) {
      Philox.normal(Self.key, start: start, $0, count: count, slots: 2)
    }
    #expect(part == Array(all[start...]))
  }

  @Test func normalNumbersFollowBoxAndMuller() {
    let words = (0..<UInt64(3200)).map { Self.word(Self.key, $0) }
    let y = filled(3200) {
      Philox.normal(Self.key, $0, count: 3200, mean: 1, deviation: 2, slots: 1)
    }
    var expected = [Double](repeating: 0, count: 3200)
    for i in 0..<3200 where i % 16 < 8 {
      let u = Double(words[i] >> 8) * 0x1p-24
      let v = Double(words[i + 8] >> 8) * 0x1p-24
      let radius = sqrt(-2 * log(1 - u))
      expected[i] = 1 + 2 * radius * cos(2 * .pi * v)
      expected[i + 8] = 1 + 2 * radius * sin(2 * .pi * v)
    }
    #expect(relativeError(y, expected) < 1e-6)
  }

  @Test func moments() {
    let n = 1_000_000
    let u = filled(n) { Philox.uniform(Self.key, $0, count: n, low: -1, high: 3, slots: 2) }
    #expect(u.allSatisfy { $0 >= -1 && $0 <= 3 })
    #expect(abs(u.reduce(0) { $0 + Double($1) } / Double(n) - 1) < 0.006)
    #expect(abs(dot(u, u) / Double(n) - 1 - 16.0 / 12) < 0.01)
    let z = filled(n) { Philox.normal(Self.key, $0, count: n, slots: 2) }
    #expect(abs(z.reduce(0) { $0 + Double($1) } / Double(n)) < 0.005)
    #expect(abs(dot(z, z) / Double(n) - 1) < 0.008)
    let fourth = z.reduce(0) { $0 + pow(Double($1), 4) } / Double(n)
    #expect(abs(fourth - 3) < 0.05)
  }

  @Test func streamsDiffer() {
    let keys = [
      Self.key, PhiloxKey(seed: 1, node: 7, step: 1 << 40),
      PhiloxKey(seed: 0x1234_5678_9abc_def0, node: 8, step: 1 << 40),
      PhiloxKey(seed: 0x1234_5678_9abc_def0, node: 7, step: 0),
    ]
    #expect(Set(keys).count == 4)
    let words = keys.map { key in
      var words = [UInt32](repeating: 0, count: 32)
      Philox.words(key, &words, count: 32, slots: 1)
      return words
    }
    #expect(Set(words).count == 4)
  }

  @Test(arguments: [0, 1, 2, 7, 1000])
  func permutationsHoldEveryIndexOnce(count: Int) {
    var indexes = [Int](repeating: -1, count: count)
    Philox.permutation(Self.key, &indexes, count: count)
    #expect(indexes.sorted() == Array(0..<count))
    var again = indexes
    Philox.permutation(Self.key, &again, count: count)
    #expect(again == indexes)
  }

  @Test func everyOrderIsEquallyLikely() {
    var counts: [[Int]: Int] = [:]
    for step in 0..<6000 {
      var indexes = [0, 0, 0]
      Philox.permutation(PhiloxKey(seed: 3, node: 0, step: UInt64(step)), &indexes, count: 3)
      counts[indexes, default: 0] += 1
    }
    #expect(counts.count == 6)
    // 1000 each, with a deviation of 29.
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 150 })
  }

  @Test(arguments: oddSizes, [Float(0), 0.25, 0.5, 1])
  func dropout(count: Int, probability: Float) {
    let x = (0..<count).map { Float($0 + 1) }
    let words = (0..<UInt64(count)).map { Self.word(Self.key, $0) }
    let kept = words.map { Float($0 >> 8) * 0x1p-24 >= probability }
    let scale = probability < 1 ? 1 / (1 - probability) : 0
    var y: [Float] = []
    let mask = filled(Dropout.maskCount(count)) { mask in
      y = filled(count) {
        Dropout.forward(
          x, $0, mask: mask, count: count, probability: probability, key: Self.key, slots: 3)
      }
    }
    #expect(y == zip(x, kept).map { $1 ? scale * $0 : 0 })
    let dx = filled(count) {
      Dropout.backward(
        gradOutput: x, mask: mask, gradInput: $0, count: count, probability: probability, slots: 3)
    }
    #expect(dx == y)
  }

  @Test func dropoutSurvivesOddProbabilities() {
    let x = [Float](repeating: 1, count: 40)
    for probability in [-1, 2, Float.nan, .infinity] {
      var mask = [Float](repeating: 0, count: 2)
      let y = filled(40) {
        Dropout.forward(
          x, $0, mask: &mask, count: 40, probability: probability, key: Self.key, slots: 1)
      }
      if probability == -1 { #expect(y == x) }
      if probability == 2 { #expect(y == [Float](repeating: 0, count: 40)) }
    }
  }
}
