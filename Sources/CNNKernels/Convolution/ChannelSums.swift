import CNNKernelTypes
import Glibc

/// Sums over all rows of a matrix, one for each channel: the gradient of a bias.
package enum ChannelSums {
  private static let parts = 16

  /// Returns the number of floats that `add` needs as scratch memory; `channels` as in a tensor.
  package static func scratchCount(channels: Int) -> Int {
    product(parts, channels) ?? Int.max / 64
  }

  /// Adds the sum of each column of `rows` x `channels` numbers to `sums`.
  ///
  /// The rows are cut into 16 parts that are summed by themselves and then added in order, so the
  /// bits do not depend on the number of threads.
  package static func add(
    _ matrix: UnsafePointer<Float>, rows: Int, channels: Int,
    to sums: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let kernels = Kernels.active.convolution
    let grain = ThreadPool.chunkCount(of: rows, grain: parts)
    let chunks = ThreadPool.chunkCount(of: rows, grain: grain)
    ThreadPool.parallelFor(chunks: chunks, slots: slots) { chunk, _ in
      let sum = scratch + chunk * channels
      let first = chunk * grain
      memset(sum, 0, channels * MemoryLayout<Float>.stride)
      kernels.addColumnSums(
        matrix + first * channels, min(grain, rows - first), channels, channels, sum)
    }
    var chunk = 0
    while chunk < chunks {
      kernels.add(scratch + chunk * channels, sums, channels)
      chunk += 1
    }
  }
}
