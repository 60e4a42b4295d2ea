import CCNN
import CNNGraph
import CNNLayerKit

// Section 2 of cnn.h, parameters and states.

/// See `cnn_model_parameter` in `cnn.h`.
@implementation @_cdecl("cnn_model_parameter")
public func cnn_model_parameter(
  _ model: OpaquePointer?, _ index: Int64, _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  describe(model, index, outTensor, "parameter") { $0.parameters }
}

/// See `cnn_model_state` in `cnn.h`.
@implementation @_cdecl("cnn_model_state")
public func cnn_model_state(
  _ model: OpaquePointer?, _ index: Int64, _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  describe(model, index, outTensor, "state") { $0.states }
}

/// Describes a parameter or state.
private func describe(
  _ model: OpaquePointer?, _ index: Int64, _ outTensor: UnsafeMutablePointer<cnn_tensor>?,
  _ what: String, _ slots: (Model) -> [ParameterSlot]
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outTensor, "cnn_tensor", empty: .empty) { () throws(CNNError) in
      let model = try object(model, ModelObject.self)
      let slot = try element(of: slots(model.model), at: index, what)
      return cnn_tensor(
        name: try model.names.borrow(slot.name), slot: slot,
        data: try model.model.memory(of: slot.name).baseAddress)
    }
  }
}

/// See `cnn_model_get_parameter` in `cnn.h`.
@implementation @_cdecl("cnn_model_get_parameter")
public func cnn_model_get_parameter(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ order: Int32, _ capacity: Int64,
  _ outData: UnsafeMutablePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let slot = try find(try text(name, "name"), in: model)
    let order = try layout(order)
    let out = try room(outData, capacity: capacity, for: slot.count, "out_data")
    let values = try model.values(of: slot.name)
    try values.withUnsafeBufferPointer { values in
      Result { () throws(CNNError) in
        try copy(values, from: .file, to: order == .channelsFirst ? .file : .memory, slot, out)
      }
    }.get()
  }
}

/// See `cnn_model_set_parameter` in `cnn.h`.
@implementation @_cdecl("cnn_model_set_parameter")
public func cnn_model_set_parameter(
  _ model: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ order: Int32,
  _ shape: UnsafePointer<Int64>?, _ rank: Int64, _ data: UnsafePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    let model = try object(model, ModelObject.self).model
    let slot = try find(try text(name, "name"), in: model)
    let order = try layout(order)
    let given = try sizes(shape, rank: rank, "data")
    let expected = order == .channelsFirst ? slot.fileShape : slot.declaration.shape.sizes
    guard given == expected else {
      throw .shapeMismatch("\"\(slot.name)\" has the shape \(expected), got \(given)")
    }
    let source = UnsafeBufferPointer(start: try required(data, "data"), count: slot.count)
    guard order == .channelsLast, slot.declaration.fileAxes != nil else {
      return try model.setValues(of: slot.name, to: source)
    }
    let values = try FloatBuffer(count: slot.count, for: "new values of \"\(slot.name)\"")
    defer { extendLifetime(values) }
    try copy(source, from: .memory, to: .file, slot, values.pointer)
    try model.setValues(of: slot.name, to: UnsafeBufferPointer(values.elements))
  }
}

/// See `cnn_model_parameters_changed` in `cnn.h`.
@implementation @_cdecl("cnn_model_parameters_changed")
public func cnn_model_parameters_changed(_ model: OpaquePointer?) -> Int32 {
  status { () throws(CNNError) in
    try object(model, ModelObject.self).model.noteParametersChanged()
  }
}

private func find(_ name: String, in model: Model) throws(CNNError) -> ParameterSlot {
  let slots = model.parameters + model.states
  guard let slot = slots.first(where: { $0.name == name }) else {
    throw .unknownName("parameter", name, valid: slots.map(\.name))
  }
  return slot
}

/// An order of a parameter's axes.
private enum AxisOrder {
  case memory
  case file
}

/// Copies a parameter's numbers from one order of axes to another.
private func copy(
  _ source: UnsafeBufferPointer<Float>, from: AxisOrder, to: AxisOrder, _ slot: ParameterSlot,
  _ destination: UnsafeMutablePointer<Float>
) throws(CNNError) {
  guard let start = source.baseAddress, source.count == slot.count else {
    throw CNNError(.internal, "\"\(slot.name)\" has \(slot.count) numbers, found \(source.count)")
  }
  guard from != to, let axes = slot.declaration.fileAxes else {
    destination.update(from: start, count: source.count)
    return
  }
  let sizes = slot.declaration.shape.sizes
  var strides = [Int](repeating: 1, count: sizes.count)
  for axis in sizes.indices.dropLast().reversed() {
    strides[axis] = strides[axis + 1] * sizes[axis + 1]
  }
  var position = [Int](repeating: 0, count: axes.count)
  for file in 0..<source.count {
    var memory = 0
    for (index, axis) in zip(position, axes) { memory += index * strides[axis] }
    if from == .file {
      destination[memory] = start[file]
    } else {
      destination[file] = start[memory]
    }
    for axis in axes.indices.reversed() {
      position[axis] += 1
      if position[axis] < sizes[axes[axis]] { break }
      position[axis] = 0
    }
  }
}
