import CNNFormats
import CNNLayerKit
import Foundation
import Testing

/// A safetensors file with the given header text and data.
func safetensors(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
  let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
  return length + Array(header.utf8) + data
}

func parse(_ bytes: [UInt8]) throws -> SafetensorsHeader {
  try bytes.withUnsafeBytes { try SafetensorsHeader(parsing: $0) }
}

/// A folder that is gone when the test is over.
final class TemporaryFolder {
  let path = NSTemporaryDirectory() + "cnn-formats-" + UUID().uuidString
  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func file(_ name: String) -> String { path + "/" + name }
}

@Suite("safetensors")
struct SafetensorsTests {
  @Test("what was written is read back")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let numbers: [Float] = [0, -1.5, .infinity, 0x1p-140, 7, 8]
    let metadata = ["format": "cnn", "text": "line\nquote\" back\\slash \u{1}é🐈"]
    var writer = SafetensorsWriter(metadata: metadata)
    try writer.add("bytes", [1, 2, 3] as [UInt8])
    try writer.add("step", [-5, 1 << 40] as [Int64])
    try writer.add("empty", shape: [0, 4]) { _ in }
    try writer.add("a \"name\"", shape: [2, 3]) { room in _ = room.update(from: numbers) }
    let path = folder.file("x.safetensors")
    try writer.write(to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == metadata)
    #expect(try file.floats(of: "a \"name\"") == numbers)
    #expect(try file.floats(of: "bytes") == [1, 2, 3])
    #expect(try file.bytes(of: "bytes") == [1, 2, 3])
    #expect(try file.integers(of: "step") == [-5, 1 << 40])
    #expect(try file.floats(of: "empty") == [])
    #expect(file.header.tensor(named: "a \"name\"")?.shape == [2, 3])
    let onDisk = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(try writer.encoded().withUnsafeBytes { Data($0) } == onDisk)
    // The data begins at a multiple of 8 bytes, and each tensor at a multiple of its numbers' size.
    for tensor in file.tensors {
      #expect(tensor.range.lowerBound % tensor.element.size == 0, "\(tensor.name)")
    }
  }

  @Test(
    "numbers of every kind become 32-bit floating point",
    arguments: [
      ("F64", [0, 0, 0, 0, 0, 0, 0xF8, 0xBF], -1.5), ("F32", [0, 0, 0xC0, 0xBF], -1.5),
      ("F16", [0x00, 0xBE], -1.5), ("F16", [0x01, 0x00], 0x1p-24), ("F16", [0x00, 0x80], -0.0),
      ("F16", [0xFF, 0x7B], 65504), ("F16", [0x00, 0xFC], -Float.infinity),
      ("F16", [0x55, 0x35], 0.333251953125), ("BF16", [0xC0, 0xBF], -1.5),
      ("I64", [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], -2),
      ("U64", [0, 0, 0, 0, 0, 0, 0, 0x80], 0x1p63), ("I32", [0xFE, 0xFF, 0xFF, 0xFF], -2),
      ("U32", [0, 0, 0, 0x80], 0x1p31), ("I16", [0xFE, 0xFF], -2), ("U16", [0xFE, 0xFF], 65534),
      ("I8", [0xFE], -2), ("U8", [0xFE], 254), ("BOOL", [1], 1),
    ] as [(String, [UInt8], Float)])
  func conversions(dtype: String, bytes: [UInt8], expected: Float) throws {
    // An odd start checks that nothing relies on alignment.
    let header =
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
      + "\"b\":{\"dtype\":\"\(dtype)\",\"shape\":[],\"data_offsets\":[1,\(1 + bytes.count)]}}"
    let file = safetensors(header, [9] + bytes)
    let tensor = try #require(try parse(file).tensor(named: "b"))
    var value: [Float] = [99]
    try file.withUnsafeBytes { file in
      try value.withUnsafeMutableBufferPointer { try tensor.read(from: file, into: $0) }
    }
    #expect(value[0].bitPattern == expected.bitPattern)
  }

  @Test("8-bit floating point is refused by name")
  func eightBitFloats() throws {
    let file = safetensors(
      "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", [1])
    let tensor = try #require(try parse(file).tensors.first)
    var value: [Float] = [0]
    let error = #expect(throws: CNNError.self) {
      try file.withUnsafeBytes { file in
        try value.withUnsafeMutableBufferPointer { try tensor.read(from: file, into: $0) }
      }
    }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("F8_E4M3") == true)
  }

  @Test("headers as other tools write them are read")
  func acceptedHeaders() throws {
    // Unsorted, spaced, escaped, with empty tensors and an unused metadata.
    let header = """
      { "__metadata__" : { "k" : "\\u00e9\\ud83d\\udc08\\/\\b" } ,
        "late" : {"shape":[2],"dtype":"U8","data_offsets":[1, 3]} ,
        "none" : {"dtype":"F32","shape":[0, 7],"data_offsets":[1,1]},
        "early" : {"data_offsets":[0,1],"dtype":"BOOL","shape":[1,1]} }
      """
    // The first byte must be the brace, as in the reference.
    let parsed = try parse(safetensors(header + "   ", [1, 2, 3]))
    #expect(parsed.tensors.map(\.name) == ["early", "none", "late"])
    #expect(parsed.metadata == ["k": "é🐈/\u{8}"])
    #expect(try parse(safetensors("{}")).tensors.isEmpty)
  }

  static let tensor = "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}"

  @Test(
    "malformed files are errors that say what is wrong",
    arguments: [
      (Array("short".utf8), "at least 8 bytes"),
      ([UInt8](repeating: 0xFF, count: 64), "at most 100000000"),
      ([100, 0, 0, 0, 0, 0, 0, 0, 0x7B], "cut off"),
      (safetensors(""), "as the first byte"),
      (safetensors("[]"), "as the first byte"),
      (safetensors(" {}"), "as the first byte"),
      (safetensors("{} x"), "the end of the header"),
      (safetensors("{\(tensor)}", [1]), "within the 1 bytes"),
      (safetensors("{\(tensor)}", [1, 2, 3]), "1 bytes at the end"),
      (safetensors("{\(tensor),\(tensor)}", [1, 2]), "\"a\" twice"),
      (
        safetensors(
          "{\(tensor),\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", [1, 2, 3]),
        "without gaps"
      ),
      (
        safetensors("{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", [1, 2, 3]),
        "without gaps"
      ),
      (safetensors("{\"b\":{\"dtype\":\"U8\",\"shape\":[1]}}", [1]), "needs dtype"),
      (
        safetensors("{\"b\":{\"dtype\":\"Q8\",\"shape\":[1],\"data_offsets\":[0,1]}}", [1]), "Q8"
      ),
      (
        safetensors("{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,1]}}", [1]),
        "takes 4 bytes"
      ),
      (
        safetensors(
          "{\"b\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,1]}}",
          [1]), "no file can hold"
      ),
      (
        safetensors(
          "{\"b\":{\"dtype\":\"U8\",\"shape\":[99999999999999999999],\"data_offsets\":[0,1]}}", [1]
        ), "below 2^63"
      ),
      (
        safetensors("{\"b\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", [1]),
        "whole number"
      ),
      (
        safetensors("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", [1]),
        "[start, end]"
      ),
      (
        safetensors("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", [1]),
        "[start, end]"
      ),
      (
        safetensors("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":1}}", [1]),
        "unknown key \"x\""
      ),
      (safetensors("{\"__metadata__\":{\"a\":1}}"), "\"\"\""),
      (safetensors("{\"__metadata__\":{\"a\":\"\\ud800\"}}"), "surrogates"),
      (safetensors("{\"__metadata__\":{\"a\":\"\\x\"}}"), "escapes"),
    ])
  func malformed(file: [UInt8], fragment: String) throws {
    let error = #expect(throws: CNNError.self) { try parse(file) }
    #expect(error?.code == .malformedData)
    #expect(error?.message.contains(fragment) == true, "\(error?.message ?? "")")
  }

  @Test("deep nesting is an error")
  func deepNesting() {
    for character in ["[", "{", "{\"a\":"] {
      let text = "{\"a\":" + String(repeating: character, count: 100_000)
      #expect(throws: CNNError.self) { try parse(safetensors(text)) }
    }
  }

  @Test("every truncation and every flipped bit is an error or a readable file")
  func fuzz() throws {
    var writer = SafetensorsWriter(metadata: ["k": "v\"", "graph": "{}"])
    try writer.add("conv.weight", shape: [2, 1, 1, 2]) { $0.update(repeating: 1.5) }
    try writer.add("n", [3] as [UInt8])
    try writer.add("step", [7] as [Int64])
    let whole = try writer.encoded().withUnsafeBytes { Array($0) }
    for length in 0..<whole.count {
      #expect(throws: CNNError.self, "\(length) bytes") { try parse(Array(whole[..<length])) }
    }
    for bit in 0..<whole.count * 8 {
      var file = whole
      file[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        let header = try parse(file)
        for tensor in header.tensors {
          var values = [Float](repeating: 0, count: tensor.count)
          try file.withUnsafeBytes { file in
            try values.withUnsafeMutableBufferPointer { try tensor.read(from: file, into: $0) }
          }
        }
      } catch let error as CNNError {
        #expect(error.code == .malformedData || error.code == .unsupported)
      }
    }
  }

  @Test("random headers never trap")
  func randomHeaders() throws {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("{}[]\":,0123456789aU8F32\\u dtypeshape".utf8)
    for _ in 0..<3000 {
      let length = Int.random(in: 0..<80, using: &generator)
      let text = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] }
      _ = try? parse(safetensors("{" + String(decoding: text, as: UTF8.self), [0, 0, 0, 0]))
    }
  }

  @Test("a writer refuses what no file can hold")
  func writerErrors() throws {
    var writer = SafetensorsWriter()
    try writer.add("a", [1] as [UInt8])
    #expect(throws: CNNError.self) { try writer.add("a", [1] as [UInt8]) }
    #expect(throws: CNNError.self) { try writer.add("__metadata__", [1] as [UInt8]) }
    #expect(throws: CNNError.self) { try writer.add("b", shape: [-1]) { _ in } }
    #expect(throws: CNNError.self) { try writer.add("b", shape: [1 << 40, 1 << 40]) { _ in } }
    let numbers: [Float] = [1, 2]
    _ = numbers.withUnsafeBufferPointer { numbers in
      #expect(throws: CNNError.self) { try writer.add("b", shape: [3], floats: numbers) }
    }
  }

  @Test("a failure while writing leaves the old file")
  func failureKeepsOldFile() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("x.safetensors")
    try Data("old".utf8).write(to: URL(fileURLWithPath: path))
    var writer = SafetensorsWriter()
    try writer.add("a", shape: [1]) { _ throws(CNNError) in throw CNNError(.cancelled, "stop") }
    #expect(throws: CNNError(.cancelled, "stop")) { try writer.write(to: path) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.safetensors"])
    #expect(throws: CNNError.self) { try SafetensorsFile(path: folder.file("missing")) }
    let error = #expect(throws: CNNError.self) { try SafetensorsFile(path: path) }
    #expect(error?.message.contains("x.safetensors") == true)
  }
}
