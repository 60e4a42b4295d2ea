/// The state of a stream of random numbers: a key and the upper half of the counter.
package struct PhiloxKey: Hashable, Sendable {
  /// The first word of the key.
  package let key0: UInt32
  /// The second word of the key.
  package let key1: UInt32
  /// The third word of the counter.
  package let counter2: UInt32
  /// The fourth word of the counter.
  package let counter3: UInt32

  /// Creates a stream from its four words.
  package init(key0: UInt32, key1: UInt32, counter2: UInt32, counter3: UInt32) {
    self.key0 = key0
    self.key1 = key1
    self.counter2 = counter2
    self.counter3 = counter3
  }
}

/// Random numbers in groups of 32: group g holds the four words of the counters 8g .
///
/// 8g + 7, the eight first words in front, then the eight second words, and so on.
package protocol RandomKernels: Sendable {
  /// Writes the words of `groups` groups.
  static func words(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ groups: Int, _ y: UnsafeMutablePointer<UInt32>)
  /// y = low + (high - low) · u with u in [0, 1)
  static func uniform(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ groups: Int, _ y: MutableFloatPointer,
    _ low: Float, _ high: Float)
  /// y = mean + deviation · normal number
  static func normal(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ groups: Int, _ y: MutableFloatPointer,
    _ mean: Float, _ deviation: Float)
  /// Writes one mask bit for each element, set if the upper 24 bits of its word reach `threshold`,
  /// and y = x · scale where it is set and 0 elsewhere.
  static func dropout(
    _ key: PhiloxKey, _ firstGroup: UInt64, _ count: Int, _ threshold: UInt32, _ scale: Float,
    _ x: FloatPointer, _ y: MutableFloatPointer, _ mask: UnsafeMutablePointer<UInt32>)
  /// y = x · scale where the mask bit is set and 0 elsewhere.
  static func applyMask(
    _ mask: UnsafePointer<UInt32>, _ count: Int, _ scale: Float, _ x: FloatPointer,
    _ y: MutableFloatPointer)
}
