import CNNData
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit

/// What a `cnn_dataset` stands for.
final class DatasetObject: HandleObject {
  static let cName = "cnn_dataset"
  let dataset: any Dataset
  /// Names that callers borrow.
  let names = BorrowedTexts()
  /// The samples as another preprocessing gives them, so that reading batch after batch converts
  /// pictures once.
  private let converted = Locked<(preprocessing: Preprocessing, dataset: any Dataset)?>(nil)

  init(_ dataset: any Dataset) { self.dataset = dataset }

  /// The samples as the preprocessing of a model gives them; as they are without one.
  ///
  /// - Throws: `shapeMismatch` if they do not fit the model's input.
  func samples(for model: Model?) throws(CNNError) -> any Dataset {
    guard let model else { return dataset }
    let fitting = dataset.preprocessing == nil ? dataset : try with(try model.preprocessing())
    let shapes = model.network.inputs.map { model.network.tensors[$0].shape }
    guard shapes == [fitting.sampleShape] else {
      throw .shapeMismatch(
        "the samples have the shape \(fitting.sampleShape), the model takes "
          + shapes.map(\.description).joined(separator: " and "))
    }
    return fitting
  }

  /// The same pictures with another preprocessing.
  func with(_ preprocessing: Preprocessing) throws(CNNError) -> any Dataset {
    if dataset.preprocessing == preprocessing { return dataset }
    if let known = converted.withLock({ $0 }), known.preprocessing == preprocessing {
      return known.dataset
    }
    let result = try dataset.applying(preprocessing)
    converted.withLock { $0 = (preprocessing, result) }
    return result
  }
}

/// What a `cnn_batches` stands for: epoch after epoch of batches.
///
/// Safety: everything that changes is used within `exclusively` only.
final class BatchesObject: HandleObject, @unchecked Sendable {
  static let cName = "cnn_batches"
  private let loader: BatchLoader
  private let use = ExclusiveUse()
  private var epoch = 0
  private var isUnderWay = false

  init(_ loader: BatchLoader) { self.loader = loader }

  /// The shape of a sample.
  var sampleShape: Shape { loader.dataset.sampleShape }
  /// The most samples of a batch.
  var batchSize: Int { min(loader.batchSize, loader.dataset.count) }

  /// Runs `body` unless another thread is using the object.
  func exclusively(_ body: (BatchesObject) throws(CNNError) -> Void) throws(CNNError) {
    try use.hold("pass over the data") { () throws(CNNError) in try body(self) }
  }

  /// The next batch, or nil at the end of an epoch; then the next epoch begins.
  func next() throws(CNNError) -> Batch? {
    if !isUnderWay {
      try loader.startEpoch(epoch)
      isUnderWay = true
    }
    do throws(CNNError) {
      if let batch = try loader.next() { return batch }
    } catch {
      // The epoch cannot go on after a sample that cannot be read; the next call begins it anew.
      isUnderWay = false
      throw error
    }
    epoch += 1
    isUnderWay = false
    return nil
  }
}
