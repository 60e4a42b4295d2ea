import CCNN

// Section 0 of cnn.h: version, status codes, messages, memory.

/// Returns the version of the library; see `cnn.h`.
@implementation @_cdecl("cnn_version")
public func cnn_version() -> UnsafePointer<CChar>? {
  staticText("0.1.0")
}

/// Returns the number of the binary interface; see `cnn.h`.
@implementation @_cdecl("cnn_abi_version")
public func cnn_abi_version() -> Int32 {
  CNN_ABI_VERSION
}

/// The zero-terminated bytes of a literal, which live as long as the library.
func staticText(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
