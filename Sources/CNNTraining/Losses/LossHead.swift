import CNNData
import CNNGraph
import CNNKernels
import CNNLayerKit

/// A loss bound to an output of a network, with what the output should be.
///
/// Safety: used by one thread at a time; its owner sees to that.
final class LossHead {
  let outputIndex: Int
  let outputName: String
  /// The shape of one sample of the output.
  let shape: Shape
  let loss: any Loss
  let weight: Double
  /// The name of the data set's target that was asked for, or nil.
  let targetName: String?
  /// The loss's function, where the layer that computes the output has applied it already; nil
  /// elsewhere.
  ///
  /// The loss is then to be given what that layer got.
  let appliedFunction: ElementaryFunction?

  private let capacity: Int
  /// What was set last, and for how many samples.
  private var target: LossTarget?
  private var targetBatch = 0
  /// The classes that answers are compared with where the target is rows of probabilities.
  private var mainLabels: FloatBuffer?
  private var usesMainLabels = false
  private var ownMemory: FloatBuffer?
  /// The classes that the output prefers; made when class numbers are first seen.
  private var predictions: FloatBuffer?

  /// Binds a loss.
  ///
  /// - Parameter allowsAppliedFunction: Whether the caller undoes the function of a layer at the end
  ///   that the loss applies by itself, by `appliedFunction`.
  /// - Throws: `unknownName` for an output that does not exist, `invalidArgument` for an output that
  ///   applies the loss's function already, or what the loss throws about the shape.
  init(
    _ specification: LossSpecification, network: Network, capacity: Int,
    allowsAppliedFunction: Bool = false
  ) throws(CNNError) {
    loss = try specification.make()
    if let name = specification.output {
      guard let index = network.outputNames.firstIndex(of: name) else {
        throw .unknownName("output for a loss", name, valid: network.outputNames)
      }
      outputIndex = index
    } else {
      outputIndex = 0
    }
    let tensor = network.tensors[network.outputs[outputIndex]]
    outputName = network.outputNames[outputIndex]
    shape = tensor.shape
    weight = specification.weight
    targetName = specification.target
    self.capacity = capacity
    let last = tensor.producer.map { network.nodes[$0] }
    let applied = loss.appliedFunction
    appliedFunction = applied != nil && last?.layer.elementaryFunction == applied ? applied : nil
    if let applied = appliedFunction, let last, !(allowsAppliedFunction && applied.isInvertible) {
      throw .invalidArgument(
        "loss \"\(specification.type)\" takes logits and applies \(applied.name) by itself, and output "
          + "\"\(outputName)\" is computed by a layer of type \(last.type): end the network before "
          + "that layer (recognising applies it where it is wanted)")
    }
    do throws(CNNError) { try loss.check(shape) } catch {
      throw error.prefixed(by: "output \"\(outputName)\"")
    }
  }

  /// Binds losses, at most one to each output.
  static func heads(
    _ specifications: [LossSpecification], network: Network, capacity: Int,
    allowsAppliedFunction: Bool = false
  ) throws(CNNError) -> [LossHead] {
    var heads: [LossHead] = []
    for specification in specifications {
      let head = try LossHead(
        specification, network: network, capacity: capacity,
        allowsAppliedFunction: allowsAppliedFunction)
      guard !heads.contains(where: { $0.outputIndex == head.outputIndex }) else {
        throw .invalidArgument("output \"\(head.outputName)\" has two losses; give it one")
      }
      heads.append(head)
    }
    return heads
  }

  /// The number of scores at each position.
  var classes: Int { shape.sizes.last ?? 1 }
  /// The number of class numbers of each sample.
  var positions: Int { shape.count / classes }
  /// The class numbers that were set last, or nil if none were.
  var labels: UnsafePointer<Int32>? {
    if case .labels(let labels)? = target { labels } else { nil }
  }

  /// Copies class numbers.
  ///
  /// - Throws: `unsupported` if the loss takes none, `shapeMismatch` if their count is no number of
  ///   samples, `invalidArgument` for a number that is no class.
  func setLabels(_ labels: UnsafeBufferPointer<some FixedWidthInteger>) throws(CNNError) {
    guard loss.targets.contains(.labels) else {
      throw CNNError(
        .unsupported,
        "the loss of output \"\(outputName)\" compares with numbers, and was given class numbers")
    }
    let batch = try batch(of: labels.count, perSample: positions, "class numbers")
    let memory = try memory()
    let copy = UnsafeMutableRawPointer(memory.pointer).bindMemory(
      to: Int32.self, capacity: memory.count)
    for (index, label) in labels.enumerated() {
      guard label >= 0, label < classes, let number = Int32(exactly: label) else {
        target = nil
        throw .invalidArgument(
          "label \(index) is \(label), and output \"\(outputName)\" has the classes 0 to "
            + "\(classes - 1)")
      }
      copy[index] = number
    }
    target = .labels(copy)
    targetBatch = batch
    usesMainLabels = false
  }

  /// Copies target numbers.
  ///
  /// - Throws: `unsupported` if the loss takes none, `shapeMismatch` if their count is no number of
  ///   samples.
  func setValues(_ values: UnsafeBufferPointer<Float>) throws(CNNError) {
    let own = try ownValues(batch: try batch(of: values.count, perSample: shape.count, "numbers"))
    guard let source = values.baseAddress, let destination = own.baseAddress else { return }
    destination.update(from: source, count: values.count)
  }

