import CNNData
import CNNGraph
import CNNLayerKit

/// Computes what a tensor inside a network is for each picture, once for many epochs.
struct FeatureExtractor {
  /// The whole network.
  let model: Model
  /// The name of the tensor.
  let tensor: String
  let options: FinetuneOptions

  /// How many pictures are computed at a time.
  private static let batchSize = 16

  /// How many batches `features` will report, views and all.
  func batchCount(of dataset: any Dataset, views: Int) -> Int {
    let batches = (dataset.count + FeatureExtractor.batchSize - 1) / FeatureExtractor.batchSize
    return checkedProduct([batches, views]) ?? .max
  }

  /// Returns the features of all pictures as a data set with the same classes.
  ///
  /// - Parameters:
  ///   - dataset: The pictures.
  ///   - views: How many versions of each there are: the picture itself, and as many random changes
  ///     as the rest.
  ///   - augmentation: The random changes.
  ///   - report: Called after each batch with the number of its samples.
  /// - Throws: `outOfMemory`, what reading and computing throws, what `report` throws.
  func features(
    of dataset: any Dataset, views: Int, augmentation: Augmentation?,
    report: (_ samples: Int) throws(CNNError) -> Void
  ) throws(CNNError) -> TensorDataset {
    let network = model.network
    let shape = network.tensors[try network.tensor(named: tensor)].shape
    let total = try elementCount(views, dataset.count, of: "the features of all views")
    let memory = try FloatBuffer(
      count: try elementCount(total, shape.count, of: "the features of all views"),
      for: "the features of all views")
    let labels = try FloatBuffer(count: total, for: "the labels of all views")
    let batchSize = min(FeatureExtractor.batchSize, max(1, dataset.count))
    let session = try Session(model: model, capacity: batchSize, keep: [tensor])
    var position = 0
    for view in 0..<views {
      let loader = try BatchLoader(
        dataset, batchSize: batchSize, shuffle: false, seed: options.seed,
        augmentation: view == 0 ? nil : augmentation, workers: options.workers)
      try loader.startEpoch(view)
      while let batch = try loader.next() {
        try session.setInput(0, batch.inputs)
        try session.run(batch: batch.count)
        let computed = try session.tensor(tensor)
        guard let source = computed.baseAddress, let classes = batch.labels,
          computed.count == batch.count * shape.count, position + batch.count <= total
        else { throw CNNError(.internal, "the session kept no \"\(tensor)\"") }
        (memory.pointer + position * shape.count).update(from: source, count: computed.count)
        for index in 0..<batch.count { labels.pointer[position + index] = Float(classes[index]) }
        position += batch.count
        try report(batch.count)
      }
    }
    // Whole numbers far below 2^24 are exact in 32 bits.
    let target = try TensorDataset.Target.classes(
      labels.elements.lazy.map { Int($0) }, names: dataset.classNames,
      name: dataset.targets.first { !$0.classNames.isEmpty }?.name ?? DatasetTarget.defaultName)
    return try TensorDataset(takingOver: memory, sampleShape: shape, targets: [target])
  }
}
