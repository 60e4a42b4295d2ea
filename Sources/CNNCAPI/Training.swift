import CCNN
import CNNGraph
import CNNLayerKit
import CNNTraining

// Section 3 of cnn.h, first part: training a step at a time.

/// See `cnn_training_create` in `cnn.h`.
@implementation @_cdecl("cnn_training_create")
public func cnn_training_create(
  _ model: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outTraining: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outTraining, "out_training") { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let options = try TrainingOptions(json: try optionalText(optionsJSON, "options_json") ?? "{}")
    return TrainingObject(try Training(model: model, options: options))
  }
}

/// See `cnn_training_free` in `cnn.h`.
@implementation @_cdecl("cnn_training_free")
public func cnn_training_free(_ training: OpaquePointer?) {
  HandleTable.shared.remove(training, TrainingObject.self)
}

/// Runs `body` with the training behind a handle, unless another thread is using it.
func withTraining(
  _ training: OpaquePointer?, _ body: (TrainingObject) throws(CNNError) -> Void
) -> Int32 {
  status { () throws(CNNError) in
    try object(training, TrainingObject.self).exclusively(body)
  }
}

/// See `cnn_train_step` in `cnn.h`.
@implementation @_cdecl("cnn_train_step")
public func cnn_train_step(
  _ training: OpaquePointer?, _ batch: Int64, _ order: Int32, _ input: UnsafePointer<Float>?,
  _ inputCount: Int64, _ labels: UnsafePointer<Int64>?, _ outLoss: UnsafeMutablePointer<Double>?
) -> Int32 {
  outLoss?.pointee = 0
  return withTraining(training) { training throws(CNNError) in
    let order = try layout(order)
    guard training.network.inputs.count == 1 else {
      throw CNNError(
        .unsupported,
        "the model has \(training.network.inputs.count) inputs; cnn_train_step takes one: use "
          + "cnn_training_set_input and cnn_training_step")
    }
    let batch = try size(
      batch, "batch", in: 1...max(1, training.training.options.batchSize))
    let shape = training.network.tensors[0].shape
    try checkInputCount(inputCount, batch: batch, shape: shape)
    let source = try required(input, "input")
    let labels = try required(labels, "labels")
    let memory = try training.input(0, batch: batch)
    LayoutCopy.read(source, order, shape: shape, batch: batch, to: memory)
    try training.training.setLabels(
      UnsafeBufferPointer(start: labels, count: batch * positions(of: training.outputShape(0))))
    let loss = try training.training.step()
    outLoss?.pointee = loss
  }
}

/// The number of classes that each sample of an output has: one for each position.
private func positions(of shape: Shape) -> Int { shape.count / (shape.sizes.last ?? 1) }

/// See `cnn_training_set_input` in `cnn.h`.
@implementation @_cdecl("cnn_training_set_input")
public func cnn_training_set_input(
  _ training: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ order: Int32,
  _ shape: UnsafePointer<Int64>?, _ rank: Int64, _ data: UnsafePointer<Float>?
) -> Int32 {
  withTraining(training) { training throws(CNNError) in
    let batch = try InputBatch(training.network, name, order, shape, rank, data)
    batch.copy(to: try training.input(batch.index, batch: batch.count))
  }
}

/// See `cnn_training_set_labels` in `cnn.h`.
@implementation @_cdecl("cnn_training_set_labels")
public func cnn_training_set_labels(
  _ training: OpaquePointer?, _ output: UnsafePointer<CChar>?, _ labels: UnsafePointer<Int64>?,
  _ count: Int64
) -> Int32 {
  withTraining(training) { training throws(CNNError) in
    let index = try training.outputIndex(output)
    let most = training.training.options.batchSize * positions(of: training.outputShape(index))
    let count = try size(count, "the number of labels", in: 1...max(1, most))
    try training.training.setLabels(
      UnsafeBufferPointer(start: try required(labels, "labels"), count: count),
      output: training.network.outputNames[index])
  }
}

/// See `cnn_training_set_targets` in `cnn.h`.
@implementation @_cdecl("cnn_training_set_targets")
public func cnn_training_set_targets(
  _ training: OpaquePointer?, _ output: UnsafePointer<CChar>?, _ order: Int32,
  _ shape: UnsafePointer<Int64>?, _ rank: Int64, _ data: UnsafePointer<Float>?
) -> Int32 {
  withTraining(training) { training throws(CNNError) in
    let index = try training.outputIndex(output)
    let name = training.network.outputNames[index]
    let order = try layout(order)
    let sample = training.outputShape(index)
    let batch = try batchCount(sample, order, shape, rank, "the target of output \"\(name)\"")
    let source = try required(data, "data")
    let memory = try training.training.targets(output: name, batch: batch)
    guard let destination = memory.baseAddress, memory.count == batch * sample.count else {
      throw CNNError(.internal, "the target of output \"\(name)\" has no memory")
    }
    LayoutCopy.read(source, order, shape: sample, batch: batch, to: destination)
  }
}

/// See `cnn_training_step` in `cnn.h`.
@implementation @_cdecl("cnn_training_step")
public func cnn_training_step(
  _ training: OpaquePointer?, _ outLoss: UnsafeMutablePointer<Double>?
) -> Int32 {
  outLoss?.pointee = 0
  return withTraining(training) { training throws(CNNError) in
    let loss = try training.training.step()
    outLoss?.pointee = loss
  }
}

