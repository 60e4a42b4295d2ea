import CCNN
import CNNKernels
import CNNLayerKit

// Section 6 of cnn.h: threads, memory, log, processor.

/// See `cnn_set_num_threads` in `cnn.h`.
@implementation @_cdecl("cnn_set_num_threads")
public func cnn_set_num_threads(_ count: Int64) -> Int32 {
  status { () throws(CNNError) in
    ThreadPool.setThreadCount(
      try size(count, "the number of threads", in: 1...ThreadPool.maximumThreadCount))
  }
}

/// See `cnn_num_threads` in `cnn.h`.
@implementation @_cdecl("cnn_num_threads")
public func cnn_num_threads() -> Int64 {
  Int64(ThreadPool.threadCount)
}

/// See `cnn_set_memory_limit` in `cnn.h`.
@implementation @_cdecl("cnn_set_memory_limit")
public func cnn_set_memory_limit(_ bytes: Int64) -> Int32 {
  status { () throws(CNNError) in
    let limit = try size(bytes, "the memory limit", in: -1...Int.max)
    MemoryBudget.setLimit(limit == -1 ? nil : limit)
  }
}

/// See `cnn_memory_limit` in `cnn.h`.
@implementation @_cdecl("cnn_memory_limit")
public func cnn_memory_limit() -> Int64 {
  let limit = MemoryBudget.limit
  return limit == Int.max ? -1 : Int64(limit)
}

/// See `cnn_memory_in_use` in `cnn.h`.
@implementation @_cdecl("cnn_memory_in_use")
public func cnn_memory_in_use() -> Int64 {
  Int64(MemoryBudget.bytesInUse)
}

/// See `cnn_cpu_variant` in `cnn.h`.
@implementation @_cdecl("cnn_cpu_variant")
public func cnn_cpu_variant() -> UnsafePointer<CChar>? {
  staticText(Kernels.activeName)
}

/// See `cnn_set_log_callback` in `cnn.h`.
@implementation @_cdecl("cnn_set_log_callback")
public func cnn_set_log_callback(
  _ callback: cnn_log_callback?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let callback else {
    Log.setSink(nil)
    return Int32(CNN_OK)
  }
  // What the pointer means, and from which threads it may be used, is the caller's business.
  let user = UInt(bitPattern: user)
  Log.setSink { level, message in
    message.withCString { callback(level.rawValue, $0, UnsafeMutableRawPointer(bitPattern: user)) }
  }
  return Int32(CNN_OK)
}
