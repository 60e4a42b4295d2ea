/// Activation functions and their gradients.
///
/// Forward passes may work in place. Backward passes read the output of the forward pass, overwrite
/// `gradInput`, and may work in place on `gradOutput`. Numbers that are not numbers pass through.
package enum Activation {
  private static var kernels: any ActivationKernels.Type { Kernels.active.vector.activation }

  /// Rectified linear unit: output = max(input, 0).
  package static func relu(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      kernels.relu(input + range.lowerBound, output + range.lowerBound, range.count)
    }
  }

  /// gradInput = gradOutput where output > 0, and 0 elsewhere.
  package static func reluBackward(
    output: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    leakyReluBackward(
      output: output, gradOutput: gradOutput, gradInput: gradInput, count: count, slope: 0,
      slots: slots)
  }

  /// Leaky rectified linear unit: output = input where input > 0, and slope · input elsewhere.
  package static func leakyRelu(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int,
    slope: Float, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      kernels.leakyRelu(input + range.lowerBound, output + range.lowerBound, range.count, slope)
    }
  }

  /// gradInput = gradOutput where output > 0, and slope · gradOutput elsewhere.
  ///
  /// The slope must not be negative, or the output does not tell the sign of the input.
  package static func leakyReluBackward(
    output: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, count: Int, slope: Float, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.leakyReluBackward(
        output + start, gradOutput + start, gradInput + start, range.count, slope)
    }
  }

  /// Logistic function: output = 1 / (1 + exp(-input)).
  package static func sigmoid(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.arithmetic, slots: slots) { range, _ in
      kernels.sigmoid(input + range.lowerBound, output + range.lowerBound, range.count)
    }
  }

  /// gradInput = gradOutput · output · (1 - output).
  package static func sigmoidBackward(
    output: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.sigmoidBackward(output + start, gradOutput + start, gradInput + start, range.count)
    }
  }

  /// Hyperbolic tangent.
  package static func tanh(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.arithmetic, slots: slots) { range, _ in
      kernels.tanh(input + range.lowerBound, output + range.lowerBound, range.count)
    }
  }

  /// gradInput = gradOutput · (1 - output²).
  package static func tanhBackward(
    output: UnsafePointer<Float>, gradOutput: UnsafePointer<Float>,
    gradInput: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.memory, slots: slots) { range, _ in
      let start = range.lowerBound
      kernels.tanhBackward(output + start, gradOutput + start, gradInput + start, range.count)
    }
  }

  /// Exponential function.
  package static func exp(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.arithmetic, slots: slots) { range, _ in
      kernels.exp(input + range.lowerBound, output + range.lowerBound, range.count)
    }
  }

  /// Natural logarithm.
  package static func log(
    _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int, slots: Int
  ) {
    ThreadPool.parallelRanges(count: count, grain: Grain.arithmetic, slots: slots) { range, _ in
      kernels.log(input + range.lowerBound, output + range.lowerBound, range.count)
    }
  }
}
