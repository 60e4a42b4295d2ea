/// The counter-based random number generator Philox 4x32-10.
///
/// Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (2011). Element `i` of a
/// stream depends on the key and on `i` alone, so any range can be made anywhere, in any order, by
/// any number of threads. Elements come in groups of 32: group g is made of the counters 8g to
/// 8g + 7; its elements 0 to 7 are their first words, 8 to 15 their second words, and so on.
package enum Philox {
  private static var kernels: any RandomKernels.Type { Kernels.active.vector.random }

  /// The four words that belong to a counter and a key.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var x = counter
    var k = key
    for _ in 0..<10 {
      let p0 = UInt64(x[0]) * 0xd251_1f53
      let p1 = UInt64(x[2]) * 0xcd9e_8d57
      x = SIMD4(
        UInt32(truncatingIfNeeded: p1 >> 32) ^ x[1] ^ k[0], UInt32(truncatingIfNeeded: p1),
        UInt32(truncatingIfNeeded: p0 >> 32) ^ x[3] ^ k[1], UInt32(truncatingIfNeeded: p0))
      k &+= SIMD2(0x9e37_79b9, 0xbb67_ae85)
    }
    return x
  }

  /// The words of elements `start ..< start + count`.
  package static func words(
    _ key: PhiloxKey, start: Int = 0, _ y: UnsafeMutablePointer<UInt32>, count: Int, slots: Int
  ) {
    ranges(start, count, slots) { first, groups, offset in
      kernels.words(key, first, groups, y + offset)
    } partial: { group, skip, take, offset in
      withGroup(of: UInt32(0)) { temporary in
        kernels.words(key, group, 1, temporary)
        (y + offset).update(from: temporary + skip, count: take)
      }
    }
  }

  /// Uniform numbers in [low, high): 24 random bits each.
  ///
  /// Elements `start ..< start + count`.
  ///
  /// Rounding can give `high` itself where high - low is not a power of two.
  package static func uniform(
    _ key: PhiloxKey, start: Int = 0, _ y: UnsafeMutablePointer<Float>, count: Int,
    low: Float = 0, high: Float = 1, slots: Int
  ) {
    ranges(start, count, slots) { first, groups, offset in
      kernels.uniform(key, first, groups, y + offset, low, high)
    } partial: { group, skip, take, offset in
      withGroup(of: Float(0)) { temporary in
        kernels.uniform(key, group, 1, temporary, low, high)
        (y + offset).update(from: temporary + skip, count: take)
      }
    }
  }

  /// Normal numbers by Box and Muller's method.
  ///
  /// Elements `start ..< start + count`.
  package static func normal(
    _ key: PhiloxKey, start: Int = 0, _ y: UnsafeMutablePointer<Float>, count: Int,
    mean: Float = 0, deviation: Float = 1, slots: Int
  ) {
    ranges(start, count, slots) { first, groups, offset in
      kernels.normal(key, first, groups, y + offset, mean, deviation)
    } partial: { group, skip, take, offset in
      withGroup(of: Float(0)) { temporary in
        kernels.normal(key, group, 1, temporary, mean, deviation)
        (y + offset).update(from: temporary + skip, count: take)
      }
    }
  }

  /// A random order of 0 ..< count: Fisher and Yates's shuffle, every order equally likely.
  package static func permutation(
    _ key: PhiloxKey, _ indexes: UnsafeMutablePointer<Int>, count: Int
  ) {
    guard count > 0 else { return }
    for index in 0..<count { indexes[index] = index }
    var stream = PhiloxStream(key)
    var last = count - 1
    while last > 0 {
      let other = Int(truncatingIfNeeded: stream.next(below: UInt64(last) + 1))
      let kept = indexes[last]
      indexes[last] = indexes[other]
      indexes[other] = kept
      last -= 1
    }
  }

  /// Cuts a range of elements into whole groups, in parallel, and at most two parts of a group.
  private static func ranges(
    _ start: Int, _ count: Int, _ slots: Int,
    whole: (_ firstGroup: UInt64, _ groups: Int, _ offset: Int) -> Void,
    partial: (_ group: UInt64, _ skip: Int, _ take: Int, _ offset: Int) -> Void
  ) {
    guard count > 0, start >= 0 else { return }
    let head = start % 32 == 0 ? 0 : min(32 - start % 32, count)
    if head > 0 { partial(UInt64(start / 32), start % 32, head, 0) }
    let groups = (count - head) / 32
    let firstGroup = UInt64(start / 32) + (start % 32 == 0 ? 0 : 1)
    ThreadPool.parallelRanges(count: groups, grain: 256, slots: slots) { range, _ in
      whole(firstGroup + UInt64(range.lowerBound), range.count, head + range.lowerBound * 32)
    }
    let tail = count - head - groups * 32
    if tail > 0 { partial(firstGroup + UInt64(groups), 0, tail, head + groups * 32) }
  }

  /// Lends memory for one group, on the stack.
  private static func withGroup<Element: BitwiseCopyable>(
    of zero: Element, _ body: (UnsafeMutablePointer<Element>) -> Void
  ) {
    var memory = InlineArray<32, Element>(repeating: zero)
    withUnsafeMutablePointer(to: &memory) {
      body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: Element.self))
    }
  }
}

extension PhiloxKey {
  /// The stream of a purpose: `node` tells apart who asks, `step` when.
  ///
  /// The four words of the stream are the generator's own output for counter (node, a constant,
  /// step) under the seed as key, so streams of different purposes do not overlap in practice.
  package init(seed: UInt64, node: UInt32, step: UInt64) {
    let words = Philox.block(
      counter: SIMD4(
        node, 0x636e_6e31, UInt32(truncatingIfNeeded: step),
        UInt32(truncatingIfNeeded: step >> 32)),
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
    self.init(key0: words[0], key1: words[1], counter2: words[2], counter3: words[3])
  }
}

/// Random numbers one after the other, for shuffles and augmentation.
package struct PhiloxStream: RandomNumberGenerator, Sendable {
  private let key: PhiloxKey
  private var counter: UInt64 = 0
  private var spare: UInt64?

  /// Starts at the beginning of a stream.
  package init(_ key: PhiloxKey) { self.key = key }

  /// The next 64 random bits.
  package mutating func next() -> UInt64 {
    if let value = spare {
      spare = nil
      return value
    }
    let words = Philox.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
        key.counter2, key.counter3),
      key: SIMD2(key.key0, key.key1))
    counter &+= 1
    spare = UInt64(words[2]) | UInt64(words[3]) << 32
    return UInt64(words[0]) | UInt64(words[1]) << 32
  }

  /// A number in 0 ..< bound, each equally likely (Lemire 2019); 0 for a bound of 0.
  package mutating func next(below bound: UInt64) -> UInt64 {
    guard bound > 0 else { return 0 }
    let rejected = (0 &- bound) % bound
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= rejected { return product.high }
    }
  }

  /// A number in [0, 1) with 24 random bits.
  package mutating func nextUnit() -> Float { Float(next() >> 40) * 0x1p-24 }
}
