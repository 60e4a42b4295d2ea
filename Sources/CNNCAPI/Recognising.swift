import CCNN
import CNNGraph
import CNNImaging
import CNNKit
import CNNLayerKit

// Section 1 of cnn.h: recognising a picture.

/// See `cnn_recognise_file` in `cnn.h`.
@implementation @_cdecl("cnn_recognise_file")
public func cnn_recognise_file(
  _ model: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ capacity: Int64,
  _ outPredictions: UnsafeMutablePointer<cnn_prediction>?, _ outCount: UnsafeMutablePointer<Int64>?
) -> Int32 {
  recognise(model, capacity, outPredictions, outCount) { recognizer, most throws(CNNError) in
    try recognizer.classes(ofPictureAt: try text(path, "path"), most: most)
  }
}

/// See `cnn_recognise_memory` in `cnn.h`.
@implementation @_cdecl("cnn_recognise_memory")
public func cnn_recognise_memory(
  _ model: OpaquePointer?, _ bytes: UnsafeRawPointer?, _ size: Int64, _ capacity: Int64,
  _ outPredictions: UnsafeMutablePointer<cnn_prediction>?, _ outCount: UnsafeMutablePointer<Int64>?
) -> Int32 {
  recognise(model, capacity, outPredictions, outCount) { recognizer, most throws(CNNError) in
    let limit = Image.Limits.default.maximumFileBytes
    return try recognizer.classes(
      ofPictureIn: try rawBytes(bytes, size, "bytes", limit: limit), most: most)
  }
}

/// See `cnn_recognise_image` in `cnn.h`.
@implementation @_cdecl("cnn_recognise_image")
public func cnn_recognise_image(
  _ model: OpaquePointer?, _ image: OpaquePointer?, _ capacity: Int64,
  _ outPredictions: UnsafeMutablePointer<cnn_prediction>?, _ outCount: UnsafeMutablePointer<Int64>?
) -> Int32 {
  recognise(model, capacity, outPredictions, outCount) { recognizer, most throws(CNNError) in
    try recognizer.classes(of: try object(image, ImageObject.self).image, most: most)
  }
}

/// Says what a picture shows; all functions in one.
private func recognise(
  _ model: OpaquePointer?, _ capacity: Int64,
  _ outPredictions: UnsafeMutablePointer<cnn_prediction>?,
  _ outCount: UnsafeMutablePointer<Int64>?,
  _ answer: (Recognizer, Int) throws(CNNError) -> [Recognizer.Answer]
) -> Int32 {
  outCount?.pointee = 0
  return status { () throws(CNNError) in
    let model = try object(model, ModelObject.self)
    let out = try required(outPredictions, "out_predictions")
    let capacity = try size(capacity, "capacity")
    let recognizer = try model.recognizer()
    let answers = try model.retryingWhenOutOfMemory { () throws(CNNError) in
      try answer(recognizer, capacity)
    }
    for (position, answer) in answers.enumerated() {
      out[position] = cnn_prediction(
        index: Int64(answer.index), probability: answer.probability,
        label: try model.names.borrow(answer.label))
    }
    outCount?.pointee = Int64(answers.count)
  }
}

/// See `cnn_probabilities` in `cnn.h`.
@implementation @_cdecl("cnn_probabilities")
public func cnn_probabilities(
  _ model: OpaquePointer?, _ batch: Int64, _ order: Int32, _ input: UnsafePointer<Float>?,
  _ inputCount: Int64, _ outputCapacity: Int64, _ outOutput: UnsafeMutablePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    let object = try object(model, ModelObject.self)
    let network = object.model.network
    let order = try layout(order)
    let batch = try size(batch, "batch")
    let input = try required(input, "input")
    let output = network.tensors[network.outputs[0]]
    guard network.inputs.count == 1, output.shape.rank == 1 else {
      throw CNNError(
        .unsupported,
        "probabilities need a model with one input and one number for each class; this one has "
          + "\(network.inputs.count) input(s) and its output has the shape \(output.shape)")
    }
    let shape = network.tensors[0].shape
    try checkInputCount(inputCount, batch: batch, shape: shape)
    let classes = output.shape.count
    let needed = try elementCount(batch, classes, of: "the output")
    let out = try room(outOutput, capacity: outputCapacity, for: needed, "out_output")
    let rule = try ClassProbabilities(network, recognition: try object.model.recognition())
    for first in stride(from: 0, to: batch, by: ModelObject.largestPiece) {
      let piece = min(ModelObject.largestPiece, batch - first)
      try object.withSession(batch: piece) { session throws(CNNError) in
        guard let memory = try session.input().baseAddress else { return }
        LayoutCopy.read(input + first * shape.count, order, shape: shape, batch: piece, to: memory)
        let rows = try outputs(session, memory, shape: shape, batch: piece, rule)
        for row in 0..<piece {
          let range = row * classes..<(row + 1) * classes
          let probabilities = try rule.probabilities(
            of: Array(rows.plain[range]), mirrored: rows.mirrored.map { Array($0[range]) })
          (out + (first + row) * classes).update(from: probabilities, count: classes)
        }
      }
    }
  }
}

/// Runs a batch, and its mirror images if they are asked for, after which they are in `memory`.
private func outputs(
  _ session: Session, _ memory: UnsafeMutablePointer<Float>, shape: Shape, batch: Int,
  _ rule: ClassProbabilities
) throws(CNNError) -> (plain: [Float], mirrored: [Float]?) {
  try session.run(batch: batch)
  let plain = Array(try session.output())
  guard rule.recognition.averageFlips, let image = shape.image else { return (plain, nil) }
  mirrorColumns(
    of: memory, height: image.height, width: image.width, channels: image.channels, count: batch)
  try session.run(batch: batch)
  return (plain, Array(try session.output()))
}
