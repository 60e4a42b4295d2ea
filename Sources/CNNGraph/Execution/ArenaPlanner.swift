import CNNLayerKit

/// Places buffers with known lifetimes into one piece of memory, so that buffers that are never
/// alive together share it.
///
/// Greedy by size: the largest buffer first, each at the lowest offset that is free during its
/// whole lifetime (the heuristic that TensorFlow Lite found best among simple ones; Pisarchyk and
/// Lee 2020).
package struct ArenaPlanner {
  /// A buffer to place.
  private struct Request {
    let size: Int
    var lifetime: ClosedRange<Int>
  }

  /// Offsets and sizes are multiples of a cache line: 16 numbers of 4 bytes.
  package static let granularity = 16

  private var requests: [Request] = []

  /// Starts without requests.
  package init() {}

  /// Asks for `size` numbers that are alive during `lifetime`; returns the number of the request.
  package mutating func add(size: Int, lifetime: ClosedRange<Int>) -> Int {
    requests.append(Request(size: ArenaPlanner.rounded(size), lifetime: lifetime))
    return requests.count - 1
  }

  /// Makes request `index` live at least during `lifetime`.
  package mutating func extend(_ index: Int, over lifetime: ClosedRange<Int>) {
    let old = requests[index].lifetime
    requests[index].lifetime =
      min(old.lowerBound, lifetime.lowerBound)...max(old.upperBound, lifetime.upperBound)
  }

  /// Returns the offset of each request and the size of the whole.
  ///
  /// - Throws: `outOfMemory` if the whole does not fit an `Int`.
  package func solve() throws(CNNError) -> (offsets: [Int], size: Int) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var placed: [Int] = []
    var total = 0
    // Equal sizes keep their order, so a plan depends on the graph alone.
    let order = requests.indices.sorted {
      (requests[$1].size, $0) < (requests[$0].size, $1)
    }
    for index in order where requests[index].size > 0 {
      let request = requests[index]
      var offset = 0
      // `placed` is sorted by offset: walk up until a gap is wide enough.
      for other in placed where requests[other].lifetime.overlaps(request.lifetime) {
        if offset + request.size <= offsets[other] { break }
        offset = max(offset, offsets[other] + requests[other].size)
      }
      let (end, overflow) = offset.addingReportingOverflow(request.size)
      guard !overflow, end <= Shape.maximumCount else {
        throw CNNError(.outOfMemory, "the network's tensors need more memory than can be addressed")
      }
      offsets[index] = offset
      total = max(total, end)
      let position = placed.firstIndex { offsets[$0] > offset } ?? placed.count
      placed.insert(index, at: position)
    }
    return (offsets, total)
  }

  private static func rounded(_ size: Int) -> Int {
    (size + granularity - 1) / granularity * granularity
  }
}
