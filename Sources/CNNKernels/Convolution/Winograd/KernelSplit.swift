import CNNKernelTypes
import Glibc

/// A convolution with a large kernel or with a stride, seen as one without stride whose kernel is
/// small.
///
/// Along each axis the taps of the kernel are dealt out to `count` sub-kernels of `size` taps: with
/// stride s, tap `offset + s · i` is tap i of its sub-kernel. A sub-kernel meets every s-th pixel,
/// `offset` pixels further than the first one does, so it is a convolution without stride; and as
/// the results are added up, `count`² sub-kernels are one convolution with `count`² times as many
/// input channels. Taps past the end of the kernel are zero. (A stride alone makes the phases of
/// "space to depth"; a large kernel alone is cut into pieces.)
///
/// | kernel | stride | size | count | multiplications of an output pixel on 8x8 tiles |
/// |---|---|---|---|---|
/// | 7x7 | 1 | 4 | 2 | 10.2 of 49 |
/// | 7x7 | 2 | 4 | 2 | 10.2 of 49 |
/// | 11x11 | 4 | 3 | 4 | 28.4 of 121 |
package struct KernelSplit: Equatable {
  /// Taps of the kernel along an axis.
  package let kernelSize: Int
  /// The distance between windows.
  package let stride: Int
  /// Taps of a sub-kernel along an axis.
  package let size: Int
  /// Sub-kernels along an axis.
  package let count: Int

  /// Cuts a kernel into sub-kernels of `size` taps.
  package init(kernelSize: Int, stride: Int, size: Int) {
    self.kernelSize = kernelSize
    self.stride = stride
    self.size = size
    let phases = min(stride, kernelSize)
    let taps = ThreadPool.chunkCount(of: kernelSize, grain: stride)
    count = phases * ThreadPool.chunkCount(of: taps, grain: size)
  }

  /// Whether the kernel is left as it is.
  package var isWhole: Bool { count == 1 }

  /// All sub-kernels.
  package var total: Int { count * count }

  /// Where the sub-kernel `index` of an axis begins.
  package func offset(_ index: Int) -> Int {
    let phases = min(stride, kernelSize)
    return index % phases + index / phases * size * stride
  }

  // MARK: Weights

  /// Calls `body` for each tap that the small kernels have of the large one: its place among the
  /// taps of the large kernel, and which sub-kernel and tap it becomes.
  private func forEachTap(_ body: (_ tap: Int, _ part: Int, _ partTap: Int) -> Void) {
    var part = 0
    while part < total {
      var partTap = 0
      while partTap < size * size {
        let y = offset(part / count) + partTap / size * stride
        let x = offset(part % count) + partTap % size * stride
        if y < kernelSize, x < kernelSize { body(y * kernelSize + x, part, partTap) }
        partTap += 1
      }
      part += 1
    }
  }

  /// The numbers of a weight of `outputs` x `channels` filters whose kernel is cut.
  package func weightCount(outputs: Int, channels: Int) -> Int? {
    product(outputs, total, size * size, channels)
  }

  /// Writes the weight `[output][tap][channel]` as `[output][sub-kernel's tap][sub-kernel][channel]`.
  package func cut(
    _ weight: UnsafePointer<Float>, outputs: Int, channels: Int,
    to target: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let depth = kernelSize * kernelSize * channels
    let partDepth = total * size * size * channels
    let float = MemoryLayout<Float>.stride
    ThreadPool.parallelRanges(
      count: outputs, grain: max(1, (1 << 15) / partDepth), slots: slots
    ) { range, _ in
      memset(target + range.lowerBound * partDepth, 0, range.count * partDepth * float)
      forEachTap { tap, part, partTap in
        for output in range {
          memcpy(
            target + output * partDepth + (partTap * total + part) * channels,
            weight + output * depth + tap * channels, channels * float)
        }
      }
    }
  }

  /// Writes a weight `[channel][tap][output]`, turned around, as `cut` does: what the gradient of
  /// the input is convolved with.
  package func cutTurned(
    _ weight: UnsafePointer<Float>, outputs: Int, channels: Int,
    to target: UnsafeMutablePointer<Float>, slots: Int
  ) {
    let taps = kernelSize * kernelSize
    let partDepth = total * size * size * channels
    let float = MemoryLayout<Float>.stride
    ThreadPool.parallelRanges(
      count: outputs, grain: max(16, (1 << 15) / partDepth), slots: slots
    ) { range, _ in
      memset(target + range.lowerBound * partDepth, 0, range.count * partDepth * float)
      forEachTap { tap, part, partTap in
        let source = weight + (taps - 1 - tap) * outputs
        let destination = target + (partTap * total + part) * channels
        var channel = 0
        while channel < channels {
          let row = source + channel * taps * outputs
          for output in range { destination[output * partDepth + channel] = row[output] }
          channel += 1
        }
      }
    }
  }

  /// Adds the gradient of a weight that was `cut` to the gradient of the weight.
  package func addJoined(
    _ gradient: UnsafePointer<Float>, outputs: Int, channels: Int,
    to target: UnsafeMutablePointer<Float>, slots: Int, kernels: KernelTable
  ) {
    let depth = kernelSize * kernelSize * channels
    let partDepth = total * size * size * channels
    ThreadPool.parallelRanges(
      count: outputs, grain: max(1, (1 << 15) / partDepth), slots: slots
    ) { range, _ in
      forEachTap { tap, part, partTap in
        for output in range {
          kernels.convolution.add(
            gradient + output * partDepth + (partTap * total + part) * channels,
            target + output * depth + tap * channels, channels)
        }
      }
    }
  }
}
