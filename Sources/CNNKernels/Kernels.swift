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
  package static let active: KernelTable = {
    if let wanted = getenv("CNN_CPU"), strcmp(wanted, "baseline") == 0 { return baseline }
    return avx2 ?? baseline
  }()

  /// The kernels that run on every processor of the architecture.
  package static let baseline: KernelTable = CNNKernelsBaseline.makeKernelTable()

  /// The kernels for AVX2 and FMA, or nil where the processor lacks them.
  package static let avx2: KernelTable? =
    cnn_processor_has_avx2() != 0 ? CNNKernelsAVX2.makeKernelTable() : nil
}
