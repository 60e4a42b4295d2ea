/// Losses with their gradients, in one pass.
///
/// A gradient pointer of nil asks for the loss alone. `gradientScale` multiplies the gradient and not
/// the loss: the weight of this loss among several. Gradients are overwritten. Sums are in double
/// precision and in a fixed order.
package enum Loss {
  private static var kernels: any LossKernels.Type { Kernels.active.vector.loss }

  /// A loss and what was wrong with its targets.
  package struct Result: Hashable, Sendable {
    /// The mean loss.
    package var value: Double
    /// The first row whose label is no class, or -1.
    package var firstInvalidRow: Int

    /// Creates a result.
    package init(value: Double, firstInvalidRow: Int) {
      self.value = value
      self.firstInvalidRow = firstInvalidRow
    }
  }

  /// Softmax cross-entropy of [rows, classes] logits with a class for each row, mean over the rows.
  ///
  /// With smoothing s the target is s / classes everywhere and 1 - s more at the label. The gradient
  /// is (softmax - target) / rows. Rows with labels outside 0 ..< classes add neither loss nor
  /// gradient, and the first is reported.
  package static func softmaxCrossEntropy(
    logits: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    gradient: UnsafeMutablePointer<Float>?, rows: Int, classes: Int, labelSmoothing: Float = 0,
    gradientScale: Float = 1, slots: Int
  ) -> Result {
    guard rows > 0, classes > 0 else { return Result(value: 0, firstInvalidRow: -1) }
    let smooth = labelSmoothing / Float(classes)
    let peak = 1 - labelSmoothing
    let factor = gradientScale / Float(rows)
    let elementwise = Kernels.active.vector.elementwise
    let grain = Grain.reductionRows(rows, columns: classes)
    let sum = PartialSums.sum(count: rows, grain: grain, slots: slots) { range in
      var sum = 0.0
      for row in range {
        let target = gradient.map { $0 + row * classes }
        let label = Int(labels[row])
        if label >= 0, label < classes {
          sum += kernels.crossEntropyRow(
            logits + row * classes, label, peak, smooth, factor, classes, target)
        } else if let target {
          elementwise.fill(target, classes, 0)
        }
      }
      return sum
    }
    var row = 0
    while row < rows, labels[row] >= 0, Int(labels[row]) < classes { row += 1 }
    return Result(value: sum / Double(rows), firstInvalidRow: row < rows ? row : -1)
  }

  /// Softmax cross-entropy of [rows, classes] logits with [rows, classes] probabilities, mean over
  /// the rows; the gradient is (softmax · Σ targets - targets) / rows.
  ///
  /// With smoothing s the targets are 1 - s times the probabilities, and s / classes more everywhere.
  package static func softmaxCrossEntropy(
    logits: UnsafePointer<Float>, probabilities: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>?, rows: Int, classes: Int, labelSmoothing: Float = 0,
    gradientScale: Float = 1, slots: Int
  ) -> Double {
    guard rows > 0, classes > 0 else { return 0 }
    let smooth = labelSmoothing / Float(classes)
    let peak = 1 - labelSmoothing
    let factor = gradientScale / Float(rows)
    let grain = Grain.reductionRows(rows, columns: classes)
    let sum = PartialSums.sum(count: rows, grain: grain, slots: slots) { range in
      var sum = 0.0
      for row in range {
        sum += kernels.crossEntropyRow(
          logits + row * classes, probabilities + row * classes, peak, smooth, factor, classes,
          gradient.map { $0 + row * classes })
      }
      return sum
    }
    return sum / Double(rows)
  }

  /// Cross-entropy of sigmoid(logits) with targets in [0, 1], Σ divided by `divisor`.
  ///
  /// Computed as max(x, 0) - x · t + log(1 + exp(-|x|)), which neither overflows nor cancels. The
  /// gradient is (sigmoid(x) - t) / divisor.
  ///
  /// - Parameter divisor: The number of samples, or of elements for the mean over all.
  package static func sigmoidCrossEntropy(
    logits: UnsafePointer<Float>, targets: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>?, count: Int, divisor: Int, gradientScale: Float = 1,
    slots: Int
  ) -> Double {
    mean(count, divisor, gradientScale, slots) { start, count, factor in
      kernels.sigmoidCrossEntropy(
        logits + start, targets + start, factor, count, gradient.map { $0 + start })
    }
  }

  /// Squared error, Σ (prediction - target)² divided by `divisor`; the gradient is
  /// 2 · (prediction - target) / divisor.
  ///
  /// - Parameter divisor: The number of samples, or of elements for the mean over all.
  package static func meanSquaredError(
    predictions: UnsafePointer<Float>, targets: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>?, count: Int, divisor: Int, gradientScale: Float = 1,
    slots: Int
  ) -> Double {
    mean(count, divisor, gradientScale, slots) { start, count, factor in
      kernels.squaredError(
        predictions + start, targets + start, factor, count, gradient.map { $0 + start })
    }
  }

  /// Smooth L1 (Huber) loss, divided by `divisor`: d² / 2 / beta where |d| < beta and |d| - beta / 2
  /// elsewhere, d = prediction - target.
  ///
  /// - Parameters:
  ///   - beta: Where the parabola ends; 0 gives |d|.
  ///   - divisor: The number of samples, or of elements for the mean over all.
  package static func smoothL1(
    predictions: UnsafePointer<Float>, targets: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>?, count: Int, divisor: Int, beta: Float = 1,
    gradientScale: Float = 1, slots: Int
  ) -> Double {
    mean(count, divisor, gradientScale, slots) { start, count, factor in
      kernels.smoothL1(
        predictions + start, targets + start, beta, factor, count, gradient.map { $0 + start })
    }
  }

  private static func mean(
    _ count: Int, _ divisor: Int, _ gradientScale: Float, _ slots: Int,
    _ body: (_ start: Int, _ count: Int, _ factor: Float) -> Double
  ) -> Double {
    guard count > 0, divisor > 0 else { return 0 }
    let factor = gradientScale / Float(divisor)
    let sum = PartialSums.sum(count: count, grain: Grain.reduction(count), slots: slots) {
      body($0.lowerBound, $0.count, factor)
    }
    return sum / Double(divisor)
  }
}
