import CNNKernelTypes
import CNNKernelsAVX2
import CNNKernelsBaseline
import COpenBLAS
import Synchronization

public let counter = Mutex<Int>(0)
public let table = CNNKernelsAVX2.makeKernelTable()
public func probe(_ n: Int32) -> Float {
  openblas_set_num_threads(1)
  let a = UnsafeMutablePointer<Float>.allocate(capacity: 1000)
  a.initialize(repeating: 1, count: 1000)
  cblas_sgemm(
    CblasRowMajor, CblasNoTrans, CblasNoTrans, 10, 10, 10, 1, a, 10, a + 100, 10, 0, a + 200, 10)
  table.relu(a, a, 400)
  counter.withLock { $0 += 1 }
  return a[200]
}
