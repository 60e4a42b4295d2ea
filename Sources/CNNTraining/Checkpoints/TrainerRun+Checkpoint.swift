import CNNData
import CNNFormats
import CNNGraph
import CNNLayerKit

extension TrainerRun {
  /// Writes everything that the run needs to go on later and end with the same bits.
  func save(to path: String) throws(CNNError) {
    var writer = SafetensorsWriter()
    try training.write(to: &writer)
    writer.metadata[CheckpointFile.runKey] = JSONText.write([
      "options": .object(try decisiveMembers()), "state": state.value,
      "data": .object(dataMembers),
    ])
    try writer.add(CheckpointFile.stepLosses, doubles: state.history.steps)
    for (name, slot, numbers) in bestNumbers { try writer.add(name, slot, numbers) }
    try training.write(writer, to: path)
  }

  /// Takes up the run where the checkpoint stands.
  ///
  /// - Throws: `inputOutput`, `malformedData`, `shapeMismatch` or `invalidArgument` for a checkpoint
  ///   of another network, other options or other data; then everything is as it was.
  func resume(from path: String) throws(CNNError) {
    var reader = try CheckpointReader(path: path, model: training.model)
    let position = try training.read(&reader)
    guard reader.file.metadata[CheckpointFile.runKey] != nil else {
      throw .malformedData(
        "\"\(path)\" was saved by a training step by step; a trainer cannot resume it")
    }
    let members = try reader.members(CheckpointFile.runKey)
    try check(members["options"], try decisiveMembers(), "option", path)
    try check(members["data"], dataMembers, "training data's", path)
    for (name, _, numbers) in bestNumbers { try reader.expect(name, in: numbers) }
    let losses = try reader.doubles(CheckpointFile.stepLosses)
    let resumed: TrainerState
    do throws(CNNError) {
      resumed = try TrainerState(members["state"] ?? .null, steps: losses)
    } catch {
      throw error.prefixed(by: "\"\(path)\"")
    }
    guard resumed.nextBatch <= loader.batchCount else {
      throw .malformedData(
        "\"\(path)\" stands at batch \(resumed.nextBatch) of an epoch that has \(loader.batchCount)"
      )
    }
    try training.take(position, from: reader)
    state = resumed
  }

  private func decisiveMembers() throws(CNNError) -> [String: AttributeValue] {
    var members = try options.decisiveMembers()
    // As the run uses them: the wave of a cosine is filled in, a batch is no larger than the data.
    members["schedule"] = training.options.schedule.value
    members["batch_size"] = .integer(training.options.batchSize)
    members["keep_best"] = .boolean(best != nil)
    return members
  }

  private var dataMembers: [String: AttributeValue] {
    [
      "count": .integer(dataset.count), "samples_per_epoch": .integer(loader.samplesPerEpoch),
      "sample_shape": .list(dataset.sampleShape.sizes.map { .integer($0) }),
    ]
  }

  private func check(
    _ saved: AttributeValue?, _ current: [String: AttributeValue], _ what: String, _ path: String
  ) throws(CNNError) {
    guard case .object(let saved)? = saved else {
      throw .malformedData("\"\(path)\" lacks the options of its run")
    }
    for name in Set(current.keys).union(saved.keys).sorted()
    where !areSame(saved[name], current[name]) {
      throw .invalidArgument(
        "\"\(path)\" cannot be resumed: its run had the \(what) \"\(name)\" \(saved[name] ?? .null), "
          + "this one has \(current[name] ?? .null)")
    }
  }

  /// The names in a checkpoint of the best epoch's numbers, and where they are.
  private var bestNumbers: [(String, ParameterSlot, UnsafeMutableBufferPointer<Float>)] {
    guard let best else { return [] }
    let model = training.model
    return model.parameters.map { slot in
      let start = best.parameters.pointer + slot.offset
      return (
        CheckpointFile.best(CheckpointFile.parameter(slot)), slot,
        UnsafeMutableBufferPointer(start: start, count: slot.count)
      )
    }
      + model.states.map { slot in
        let start = best.states.pointer + slot.offset
        return (
          CheckpointFile.best(CheckpointFile.state(slot)), slot,
          UnsafeMutableBufferPointer(start: start, count: slot.count)
        )
      }
  }
}
