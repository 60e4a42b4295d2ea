import CCNN
import CNNGraph
import CNNLayerKit
import Synchronization

// Section 2 of cnn.h, second half: running models.

/// See `cnn_forward` in `cnn.h`.
@implementation @_cdecl("cnn_forward")
public func cnn_forward(
  _ model: OpaquePointer?, _ batch: Int64, _ order: Int32, _ input: UnsafePointer<Float>?,
  _ inputCount: Int64, _ outputCapacity: Int64, _ outOutput: UnsafeMutablePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    let object = try object(model, ModelObject.self)
    let network = object.model.network
    let order = try layout(order)
    let batch = try size(batch, "batch")
    let input = try required(input, "input")
    guard network.inputs.count == 1 else {
      throw CNNError(
        .unsupported,
        "the model has \(network.inputs.count) inputs; cnn_forward takes one: use a session")
    }
    let shape = network.tensors[0].shape
    try checkInputCount(inputCount, batch: batch, shape: shape)
    let result = network.tensors[network.outputs[0]].shape
    let needed = try elementCount(batch, result.count, of: "the output")
    let out = try room(outOutput, capacity: outputCapacity, for: needed, "out_output")
    for first in stride(from: 0, to: batch, by: ModelObject.largestPiece) {
      let piece = min(ModelObject.largestPiece, batch - first)
      let source = input + first * shape.count
      let destination = out + first * result.count
      try object.withSession(batch: piece) { session throws(CNNError) in
        if order == .channelsFirst, shape.image != nil {
          if let memory = try session.input().baseAddress {
            LayoutCopy.read(source, order, shape: shape, batch: piece, to: memory)
          }
        } else {
          try session.setInput(0, UnsafeMutablePointer(mutating: source))
        }
        try session.run(batch: piece)
        if let memory = try session.output().baseAddress {
          LayoutCopy.write(memory, order, shape: result, batch: piece, to: destination)
        }
      }
    }
  }
}

/// Checks that the caller's array holds `batch` samples.
func checkInputCount(_ count: Int64, batch: Int, shape: Shape) throws(CNNError) {
  let expected = try elementCount(batch, shape.count, of: "the input")
  guard count == Int64(expected) else {
    throw .shapeMismatch(
      "\(batch) sample(s) of shape \(shape) are \(expected) numbers, and input_count is \(count)")
  }
}

/// See `cnn_session_create` in `cnn.h`.
@implementation @_cdecl("cnn_session_create")
public func cnn_session_create(
  _ model: OpaquePointer?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outSession: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outSession, "out_session") { () throws(CNNError) in
    let model = try object(model, ModelObject.self)
    let options = try Options(optionsJSON, keys: ["batch_size", "keep", "precise"])
    return try SessionObject(
      model, capacity: try options.integer("batch_size", default: 1, in: 1...Int(Int32.max)),
      keep: try options.texts("keep"),
      isPrecise: try options.boolean("precise", default: false))
  }
}

/// See `cnn_session_free` in `cnn.h`.
@implementation @_cdecl("cnn_session_free")
public func cnn_session_free(_ session: OpaquePointer?) {
  HandleTable.shared.remove(session, SessionObject.self)
}

/// See `cnn_session_set_input` in `cnn.h`.
@implementation @_cdecl("cnn_session_set_input")
public func cnn_session_set_input(
  _ session: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ order: Int32,
  _ shape: UnsafePointer<Int64>?, _ rank: Int64, _ data: UnsafePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    try object(session, SessionObject.self).exclusively { session throws(CNNError) in
      let batch = try InputBatch(
        session.model.model.network, name, order, shape, rank, data)
      let memory = try session.input(batch.index, batch: batch.count)
      batch.copy(to: memory)
    }
  }
}

/// See `cnn_session_input` in `cnn.h`.
@implementation @_cdecl("cnn_session_input")
public func cnn_session_input(
  _ session: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ batch: Int64,
  _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outTensor, "cnn_tensor", empty: .empty) { () throws(CNNError) in
      var result = cnn_tensor.empty
      try object(session, SessionObject.self).exclusively { session throws(CNNError) in
        let network = session.model.model.network
        let index = try inputIndex(network, name)
        let batch = try size(batch, "batch", in: 1...Int(Int32.max))
        let memory = try session.input(index, batch: batch)
        result = cnn_tensor(
          name: try session.names.borrow(network.tensors[index].name), batch: batch,
          shape: network.tensors[index].shape, data: memory)
      }
      return result
    }
  }
}

/// See `cnn_session_run` in `cnn.h`.
@implementation @_cdecl("cnn_session_run")
public func cnn_session_run(_ session: OpaquePointer?) -> Int32 {
  status { () throws(CNNError) in
    try object(session, SessionObject.self).exclusively { session throws(CNNError) in
      try session.run()
    }
  }
}

/// See `cnn_session_get_output` in `cnn.h`.
@implementation @_cdecl("cnn_session_get_output")
public func cnn_session_get_output(
  _ session: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ order: Int32, _ capacity: Int64,
  _ outData: UnsafeMutablePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    try object(session, SessionObject.self).exclusively { session throws(CNNError) in
      let order = try layout(order)
      let result = try session.output(try optionalText(name, "name"))
      let needed = result.batch * result.shape.count
      let out = try room(outData, capacity: capacity, for: needed, "out_data")
      LayoutCopy.write(result.data, order, shape: result.shape, batch: result.batch, to: out)
    }
  }
}

/// See `cnn_session_output` in `cnn.h`.
@implementation @_cdecl("cnn_session_output")
public func cnn_session_output(
  _ session: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ outTensor: UnsafeMutablePointer<cnn_tensor>?
) -> Int32 {
  status { () throws(CNNError) in
    try fill(outTensor, "cnn_tensor", empty: .empty) { () throws(CNNError) in
      var result = cnn_tensor.empty
      try object(session, SessionObject.self).exclusively { session throws(CNNError) in
        let output = try session.output(try optionalText(name, "name"))
        result = cnn_tensor(
          name: try session.names.borrow(output.name), batch: output.batch, shape: output.shape,
          data: output.data)
      }
      return result
    }
  }
}
