internal import CCNN

/// The host that loaded this plugin.
enum PluginHost {
  /// Its services.
  ///
  /// Safety: written by `cnn_plugin_entry`, always with the same pointer, before the host knows of any
  /// layer; what it points to never changes.
  nonisolated(unsafe) static var table: UnsafePointer<cnn_host>?

  /// The services as layers know them.
  static let functions = LayerServices.Functions(
    parallelFor: { chunks, slots, body in
      withoutActuallyEscaping(body) { body in
        var body = body
        _ = withUnsafeMutablePointer(to: &body) { body in
          table?.pointee.parallel_for?(
            Int64(chunks), Int64(slots),
            { user, chunk, slot in
              user?.assumingMemoryBound(to: ((Int, Int) -> Void).self)
                .pointee(Int(chunk), Int(slot))
            }, body)
        }
      }
    },
    fillUniform: { destination, key, offset in
      var key = cnn_random_key(key)
      _ = table?.pointee.random_uniform?(
        &key, Int64(offset), Int64(destination.count), destination.baseAddress)
    },
    fillNormal: { destination, key, offset in
      var key = cnn_random_key(key)
      _ = table?.pointee.random_normal?(
        &key, Int64(offset), Int64(destination.count), destination.baseAddress)
    },
    multiply: { product, slots in
      var product = cnn_matrix_product(product)
      _ = table?.pointee.sgemm?(&product, Int64(slots))
    })
}

extension LayerServices {
  /// The services of the host, for a call with this concurrency.
  init(concurrency: Int64) {
    self.init(concurrency: max(1, Int(concurrency)), functions: PluginHost.functions)
  }
}

extension RandomKey {
  init(_ key: cnn_random_key) {
    self.init(seed: key.seed, node: key.node & 0xFFFF | key.stream << 16, step: key.step)
  }
}

extension cnn_random_key {
  fileprivate init(_ key: RandomKey) {
    self.init()
    seed = key.seed
    step = key.step
    node = key.node & 0xFFFF
    stream = key.node >> 16
  }
}

extension cnn_matrix_product {
  fileprivate init(_ product: MatrixProduct) {
    self.init()
    header = pluginHeader(of: cnn_matrix_product.self)
    transpose_a = product.transposeA ? 1 : 0
    transpose_b = product.transposeB ? 1 : 0
    (m, n, k) = (Int64(product.m), Int64(product.n), Int64(product.k))
    (alpha, beta) = (product.alpha, product.beta)
    (a, a_stride) = (product.a, Int64(product.aStride))
    (b, b_stride) = (product.b, Int64(product.bStride))
    (c, c_stride) = (product.c, Int64(product.cStride))
  }
}

/// The numbers at a pointer, none if there is none.
func buffer(
  _ pointer: UnsafeMutablePointer<Float>?, _ count: Int
) -> UnsafeMutableBufferPointer<Float> {
  UnsafeMutableBufferPointer(start: pointer, count: pointer == nil ? 0 : count)
}

/// Makes lists of tensors of lists of pointers, in memory for the time of a call.
struct TensorLists {
  private let memory: UnsafeMutableBufferPointer<UnsafeMutableBufferPointer<Float>>
  private var used = 0

  fileprivate init(_ memory: UnsafeMutableBufferPointer<UnsafeMutableBufferPointer<Float>>) {
    self.memory = memory
  }

  /// Tensors to write.
  mutating func list(
    _ pointers: UnsafePointer<UnsafeMutablePointer<Float>?>?, _ shapes: [Shape], _ batch: Int
  ) -> TensorList {
    add(shapes.count) { buffer(pointers?[$0], batch * shapes[$0].count) }
  }

  /// Tensors to read.
  mutating func list(
    _ pointers: UnsafePointer<UnsafePointer<Float>?>?, _ shapes: [Shape], _ batch: Int
  ) -> TensorList {
    add(shapes.count) {
      buffer(UnsafeMutablePointer(mutating: pointers?[$0]), batch * shapes[$0].count)
    }
  }

  /// Parameters, states or gradients to write.
  mutating func list(
    _ pointers: UnsafePointer<UnsafeMutablePointer<Float>?>?,
    _ declarations: [ParameterDeclaration]
  ) -> TensorList {
    add(declarations.count) { buffer(pointers?[$0], declarations[$0].shape.count) }
  }

  /// Parameters or states to read.
  mutating func list(
    _ pointers: UnsafePointer<UnsafePointer<Float>?>?, _ declarations: [ParameterDeclaration]
  ) -> TensorList {
    add(declarations.count) {
      buffer(UnsafeMutablePointer(mutating: pointers?[$0]), declarations[$0].shape.count)
    }
  }

  private mutating func add(
    _ count: Int, _ tensor: (Int) -> UnsafeMutableBufferPointer<Float>
  ) -> TensorList {
    guard let base = memory.baseAddress, used + count <= memory.count else {
      return TensorList(nil, count: 0)
    }
    let start = base + used
    for index in 0..<count { (start + index).initialize(to: tensor(index)) }
    used += count
    return TensorList(start, count: count)
  }
}

/// Runs `body` with room for lists of tensors.
func withTensorLists(
  count: Int, _ body: (inout TensorLists) throws(CNNError) -> Void
) throws(CNNError) {
  let result: Result<Void, CNNError> = withUnsafeTemporaryAllocation(
    of: UnsafeMutableBufferPointer<Float>.self, capacity: max(1, count)
  ) { memory in
    var lists = TensorLists(memory)
    return Result { () throws(CNNError) in try body(&lists) }
  }
  try result.get()
}
