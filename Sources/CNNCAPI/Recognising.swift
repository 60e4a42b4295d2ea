import CCNN
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
