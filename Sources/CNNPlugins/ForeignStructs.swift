import CCNN
import CNNLayerKit
import Glibc

/// A struct of `cnn_plugin.h` that begins with a `cnn_struct_header`, as the other side fills it.
protocol ForeignStruct {
  /// The C type, as it should stand in messages.
  static var cName: String { get }
  /// Where the last member of the struct's first version ends: no side can know less.
  static var firstVersionSize: Int { get }
  var header: cnn_struct_header { get set }
  /// All members zero.
  init()
}

/// Where a member ends.
private func end<Value, Member>(_ member: KeyPath<Value, Member>) -> Int {
  (MemoryLayout<Value>.offset(of: member) ?? 0) + MemoryLayout<Member>.size
}

extension cnn_plugin: ForeignStruct {
  static let cName = "cnn_plugin"
  static let firstVersionSize = end(\cnn_plugin.extension)
}
extension cnn_layer_type: ForeignStruct {
  static let cName = "cnn_layer_type"
  static let firstVersionSize = end(\cnn_layer_type.extension)
}
extension cnn_loss_type: ForeignStruct {
  static let cName = "cnn_loss_type"
  static let firstVersionSize = end(\cnn_loss_type.evaluate)
}
extension cnn_optimizer_type: ForeignStruct {
  static let cName = "cnn_optimizer_type"
  static let firstVersionSize = end(\cnn_optimizer_type.update)
}
extension cnn_attribute: ForeignStruct {
  static let cName = "cnn_attribute"
  static let firstVersionSize = end(\cnn_attribute.summary)
}
extension cnn_parameter: ForeignStruct {
  static let cName = "cnn_parameter"
  static let firstVersionSize = end(\cnn_parameter.file_axes)
}
extension cnn_matrix_product: ForeignStruct {
  static let cName = "cnn_matrix_product"
  static let firstVersionSize = end(\cnn_matrix_product.c_stride)
}

/// The header of a struct that this side fills.
func header<Value>(of type: Value.Type) -> cnn_struct_header {
  cnn_struct_header(
    size: UInt32(MemoryLayout<Value>.size), abi_major: UInt16(CNN_PLUGIN_ABI_MAJOR),
    abi_minor: UInt16(CNN_PLUGIN_ABI_MINOR))
}

/// Copies a struct of the other side: what it knows and this side does not is left out, what it does
/// not know is zero.
///
/// - Throws: `invalidArgument` for NULL or an impossible size, `unsupported` for another major version.
func copy<Value: ForeignStruct>(
  _ pointer: UnsafePointer<Value>?, _ what: @autoclosure () -> String = Value.cName
) throws(CNNError) -> Value {
  guard let pointer else { throw .invalidArgument("\(what()) is NULL") }
  let raw = UnsafeRawPointer(pointer)
  let header = raw.loadUnaligned(as: cnn_struct_header.self)
  // The size of another major version may mean anything.
  guard header.abi_major == CNN_PLUGIN_ABI_MAJOR || header.size == 0 else {
    throw CNNError(
      .unsupported,
      "\(what()) is for version \(header.abi_major).\(header.abi_minor) of the plugin interface, and "
        + "this library speaks version \(CNN_PLUGIN_ABI_MAJOR): compile it with this library's "
        + "cnn_plugin.h")
  }
  guard header.size >= UInt32(Value.firstVersionSize), header.size <= 1 << 16 else {
    throw .invalidArgument(
      "the size in the header of \(what()) is \(header.size), and a \(Value.cName) has at least "
        + "\(Value.firstVersionSize) bytes: set the header to CNN_STRUCT(\(Value.cName))")
  }
  var value = Value()
  withUnsafeMutableBytes(of: &value) { bytes in
    if let start = bytes.baseAddress {
      memcpy(start, raw, min(Int(header.size), MemoryLayout<Value>.size))
    }
  }
  return value
}

