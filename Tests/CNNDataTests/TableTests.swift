import CNNData
import CNNImaging
import CNNLayerKit
import Testing

@Suite struct TableTests {
  /// A folder with pictures a.png (6 x 5), b.png and sub/c.png (7 x 8), and a table.
  func folder(_ table: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.writePicture(pattern(width: 6, height: 5, channels: 3, seed: 1), to: "a.png")
    try folder.writePicture(pattern(width: 6, height: 5, channels: 3, seed: 2), to: "b.png")
    try folder.writePicture(pattern(width: 7, height: 8, channels: 3, seed: 3), to: "sub/c.png")
    try folder.write(Array(table.utf8), to: "table.csv")
    return folder
  }

  func open(
    _ table: String, _ json: String = #"{"size": 4}"#
  ) throws -> (dataset: ImageFileDataset, folder: TemporaryFolder) {
    let folder = try folder(table)
    let options = try DatasetOptions(json: json.replacing("$", with: folder.path))
    let dataset = try DatasetLoader.open(path: folder.path + "/table.csv", options: options)
    return (try #require(dataset as? ImageFileDataset), folder)
  }

  func names(_ table: String, _ json: String = #"{"size": 4}"#) throws -> [String] {
    let (dataset, folder) = try open(table, json)
    return dataset.files.map { file in
      String(file.path.dropFirst(folder.path.count + 1)) + ":" + dataset.classNames[file.label]
    }
  }

  @Test(arguments: [
    "file,class\na.png,cat\nsub/c.png,dog\n", "file,class\r\na.png,cat\r\nsub/c.png,dog",
    "\u{FEFF}class,file\ncat,a.png\rdog,sub/c.png\n\n",
    "\"file\",\"class\"\n\"a.png\",cat\n\n"
      + "sub/c.png,\"dog\"\n", "note,file,class\n\"a \"\"b\"\", c\n d\",a.png,cat\n,sub/c.png,dog",
  ])
  func readsAllFormsOfTables(table: String) throws {
    #expect(try names(table) == ["a.png:cat", "sub/c.png:dog"])
  }

  @Test func takesPartsAndClasses() throws {
    let table = """
      file,class,part
      a.png,cat,train
      b.png,dog,trainval
      sub/c.png,dog,val
      a.png,dog,test
      b.png,cat,none

      """
    #expect(try names(table) == ["a.png:cat", "b.png:dog"])
    #expect(try names(table, #"{"size": 4, "part": "validation"}"#) == ["sub/c.png:dog"])
    #expect(try names(table, #"{"size": 4, "part": "test"}"#) == ["a.png:dog"])
    #expect(try names(table, #"{"size": 4, "part": "all"}"#).count == 5)
    #expect(
      try names(table, #"{"size": 4, "part": "all", "classes": ["dog"], "limit": 2}"#)
        == ["b.png:dog", "sub/c.png:dog"])
    #expect(try names(table, #"{"size": 4, "exclude": ["a.png"]}"#) == ["b.png:dog"])
    #expect(failure { _ = try names(table, #"{"size": 4, "exclude": ["sub/c.png"]}"#) } != nil)
  }

  @Test func onePhotoGivesSeveralSamples() throws {
    let table = """
      file,class,top,left,height,width
      sub/c.png,dog,2,1,3,4
      sub/c.png,cat,,,,
      sub/c.png,cat,0,0,8,7
      """
    let (dataset, folder) = try open(table)
    let whole = try pattern(width: 7, height: 8, channels: 3, seed: 3)
    #expect(dataset.count == 3)
    #expect(try dataset.image(at: 0) == whole.cropped(x: 1, y: 2, width: 4, height: 3))
    #expect(try dataset.image(at: 1) == whole)
    #expect(try dataset.image(at: 2) == whole)
    #expect(try sample(dataset, 1) == sample(dataset, 2))
    #expect(try sample(dataset, 0) != sample(dataset, 1))
    _ = folder
  }

  @Test func columnsMayHaveOtherNames() throws {
    let table = "name,species,height,width,ymin,xmin,ymax,xmax\nsub/c,dog,8,7,1,2,5,6\n"
    let json = """
      {"size": 4, "root": "$", "columns": {"file": "{name}.png", "class": "species", "top": "ymin",
       "left": "xmin", "bottom": "ymax", "right": "xmax"}}
      """
    let (dataset, folder) = try open(table, json)
    #expect(dataset.classNames == ["dog"])
    #expect(
      dataset.files[0].region == ImageFileDataset.Region(top: 1, left: 2, height: 4, width: 4))
    #expect(try dataset.image(at: 0).height == 4)
    // Without a rectangle's corner, height and width are those of the photo.
    #expect(
      try open(
        table, #"{"size": 4, "columns": {"file": "{name}.png", "class": "species"}}"#
      ).dataset.files[0].region == nil)
    _ = folder
  }

  @Test func rootMayBeAnArchive() throws {
    let folder = try folder("file,class\ncat/1.png,cat\n")
    var tar = TarWriter()
    let picture = try pattern(width: 3, height: 3, channels: 3)
    tar.add("cat/1.png", try picture.encodedAsPNG().withUnsafeBytes { Array($0) })
    try folder.write(tar.finished(), to: "photos.tar")
    let dataset = try DatasetLoader.open(
      path: folder.path + "/table.csv",
      options: DatasetOptions(json: #"{"size": 4, "root": "\#(folder.path)/photos.tar"}"#))
    #expect(try (dataset as? ImageFileDataset)?.image(at: 0) == picture)
  }

  @Test(arguments: [
    ("file,class\na.png,cat\nd.png,dog\n", "line 3, column \"file\": there is no file"),
    ("file,class\na.png\n", "line 2 has 1 columns, and the header 2"),
    ("file,class\na.png,cat,\n", "line 2 has 3 columns"),
    ("file,class\na.png,\n", "line 2, column \"class\": the name of the class is empty"),
    ("file,class\n,cat\n", "line 2, column \"file\": the path of the file is empty"),
    ("file,class\n\"a\nb.png\",cat\n\"a.png,cat\n", "line 4, column 1: the quote that opens"),
    ("file,class\na.png,ca\"t\n", "line 2, column 2: a quote stands"),
    ("file,class\n\"a.png\"x,cat\n", "line 2, column 1: text follows the quote"),
    ("file,class,part\na.png,cat,learn\n", "line 2, column \"part\": \"learn\" is no part"),
    ("file,kind\na.png,cat\n", "no column \"class\"; it has file, kind"),
    ("path,class\na.png,cat\n", "no column \"file\""),
    ("file,class,class\na.png,cat,cat\n", "names column \"class\" twice"),
    ("file,class,top\na.png,cat,1\n", "some of the columns of a rectangle"),
    ("file,class,top,left,height,width\na.png,cat,-1,0,2,2\n", "line 2, column \"top\": \"-1\""),
    ("file,class,top,left,height,width\na.png,cat,0,0,0,2\n", "column \"height\": \"0\""),
    ("file,class,top,left,height,width\na.png,cat,0,0,2,x\n", "column \"width\": \"x\""),
    ("file,class,top,left,height,width\na.png,cat,0,,2,2\n", "column \"left\": \"\""),
    (
      "file,class,top,left,bottom,right\na.png,cat,3,0,3,2\n", "column \"bottom\": \"3\""
    ),
    (
      "file,class,top,left,height,width\na.png,cat,9999999999999999999,0,2,2\n", "column \"top\""
    ),
    ("", "the table is empty"), ("file,class\n", "has no pictures"),
  ])
  func errorsSayWhere(table: String, part: String) throws {
    let error = failure { _ = try open(table) }
    #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("table.csv") == true)
  }

  @Test func aRectangleOutsideIsAnErrorWhenRead() throws {
    let (dataset, folder) = try open("file,class,top,left,height,width\na.png,cat,2,0,4,6\n")
    let error = failure { _ = try sample(dataset, 0) }
    #expect(error?.message.contains("a.png") == true)
    #expect(error?.message.contains("6 x 4 at column 0, row 2") == true)
    _ = folder
  }

  @Test func refusesOptionsThatDoNotFit() throws {
    let table = "file,class\na.png,cat\n"
    func message(_ table: String, _ json: String) -> String {
      failure { _ = try open(table, json) }?.message ?? ""
    }
    #expect(message(table, #"{"size": 4, "part": "train"}"#).contains("no column \"part\""))
    #expect(message(table, "{}").contains("needs the option size"))
    #expect(
      message(table, #"{"size": 4, "columns": {"fil": "file"}}"#).contains("did you mean \"file\""))
    #expect(
      message(table, #"{"size": 4, "columns": {"class": "clas"}}"#)
        .contains("did you mean \"class\""))
    #expect(message(table, #"{"size": 4, "columns": {"file": "{file"}}"#).contains("not closed"))
    #expect(message(table, #"{"size": 4, "classes": ["dog"]}"#).contains("unknown class \"dog\""))
    let outside = "file,class\n../a.png,cat\n"
    #expect(message(outside, #"{"size": 4, "root": "$"}"#).contains("leads out"))
    #expect(message("file,class\n/etc/a,cat\n", #"{"size": 4, "root": "$"}"#).contains("leads out"))
    let folder = try folder("file,class\na.png,cat\n")
    try folder.write(
      [102, 105, 108, 101, 44, 99, 108, 97, 115, 115, 10, 0xFF, 44, 99], to: "x.csv")
    let text = failure {
      _ = try DatasetLoader.open(
        path: folder.path + "/x.csv", options: DatasetOptions(json: #"{"size": 4}"#))
    }
    #expect(text?.message.contains("line 2, column 1: the text is not UTF-8") == true)
  }
}
