import CCNN
import CNNImaging
import CNNKit
import CNNLayerKit

// Section 5 of cnn.h: images.

/// What a `cnn_image` stands for.
final class ImageObject: HandleObject {
  static let cName = "cnn_image"
  let image: Image

  init(_ image: Image) { self.image = image }
}

/// See `cnn_image_load` in `cnn.h`.
@implementation @_cdecl("cnn_image_load")
public func cnn_image_load(
  _ path: UnsafePointer<CChar>?, _ optionsJSON: UnsafePointer<CChar>?,
  _ outImage: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outImage, "out_image") { () throws(CNNError) in
    let options = try ImageOptions(optionsJSON)
    let path = try text(path, "path")
    let contents = try readFile(path: path, limit: options.limits.maximumFileBytes)
    do throws(CNNError) {
      return try contents.withUnsafeBytes { (bytes) throws(CNNError) in
        ImageObject(try options.image(decoding: bytes))
      }
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
  }
}

/// See `cnn_image_load_memory` in `cnn.h`.
@implementation @_cdecl("cnn_image_load_memory")
public func cnn_image_load_memory(
  _ bytes: UnsafeRawPointer?, _ size: Int64, _ optionsJSON: UnsafePointer<CChar>?,
  _ outImage: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outImage, "out_image") { () throws(CNNError) in
    let options = try ImageOptions(optionsJSON)
    let contents = try rawBytes(bytes, size, "bytes", limit: options.limits.maximumFileBytes)
    return ImageObject(try options.image(decoding: contents))
  }
}

/// The options of `cnn_image_load`.
private struct ImageOptions {
  let limits: Image.Limits
  private let maximumSide: Int?
  private let format: Image.PixelFormat?

  init(_ json: UnsafePointer<CChar>?) throws(CNNError) {
    let options = try Options(json, keys: ["max_pixels", "max_side", "channels"])
    var limits = Image.Limits.default
    if let pixels = try options.integer("max_pixels", in: 1...Int(Int32.max)) {
      limits.maximumPixels = pixels
    }
    self.limits = limits
    maximumSide = try options.integer("max_side", in: 1...1 << 20)
    if let channels = try options.integer("channels", in: 1...4) {
      guard let format = Image.PixelFormat(rawValue: channels) else {
        throw .invalidArgument("options: \"channels\" must be 1, 3 or 4, got \(channels)")
      }
      self.format = format
    } else {
      format = nil
    }
  }

  func image(decoding bytes: UnsafeRawBufferPointer) throws(CNNError) -> Image {
    let image =
      if let maximumSide {
        try Image(decoding: bytes, maximumSide: maximumSide, limits: limits)
      } else {
        try Image(decoding: bytes, limits: limits)
      }
    guard let format else { return image }
    return try image.converted(to: format)
  }
}

/// See `cnn_image_create` in `cnn.h`.
@implementation @_cdecl("cnn_image_create")
public func cnn_image_create(
  _ height: Int64, _ width: Int64, _ channels: Int64, _ pixels: UnsafePointer<UInt8>?,
  _ outImage: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outImage, "out_image") { () throws(CNNError) in
    let pixels = try required(pixels, "pixels")
    let (height, width) = (try size(height, "the height"), try size(width, "the width"))
    let channels = try size(channels, "the number of channels", in: 1...4)
    // The caller's memory is not touched before the size is known to be allowed.
    return ImageObject(
      try Image(width: width, height: height, channels: channels) { memory in
        memory.baseAddress?.update(from: pixels, count: memory.count)
      })
  }
}

/// See `cnn_image_free` in `cnn.h`.
@implementation @_cdecl("cnn_image_free")
public func cnn_image_free(_ image: OpaquePointer?) {
  HandleTable.shared.remove(image, ImageObject.self)
}

/// See `cnn_image_size` in `cnn.h`.
@implementation @_cdecl("cnn_image_size")
public func cnn_image_size(
  _ image: OpaquePointer?, _ outHeight: UnsafeMutablePointer<Int64>?,
  _ outWidth: UnsafeMutablePointer<Int64>?, _ outChannels: UnsafeMutablePointer<Int64>?
) -> Int32 {
  outHeight?.pointee = 0
  outWidth?.pointee = 0
  outChannels?.pointee = 0
  return status { () throws(CNNError) in
    let image = try object(image, ImageObject.self).image
    outHeight?.pointee = Int64(image.height)
    outWidth?.pointee = Int64(image.width)
    outChannels?.pointee = Int64(image.channels)
  }
}

