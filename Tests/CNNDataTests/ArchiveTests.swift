import CNNData
import CNNImaging
import CNNLayerKit
import Foundation
import Testing

@Suite struct ArchiveTests {
  func png(_ seed: Int) throws -> [UInt8] {
    try pattern(width: 6, height: 5, channels: 3, seed: seed).encodedAsPNG()
      .withUnsafeBytes { Array($0) }
  }

  func open(
    _ bytes: [UInt8], name: String = "photos.tar", _ json: String = #"{"size": 4}"#
  ) throws -> ImageFileDataset {
    let folder = try TemporaryFolder()
    try folder.write(bytes, to: name)
    let dataset = try DatasetLoader.open(
      path: folder.path + "/" + name, options: DatasetOptions(json: json))
    return try #require(dataset as? ImageFileDataset)
  }

  /// The paths within the archive.
  func names(_ dataset: ImageFileDataset) -> [String] {
    dataset.files.map { file in
      String(file.path.split(separator: "photos.", maxSplits: 1)[1].drop { $0 != "/" }.dropFirst())
    }
  }

  func divided(_ parts: [String]) throws -> [UInt8] {
    var tar = TarWriter()
    // Not in the order of their names, and with what has no meaning in between.
    for (number, part) in parts.enumerated() {
      for name in ["dog", "cat"] {
        tar.add("\(part)/\(name)/", type: "5")
        for index in [2, 10, 1] {
          tar.add("./\(part)/\(name)/\(index).png", try png(100 * number + index))
        }
        tar.add("\(part)/\(name)/notes.txt", [1, 2, 3])
        tar.add("\(part)/\(name)/._1.png", [1, 2, 3])
      }
    }
    return tar.finished()
  }