// MARK: The parts of a step

/// See `cnn_training_zero_gradients` in `cnn.h`.
@implementation @_cdecl("cnn_training_zero_gradients")
public func cnn_training_zero_gradients(_ training: OpaquePointer?) -> Int32 {
  withTraining(training) { training throws(CNNError) in try training.training.zeroGradients() }
}

/// See `cnn_training_forward` in `cnn.h`.
@implementation @_cdecl("cnn_training_forward")
public func cnn_training_forward(_ training: OpaquePointer?) -> Int32 {
  withTraining(training) { training throws(CNNError) in try training.training.forward() }
}

/// See `cnn_training_loss` in `cnn.h`.
@implementation @_cdecl("cnn_training_loss")
public func cnn_training_loss(
  _ training: OpaquePointer?, _ outLoss: UnsafeMutablePointer<Double>?
) -> Int32 {
  outLoss?.pointee = 0
  return withTraining(training) { training throws(CNNError) in
    let loss = try training.training.computeLoss()
    outLoss?.pointee = loss
  }
}

/// See `cnn_backward` in `cnn.h`.
@implementation @_cdecl("cnn_backward")
public func cnn_backward(_ training: OpaquePointer?) -> Int32 {
  withTraining(training) { training throws(CNNError) in try training.training.backward() }
}

/// See `cnn_optimizer_step` in `cnn.h`.
@implementation @_cdecl("cnn_optimizer_step")
public func cnn_optimizer_step(_ training: OpaquePointer?) -> Int32 {
  withTraining(training) { training throws(CNNError) in try training.training.optimizerStep() }
}

// MARK: Access without copying

/// Describes something of a training.
private func describe(
  _ training: OpaquePointer?, _ outTensor: UnsafeMutablePointer<cnn_tensor>?,
  _ make: (TrainingObject) throws(CNNError) -> cnn_tensor
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outTensor, "cnn_tensor", empty: .empty) { () throws(CNNError) in
      var result = cnn_tensor.empty
      try object(training, TrainingObject.self).exclusively { training throws(CNNError) in
        result = try make(training)
      }
      return result
    }
  }
}

/// See `cnn_training_output` in `cnn.h`.
@implementation @_cdecl("cnn_training_output")
public func cnn_training_output(
  _ training: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  describe(training, outTensor) { training throws(CNNError) in
    let index = try training.outputIndex(name)
    let shape = training.outputShape(index)
    let data = try training.training.session.output(index)
    guard !data.isEmpty else {
      throw .invalidArgument("the training has no outputs yet: call cnn_training_forward first")
    }
    let gradient = try training.training.session.outputGradient(index)
    return cnn_tensor(
      name: try training.names.borrow(training.network.outputNames[index]),
      batch: data.count / shape.count, shape: shape, data: data.baseAddress,
      gradient: gradient.isEmpty ? nil : gradient.baseAddress)
  }
}

/// See `cnn_training_input` in `cnn.h`.
@implementation @_cdecl("cnn_training_input")
public func cnn_training_input(
  _ training: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  describe(training, outTensor) { training throws(CNNError) in
    let index = try inputIndex(training.network, name)
    let batch = try training.batch(ofInput: index)
    let gradient = try training.training.session.inputGradient(index)
    return cnn_tensor(
      name: try training.names.borrow(training.network.inputNames[index]), batch: batch,
      shape: training.network.tensors[index].shape,
      data: try training.input(index, batch: batch),
      gradient: gradient.isEmpty ? nil : gradient.baseAddress)
  }
}

/// See `cnn_training_parameter` in `cnn.h`.
@implementation @_cdecl("cnn_training_parameter")
public func cnn_training_parameter(
  _ training: OpaquePointer?, _ index: Int64, _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  describe(training, outTensor) { training throws(CNNError) in
    let model = training.training.model
    let slot = try element(of: model.parameters, at: index, "parameter")
    return cnn_tensor(
      name: try training.names.borrow(slot.name), slot: slot,
      data: try model.memory(of: slot.name).baseAddress,
      gradient: try training.training.session.gradient(of: slot.name).baseAddress)
  }
}

// MARK: Learning rate and schedule

/// See `cnn_training_get_learning_rate` in `cnn.h`.
@implementation @_cdecl("cnn_training_get_learning_rate")
public func cnn_training_get_learning_rate(
  _ training: OpaquePointer?, _ outRate: UnsafeMutablePointer<Double>?
) -> Int32 {
  outRate?.pointee = 0
  return withTraining(training) { training throws(CNNError) in
    try required(outRate, "out_rate").pointee = training.training.learningRate
  }
}

/// See `cnn_training_set_learning_rate` in `cnn.h`.
@implementation @_cdecl("cnn_training_set_learning_rate")
public func cnn_training_set_learning_rate(_ training: OpaquePointer?, _ rate: Double) -> Int32 {
  withTraining(training) { training throws(CNNError) in
    try training.training.setLearningRate(rate)
  }
}

/// See `cnn_training_end_epoch` in `cnn.h`.
@implementation @_cdecl("cnn_training_end_epoch")
public func cnn_training_end_epoch(_ training: OpaquePointer?, _ result: Double) -> Int32 {
  withTraining(training) { training throws(CNNError) in
    try training.training.endEpoch(result: result.isNaN ? nil : result)
  }
}
