import CCNN
import CNNLayerKit

// Section 0 of cnn.h: version, status codes, messages, memory.

/// See `cnn_version` in `cnn.h`.
@implementation @_cdecl("cnn_version")
public func cnn_version() -> UnsafePointer<CChar>? {
  staticText("0.1.0")
}

/// See `cnn_abi_version` in `cnn.h`.
@implementation @_cdecl("cnn_abi_version")
public func cnn_abi_version() -> Int32 {
  CNN_ABI_VERSION
}

/// See `cnn_last_error_message` in `cnn.h`.
@implementation @_cdecl("cnn_last_error_message")
public func cnn_last_error_message() -> UnsafePointer<CChar>? {
  LastError.message ?? staticText("")
}

/// See `cnn_status_name` in `cnn.h`.
@implementation @_cdecl("cnn_status_name")
public func cnn_status_name(_ status: Int32) -> UnsafePointer<CChar>? {
  staticText(CNNError.cName(ofStatus: status))
}

/// See `cnn_free` in `cnn.h`.
@implementation @_cdecl("cnn_free")
public func cnn_free(_ memory: UnsafeMutableRawPointer?) {
  AllocatedBlocks.shared.free(memory)
}

/// The zero-terminated bytes of a literal, which live as long as the library.
func staticText(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
