import CNNFormats
import CNNGraph
public import CNNLayerKit

extension Training {
  /// Writes everything that the training needs to go on later with the same bits: parameters,
  /// states, the optimizer's state, the schedule's, the step, and where random numbers stand.
  ///
  /// Gradients that were added up and not yet used are not saved.
  /// - Throws: `inputOutput`, and then a file that was there before is as it was; `busy`.
  public func save(to path: String) throws(CNNError) {
    try exclusively { () throws(CNNError) in
      var writer = SafetensorsWriter()
      try write(to: &writer)
      try write(writer, to: path)
    }
  }

  /// Puts the training into the state that `save` wrote, the model's parameters included.
  ///
  /// The training must be of the same graph and have the same optimizer; other options may differ.
  /// - Throws: `inputOutput`, `malformedData`, or `shapeMismatch` for another graph or optimizer;
  ///   then the training is as it was. `busy`.
  public func load(from path: String) throws(CNNError) {
    try exclusively { () throws(CNNError) in
      var reader = try CheckpointReader(path: path, model: model)
      let position = try read(&reader)
      try take(position, from: reader)
    }
  }

  /// Where training stands, beside its numbers.
  struct Position {
    var progress: ScheduleProgress
    var learningRate: Double
    var forwardCount: Int
  }

  /// Writes a finished file with the model's numbers at rest.
  func write(_ writer: SafetensorsWriter, to path: String) throws(CNNError) {
    try session.withExclusiveAccess { () throws(CNNError) in try writer.write(to: path) }
  }

  /// Adds everything of the training to a file.
  func write(to writer: inout SafetensorsWriter) throws(CNNError) {
    writer.metadata[CheckpointFile.formatKey] = CheckpointFile.format
    writer.metadata[CheckpointFile.versionKey] = CheckpointFile.version
    writer.metadata[CheckpointFile.graphKey] = model.network.graph.json
    writer.metadata[CheckpointFile.trainingKey] = JSONText.write([
      "optimizer": options.optimizer.value, "progress": progress.value,
      "learning_rate": .number(baseLearningRate), "forward_count": .integer(forwardCount),
    ])
    for slot in model.parameters {
      try writer.add(CheckpointFile.parameter(slot), slot, try model.memory(of: slot.name))
    }
    for slot in model.states {
      try writer.add(CheckpointFile.state(slot), slot, try model.memory(of: slot.name))
    }
    for (index, name) in updater.optimizer.stateNames.enumerated() {
      for slot in model.parameters {
        try writer.add(
          CheckpointFile.optimizer(name, slot), slot, updater.state(index, of: slot))
      }
    }
  }

  /// Checks everything of the training in a file, and returns where it stands.
  func read(_ reader: inout CheckpointReader) throws(CNNError) -> Position {
    let members = try reader.members(CheckpointFile.trainingKey)
    guard areSame(members["optimizer"], options.optimizer.value) else {
      throw .shapeMismatch(
        "\"\(reader.path)\" was trained with the optimizer \(members["optimizer"] ?? .null), this "
          + "training has \(options.optimizer.value)")
    }
    guard let rate = members["learning_rate"]?.asNumber, rate >= 0,
      let forwardCount = members.count(of: "forward_count")
    else { throw .malformedData("\"\(reader.path)\" does not say where training stands") }
    let position: Position
    do throws(CNNError) {
      position = Position(
        progress: try ScheduleProgress(members["progress"]), learningRate: rate,
        forwardCount: forwardCount)
    } catch {
      throw error.prefixed(by: "\"\(reader.path)\"")
    }
    for slot in model.parameters {
      try reader.expect(CheckpointFile.parameter(slot), in: try model.memory(of: slot.name))
    }
    for slot in model.states {
      try reader.expect(CheckpointFile.state(slot), in: try model.memory(of: slot.name))
    }
    for (index, name) in updater.optimizer.stateNames.enumerated() {
      for slot in model.parameters {
        try reader.expect(
          CheckpointFile.optimizer(name, slot), in: updater.state(index, of: slot))
      }
    }
    return position
  }

  /// Takes over what was checked.
  func take(_ position: Position, from reader: CheckpointReader) throws(CNNError) {
    try session.withExclusiveAccess { () throws(CNNError) in try reader.commit() }
    progress = position.progress
    baseLearningRate = position.learningRate
    forwardCount = position.forwardCount
  }
}
