import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct MixtureTests {
  /// Two folders of pictures: photos with 3 cats and 2 dogs, things with 4 cars and 1 cat.
  func folder(_ json: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    var seed = 0
    for (name, count) in [
      ("photos/cat", 3), ("photos/dog", 2), ("things/train/car", 4), ("things/train/cat", 1),
      ("things/val/car", 2),
    ] {
      for index in 0..<count {
        seed += 1
        try folder.writePicture(
          pattern(width: 6, height: 5, channels: 3, seed: seed), to: "\(name)/\(index).png")
      }
    }
    try folder.write(Array(json.utf8), to: "mixture.json")
    return folder
  }

  func open(_ json: String, _ options: String = #"{"size": 4}"#) throws -> any Dataset {
    let folder = try folder(json)
    let dataset = try DatasetLoader.open(
      path: folder.path + "/mixture.json",
      options: DatasetOptions(json: options.replacing("$", with: folder.path)))
    // Pictures are read when they are needed: keep them in memory before the folder goes away.
    for index in 0..<dataset.count { _ = try sample(dataset, index) }
    return dataset
  }

  func labels(_ dataset: any Dataset) throws -> [Int] {
    try (0..<dataset.count).map { try dataset.label(at: $0) }
  }

  let both = """
    {"classes": ["cat", "dog", "neither"], "sources": [
      {"name": "photos", "data": "photos"},
      {"data": "things", "part": "train", "classes": {"cat": "cat", "*": "neither"}}]}
    """

  @Test func joinsSourcesWithTheirClasses() throws {
    let dataset = try open(both)
    #expect(dataset.classNames == ["cat", "dog", "neither"])
    #expect(try labels(dataset) == [0, 0, 0, 1, 1, 2, 2, 2, 2, 0])
    #expect(dataset.sampleWeights == nil)
    #expect(dataset.samplesPerEpoch == nil)
    let mixture = try #require(dataset as? MixtureDataset)
    #expect(
      mixture.contributions.map { "\($0.name) \($0.count) \($0.classCounts) \($0.share)" }
        == ["photos 5 [3, 2, 0] 0.5", "things 5 [1, 0, 4] 0.5"])
    let folder = try folder(both)
    let things = try DatasetLoader.open(
      path: folder.path + "/things", options: DatasetOptions(json: #"{"size": 4}"#))
    #expect(try sample(dataset, 7) == sample(things, 2))
    let kept = try DatasetLoader.open(
      path: folder.path + "/mixture.json", options: DatasetOptions(json: #"{"size": 4}"#))
    #expect(try (kept as? MixtureDataset)?.image(at: 9).width == 6)
    #expect(throws: CNNError.self) { try dataset.label(at: 10) }
    #expect(throws: CNNError.self) { try dataset.label(of: 0, target: 1) }
    #expect(throws: CNNError.self) { _ = try sample(dataset, -1) }
  }

  @Test func takesWhatATableBesideItLists() throws {
    let folder = try folder(
      """
      {"sources": [{"name": "some", "data": "things", "table": "some.csv", "part": "train"}]}
      """)
    try folder.write(
      Array("file,class,part\nval/car/1.png,big,train\ntrain/cat/0.png,small,test\n".utf8),
      to: "some.csv")
    try folder.write(Array("file,class\n../photos/cat/0.png,cat\n".utf8), to: "outside.csv")
    let path = folder.path + "/mixture.json"
    let options = try DatasetOptions(json: #"{"size": 4}"#)
    let dataset = try DatasetLoader.open(path: path, options: options)
    #expect(dataset.classNames == ["big"] && dataset.count == 1)
    let val = try DatasetLoader.open(
      path: folder.path + "/things",
      options: DatasetOptions(json: #"{"size": 4, "part": "validation"}"#))
    #expect(try sample(dataset, 0) == sample(val, 1))
    // The data may be elsewhere, the table stays beside the mixture.
    let moved = try TemporaryFolder()
    let mixture = #"{"sources": [{"data": "things", "table": "some.csv"}]}"#
    try moved.write(Array(mixture.utf8), to: "mixture.json")
    try moved.write(Array("file,class\nval/car/1.png,big\n".utf8), to: "some.csv")
    var rooted = options
    rooted.root = folder.path
    #expect(
      try sample(DatasetLoader.open(path: moved.path + "/mixture.json", options: rooted), 0)
        == sample(val, 1))
    try folder.write(
      Array(#"{"sources": [{"data": "things", "table": "outside.csv"}]}"#.utf8), to: "mixture.json")
    let error = #expect(throws: CNNError.self) {
      try DatasetLoader.open(path: path, options: options)
    }
    #expect(error?.message.contains("leads out of the folder") == true, "\(error?.message ?? "")")
  }

  @Test func leavesClassesOutAndNamesThemItself() throws {
    let some = try open(
      """
      {"sources": [{"data": "photos", "limit": 1},
        {"data": "things", "classes": {"car": "machine", "cat": null}, "exclude":
        ["train/car/0.png"]}]}
      """)
    #expect(some.classNames == ["cat", "dog", "machine"])
    #expect(try labels(some) == [0, 1, 2, 2, 2])
    let chosen = try open(both, #"{"size": 4, "classes": ["neither", "dog"]}"#)
    #expect(chosen.classNames == ["neither", "dog"])
    #expect(try labels(chosen) == [1, 1, 0, 0, 0, 0])
  }

  @Test func weightsAreSharesOfAnEpoch() throws {
    let dataset = try open(
      """
      {"sources": [{"data": "photos", "weight": 3},
        {"data": "things", "weight": 1, "classes": {"cat": "cat", "*": "dog"}}],
       "samples_per_epoch": 400}
      """)
    let weights = try #require(dataset.sampleWeights)
    #expect(weights.count == 10)
    let sum = weights.reduce(0, +)
    #expect(abs(weights[..<5].reduce(0, +) / sum - 0.75) < 1e-12)
    #expect(Set(weights[..<5]).count == 1 && Set(weights[5...]).count == 1)
    #expect(dataset.samplesPerEpoch == 400)
    let loader = try BatchLoader(dataset, batchSize: 50, seed: 3)
    var counts = [Int](repeating: 0, count: 10)
    try loader.startEpoch(0)
    while let batch = try loader.next() {
      for i in 0..<batch.count { counts[batch.sampleIndices[i]] += 1 }
    }
    #expect(counts == [60, 60, 60, 60, 60, 20, 20, 20, 20, 20])
  }

  @Test func classWeightsAreSharesOfClasses() throws {
    let dataset = try open(
      """
      {"classes": ["cat", "dog", "neither"], "class_weights": {"cat": 2, "dog": 1, "neither": 1},
       "sources": [{"data": "photos", "weight": 1},
        {"data": "things", "weight": 3, "classes": {"cat": "cat", "*": "neither"}}]}
      """)
    let weights = try #require(dataset.sampleWeights)
    let labels = try labels(dataset)
    let sum = weights.reduce(0, +)
    for (label, share) in [0.5, 0.25, 0.25].enumerated() {
      let own = zip(weights, labels).filter { $0.1 == label }.reduce(0) { $0 + $1.0 }
      #expect(abs(own / sum - share) < 1e-12)
    }
    // Among cats the sources decide: 3 of weight 1/5 and 1 of weight 3/5.
    #expect(abs(weights[9] / weights[0] - 3) < 1e-12)
    #expect(dataset.samplesPerEpoch == nil)
  }

  @Test func repeatedSamplesMakeAnEpochLonger() throws {
    let dataset = try open(
      #"{"sources": [{"data": "photos", "repeat": 2}, {"data": "things"}]}"#)
    #expect(dataset.samplesPerEpoch == 15)
    #expect(dataset.sampleWeights == [2, 2, 2, 2, 2, 1, 1, 1, 1, 1])
  }

  @Test func subsetsKeepWeights() throws {
    let dataset = try open(
      """
      {"sources": [{"data": "photos", "weight": 3}, {"data": "things", "weight": 1}],
       "samples_per_epoch": 400}
      """)
    let subset = try Subset(dataset, indices: [0, 1, 5])
    #expect(subset.sampleWeights == dataset.sampleWeights.map { [$0[0], $0[1], $0[5]] })
    #expect(subset.samplesPerEpoch == 140)
    let parts = try dataset.stratifiedSplit(first: 0.4, seed: 1)
    #expect(parts.first.sampleWeights?.count == parts.first.count)
    #expect((parts.first.samplesPerEpoch ?? 0) + (parts.rest.samplesPerEpoch ?? 0) == 400)
  }

  @Test func hasParts() throws {
    let json = """
      {"classes": ["cat", "dog", "car"], "class_weights": {"cat": 1, "dog": 1, "car": 1},
       "sources": [{"data": "photos"}, {"data": "things"}], "samples_per_epoch": 7,
       "validation": [{"data": "things", "part": "validation"}]}
      """
    #expect(try open(json).count == 10)
    let validation = try open(json, #"{"size": 4, "part": "validation"}"#)
    #expect(try labels(validation) == [2, 2])
    #expect(validation.sampleWeights == nil && validation.samplesPerEpoch == nil)
    #expect(try open(json, #"{"size": 4, "part": "all"}"#).count == 12)
    let test = failure { _ = try open(json, #"{"size": 4, "part": "test"}"#) }
    #expect(test?.message.contains("has no part \"test\"") == true)
    let folder = try folder(json)
    #expect(
      try DatasetLoader.parts(of: folder.path + "/mixture.json") == [.train, .validation])
    #expect(try DatasetLoader.parts(of: folder.path + "/things") == [.train, .validation])
    #expect(try DatasetLoader.parts(of: folder.path + "/photos").isEmpty)
  }

  @Test func aSourceMayHaveItsOwnAugmentation() throws {
    let dataset = try open(
      """
      {"sources": [{"data": "photos", "augment": {"horizontal_flip": 1}}, {"data": "photos"}]}
      """)
    let nothing = AugmentationDraw(
      Augmentation(cutout: .init(size: 1, probability: 0)), seed: 1, epoch: 0)
    let flipped = try sample(dataset, 0, nothing)
    let plain = try sample(dataset, 5, nothing)
    #expect(plain == (try sample(dataset, 0)))
    #expect(Array(flipped[0..<3]) == Array(plain[9..<12]))
    let lighting = failure {
      _ = try open(#"{"sources": [{"data": "photos", "augment": {"lighting": -1}}]}"#)
    }
    #expect(lighting?.message.contains("source \"photos\": augmentation: lighting is -1") == true)
  }

  @Test func preprocessingsReachAllSources() throws {
    let standard = try open(both, #"{"size": 4, "normalization": "standard"}"#)
    let all = try (0..<standard.count).flatMap { try sample(standard, $0) }
    #expect(abs(all.reduce(0, +) / Float(all.count)) < 1e-4)
    #expect(try open(both, #"{"size": 4, "color": "grey"}"#).sampleShape.sizes == [4, 4, 1])
    #expect(standard is MixtureDataset)
  }

  @Test func rootSaysWhereTheDataIs() throws {
    let folder = try folder("{}")
    let other = try TemporaryFolder()
    try other.write(Array(both.utf8), to: "mixture.json")
    let options = try DatasetOptions(json: #"{"size": 4, "root": "\#(folder.path)"}"#)
    #expect(
      try DatasetLoader.open(path: other.path + "/mixture.json", options: options).count == 10)
    let missing = failure {
      _ = try DatasetLoader.open(
        path: other.path + "/mixture.json", options: DatasetOptions(json: #"{"size": 4}"#))
    }
    #expect(missing?.code == .inputOutput)
    #expect(missing?.message.contains("source \"photos\"") == true)
    let outside = failure {
      _ = try open(#"{"sources": [{"data": "../x"}]}"#, #"{"size": 4, "root": "$"}"#)
    }
    #expect(outside?.message.contains("leads out") == true)
  }

  @Test(arguments: [
    ("{}", "needs \"sources\""), ("[]", "mixture.json"), ("{", "not valid JSON"),
    (#"{"sources": [{}]}"#, "needs \"data\""),
    (#"{"sources": [{"data": "none"}]}"#, "source \"none\""),
    (#"{"source": []}"#, "did you mean \"sources\"?"),
    (#"{"sources": [{"data": "photos", "wieght": 1}]}"#, "did you mean \"weight\"?"),
    (#"{"sources": [{"data": "photos", "weight": 0}]}"#, "weight is 0.0, and must be above 0"),
    (#"{"sources": [{"data": "photos", "repeat": -1}]}"#, "repeat is -1"),
    (#"{"sources": [{"data": "photos", "limit": 0}]}"#, "limit is 0"),
    (#"{"sources": [{"data": "photos", "part": "trane"}]}"#, "unknown dataset part \"trane\""),
    (#"{"sources": [{"data": "photos", "classes": {"cat": "cat"}}]}"#, "nothing of \"dog\""),
    (#"{"sources": [{"data": "photos", "classes": {"ct": "a", "*": "b"}}]}"#, "class \"ct\""),
    (
      #"{"classes": ["cat"], "sources": [{"data": "photos", "classes": {"*": "kat"}}]}"#,
      "unknown class of the mixture \"kat\""
    ),
    (#"{"classes": ["cat"], "sources": [{"data": "photos"}]}"#, "\"dog\""),
    (#"{"classes": ["cat", "cat"], "sources": [{"data": "photos"}]}"#, "names one twice"),
    (#"{"classes": [], "sources": [{"data": "photos"}]}"#, "list of classes is empty"),
    (#"{"sources": [{"data": "photos", "classes": {"*": null}}]}"#, "empty"),
    (
      #"{"sources": [{"data": "photos", "weight": 1}, {"data": "things"}]}"#,
      "source \"things\" has no weight"
    ),
    (
      #"{"sources": [{"data": "photos", "weight": 1, "repeat": 2}]}"#, "both a weight and"
    ),
    (#"{"samples_per_epoch": 0, "sources": [{"data": "photos"}]}"#, "samples_per_epoch is 0"),
    (#"{"samples_per_epoch": 1.5, "sources": [{"data": "photos"}]}"#, "whole number"),
    (
      #"{"class_weights": {"cat": 1}, "sources": [{"data": "photos"}]}"#, "nothing of class \"dog\""
    ),
    (
      #"{"class_weights": {"cat": 0, "dog": 0}, "sources": [{"data": "photos"}]}"#,
      "weights of all classes are 0"
    ),
    (
      #"{"class_weights": {"cat": -1, "dog": 1}, "sources": [{"data": "photos"}]}"#,
      "must be from 0"
    ),
    (
      #"{"class_weights": {"cat": 1, "dgo": 1}, "sources": [{"data": "photos"}]}"#,
      "did you mean \"dog\"?"
    ),
    (#"{"sources": [{"data": "mixture.json"}]}"#, "is a mixture of data sets itself"),
    (#"{"sources": [{"data": "photos", "exclude": ["cat/9.png"]}]}"#, "cat/9.png"),
  ])
  func errorsSayWhere(json: String, part: String) throws {
    let error = failure { _ = try open(json) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("mixture.json") == true)
  }
}
