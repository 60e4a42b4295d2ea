import CCNN
import CNNData
import CNNImaging
import CNNKit
import CNNLayerKit

// Section 4 of cnn.h, first part: making datasets.

/// See `cnn_dataset_open` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_open")
public func cnn_dataset_open(
  _ path: UnsafePointer<CChar>?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outDataset: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outDataset, "out_dataset") { () throws(CNNError) in
    let path = try text(path, "path")
    return DatasetObject(
      try DatasetLoader.open(path: path, options: try datasetOptions(optionsJSON)))
  }
}

/// See `cnn_dataset_create_named` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_create_named")
public func cnn_dataset_create_named(
  _ name: UnsafePointer<CChar>?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outDataset: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outDataset, "out_dataset") { () throws(CNNError) in
    let name = try text(name, "name")
    return DatasetObject(
      try DatasetLoader.builtIn(name, options: try datasetOptions(optionsJSON)))
  }
}

private func datasetOptions(_ json: UnsafePointer<CChar>?) throws(CNNError) -> DatasetOptions {
  guard let json = try optionalText(json, "options_json") else { return DatasetOptions() }
  return try DatasetOptions(json: json)
}

/// See `cnn_dataset_create_images` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_create_images")
public func cnn_dataset_create_images(
  _ count: Int64, _ height: Int64, _ width: Int64, _ channels: Int64, _ order: Int32,
  _ pixels: UnsafePointer<UInt8>?, _ labels: UnsafePointer<Int64>?,
  _ classNames: UnsafePointer<UnsafePointer<CChar>?>?, _ classCount: Int64,
  _ outDataset: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outDataset, "out_dataset") { () throws(CNNError) in
    let count = try size(count, "count")
    let (height, width) = (try size(height, "the height"), try size(width, "the width"))
    let channels = try size(channels, "the number of channels", in: 1...3)
    let order = try layout(order)
    let names = try classes(classNames, classCount)
    let source = try required(pixels, "pixels")
    let labels = try required(labels, "labels")
    let bytes = try elementCount(count, height, width, channels, of: "the pictures")
    var pixels = UnsafeRawBufferPointer(start: source, count: bytes)
    var converted: ByteBuffer?
    if order == .channelsFirst, channels > 1 {
      let copy = try ByteBuffer(uninitializedCount: bytes, for: "\(count) pictures")
      if let memory = copy.mutableBytes.bindMemory(to: UInt8.self).baseAddress {
        LayoutCopy.readPixels(
          source, height: height, width: width, channels: channels, count: count, to: memory)
      }
      pixels = copy.bytes
      converted = copy
    }
    defer { extendLifetime(converted) }
    return DatasetObject(
      try ImageDataset(
        pixels: pixels, height: height, width: width, channels: channels,
        labels: UnsafeBufferPointer(start: labels, count: count), classNames: names))
  }
}

/// See `cnn_dataset_create_floats` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_create_floats")
public func cnn_dataset_create_floats(
  _ count: Int64, _ order: Int32, _ shape: UnsafePointer<Int64>?, _ rank: Int64,
  _ samples: UnsafePointer<Float>?, _ labels: UnsafePointer<Int64>?,
  _ classNames: UnsafePointer<UnsafePointer<CChar>?>?, _ classCount: Int64,
  _ outDataset: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outDataset, "out_dataset") { () throws(CNNError) in
    let block = try SampleBlock(count, order, shape, rank, samples, "the samples")
    let names = try classes(classNames, classCount)
    let labels = try required(labels, "labels")
    let buffer = try block.copied()
    let target = try TensorDataset.Target.classes(
      UnsafeBufferPointer(start: labels, count: block.count), names: names)
    return DatasetObject(
      try TensorDataset(takingOver: buffer, sampleShape: block.shape, targets: [target]))
  }
}

/// See `cnn_dataset_create_targets` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_create_targets")
public func cnn_dataset_create_targets(
  _ count: Int64, _ order: Int32, _ shape: UnsafePointer<Int64>?, _ rank: Int64,
  _ samples: UnsafePointer<Float>?, _ targets: UnsafePointer<cnn_target>?, _ targetCount: Int64,
  _ outDataset: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outDataset, "out_dataset") { () throws(CNNError) in
    let block = try SampleBlock(count, order, shape, rank, samples, "the samples")
    let targetCount = try size(targetCount, "target_count", in: 1...64)
    let first = UnsafeRawPointer(try required(targets, "targets"))
    let stride = first.loadUnaligned(as: Int.self)
    let current = MemoryLayout<cnn_target>.size
    _ = try writableSize(stride, first: current, current: current, "cnn_target")
    var answers: [TensorDataset.Target] = []
    for index in 0..<targetCount {
      let target = (first + index * stride).loadUnaligned(as: cnn_target.self)
      do throws(CNNError) {
        guard target.struct_size == stride else {
          throw .invalidArgument(
            "struct_size is \(target.struct_size), that of the first \(stride)")
        }
        answers.append(try answer(target, count: block.count, order))
      } catch {
        throw error.prefixed(by: "targets[\(index)]")
      }
    }
    return DatasetObject(
      try TensorDataset(
        takingOver: try block.copied(), sampleShape: block.shape, targets: answers))
  }
}

