import CCNN
import CNNData
import CNNImaging
import CNNKit
import CNNLayerKit

// Section 4 of cnn.h, second part: reading datasets, and batches.

/// See `cnn_dataset_describe` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_describe")
public func cnn_dataset_describe(
  _ dataset: OpaquePointer?, _ outInfo: UnsafeMutablePointer<cnn_dataset_info>?
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outInfo, "cnn_dataset_info", empty: cnn_dataset_info()) { () throws(CNNError) in
      let dataset = try object(dataset, DatasetObject.self).dataset
      var info = cnn_dataset_info()
      info.count = Int64(dataset.count)
      info.class_count = Int64(dataset.classNames.count)
      info.rank = Int64(dataset.sampleShape.rank)
      withUnsafeMutableBytes(of: &info.shape) { write(dataset.sampleShape.sizes, to: $0) }
      return info
    }
  }
}

/// See `cnn_dataset_class_name` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_class_name")
public func cnn_dataset_class_name(
  _ dataset: OpaquePointer?, _ index: Int64,
  _ outName: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> Int32 {
  status { () throws(CNNError) in
    let out = try output(outName, "out_name", initially: nil)
    let dataset = try object(dataset, DatasetObject.self)
    out.pointee = try dataset.names.borrow(
      try element(of: dataset.dataset.classNames, at: index, "class"))
  }
}

/// See `cnn_dataset_label` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_label")
public func cnn_dataset_label(
  _ dataset: OpaquePointer?, _ index: Int64, _ outLabel: UnsafeMutablePointer<Int64>?
) -> Int32 {
  status { () throws(CNNError) in
    let out = try output(outLabel, "out_label", initially: 0)
    let dataset = try object(dataset, DatasetObject.self).dataset
    out.pointee = Int64(try dataset.label(at: Int(index)))
  }
}

/// See `cnn_dataset_image` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_image")
public func cnn_dataset_image(
  _ dataset: OpaquePointer?, _ index: Int64, _ outImage: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outImage, "out_image") { () throws(CNNError) in
    let dataset = try object(dataset, DatasetObject.self).dataset
    guard let applied = dataset.preprocessing else {
      throw CNNError(.unsupported, "this dataset holds numbers, not pictures")
    }
    // The same picture without scaling: its numbers are the pixels.
    let plain = try Preprocessing(
      width: applied.width, height: applied.height, color: applied.color == .grey ? .grey : .rgb,
      resize: applied.resize, filter: applied.filter, scale: 1)
    let pictures = try DatasetObject(dataset).with(plain)
    let sample = try FloatBuffer(count: pictures.sampleShape.count, for: "a picture")
    defer { extendLifetime(sample) }
    try pictures.read(Int(index), into: sample.elements, augmentation: nil)
    return ImageObject(
      try Image(width: plain.width, height: plain.height, channels: plain.channels) { pixels in
        for (position, value) in sample.elements.enumerated() where position < pixels.count {
          pixels[position] = UInt8(min(max(value, 0), 255))
        }
      })
  }
}

