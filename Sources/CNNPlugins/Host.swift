import CCNN
import CNNGraph
import CNNKernels
import CNNLayerKit
import Glibc

/// The table of services that foreign types get: `cnn_host`.
package enum Host {
  /// The table of the process, which lives for ever and never changes.
  ///
  /// Safety: written once, before anybody has the pointer.
  nonisolated(unsafe) package static let table: UnsafePointer<cnn_host> = {
    let place = UnsafeMutablePointer<cnn_host>.allocate(capacity: 1)
    place.initialize(to: make())
    return UnsafePointer(place)
  }()

  private static func make() -> cnn_host {
    var host = cnn_host()
    host.header = header(of: cnn_host.self)
    host.version = UnsafePointer(strdup(libraryVersion))
    host.fail = { status, message in
      Failure.set(message)
      return status == 0 ? Int32(CNN_LAYER_FAILED) : status
    }
    host.log = { level, message in
      guard let message, let level = Log.Level(rawValue: level) else { return }
      Log.write(level, String(cString: message))
    }
    host.allocate = { ForeignMemory.allocate($0) }
    host.release = { ForeignMemory.release($0) }
    host.parallel_for = { Host.parallelFor(chunks: $0, concurrency: $1, $2, $3) }
    host.random_uniform = { Host.random($0, $1, $2, $3, HostServices.functions.fillUniform) }
    host.random_normal = { Host.random($0, $1, $2, $3, HostServices.functions.fillNormal) }
    host.sgemm = { Host.multiply($0, concurrency: $1) }
    host.extension = { _ in nil }
    return host
  }

  private static func parallelFor(
    chunks: Int64, concurrency: Int64, _ body: cnn_parallel_body?,
    _ user: UnsafeMutableRawPointer?
  ) -> Int32 {
    guard let body, chunks >= 0, concurrency >= 1 else { return Int32(CNN_INVALID_ARGUMENT) }
    let slots = Int(min(concurrency, Int64(ThreadPool.maximumThreadCount)))
    // Pointers are not Sendable; what this one points to is the other side's business.
    let user = UInt(bitPattern: user)
    HostServices.functions.parallelFor(Int(chunks), slots) { chunk, slot in
      body(UnsafeMutableRawPointer(bitPattern: user), Int64(chunk), Int64(slot))
    }
    return Int32(CNN_OK)
  }

  private static func random(
    _ key: UnsafePointer<cnn_random_key>?, _ offset: Int64, _ count: Int64,
    _ numbers: UnsafeMutablePointer<Float>?,
    _ fill: (UnsafeMutableBufferPointer<Float>, RandomKey, Int) -> Void
  ) -> Int32 {
    guard let key = key?.pointee, let numbers, offset >= 0, count >= 0, key.stream <= 0xFFFF,
      !offset.addingReportingOverflow(count).overflow
    else { return Int32(CNN_INVALID_ARGUMENT) }
    // Networks have fewer nodes than 65536, so streams of different nodes never meet.
    let node = key.node & 0xFFFF | key.stream << 16
    fill(
      UnsafeMutableBufferPointer(start: numbers, count: Int(count)),
      RandomKey(seed: key.seed, node: node, step: key.step), Int(offset))
    return Int32(CNN_OK)
  }

  private static func multiply(
    _ foreign: UnsafePointer<cnn_matrix_product>?, concurrency: Int64
  ) -> Int32 {
    guard let product = try? copy(foreign), concurrency >= 1,
      product.m >= 0, product.n >= 0, product.k >= 0
    else { return Int32(CNN_INVALID_ARGUMENT) }
    let (transposesA, transposesB) = (product.transpose_a != 0, product.transpose_b != 0)
    guard product.a_stride >= max(1, transposesA ? product.m : product.k),
      product.b_stride >= max(1, transposesB ? product.k : product.n),
      product.c_stride >= max(1, product.n), let a = product.a, let b = product.b,
      let c = product.c
    else { return Int32(CNN_INVALID_ARGUMENT) }
    guard product.m > 0, product.n > 0 else { return Int32(CNN_OK) }
    var own = MatrixProduct(
      m: Int(product.m), n: Int(product.n), k: Int(product.k), a: a, transposeA: transposesA,
      b: b, transposeB: transposesB, c: c, alpha: product.alpha, beta: product.beta)
    own.aStride = Int(product.a_stride)
    own.bStride = Int(product.b_stride)
    own.cStride = Int(product.c_stride)
    HostServices.functions.multiply(
      own, Int(min(concurrency, Int64(ThreadPool.maximumThreadCount))))
    return Int32(CNN_OK)
  }
}

/// Memory that foreign types take from the host, counted against the memory limit.
private enum ForeignMemory {
  /// Room in front of each block for its size, as large as the alignment that is promised.
  private static let prefix = 64

  static func allocate(_ bytes: Int64) -> UnsafeMutableRawPointer? {
    guard bytes >= 0, bytes <= Int64(Shape.maximumCount) else { return nil }
    let total = Int(bytes) + prefix
    guard MemoryBudget.reserve(total) else { return nil }
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, prefix, total) == 0, let memory else {
      MemoryBudget.release(total)
      return nil
    }
    memset(memory, 0, total)
    memory.storeBytes(of: total, as: Int.self)
    return memory + prefix
  }

  static func release(_ memory: UnsafeMutableRawPointer?) {
    guard let memory else { return }
    let block = memory - prefix
    MemoryBudget.release(block.load(as: Int.self))
    free(block)
  }
}
