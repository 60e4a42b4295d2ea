import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct AugmentationJSONTests {
  @Test func comesBackFromJSON() throws {
    let everything = Augmentation(
      randomCrop: .init(padding: 3, border: .mirror), rotation: 12, horizontalFlip: 0.25,
      downscale: .init(probability: 0.25, scale: 0.5...0.75),
      colorJitter: .init(brightness: 0.5, contrast: 0.25, saturation: 0.125, hue: 0.5),
      lighting: 0.1, grayscale: 0.5, cutout: .init(size: 8, probability: 0.5))
    #expect(try Augmentation(json: everything.json()) == everything)
    let resized = Augmentation(randomResizedCrop: .init(scale: 0.5...1, ratio: 1...2))
    #expect(try Augmentation(json: resized.json()) == resized)
    #expect(try Augmentation(json: "{}") == Augmentation())
    #expect(try Augmentation().json() == "{}")
  }

  @Test(arguments: [
    (#"{"horizontal_flp": 1}"#, "did you mean \"horizontal_flip\"?"),
    (#"{"color_jitter": {"contrst": 1}}"#, "did you mean \"contrast\"?"),
    (#"{"random_crop": {"border": "mirrored"}}"#, "did you mean \"mirror\"?"),
    (#"{"horizontal_flip": 2}"#, "horizontal_flip is 2.0, and must be from 0.0 to 1.0"),
    (#"{"horizontal_flip": -0.5}"#, "horizontal_flip"),
    (#"{"horizontal_flip": "often"}"#, "\"horizontal_flip\" should be a number"),
    (#"{"lighting": 1e300}"#, "lighting"),
    (#"{"random_crop": {"padding": 1.5}}"#, "\"random_crop.padding\" is 1.5"),
    (#"{"random_crop": {"padding": -1}}"#, "random_crop.padding"),
    (#"{"random_resized_crop": {"scale": [1]}}"#, "two numbers"),
    (#"{"random_resized_crop": {"scale": [1, 0.5]}}"#, "the smaller one first"),
    (#"{"random_resized_crop": {"scale": [0, 0.5]}}"#, "random_resized_crop.scale"),
    (#"{"random_crop": {}, "random_resized_crop": {}}"#, "exclude each other"),
    (#"{"downscale": {"scale": [0.5]}}"#, "downscale.scale must be two numbers"),
    (#"{"downscale": {"scale": [0, 0.5]}}"#, "downscale.scale"),
    (#"{"downscale": {"probability": 2}}"#, "downscale.probability"),
    (#"{"grayscale": 2}"#, "grayscale"), (#"{"greyscale": 2}"#, "did you mean \"grayscale\"?"),
    (#"{"cutout": {}}"#, "cutout needs \"size\""),
    (#"{"cutout": {"size": 0}}"#, "cutout.size"),
    (#"{"color_jitter": {"hue": 0.6}}"#, "color_jitter.hue"),
    ("[]", "augmentation"),
    ("", "not valid JSON"),
    ("{", "not valid JSON"),
    ("null", "augmentation"),
  ])
  func refuses(json: String, part: String) {
    let error = failure { _ = try Augmentation(json: json) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test func fitsTheDataOrSaysWhyNot() throws {
    let grey = try AugmentationTests.plain(width: 4, height: 4, channels: 1)
    try grey.check(Augmentation(colorJitter: .init(brightness: 0.1)))
    let lighting = failure { try grey.check(Augmentation(lighting: 0.1)) }
    #expect(lighting?.code == .unsupported)
    #expect(lighting?.message.contains("3 channels, these have 1") == true)
    #expect(failure { try grey.check(Augmentation(grayscale: 0.1)) }?.code == .unsupported)
    try grey.check(Augmentation(downscale: .init(probability: 1)))
    let numbers = try TensorDataset(
      inputs: [Float](repeating: 0, count: 6), sampleShape: Shape([3]), targets: [])
    try numbers.check(Augmentation())
    #expect(failure { try numbers.check(Augmentation(horizontalFlip: 0.5)) }?.code == .unsupported)
    #expect(
      failure {
        _ = try BatchLoader(numbers, batchSize: 1, augmentation: Augmentation(horizontalFlip: 1))
      }?.code == .unsupported)
    #expect(
      failure {
        _ = try sample(
          numbers, 0, AugmentationDraw(Augmentation(horizontalFlip: 1), seed: 0, epoch: 0))
      }?.code == .unsupported)
  }
}
