import CNNKernels
import CNNLayerKit

extension Model {
  /// Calls `body` for every parameter, then every state, with the numbers in the layout of memory.
  ///
  /// Nothing guards them: call it within `withReadAccess` or `withWriteAccess`, or before anybody
  /// else has the model.
  package func forEachSlot(
    _ body: (ParameterSlot, UnsafeMutableBufferPointer<Float>) throws(CNNError) -> Void
  ) throws(CNNError) {
    for slot in parameters { try body(slot, memory(of: slot, in: parameterMemory)) }
    for slot in states { try body(slot, memory(of: slot, in: stateMemory)) }
  }

  /// Calls `body` while nobody can change the model.
  ///
  /// - Throws: `busy` if somebody does, or what `body` throws.
  package func withReadAccess<Result>(
    _ body: () throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    try access.beginReading()
    defer { access.endReading() }
    return try body()
  }

  /// Calls `body` while nobody else can use the model; afterwards, what was derived from its
  /// parameters is derived anew.
  ///
  /// - Throws: `busy` if somebody trains the model, or what `body` throws.
  package func withWriteAccess<Result>(
    _ body: () throws(CNNError) -> Result
  ) throws(CNNError) -> Result {
    try access.beginWriting()
    defer { access.endWriting() }
    return try body()
  }

  /// How many numbers the largest parameter or state has.
  package var largestSlotCount: Int { (parameters + states).map(\.count).max() ?? 0 }
}

extension ParameterSlot {
  /// Copies the slot's numbers from the layout of memory to that of files; both hold `count`.
  package func copyToFileLayout(
    _ memory: UnsafeBufferPointer<Float>, _ file: UnsafeMutableBufferPointer<Float>
  ) {
    if let weight = channelLastWeight, let source = memory.baseAddress,
      let target = file.baseAddress
    {
      Transpose.forward(
        source, target, batch: weight.outputs, rows: weight.positions, columns: weight.channels,
        slots: ThreadPool.threadCount)
      return
    }
    forEachFilePosition(of: self) { file[$1] = memory[$0] }
  }

  /// Copies the slot's numbers from the layout of files to that of memory; both hold `count`.
  package func copyFromFileLayout(
    _ file: UnsafeBufferPointer<Float>, _ memory: UnsafeMutableBufferPointer<Float>
  ) {
    if let weight = channelLastWeight, let source = file.baseAddress,
      let target = memory.baseAddress
    {
      Transpose.forward(
        source, target, batch: weight.outputs, rows: weight.channels, columns: weight.positions,
        slots: ThreadPool.threadCount)
      return
    }
    forEachFilePosition(of: self) { memory[$0] = file[$1] }
  }

  /// The sizes of a weight `[out, height, width, in]` that is `[out, in, height, width]` in files, as
  /// most of a network's numbers are: a transposition for each output.
  private var channelLastWeight: (outputs: Int, positions: Int, channels: Int)? {
    let sizes = declaration.shape.sizes
    guard sizes.count == 4, declaration.fileAxes == [0, 3, 1, 2] else { return nil }
    return (sizes[0], sizes[1] * sizes[2], sizes[3])
  }
}
