import CCNN
import CNNKernels

@implementation @_cdecl("cnn_probe")
public func cnn_probe(_ n: Int32) -> Float {
  Float(ThreadPool.threadCount)
}