/// Copies the structs that an array of pointers refers to.
///
/// - Throws: As `copy`, naming the element.
func copies<Value: ForeignStruct>(
  _ pointer: UnsafePointer<UnsafePointer<Value>?>?, count: Int64, _ what: String
) throws(CNNError) -> [Value] {
  guard count >= 0, count <= maximumListLength else {
    throw .invalidArgument(
      "the number of \(what) is \(count), and must be 0 to \(maximumListLength)")
  }
  guard count > 0 else { return [] }
  guard let pointer else {
    throw .invalidArgument("there are \(count) \(what), and the list is NULL")
  }
  var result: [Value] = []
  for index in 0..<Int(count) { result.append(try copy(pointer[index], "\(what)[\(index)]")) }
  return result
}

/// The most attributes, types, choices or states that a description may list.
private let maximumListLength: Int64 = 4096

/// The longest text of a description, in bytes.
private let maximumTextLength = 1 << 16

/// Copies a text of the other side.
///
/// - Throws: `invalidArgument` for NULL, text without an end, or text that is not UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(CNNError) -> String {
  guard let pointer else { throw .invalidArgument("\(what) is NULL") }
  guard strnlen(pointer, maximumTextLength + 1) <= maximumTextLength else {
    throw .invalidArgument("\(what) is longer than \(maximumTextLength) bytes, or does not end")
  }
  guard let text = String(validatingCString: pointer) else {
    throw .invalidArgument("\(what) is not UTF-8")
  }
  return text
}

/// Copies a text that may be NULL, which counts as empty.
func optionalText(_ pointer: UnsafePointer<CChar>?, _ what: String) throws(CNNError) -> String {
  pointer == nil ? "" : try text(pointer, what)
}

/// Copies a list of texts.
func texts(
  _ pointer: UnsafePointer<UnsafePointer<CChar>?>?, count: Int32, _ what: String
) throws(CNNError) -> [String] {
  guard count >= 0, Int64(count) <= maximumListLength else {
    throw .invalidArgument(
      "the number of \(what) is \(count), and must be 0 to \(maximumListLength)")
  }
  guard count > 0 else { return [] }
  guard let pointer else {
    throw .invalidArgument("there are \(count) \(what), and the list is NULL")
  }
  var result: [String] = []
  for index in 0..<Int(count) { result.append(try text(pointer[index], "\(what)[\(index)]")) }
  return result
}

/// Copies a shape of the other side.
func shape(_ pointer: UnsafePointer<cnn_shape>?, _ what: String) throws(CNNError) -> Shape {
  guard let pointer else { throw .invalidArgument("the shape of \(what) is NULL") }
  var foreign = pointer.pointee
  guard foreign.rank >= 0, foreign.rank <= Int64(CNN_SHAPE_MAX_RANK) else {
    throw .shapeMismatch(
      "the shape of \(what) has \(foreign.rank) axes, and must have 0 to \(CNN_SHAPE_MAX_RANK)")
  }
  let sizes = withUnsafeBytes(of: &foreign.sizes) { bytes in
    bytes.bindMemory(to: Int64.self).prefix(Int(foreign.rank)).map { Int(clamping: $0) }
  }
  do throws(CNNError) {
    return try Shape(sizes)
  } catch {
    throw error.prefixed(by: "the shape of \(what)")
  }
}

extension cnn_shape {
  /// The same shape for the other side.
  init(_ shape: Shape) {
    self.init()
    rank = Int64(shape.rank)
    withUnsafeMutableBytes(of: &sizes) { bytes in
      let field = bytes.bindMemory(to: Int64.self)
      for (axis, size) in shape.sizes.enumerated() where axis < field.count {
        field[axis] = Int64(size)
      }
    }
  }
}

/// Calls a function that makes something, with a place for what it makes, which starts as NULL.
func withPlace(
  _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Int32
) -> (status: Int32, made: UnsafeMutableRawPointer?) {
  var place: UnsafeMutableRawPointer?
  let status = body(&place)
  return (status, place)
}
