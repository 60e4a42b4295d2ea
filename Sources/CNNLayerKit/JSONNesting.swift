/// Throws `malformedData` for JSON text whose lists and objects lie deeper within each other than
/// anything the library reads.
///
/// Parsers call themselves for each level: deep text from a stranger would end a host's thread that
/// has a small stack.
package func checkNesting(of json: String, _ what: String) throws(CNNError) {
  let most = 32
  var depth = 0
  var isInText = false
  var isEscaped = false
  for byte in json.utf8 {
    if isInText {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        isInText = false
      }
      continue
    }
    switch byte {
    case UInt8(ascii: "\""): isInText = true
    case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
    case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
    default: break
    }
    guard depth <= most else {
      throw .malformedData("\(what) has lists or objects more than \(most) deep in each other")
    }
  }
}
