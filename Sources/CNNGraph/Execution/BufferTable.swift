import CNNLayerKit

/// The arrays that the steps of a plan receive, laid out once so that running a plan allocates
/// nothing.
///
/// A step's inputs, outputs, parameters and so on are consecutive entries. Entries that depend on
/// the batch or on memory that the caller supplies are written anew when one of these changes.
final class BufferTable {
  /// Where an entry's numbers are.
  enum Source {
    /// Nowhere: the host supplies no memory.
    case none
    /// In the arena, as many numbers per sample.
    case samples(offset: Int, perSample: Int)
    /// In the arena, a fixed number of them.
    case arena(offset: Int, count: Int)
    /// In memory of the caller, as many numbers per sample.
    case external(slot: Int, perSample: Int)
    /// A fixed part of memory whose place may be said later.
    case externalPart(slot: Int, offset: Int, count: Int)
    /// In memory that outlives the table.
    case fixed(UnsafeMutableBufferPointer<Float>)
  }

  /// Consecutive entries.
  struct Entries {
    let start: Int
    let count: Int
  }

  private var sources: [Source] = []
  private var entries: UnsafeMutablePointer<UnsafeMutableBufferPointer<Float>>?
  private var externals: [UnsafeMutablePointer<Float>?] = []
  private var boundBatch = -1
  private let arena: FloatBuffer

  init(arena: FloatBuffer, externalCount: Int) {
    self.arena = arena
    externals = [UnsafeMutablePointer<Float>?](repeating: nil, count: externalCount)
  }

  deinit { entries?.deallocate() }

  /// Adds entries; only before the first `bind`.
  func append(_ new: [Source]) -> Entries {
    sources.append(contentsOf: new)
    return Entries(start: sources.count - new.count, count: new.count)
  }

  /// Sets the memory behind an external slot.
  func setExternal(_ slot: Int, _ pointer: UnsafeMutablePointer<Float>?) {
    guard externals[slot] != pointer else { return }
    externals[slot] = pointer
    boundBatch = -1
  }

  /// Whether nobody has said yet where an external slot's numbers are.
  func externalIsMissing(_ slot: Int) -> Bool { externals[slot] == nil }

  /// Writes every entry for calls with `batch` samples.
  func bind(batch: Int) {
    guard batch != boundBatch else { return }
    let table = entries ?? .allocate(capacity: max(1, sources.count))
    for (index, source) in sources.enumerated() {
      (table + index).initialize(to: resolve(source, batch: batch))
    }
    entries = table
    boundBatch = batch
  }

  func list(_ range: Entries) -> TensorList {
    TensorList(entries.map { UnsafePointer($0 + range.start) }, count: range.count)
  }

  /// The numbers of one entry.
  func resolve(_ source: Source, batch: Int) -> UnsafeMutableBufferPointer<Float> {
    switch source {
    case .none: UnsafeMutableBufferPointer(start: nil, count: 0)
    case .samples(let offset, let perSample):
      UnsafeMutableBufferPointer(start: arena.pointer + offset, count: batch * perSample)
    case .arena(let offset, let count):
      UnsafeMutableBufferPointer(start: count == 0 ? nil : arena.pointer + offset, count: count)
    case .external(let slot, let perSample):
      UnsafeMutableBufferPointer(
        start: externals[slot], count: externals[slot] == nil ? 0 : batch * perSample)
    case .externalPart(let slot, let offset, let count):
      UnsafeMutableBufferPointer(
        start: externals[slot].map { $0 + offset }, count: externals[slot] == nil ? 0 : count)
    case .fixed(let buffer): buffer
    }
  }
}
