import CNNGraph
import CNNLayerKit
import CNNTraining

/// What a `cnn_training` stands for.
///
/// Safety: `batches` is used within `exclusively` only; `training` guards itself.
final class TrainingObject: HandleObject, @unchecked Sendable {
  static let cName = "cnn_training"
  let training: Training
  /// Names that callers borrow.
  let names = BorrowedTexts()
  private let use = ExclusiveUse()
  /// The number of samples that each input was set to; 0 where it was not.
  private var batches: [Int]

  init(_ training: Training) {
    self.training = training
    batches = [Int](repeating: 0, count: training.model.network.inputs.count)
  }

  var network: Network { training.model.network }

  /// Runs `body` unless another thread is using the training.
  func exclusively(_ body: (TrainingObject) throws(CNNError) -> Void) throws(CNNError) {
    try use.hold("training") { () throws(CNNError) in try body(self) }
  }

  /// Memory for `batch` samples of an input, which count as set.
  func input(_ index: Int, batch: Int) throws(CNNError) -> UnsafeMutablePointer<Float> {
    guard let memory = try training.input(index, batch: batch).baseAddress else {
      throw CNNError(.internal, "input \(index) has no memory")
    }
    batches[index] = batch
    return memory
  }

  /// The number of samples that an input was set to, at least 1.
  func batch(ofInput index: Int) throws(CNNError) -> Int {
    guard batches[index] > 0 else {
      throw .invalidArgument("input \"\(network.inputNames[index])\" was never set")
    }
    return batches[index]
  }

  /// The number of an output that a caller names; nil means the first one.
  func outputIndex(_ name: UnsafePointer<CChar>?) throws(CNNError) -> Int {
    guard let name = try optionalText(name, "the output's name") else { return 0 }
    guard let index = network.outputNames.firstIndex(of: name) else {
      throw .unknownName("output", name, valid: network.outputNames)
    }
    return index
  }

  /// What an output gives for one sample.
  func outputShape(_ index: Int) -> Shape { network.tensors[network.outputs[index]].shape }
}