/// See `cnn_dataset_preprocessing` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_preprocessing")
public func cnn_dataset_preprocessing(
  _ dataset: OpaquePointer?, _ normalization: UnsafePointer<CChar>?,
  _ outJSON: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> Int32 {
  giveText(outJSON, "out_json") { () throws(CNNError) in
    let dataset = try object(dataset, DatasetObject.self).dataset
    let word = try text(normalization, "normalization")
    guard let normalization = PixelNormalization(rawValue: word) else {
      throw .unknownName(
        "normalization", word, valid: PixelNormalization.allCases.map(\.rawValue))
    }
    return try dataset.preprocessing(normalizing: normalization).json()
  }
}

/// See `cnn_dataset_read` in `cnn.h`.
@implementation @_cdecl("cnn_dataset_read")
public func cnn_dataset_read(
  _ dataset: OpaquePointer?, _ model: OpaquePointer?, _ indices: UnsafePointer<Int64>?,
  _ count: Int64, _ order: Int32, _ capacity: Int64, _ outSamples: UnsafeMutablePointer<Float>?,
  _ outLabels: UnsafeMutablePointer<Int64>?
) -> Int32 {
  status { () throws(CNNError) in
    let dataset = try object(dataset, DatasetObject.self)
    let model = try optionalObject(model, ModelObject.self)?.model
    let order = try layout(order)
    let count = try size(count, "count", in: 1...Int(Int32.max))
    let indices = try required(indices, "indices")
    let samples = try dataset.samples(for: model)
    let shape = samples.sampleShape
    let out = try room(
      outSamples, capacity: capacity,
      for: try elementCount(count, shape.count, of: "the samples"), "out_samples")
    let sample = try FloatBuffer(count: shape.count, for: "a sample")
    defer { extendLifetime(sample) }
    for position in 0..<count {
      let index = Int(indices[position])
      try samples.read(index, into: sample.elements, augmentation: nil)
      LayoutCopy.write(
        sample.pointer, order, shape: shape, batch: 1, to: out + position * shape.count)
      if let outLabels { outLabels[position] = Int64(try samples.label(at: index)) }
    }
  }
}

// MARK: Batches

/// See `cnn_batches_create` in `cnn.h`.
@implementation @_cdecl("cnn_batches_create")
public func cnn_batches_create(
  _ dataset: OpaquePointer?, _ model: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outBatches: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outBatches, "out_batches") { () throws(CNNError) in
    let dataset = try object(dataset, DatasetObject.self)
    let model = try optionalObject(model, ModelObject.self)?.model
    let options = try Options(
      optionsJSON,
      keys: [
        "batch_size", "shuffle", "class_balance", "seed", "drop_last", "augment", "mixup", "cutmix",
        "prefetch", "workers",
      ])
    for name in ["mixup", "cutmix"] where try options.object(name) != nil {
      throw CNNError(
        .unsupported,
        "\"\(name)\" gives samples shares of two classes, and batches have one label for each; it is "
          + "an option of cnn_trainer_fit")
    }
    let augmentation = try options.object("augment").map { (json) throws(CNNError) in
      try Augmentation(json: json)
    }
    return BatchesObject(
      try BatchLoader(
        try dataset.samples(for: model),
        batchSize: try options.integer("batch_size", default: 32, in: 1...Int(Int32.max)),
        shuffle: try options.boolean("shuffle", default: true),
        classBalance: try options.boolean("class_balance", default: false),
        seed: try options.seed(),
        augmentation: augmentation, dropLast: try options.boolean("drop_last", default: false),
        prefetch: try options.integer("prefetch", default: 2, in: 1...64),
        workers: try options.integer("workers", default: 1, in: 0...64)))
  }
}

/// See `cnn_batches_next` in `cnn.h`.
@implementation @_cdecl("cnn_batches_next")
public func cnn_batches_next(
  _ batches: OpaquePointer?, _ order: Int32, _ capacity: Int64, _ labelCapacity: Int64,
  _ outSamples: UnsafeMutablePointer<Float>?, _ outLabels: UnsafeMutablePointer<Int64>?,
  _ outCount: UnsafeMutablePointer<Int64>?
) -> Int32 {
  outCount?.pointee = 0
  return status { () throws(CNNError) in
    let outCount = try required(outCount, "out_count")
    try object(batches, BatchesObject.self).exclusively { batches throws(CNNError) in
      let order = try layout(order)
      let shape = batches.sampleShape
      // Checked for the largest batch, so that no batch is lost because it does not fit.
      let largest = try elementCount(batches.batchSize, shape.count, of: "a batch")
      let samples = try room(outSamples, capacity: capacity, for: largest, "out_samples")
      let labels = try room(
        outLabels, capacity: labelCapacity, for: batches.batchSize, "out_labels")
      guard let batch = try batches.next() else { return }
      LayoutCopy.write(batch.inputs, order, shape: shape, batch: batch.count, to: samples)
      for position in 0..<batch.count {
        labels[position] = Int64(batch.labels?[position] ?? 0)
      }
      outCount.pointee = Int64(batch.count)
    }
  }
}

/// See `cnn_batches_free` in `cnn.h`.
@implementation @_cdecl("cnn_batches_free")
public func cnn_batches_free(_ batches: OpaquePointer?) {
  HandleTable.shared.remove(batches, BatchesObject.self)
}
