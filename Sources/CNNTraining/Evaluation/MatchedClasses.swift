import CNNData
import CNNGraph
import CNNImaging
import CNNLayerKit

/// A data set whose classes are those of a model, by their names.
///
/// The number of a class depends on which other classes there are: a folder with cats and dogs says 0
/// and 1 where a model that knows birds, cats and dogs says 1 and 2.
final class MatchedClasses: Dataset {
  private let base: any Dataset
  /// The class of the model for each class of the base.
  private let classes: [Int]
  let targets: [DatasetTarget]

  private init(_ base: any Dataset, target: DatasetTarget, classes: [Int]) {
    self.base = base
    self.classes = classes
    targets = [target]
  }

  var count: Int { base.count }
  var sampleShape: Shape { base.sampleShape }
  var preprocessing: Preprocessing? { base.preprocessing }
  var sourceNames: [String] { base.sourceNames }

  func source(of index: Int) throws(CNNError) -> Int { try base.source(of: index) }

  func read(
    _ index: Int, into output: UnsafeMutableBufferPointer<Float>, augmentation: AugmentationDraw?
  ) throws(CNNError) {
    try base.read(index, into: output, augmentation: augmentation)
  }

  func label(of index: Int, target: Int) throws(CNNError) -> Int {
    let label = try base.label(of: index, target: target)
    // Samples of classes that the model does not know were left out.
    guard classes.indices.contains(label) else {
      throw CNNError(.internal, "sample \(index) has the class \(label) of \(classes.count)")
    }
    return classes[label]
  }

  func check(_ augmentation: Augmentation) throws(CNNError) { try base.check(augmentation) }
}

extension MatchedClasses {
  /// What a model is to be judged by: samples whose classes are numbered as in the model, and the
  /// classes that count.
  struct Selection {
    let dataset: any Dataset
    /// Classes of the model, in the order in which they were named; nil for all.
    var classes: [Int]?
    /// The names of the classes that count.
    var names: [String]
  }

  /// Matches the classes of a data set with those of a model by their names, as far as both have
  /// names, and leaves out samples of classes that were not asked for.
  ///
  /// Where a name of the data set is unknown to the model, classes keep their numbers, unless names
  /// were asked for.
  /// - Parameters:
  ///   - names: The classes that count, at least two; nil for all.
  ///   - modelNames: The classes of the output that is judged; empty if unknown.
  /// - Throws: `unknownName` for a name that the model or the data does not have, `invalidArgument`
  ///   for names that are too few or not different, `unsupported` if the data has several targets or
  ///   no classes.
  static func select(
    _ names: [String]?, of dataset: any Dataset, modelNames: [String]
  ) throws(CNNError) -> Selection {
    guard dataset.targets.count == 1, case .classes(let own) = dataset.targets[0].kind else {
      guard names == nil else {
        throw CNNError(
          .unsupported,
          "a choice of classes needs a data set with one target that is made of classes")
      }
      return Selection(dataset: dataset, classes: nil, names: modelNames)
    }
    let known = modelNames.isEmpty ? own : modelNames
    let numbers = Dictionary(zip(known, known.indices), uniquingKeysWith: { first, _ in first })
    guard let names else {
      let matched = own.compactMap { numbers[$0] }
      guard matched.count == own.count, own != known else {
        return Selection(dataset: dataset, classes: nil, names: known)
      }
      return Selection(
        dataset: wrap(dataset, names: known, classes: matched), classes: nil, names: known)
    }
    guard names.count >= 2, Set(names).count == names.count else {
      throw .invalidArgument(
        "\"classes\" names at least two different classes, got \(names.joined(separator: ", "))")
    }
    var chosen: [Int] = []
    for name in names {
      guard let number = numbers[name] else {
        throw .unknownName("class of the model", name, valid: known)
      }
      guard own.contains(name) else {
        throw .unknownName("class of the data set", name, valid: own)
      }
      chosen.append(number)
    }
    let isChosen = own.map(names.contains)
    var indices: [Int] = []
    for index in 0..<dataset.count {
      let label = try dataset.label(of: index, target: 0)
      if isChosen.indices.contains(label), isChosen[label] { indices.append(index) }
    }
    let subset = try Subset(dataset, indices: indices)
    return Selection(
      dataset: wrap(subset, names: known, classes: own.map { numbers[$0] ?? 0 }), classes: chosen,
      names: names)
  }

  private static func wrap(
    _ dataset: any Dataset, names: [String], classes: [Int]
  ) -> any Dataset {
    let target = DatasetTarget(name: dataset.targets[0].name, kind: .classes(names))
    return MatchedClasses(dataset, target: target, classes: classes)
  }
}