  @Test(arguments: ["photos.tar", "photos.tar.gz", "photos.TGZ"])
  func holdsWhatAFolderHolds(name: String) throws {
    let tar = try divided(["train", "val"])
    let bytes = name == "photos.tar" ? tar : gzipped(tar)
    let train = try open(bytes, name: name)
    #expect(train.classNames == ["cat", "dog"])
    #expect(train.files.map(\.label) == [0, 0, 0, 1, 1, 1])
    #expect(
      names(train).prefix(3) == ["train/cat/1.png", "train/cat/10.png", "train/cat/2.png"])
    let folder = try TemporaryFolder()
    for (number, part) in ["train", "val"].enumerated() {
      for name in ["dog", "cat"] {
        for index in [2, 10, 1] {
          try folder.write(png(100 * number + index), to: "\(part)/\(name)/\(index).png")
        }
      }
    }
    for part in ["train", "validation"] {
      let options = try DatasetOptions(json: #"{"size": 4, "part": "\#(part)"}"#)
      let unpacked = try DatasetLoader.open(path: folder.path, options: options)
      let packed = try open(bytes, name: name, #"{"size": 4, "part": "\#(part)"}"#)
      #expect(packed.count == unpacked.count)
      for index in 0..<packed.count {
        #expect(try sample(packed, index) == sample(unpacked, index))
        #expect(try packed.label(at: index) == unpacked.label(at: index))
      }
    }
    let all = try open(bytes, name: name, #"{"size": 4, "part": "all"}"#)
    #expect(all.count == 12)
    #expect(names(all).prefix(4).last == "val/cat/1.png")
    #expect(try all.image(at: 0) == pattern(width: 6, height: 5, channels: 3, seed: 1))
  }

  @Test func anArchiveMayHoldOnePart() throws {
    let train = try divided(["train"])
    #expect(try open(train).count == 6)
    #expect(try open(train, #"{"size": 4, "part": "all"}"#).count == 6)
    let other = failure { _ = try open(train, #"{"size": 4, "part": "test"}"#) }
    #expect(other?.message.contains("has no part \"test\"") == true)
    let validation = try divided(["val"])
    #expect(try open(validation).count == 6)
    #expect(try open(validation, #"{"size": 4, "part": "validation"}"#).count == 6)
    #expect(failure { _ = try open(validation, #"{"size": 4, "part": "train"}"#) } != nil)
    // A folder around everything, as many archives have one.
    #expect(try open(try divided(["photos-1.0/train", "photos-1.0/val"])).count == 6)
  }

  @Test func takesChosenPictures() throws {
    let tar = try divided(["train"])
    let some = try open(
      tar, #"{"size": 4, "classes": ["dog"], "limit": 1, "exclude": ["train/dog/1.png"]}"#)
    #expect(names(some) == ["train/dog/10.png"])
    let error = failure { _ = try open(tar, #"{"size": 4, "exclude": ["train/dog/3.png"]}"#) }
    #expect(error?.code == .unknownName)
    #expect(error?.message.contains("train/dog/3.png") == true)
    var named = TarWriter()
    for number in [10, 9] { named.add("cat.\(number).png", try png(number)) }
    named.add("dog.3.png", try png(3))
    #expect(names(try open(named.finished())) == ["cat.9.png", "cat.10.png", "dog.3.png"])
    #expect(
      names(try open(named.finished(), #"{"size": 4, "start": 10, "classes": ["cat"]}"#))
        == ["cat.10.png"])
  }

  @Test func readsAllFormsOfNamesAndNumbers() throws {
    let long = "train/cat/" + String(repeating: "a", count: 150) + ".png"
    var tar = TarWriter()
    tar.addLongName(long)
    tar.add(String(long.prefix(100)), try png(1), magic: "ustar ")
    tar.addPax([("mtime", "1.5"), ("path", "train/cat/é.png")])
    tar.add("train/cat/x.png", try png(2))
    tar.add("3.png", try png(3), prefix: "train/dog")
    tar.add("train/dog/4.png", try png(4), type: "\0", magic: "")
    let contents = try png(5)
    var size = [UInt8](repeating: 0, count: 12)
    size[0] = 0x80
    (size[10], size[11]) = (UInt8(contents.count >> 8), UInt8(contents.count & 255))
    tar.add("train/dog/5.png", contents, size: size)
    tar.addPax([("size", "\(contents.count)")])
    tar.add("train/dog/6.png", contents, size: TarWriter.octal(0, digits: 11))
    tar.add("global", Array("11 path=ab\n".utf8), type: "g")
    tar.add("target", Array("train/dog/nothing.png".utf8), type: "K")
    // Links, devices, pipes and folders have no contents, whatever their size says.
    for type: Character in ["1", "2", "3", "4", "5", "6"] {
      tar.add("train/dog/link\(type).png", type: type, size: TarWriter.octal(700, digits: 11))
    }
    tar.add("train/dog/7.png", try png(7))
    tar.add("train/dog/7.png", try png(8))
    let dataset = try open(tar.finished())
    #expect(
      names(dataset) == [
        long, "train/cat/é.png", "train/dog/3.png", "train/dog/4.png", "train/dog/5.png",
        "train/dog/6.png", "train/dog/7.png",
      ])
    for (index, seed) in [1, 2, 3, 4, 5, 5, 8].enumerated() {
      #expect(
        try dataset.image(at: index) == pattern(width: 6, height: 5, channels: 3, seed: seed))
    }
  }

  @Test func truncatedArchivesAreErrors() throws {
    let tar = Array(try divided(["train"]).dropLast(1024))
    let packed = gzipped(tar + [UInt8](repeating: 0, count: 1024))
    for count in stride(from: 0, through: tar.count, by: 128) {
      let error = failure { _ = try open(Array(tar.prefix(count))) }
      #expect(error?.code == .malformedData)
      #expect(error?.message.contains("photos.tar") == true)
    }
    for count in stride(from: 0, to: packed.count, by: 97) {
      let error = failure { _ = try open(Array(packed.prefix(count)), name: "photos.tgz") }
      #expect(error?.code == .malformedData)
    }
  }

  @Test func damagedArchivesAreErrors() throws {
    func message(_ change: (inout TarWriter) -> Void) throws -> String {
      var tar = TarWriter()
      tar.add("train/cat/1.png", try png(1))
      change(&tar)
      let bytes = tar.finished()
      return failure { _ = try open(bytes) }?.message ?? ""
    }
    let picture = try png(1)
    #expect(
      try message { $0.add("a.png", picture, changesChecksum: true) }.contains("the checksum"))
    #expect(
      try message { $0.add("a.png", picture, size: Array("7777777777".utf8)) }
        .contains("truncated"))
    #expect(
      try message { $0.add("a.png", picture, size: [0x80] + [UInt8](repeating: 255, count: 11)) }
        .contains("no number, or too large"))
    #expect(
      try message { $0.add("a.png", picture, size: [UInt8](repeating: 255, count: 12)) }
        .contains("no number, or too large"))
    #expect(
      try message { $0.add("a.png", picture, size: Array("12x4".utf8)) }.contains("no number"))
    #expect(
      try message { $0.add("train/cat/../../../1.png", picture) }.contains("leads out of it"))
    #expect(
      try message {
        $0.addLongName(String(repeating: "a/", count: 100) + "1.png"); $0.add("b")
      }
      .contains("64 folders"))
    #expect(try message { $0.addLongName(String(repeating: "a", count: 5000)) }.contains("5000"))
    #expect(try message { $0.add("b.png", picture, type: "S") }.contains("sparse"))
    #expect(try message { $0.addPax([("GNU.sparse.major", "1")]) }.contains("sparse"))
    for record in ["5", "99 a=b\n", "3 a", "5 a=b\n", "x a=b\n", "9 ab\n", "-4 a=b\n"] {
      let error = try message { $0.add("p", Array(record.utf8), type: "x") }
      #expect(error.contains("pax record"), "\(record)")
    }
    #expect(
      try message { $0.add("p", [UInt8](repeating: 0, count: 1 << 20 + 1), type: "x") }
        .contains("at most 1048576"))
    #expect(failure { _ = try open(Array("no archive".utf8)) }?.code == .malformedData)
    let text = [UInt8](repeating: 65, count: 2000)
    #expect(failure { _ = try open(text) }?.message.contains("no tar archive") == true)
    let nothing = failure { _ = try open(TarWriter().finished()) }
    #expect(nothing?.message.contains("holds no PNG or JPEG files") == true)
  }

  @Test func absoluteNamesStayInTheArchive() throws {
    var tar = TarWriter()
    tar.add("/cat/1.png", try png(1))
    tar.add("//dog//./2.png", try png(2))
    #expect(names(try open(tar.finished())) == ["cat/1.png", "dog/2.png"])
  }

  @Test func aBrokenPictureSaysItsPath() throws {
    var tar = TarWriter()
    tar.add("cat/1.png", [1, 2, 3])
    let dataset = try open(tar.finished())
    let error = failure { _ = try sample(dataset, 0) }
    #expect(error?.code == .malformedData)
    #expect(error?.message.contains("photos.tar/cat/1.png") == true)
  }

  @Test(.enabled(if: sharedData != nil, "the folder shared/data is not here"))
  func readsRealArchives() throws {
    let path = (sharedData ?? "") + "/catdog-96/val.tar.gz"
    let dataset = try DatasetLoader.open(
      path: path, options: DatasetOptions(json: #"{"size": 96, "limit": 20}"#))
    #expect(dataset.count == 40)
    #expect(dataset.classNames == ["cat", "dog"])
    #expect(try sample(dataset, 39).allSatisfy { $0 >= 0 && $0 <= 1 })
  }
}
