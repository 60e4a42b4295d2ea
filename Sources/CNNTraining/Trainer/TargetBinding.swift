import CNNData
import CNNGraph
import CNNLayerKit

/// Which target of a data set each loss is compared with.
struct TargetBinding {
  private let heads: [LossHead]
  /// For each head an index of the data set's targets.
  private let targets: [Int]

  /// Finds the target of each loss, and checks that inputs and targets fit the network.
  ///
  /// - Parameter what: What the data set is, for messages.
  /// - Throws: `shapeMismatch`, `unknownName`, `unsupported` or `invalidArgument`.
  init(
    _ heads: [LossHead], network: Network, dataset: any Dataset, what: String
  ) throws(CNNError) {
    guard network.inputs.count == 1, let input = network.tensors.first else {
      throw CNNError(
        .unsupported,
        "a data set supplies one input, this network has \(network.inputs.count): "
          + "\(network.inputNames.joined(separator: ", ")); train it step by step instead")
    }
    guard input.shape == dataset.sampleShape else {
      throw .shapeMismatch(
        "\(what) has samples of shape \(dataset.sampleShape), the network's input "
          + "\"\(input.name)\" has the shape \(input.shape)")
    }
    self.heads = heads
    var targets: [Int] = []
    for head in heads {
      let index = try TargetBinding.target(of: head, in: dataset, isOnly: heads.count == 1, what)
      try TargetBinding.check(dataset.targets[index], head, what)
      targets.append(index)
    }
    self.targets = targets
  }

  /// Lets every loss read its target from a batch.
  func bind(_ batch: Batch) throws(CNNError) {
    for (head, target) in zip(heads, targets) {
      if let labels = batch.labels(target: target) {
        head.borrow(.labels(labels), batch: batch.count)
      } else if let values = batch.values(target: target) {
        head.borrow(.values(values), batch: batch.count)
      } else {
        throw CNNError(.internal, "a batch lacks target \(target)")
      }
    }
  }

  /// Lets every loss compare with the shares of classes in a batch that was mixed.
  func bind(_ mixed: MixedBatch, of batch: Batch) throws(CNNError) {
    for (head, target) in zip(heads, targets) {
      guard let labels = batch.labels(target: target) else {
        throw CNNError(.internal, "a batch lacks the labels of target \(target)")
      }
      try head.setMixed(mixed, labels: labels)
    }
  }

  /// Checks that every loss can be compared with classes that were mixed.
  ///
  /// - Throws: `unsupported`, naming the output whose loss cannot.
  func check(_ mixing: BatchMixing, of dataset: any Dataset) throws(CNNError) {
    for (head, target) in zip(heads, targets) {
      guard case .classes = dataset.targets[target].kind, head.loss.targets.contains(.values)
      else {
        throw CNNError(
          .unsupported,
          "\(mixing.name) gives a sample shares of two classes, and the loss of output "
            + "\"\(head.outputName)\" does not compare with classes in shares, as "
            + "softmax_cross_entropy does; leave \(mixing.name) out (null, if it comes from a "
            + "preset)")
      }
    }
  }

  private static func target(
    of head: LossHead, in dataset: any Dataset, isOnly: Bool, _ what: String
  ) throws(CNNError) -> Int {
    let names = dataset.targets.map(\.name)
    if let name = head.targetName {
      guard let index = names.firstIndex(of: name) else {
        throw .unknownName("target of \(what)", name, valid: names)
      }
      return index
    }
    if let index = names.firstIndex(of: head.outputName) { return index }
    let fitting = dataset.targets.indices.filter { fits(dataset.targets[$0], head) }
    if isOnly || fitting.count == 1, let index = fitting.first { return index }
    if isOnly, !names.isEmpty { return 0 }
    throw .invalidArgument(
      "\(what) has no target called like output \"\(head.outputName)\"; name one of its targets "
        + "(\(names.joined(separator: ", "))) as \"target\" of that output's loss")
  }

  private static func fits(_ target: DatasetTarget, _ head: LossHead) -> Bool {
    switch target.kind {
    case .classes(let names):
      head.loss.targets.contains(.labels) && head.positions == 1 && names.count <= head.classes
    case .values(let shape):
      head.loss.targets.contains(.values) && shape.count == head.shape.count
    }
  }

  private static func check(
    _ target: DatasetTarget, _ head: LossHead, _ what: String
  ) throws(CNNError) {
    guard !fits(target, head) else { return }
    let output = "output \"\(head.outputName)\" of shape \(head.shape)"
    switch target.kind {
    case .classes(let names):
      guard head.loss.targets.contains(.labels) else {
        throw CNNError(
          .unsupported,
          "target \"\(target.name)\" of \(what) is made of classes, and the loss of \(output) "
            + "compares with numbers; softmax_cross_entropy takes classes")
      }
      throw .shapeMismatch(
        "target \"\(target.name)\" of \(what) has \(names.count) classes, and \(output) has "
          + "\(head.classes) at \(head.positions) position(s)")
    case .values(let shape):
      guard head.loss.targets.contains(.values) else {
        throw CNNError(
          .unsupported,
          "target \"\(target.name)\" of \(what) is made of numbers, and the loss of \(output) "
            + "compares with classes")
      }
      throw .shapeMismatch(
        "target \"\(target.name)\" of \(what) has the shape \(shape), which is not that of \(output)"
      )
    }
  }
}
