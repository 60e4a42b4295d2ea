/// What the host does for a layer during a call: threads, random numbers, products of matrices.
///
/// A table of functions rather than a dependency, so that a layer's author imports this module
/// alone, and a layer written in C can be handed the same table.
public struct LayerServices: Sendable {
  /// How many chunks of a `parallelFor` run at the same time at most; slots count up to it.
  public let concurrency: Int

  /// The functions behind `parallelFor`, `fillUniform`, `fillNormal` and `multiply`.
  public struct Functions: Sendable {
    /// Runs a body for each chunk.
    public let parallelFor:
      @Sendable (_ chunks: Int, _ slots: Int, _ body: (_ chunk: Int, _ slot: Int) -> Void) -> Void
    /// Writes uniformly distributed numbers.
    public let fillUniform:
      @Sendable (_ destination: UnsafeMutableBufferPointer<Float>, _ key: RandomKey, _ offset: Int)
        -> Void
    /// Writes normally distributed numbers.
    public let fillNormal:
      @Sendable (_ destination: UnsafeMutableBufferPointer<Float>, _ key: RandomKey, _ offset: Int)
        -> Void
    /// Multiplies matrices.
    public let multiply: @Sendable (_ product: MatrixProduct, _ slots: Int) -> Void

    /// Collects the functions; the host does this.
    public init(
      parallelFor: @escaping @Sendable (Int, Int, (Int, Int) -> Void) -> Void,
      fillUniform: @escaping @Sendable (UnsafeMutableBufferPointer<Float>, RandomKey, Int) -> Void,
      fillNormal: @escaping @Sendable (UnsafeMutableBufferPointer<Float>, RandomKey, Int) -> Void,
      multiply: @escaping @Sendable (MatrixProduct, Int) -> Void
    ) {
      self.parallelFor = parallelFor
      self.fillUniform = fillUniform
      self.fillNormal = fillNormal
      self.multiply = multiply
    }
  }

  private let functions: Functions

  /// Creates the services; the host does this.
  public init(concurrency: Int, functions: Functions) {
    self.concurrency = concurrency
    self.functions = functions
  }

  /// Runs `body` once for each chunk from 0 to `chunks`, on several threads.
  ///
  /// Split work by its size, never by `concurrency`, and the result has the same bits for any
  /// number of threads. No two chunks run at the same time with the same slot, so `slot` can index
  /// temporary memory.
  public func parallelFor(chunks: Int, _ body: (_ chunk: Int, _ slot: Int) -> Void) {
    functions.parallelFor(chunks, concurrency, body)
  }

  /// Writes numbers that are uniformly distributed in [0, 1): elements `offset`, `offset + 1`, … of
  /// the sequence that belongs to `key`.
  public func fillUniform(
    _ destination: UnsafeMutableBufferPointer<Float>, key: RandomKey, offset: Int = 0
  ) {
    functions.fillUniform(destination, key, offset)
  }

  /// Writes normally distributed numbers of mean 0 and deviation 1, from `key`'s sequence.
  public func fillNormal(
    _ destination: UnsafeMutableBufferPointer<Float>, key: RandomKey, offset: Int = 0
  ) {
    functions.fillNormal(destination, key, offset)
  }

  /// Computes a product of matrices.
  public func multiply(_ product: MatrixProduct) {
    functions.multiply(product, concurrency)
  }
}

/// Names a sequence of random numbers: the same key always gives the same numbers.
public struct RandomKey: Hashable, Sendable {
  /// The seed that the user chose.
  public var seed: UInt64
  /// Which node of the graph, or which other user of randomness.
  public var node: UInt32
  /// Which step of training.
  public var step: UInt64

  /// Creates a key.
  public init(seed: UInt64, node: UInt32 = 0, step: UInt64 = 0) {
    self.seed = seed
    self.node = node
    self.step = step
  }
}

/// `c = alpha · op(a) · op(b) + beta · c` over row-major matrices of 32-bit numbers.
///
/// `op(a)` is m × k, `op(b)` is k × n, `c` is m × n; `op` transposes where asked.
public struct MatrixProduct {
  /// Whether `a` is stored k × m.
  public var transposeA = false
  /// Whether `b` is stored n × k.
  public var transposeB = false
  /// Rows of the result.
  public var m: Int
  /// Columns of the result.
  public var n: Int
  /// The length of the sums.
  public var k: Int
  /// The factor of the product.
  public var alpha: Float = 1
  /// The left matrix.
  public var a: UnsafePointer<Float>
  /// The distance between rows of `a` in memory.
  public var aStride: Int
  /// The right matrix.
  public var b: UnsafePointer<Float>
  /// The distance between rows of `b` in memory.
  public var bStride: Int
  /// The factor of what `c` held before; with 0 it is not read.
  public var beta: Float = 0
  /// The result.
  public var c: UnsafeMutablePointer<Float>
  /// The distance between rows of `c` in memory.
  public var cStride: Int

  /// Describes a product of matrices that lie contiguously in memory.
  public init(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, transposeA: Bool = false,
    b: UnsafePointer<Float>, transposeB: Bool = false, c: UnsafeMutablePointer<Float>,
    alpha: Float = 1, beta: Float = 0
  ) {
    self.m = m
    self.n = n
    self.k = k
    self.a = a
    self.b = b
    self.c = c
    self.alpha = alpha
    self.beta = beta
    self.transposeA = transposeA
    self.transposeB = transposeB
    aStride = transposeA ? m : k
    bStride = transposeB ? k : n
    cStride = n
  }
}