/// See `cnn_image_pixels` in `cnn.h`.
@implementation @_cdecl("cnn_image_pixels")
public func cnn_image_pixels(
  _ image: OpaquePointer?, _ outPixels: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ outSize: UnsafeMutablePointer<Int64>?
) -> Int32 {
  outSize?.pointee = 0
  return status { () throws(CNNError) in
    let outPixels = try output(outPixels, "out_pixels", initially: nil)
    // The pixels never move, and the table of handles keeps them until the image is freed.
    try object(image, ImageObject.self).image.withPixels { pixels in
      outPixels.pointee = pixels.baseAddress
      outSize?.pointee = Int64(pixels.count)
    }
  }
}

/// See `cnn_image_save` in `cnn.h`.
@implementation @_cdecl("cnn_image_save")
public func cnn_image_save(_ image: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> Int32 {
  status { () throws(CNNError) in
    try object(image, ImageObject.self).image.writePNG(to: try text(path, "path"))
  }
}

/// See `cnn_image_save_memory` in `cnn.h`.
@implementation @_cdecl("cnn_image_save_memory")
public func cnn_image_save_memory(
  _ image: OpaquePointer?, _ outBytes: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  _ outSize: UnsafeMutablePointer<Int64>?
) -> Int32 {
  giveBytes(outBytes, outSize) { () throws(CNNError) in
    try object(image, ImageObject.self).image.encodedAsPNG()
  }
}

/// See `cnn_image_resize` in `cnn.h`.
@implementation @_cdecl("cnn_image_resize")
public func cnn_image_resize(
  _ image: OpaquePointer?, _ height: Int64, _ width: Int64, _ optionsJSON: UnsafePointer<CChar>?,
  _ outImage: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outImage, "out_image") { () throws(CNNError) in
    let options = try Options(optionsJSON, keys: ["filter"])
    return ImageObject(
      try object(image, ImageObject.self).image.resized(
        width: try size(width, "the width"), height: try size(height, "the height"),
        filter: try options.word("filter", default: ResampleFilter.bilinear)))
  }
}

/// See `cnn_image_crop` in `cnn.h`.
@implementation @_cdecl("cnn_image_crop")
public func cnn_image_crop(
  _ image: OpaquePointer?, _ top: Int64, _ left: Int64, _ height: Int64, _ width: Int64,
  _ outImage: UnsafeMutablePointer<OpaquePointer?>?
) -> Int32 {
  create(outImage, "out_image") { () throws(CNNError) in
    ImageObject(
      try object(image, ImageObject.self).image.cropped(
        x: try size(left, "left", in: 0...Int.max), y: try size(top, "top", in: 0...Int.max),
        width: try size(width, "the width"), height: try size(height, "the height")))
  }
}

/// See `cnn_image_to_tensor` in `cnn.h`.
@implementation @_cdecl("cnn_image_to_tensor")
public func cnn_image_to_tensor(
  _ image: OpaquePointer?, _ model: OpaquePointer?, _ order: Int32, _ capacity: Int64,
  _ outData: UnsafeMutablePointer<Float>?
) -> Int32 {
  status { () throws(CNNError) in
    let image = try object(image, ImageObject.self).image
    let model = try object(model, ModelObject.self).model
    let order = try layout(order)
    let preprocessing = try model.preprocessing()
    let count = preprocessing.outputCount
    let out = try room(outData, capacity: capacity, for: count, "out_data")
    let sample = try FloatBuffer(count: count, for: "a picture as a tensor")
    defer { extendLifetime(sample) }
    try preprocessing.apply(to: image, into: sample.elements)
    LayoutCopy.write(
      sample.pointer, order,
      shape: try Shape([preprocessing.height, preprocessing.width, preprocessing.channels]),
      batch: 1, to: out)
  }
}
