import CCNN
import CNNImaging
import CNNKernels
import CNNKit
import FoundationEssentials

struct Foo: Codable { var a: Int }
@implementation @_cdecl("cnn_probe")
public func cnn_probe(_ n: Int32) -> Float {
  let foo = try? JSONDecoder().decode(Foo.self, from: Data("{\"a\": 3}".utf8))
  return probe(n) + Float(imageProbe() % 2) + Float(foo?.a ?? 0)
}