/// Copies what a caller's target points to.
private func answer(
  _ target: cnn_target, count: Int, _ order: Int32
) throws(CNNError) -> TensorDataset.Target {
  let name = try optionalText(target.name, "name") ?? DatasetTarget.defaultName
  switch (target.labels, target.values) {
  case (let labels?, nil):
    return try .classes(
      UnsafeBufferPointer(start: labels, count: count),
      names: try classes(target.class_names, target.class_count), name: name)
  case (nil, let values?):
    let block = try SampleBlock(
      Int64(count), order, target.shape, target.rank, values, "target \"\(name)\"")
    let numbers = try block.copied()
    defer { extendLifetime(numbers) }
    return try .values(numbers.elements, shape: block.shape, name: name)
  default:
    throw .invalidArgument("either labels or values must be given, and not both")
  }
}

/// The names that a caller gives classes, or their numbers.
private func classes(
  _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int64
) throws(CNNError) -> [String] {
  let number = try size(count, "class_count", in: 1...maximumClassCount)
  guard names != nil else { return (0..<number).map(String.init) }
  return try texts(names, count, "class_names")
}

/// Samples in a caller's memory.
private struct SampleBlock {
  let count: Int
  let shape: Shape
  private let order: TensorLayout
  private let source: UnsafePointer<Float>
  private let name: String

  init(
    _ count: Int64, _ order: Int32, _ shape: UnsafePointer<Int64>?, _ rank: Int64,
    _ source: UnsafePointer<Float>?, _ name: String
  ) throws(CNNError) {
    self.name = name
    self.count = try size(count, "count")
    self.order = try layout(order)
    self.shape = try LayoutCopy.shape(
      try sizes(shape, rank: rank, name, maximumRank: Shape.maximumRank), self.order)
    self.source = try required(source, name)
  }

  /// Copies the samples into memory of the library.
  func copied() throws(CNNError) -> FloatBuffer {
    let buffer = try FloatBuffer(
      count: try elementCount(count, shape.count, of: name), for: name)
    LayoutCopy.read(source, order, shape: shape, batch: count, to: buffer.pointer)
    return buffer
  }
}

/// See `cnn_dataset_subset` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_subset")
public func cnn_dataset_subset(
  _ dataset: OpaquePointer?, _ indices: UnsafePointer<Int64>?, _ count: Int64,
  _ outDataset: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outDataset, "out_dataset") { () throws(CNNError) in
    let dataset = try object(dataset, DatasetObject.self).dataset
    let count = try size(count, "count", in: 1...Int(Int32.max))
    let indices = UnsafeBufferPointer(start: try required(indices, "indices"), count: count)
    return DatasetObject(try Subset(dataset, indices: indices.lazy.map { Int($0) }))
  }
}

/// See `cnn_dataset_split` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_split")
public func cnn_dataset_split(
  _ dataset: OpaquePointer?, _ fraction: Double, _ randomSeed: Int64,
  _ outFirst: UnsafeMutablePointer<OpaquePointer?>?,
  _ outSecond: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  outFirst?.pointee = nil
  outSecond?.pointee = nil
  return status { () throws(CNNError) in
    let outFirst = try required(outFirst, "out_first")
    let outSecond = try required(outSecond, "out_second")
    let dataset = try object(dataset, DatasetObject.self).dataset
    guard fraction > 0, fraction < 1 else {
      throw .invalidArgument("fraction is \(fraction), and must be above 0 and below 1")
    }
    let (second, first) = try dataset.stratifiedSplit(
      first: fraction, seed: try seed(randomSeed))
    guard first.count > 0, second.count > 0 else {
      throw .invalidArgument(
        "a share of \(fraction) of \(dataset.count) samples leaves a part without any")
    }
    outFirst.pointee = HandleTable.shared.add(DatasetObject(first))
    outSecond.pointee = HandleTable.shared.add(DatasetObject(second))
  }
}

/// See `cnn_dataset_free` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_free")
public func cnn_dataset_free(_ dataset: OpaquePointer?) {
  HandleTable.shared.remove(dataset, DatasetObject.self)
}