  /// Memory for the target numbers of `batch` samples, for the caller to fill.
  func ownValues(batch: Int) throws(CNNError) -> UnsafeMutableBufferPointer<Float> {
    guard loss.targets.contains(.values) else {
      throw CNNError(
        .unsupported,
        "the loss of output \"\(outputName)\" compares with class numbers, and was given targets")
    }
    guard batch >= 1, batch <= capacity else {
      throw .shapeMismatch("targets are for 1 to \(capacity) samples, these are for \(batch)")
    }
    let memory = try memory()
    let pointer = UnsafeMutableRawPointer(memory.pointer).bindMemory(
      to: Float.self, capacity: memory.count)
    target = .values(pointer)
    targetBatch = batch
    usesMainLabels = false
    return UnsafeMutableBufferPointer(start: pointer, count: batch * shape.count)
  }

  /// Reads targets from memory of somebody else until they are set again.
  func borrow(_ target: LossTarget, batch: Int) {
    self.target = target
    targetBatch = batch
    usesMainLabels = false
  }

  /// Sets rows of probabilities from the classes of samples that were mixed.
  ///
  /// Answers are counted as right by the class with the larger share.
  ///
  /// - Parameter labels: The class of each sample before it was mixed; one position per sample.
  func setMixed(_ batch: MixedBatch, labels: UnsafePointer<Int32>) throws(CNNError) {
    guard let rows = try ownValues(batch: batch.count).baseAddress else { return }
    batch.writeProbabilities(of: labels, classes: classes, to: rows)
    let memory: FloatBuffer
    if let mainLabels {
      memory = mainLabels
    } else {
      memory = try FloatBuffer(count: capacity, for: "the labels of a batch")
      mainLabels = memory
    }
    let main = UnsafeMutableRawPointer(memory.pointer).bindMemory(
      to: Int32.self, capacity: memory.count)
    for position in 0..<batch.count { main[position] = batch.mainLabel(of: position, in: labels) }
    usesMainLabels = true
  }

  /// The class numbers that answers are compared with, or nil if there are none.
  private var comparedLabels: UnsafePointer<Int32>? {
    guard usesMainLabels, let mainLabels else { return labels }
    return UnsafePointer(
      UnsafeMutableRawPointer(mainLabels.pointer).bindMemory(
        to: Int32.self, capacity: mainLabels.count))
  }

  /// Returns the loss of `output`, and writes its weighted gradient if asked for.
  ///
  /// - Throws: `invalidArgument` without targets, `shapeMismatch` if they are for another batch.
  func evaluate(
    batch: Int, output: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>?
  ) throws(CNNError) -> Double {
    guard let target else {
      throw .invalidArgument("labels or targets of output \"\(outputName)\" were not set")
    }
    guard targetBatch == batch else {
      throw .shapeMismatch(
        "output \"\(outputName)\" has \(batch) samples, its targets are for \(targetBatch)")
    }
    do throws(CNNError) {
      return try loss.evaluate(
        LossCall(
          batch: batch, shape: shape, output: output, target: target, weight: Float(weight),
          gradient: gradient, concurrency: ThreadPool.threadCount))
    } catch {
      throw error.prefixed(by: "the loss of output \"\(outputName)\"")
    }
  }

  /// Counts the positions whose highest score is that of their class; nil without class numbers.
  func countCorrect(batch: Int, output: UnsafePointer<Float>) throws(CNNError) -> Int? {
    guard let labels = comparedLabels else { return nil }
    let predicted = try predict(batch: batch, output: output)
    var correct = 0
    for row in 0..<batch * positions where predicted[row] == labels[row] { correct += 1 }
    return correct
  }

  /// Returns the class with the highest score at each position.
  func predict(batch: Int, output: UnsafePointer<Float>) throws(CNNError) -> UnsafePointer<Int32> {
    let memory: FloatBuffer
    if let existing = predictions {
      memory = existing
    } else {
      memory = try FloatBuffer(
        count: try elementCount(capacity, positions, of: "the predicted classes"),
        for: "the predicted classes")
      predictions = memory
    }
    let predicted = UnsafeMutableRawPointer(memory.pointer).bindMemory(
      to: Int32.self, capacity: memory.count)
    Reduction.argmax(
      output, indexes: predicted, rows: batch * positions, columns: classes,
      slots: ThreadPool.threadCount)
    return UnsafePointer(predicted)
  }

  private func batch(
    of count: Int, perSample: Int, _ what: String
  ) throws(CNNError) -> Int {
    guard count >= 1, count.isMultiple(of: perSample), count / perSample <= capacity else {
      throw .shapeMismatch(
        "output \"\(outputName)\" takes \(perSample) \(what) for each of 1 to \(capacity) samples, "
          + "got \(count)")
    }
    return count / perSample
  }

  private func memory() throws(CNNError) -> FloatBuffer {
    if let ownMemory { return ownMemory }
    let purpose = "the targets of output \"\(outputName)\""
    let memory = try FloatBuffer(
      count: try elementCount(capacity, shape.count, of: purpose), for: purpose)
    ownMemory = memory
    return memory
  }
}
