import CNNKernelTypes
import CNNKernelsAVX2
import CNNKernelsBaseline
import CProcessor
import Glibc

/// The vector kernels that suit the running processor.
package enum Kernels {
  /// The kernels that everything uses, chosen at first use.
  ///
  /// The environment variable `CNN_CPU` set to `baseline` asks for the ones that run anywhere.
  package static let active: KernelTable = (wantsBaseline ? nil : avx2) ?? baseline

  /// What the active kernels are called.
  package static let activeName: StaticString = wantsBaseline || avx2 == nil ? "baseline" : "avx2"

  private static let wantsBaseline: Bool = {
    guard let wanted = getenv("CNN_CPU") else { return false }
    return strcmp(wanted, "baseline") == 0
  }()

  /// The kernels that run on every processor of the architecture.
  package static let baseline: KernelTable = CNNKernelsBaseline.makeKernelTable()

  /// The kernels for AVX2 and FMA, or nil where the processor lacks them.
  package static let avx2: KernelTable? =
    cnn_processor_has_avx2() != 0 ? CNNKernelsAVX2.makeKernelTable() : nil
}
