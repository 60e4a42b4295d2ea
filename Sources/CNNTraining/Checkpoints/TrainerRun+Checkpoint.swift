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
    for (name, slot, numbers) in copies { try writer.add(name, slot, numbers) }
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
    for (name, _, numbers) in copies { try reader.expect(name, in: numbers) }
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
    var members: [String: AttributeValue] = [
      "count": .integer(dataset.count),
      "sample_shape": .list(dataset.sampleShape.sizes.map { .integer($0) }),
    ]
    // Only what differs, so that checkpoints of before are still good.
    if loader.samplesPerEpoch != dataset.count {
      members["samples_per_epoch"] = .integer(loader.samplesPerEpoch)
    }
    return members
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

  /// The names in a checkpoint of numbers beside the model's own, and where they are: those of the
  /// best epoch, and the average.
  private var copies: [(String, ParameterSlot, UnsafeMutableBufferPointer<Float>)] {
    var copies: [(String, ParameterSlot, UnsafeMutableBufferPointer<Float>)] = []
    func add(_ name: (String) -> String, _ parameters: FloatBuffer, _ states: FloatBuffer) {
      let model = training.model
      for slot in model.parameters {
        copies.append((name(CheckpointFile.parameter(slot)), slot, memory(slot, in: parameters)))
      }
      for slot in model.states {
        copies.append((name(CheckpointFile.state(slot)), slot, memory(slot, in: states)))
      }
    }
    if let best { add(CheckpointFile.best, best.parameters, best.states) }
    if let average { add(CheckpointFile.average, average.parameters, average.states) }
    return copies
  }

  private func memory(
    _ slot: ParameterSlot, in buffer: FloatBuffer
  ) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: buffer.pointer + slot.offset, count: slot.count)
  }
}
