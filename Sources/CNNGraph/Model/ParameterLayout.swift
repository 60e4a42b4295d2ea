import CNNLayerKit

/// One parameter or state of a model: what it is called and where in the model's memory it lies.
public struct ParameterSlot: Hashable, Sendable {
  /// The full name: the node's and the parameter's with a dot between, as in `conv1.weight`.
  public let name: String
  /// What the layer declared.
  public let declaration: ParameterDeclaration
  /// The index of the node in `Network.nodes`.
  public let node: Int
  /// Where the first number lies, counted in numbers from the start of the model's memory.
  public let offset: Int

  /// How many numbers there are.
  public var count: Int { declaration.shape.count }

  /// The shape in files: that of the field, as in `[out, in, height, width]`.
  public var fileShape: [Int] {
    let sizes = declaration.shape.sizes
    return declaration.fileAxes?.map { sizes[$0] } ?? sizes
  }
}

/// Where each parameter (or each state) of a network lies in one piece of memory.
struct ParameterLayout: Sendable {
  /// Every parameter, in the order of the nodes.
  private(set) var slots: [ParameterSlot] = []
  /// For each node, which of `slots` are its own.
  private(set) var ranges: [Range<Int>] = []
  /// The size of the whole, with gaps so that each parameter starts on a cache line.
  private(set) var count = 0

  init(
    _ network: Network, _ declarations: (any Layer) -> [ParameterDeclaration]
  ) throws(CNNError) {
    for (index, node) in network.nodes.enumerated() {
      let first = slots.count
      for declaration in declarations(node.layer) {
        try ParameterLayout.check(declaration, of: node)
        slots.append(
          ParameterSlot(
            name: "\(node.name).\(declaration.name)", declaration: declaration, node: index,
            offset: count))
        let size = (declaration.shape.count + 15) / 16 * 16
        guard let total = checkedSum([count, size]), total <= Shape.maximumCount else {
          throw CNNError(.outOfMemory, "the network has more parameters than memory can hold")
        }
        count = total
      }
      ranges.append(first..<slots.count)
    }
  }

  private static func check(
    _ declaration: ParameterDeclaration, of node: Network.Node
  ) throws(CNNError) {
    if let axes = declaration.fileAxes, axes.sorted() != Array(0..<declaration.shape.rank) {
      throw CNNError(
        .layerFailed,
        "layer \"\(node.name)\" (\(node.type)): fileAxes of \"\(declaration.name)\" is \(axes), which "
          + "is no order of the axes of \(declaration.shape)")
    }
  }
}

/// Calls `body` with corresponding positions in memory and in a file.
///
/// Both count numbers from the parameter's start.
func forEachFilePosition(
  of slot: ParameterSlot, _ body: (_ memory: Int, _ file: Int) -> Void
) {
  guard let axes = slot.declaration.fileAxes else {
    for index in 0..<slot.count { body(index, index) }
    return
  }
  let sizes = slot.declaration.shape.sizes
  var strides = [Int](repeating: 1, count: sizes.count)
  for axis in stride(from: sizes.count - 2, through: 0, by: -1) {
    strides[axis] = strides[axis + 1] * sizes[axis + 1]
  }
  let fileSizes = axes.map { sizes[$0] }
  let fileStrides = axes.map { strides[$0] }
  var position = [Int](repeating: 0, count: axes.count)
  var memory = 0
  for file in 0..<slot.count {
    body(memory, file)
    var axis = axes.count - 1
    while axis >= 0 {
      position[axis] += 1
      memory += fileStrides[axis]
      if position[axis] < fileSizes[axis] { break }
      memory -= fileStrides[axis] * fileSizes[axis]
      position[axis] = 0
      axis -= 1
    }
  }
}
