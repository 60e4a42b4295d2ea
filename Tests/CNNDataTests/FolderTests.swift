import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct NamedFilesTests {
  @Test(
    arguments: [
      ("cat.17.jpg", "cat", 17), ("dog.0.png", "dog", 0), ("cat.017.jpeg", "cat", 17),
      ("red panda.3.JPG", "red panda", 3), ("cat.a.jpg", "cat", nil), ("a.1.b.jpg", "a", 1),
      ("cat.99999999999999999999.jpg", "cat", nil), ("cat.-1.jpg", "cat", nil),
      ("kätzchen.2.jpg", "kätzchen", 2),
    ] as [(String, String, Int?)])
  func takesNamesApart(file: String, className: String, number: Int?) {
    let name = NamedFiles.Name(file)
    #expect(name?.className == className)
    #expect(name?.number == number)
  }

  @Test(arguments: ["cat.jpg", "IMG_1234.jpg", ".17.jpg", "cat..jpg", "cat", "", "."])
  func refusesOtherNames(file: String) {
    #expect(NamedFiles.Name(file) == nil)
  }

  func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (index, name) in ["cat.10.png", "cat.9.png", "dog.1.png", "cat.2.png", "dog.30.png"]
      .enumerated()
    {
      try folder.writePicture(pattern(width: 5, height: 4, channels: 3, seed: index), to: name)
    }
    try folder.write([1], to: "readme.txt")
    try folder.write([1], to: ".hidden.1.png")
    return folder
  }

  func open(_ folder: TemporaryFolder, _ json: String) throws -> ([String], [String], [Int]) {
    let dataset = try DatasetLoader.open(path: folder.path, options: DatasetOptions(json: json))
    let files = try #require(dataset as? ImageFileDataset).files
    return (
      dataset.classNames, files.map { String($0.path.dropFirst(folder.path.count + 1)) },
      files.map(\.label)
    )
  }

  @Test func ordersByClassAndNumber() throws {
    let folder = try folder()
    var (names, files, labels) = try open(folder, #"{"size": 4}"#)
    #expect(names == ["cat", "dog"])
    #expect(files == ["cat.2.png", "cat.9.png", "cat.10.png", "dog.1.png", "dog.30.png"])
    #expect(labels == [0, 0, 0, 1, 1])
    (names, files, labels) = try open(
      folder, #"{"size": 4, "classes": ["dog", "cat"], "start": 2, "limit": 2}"#)
    #expect(names == ["dog", "cat"])
    #expect(files == ["dog.30.png", "cat.2.png", "cat.9.png"])
    #expect(labels == [0, 1, 1])
  }

  @Test func saysWhatIsWrong() throws {
    let folder = try folder()
    func message(_ json: String) -> String { failure { _ = try open(folder, json) }?.message ?? "" }
    #expect(message("{}").contains("{\"size\": 96}"))
    #expect(message(#"{"size": 4, "classes": ["dogs"]}"#).contains("did you mean \"dog\"?"))
    #expect(message(#"{"size": 4, "classes": []}"#).contains("list of classes is empty"))
    #expect(message(#"{"size": 4, "classes": ["cat", "cat"]}"#).contains("names one twice"))
    #expect(message(#"{"size": 4, "start": 31}"#).contains("number from 31 on"))
    #expect(message(#"{"size": 4, "part": "test"}"#).contains("not divided into parts"))
    #expect(message(#"{"size": 4, "validation_count": 2}"#).contains("validation_count"))
    try folder.writePicture(pattern(width: 2, height: 2, channels: 3), to: "IMG_1.png")
    #expect(message(#"{"size": 4}"#).contains("IMG_1.png\" does not say its class"))
  }

  @Test func aBrokenPictureSaysItsPath() throws {
    let folder = try folder()
    try folder.write([1, 2, 3], to: "dog.1.png")
    let dataset = try DatasetLoader.open(
      path: folder.path, options: DatasetOptions(json: #"{"size": 4}"#))
    let loader = try BatchLoader(dataset, batchSize: 3, shuffle: false)
    try loader.startEpoch(0)
    #expect(try loader.next()?.count == 3)
    let error = failure { _ = try loader.next() }
    #expect(error?.code == .malformedData)
    #expect(error?.message.contains("dog.1.png") == true)
  }
}

@Suite struct ClassFoldersTests {
  func folder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (part, count) in [("train", 3), ("val", 2)] {
      for name in ["dog", "cat", "ant"] {
        for index in 0..<count {
          try folder.writePicture(
            pattern(width: 6, height: 5, channels: 3, seed: index),
            to: "\(part)/\(name)/\(index).png")
        }
      }
    }
    return folder
  }

  @Test func findsPartsAndClasses() throws {
    let folder = try folder()
    func open(_ json: String, at path: String = "") throws -> any Dataset {
      try DatasetLoader.open(path: folder.path + path, options: DatasetOptions(json: json))
    }
    let train = try open(#"{"size": 4}"#)
    #expect(train.classNames == ["ant", "cat", "dog"])
    #expect(train.count == 9)
    #expect(train.sampleShape.sizes == [4, 4, 3])
    #expect(try open(#"{"size": 4, "part": "validation"}"#).count == 6)
    #expect(try open(#"{"size": 4}"#, at: "/val").count == 6)
    #expect(try open(#"{"size": 4, "limit": 2, "color": "grey"}"#).count == 6)
    let some = try open(#"{"size": 4, "classes": ["dog", "ant"]}"#)
    #expect(some.classNames == ["dog", "ant"])
    #expect(try some.label(at: 0) == 0)
    let test = failure { _ = try open(#"{"size": 4, "part": "test"}"#) }
    #expect(test?.message.contains("it holds the folders train, val") == true)
    let preprocessing = #"{"preprocessing": {"width": 3, "height": 2, "mean": [0.5, 0.5, 0.5]}}"#
    #expect(try open(preprocessing).sampleShape.sizes == [2, 3, 3])
    let standard = try open(#"{"size": 4, "normalization": "standard"}"#)
    #expect(standard.preprocessing?.mean != [0, 0, 0])
  }

  @Test func anEmptyClassIsAnError() throws {
    let folder = try folder()
    try folder.write([1], to: "train/bee/notes.txt")
    let error = failure {
      _ = try DatasetLoader.open(
        path: folder.path, options: DatasetOptions(json: #"{"size": 4}"#))
    }
    #expect(error?.message.contains("class \"bee\" has no pictures") == true)
  }

  @Test(.enabled(if: sharedData != nil, "the folder shared/data is not here"))
  func readsRealPhotos() throws {
    let dataset = try DatasetLoader.open(
      path: (sharedData ?? "") + "/catdog-photos",
      options: DatasetOptions(json: #"{"size": 32, "part": "validation"}"#))
    #expect(dataset.count == 200)
    let loader = try BatchLoader(
      dataset, batchSize: 32, seed: 1, augmentation: Augmentation(horizontalFlip: 0.5))
    let all = try batches(of: loader, epoch: 0)
    #expect(all.flatMap(\.samples).sorted() == Array(0..<200))
    #expect(all.allSatisfy { $0.inputs.allSatisfy { $0 >= 0 && $0 <= 1 } })
  }
}

@Suite struct DatasetOptionsTests {
  @Test(arguments: [
    (#"{"formt": "mnist"}"#, "did you mean \"format\"?"),
    (#"{"format": "minst"}"#, "did you mean \"mnist\"?"),
    (#"{"part": "training"}"#, "did you mean \"train\"?"),
    (#"{"color": "rbg"}"#, "did you mean \"rgb\"?"),
    (#"{"normalization": "standart"}"#, "did you mean \"standard\"?"),
    (#"{"limit": 0}"#, "limit is 0, and must be at least 1"),
    (#"{"limit": -3}"#, "limit is -3"),
    (#"{"limit": 1e30}"#, "limit"),
    (#"{"limit": "all"}"#, "\"limit\" should be a number"),
    (#"{"classes": "cat"}"#, "classes"),
    (#"{"size": 4, "preprocessing": {"width": 2, "height": 2}}"#, "leave those"),
    (#"{"preprocessing": {"width": 2, "hight": 2}}"#, "did you mean \"height\"?"),
    ("nonsense", "not valid JSON"), ("", "not valid JSON"), ("[1]", "dataset options"),
  ])
  func refuses(json: String, part: String) {
    let error = failure { _ = try DatasetOptions(json: json) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
  }

  @Test func unknownKindsOfDataAreErrors() throws {
    let folder = try TemporaryFolder()
    #expect(failure { _ = try DatasetLoader.open(path: folder.path) }?.code == .malformedData)
    #expect(
      failure { _ = try DatasetLoader.open(path: folder.path + "/none") }?.code == .inputOutput)
    #expect(failure { _ = try DatasetLoader.open(path: "") }?.code == .inputOutput)
    #expect(failure { _ = try DatasetLoader.open(path: "a\0b") }?.code == .inputOutput)
    let digits = failure { _ = try DatasetLoader.open(path: "digits") }
    #expect(digits?.message.contains("give the format \"digits\"") == true)
    try folder.write([1, 2, 3], to: "data.tar.gz")
    let archive = failure { _ = try DatasetLoader.open(path: folder.path + "/data.tar.gz") }
    #expect(archive?.message.contains("truncated") == true)
    let zip = failure { _ = try DatasetLoader.open(path: folder.path + "/data.zip") }
    #expect(zip?.code == .inputOutput)
    try folder.write([1, 2, 3], to: "data.zip")
    let unknown = failure { _ = try DatasetLoader.open(path: folder.path + "/data.zip") }
    #expect(unknown?.message.contains("*.tar.gz") == true)
    let start = failure {
      _ = try DatasetLoader.builtIn("digits", options: DatasetOptions(json: #"{"start": 3}"#))
    }
    #expect(start?.message.contains("start has no meaning") == true)
  }

  @Test func resizesPicturesInMemory() throws {
    let digits = try DatasetLoader.builtIn(
      "digits", options: DatasetOptions(json: #"{"size": 16, "color": "rgb", "limit": 3}"#))
    #expect(digits.count == 30)
    #expect(digits.sampleShape.sizes == [16, 16, 3])
  }
}
