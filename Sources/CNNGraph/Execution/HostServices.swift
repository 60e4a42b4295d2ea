import CNNKernels
import CNNLayerKit

/// The services that layers get from this host: the pool of threads, Philox and OpenBLAS.
package enum HostServices {
  /// The functions behind the services.
  package static let functions = LayerServices.Functions(
    parallelFor: { chunks, slots, body in
      ThreadPool.parallelFor(chunks: chunks, slots: slots, body)
    },
    fillUniform: { destination, key, offset in
      guard let first = destination.baseAddress else { return }
      Philox.uniform(
        philoxKey(key), start: offset, first, count: destination.count,
        slots: ThreadPool.threadCount)
    },
    fillNormal: { destination, key, offset in
      guard let first = destination.baseAddress else { return }
      Philox.normal(
        philoxKey(key), start: offset, first, count: destination.count,
        slots: ThreadPool.threadCount)
    },
    multiply: { product, slots in
      MatrixMultiply.multiplyParallel(
        transposeA: product.transposeA, transposeB: product.transposeB, m: product.m, n: product.n,
        k: product.k, alpha: product.alpha, a: product.a, lda: product.aStride, b: product.b,
        ldb: product.bStride, beta: product.beta, c: product.c, ldc: product.cStride, slots: slots)
    })

  /// Services with as many slots as the pool has threads.
  static func make() -> LayerServices {
    LayerServices(concurrency: ThreadPool.threadCount, functions: functions)
  }

  private static func philoxKey(_ key: RandomKey) -> PhiloxKey {
    PhiloxKey(seed: key.seed, node: key.node, step: key.step)
  }
}
