/// Convolutions as their definitions say, in plain loops and Double, for comparison.
///
/// Images are one sample, `[height, width, channels]`; weights `[out, kh, kw, in / groups]`.
struct NaiveConvolution {
  var height: Int
  var width: Int
  var inChannels: Int
  var outChannels: Int
  var kernel: (Int, Int)
  var stride = (1, 1)
  var dilation = (1, 1)
  var padding = (top: 0, left: 0)
  var output: (height: Int, width: Int)
  var groups = 1

  func forward(_ x: [Float], _ weight: [Float], _ bias: [Float]?) -> [Float] {
    var y: [Float] = []
    forEachOutput { oh, ow, oc in
      var sum = Double(bias?[oc] ?? 0)
      forEachTap(oh, ow, oc) { sum += Double(x[$0]) * Double(weight[$1]) }
      y.append(Float(sum))
    }
    return y
  }

  /// Spreads `y`, shaped like the output, over an image shaped like the input.
  func transposed(_ y: [Float], _ weight: [Float], _ bias: [Float]?) -> [Float] {
    var x = [Double](repeating: 0, count: height * width * inChannels)
    if let bias { for i in x.indices { x[i] = Double(bias[i % inChannels]) } }
    var position = 0
    forEachOutput { oh, ow, oc in
      let value = Double(y[position])
      forEachTap(oh, ow, oc) { x[$0] += value * Double(weight[$1]) }
      position += 1
    }
    return x.map { Float($0) }
  }

  private func forEachOutput(_ body: (Int, Int, Int) -> Void) {
    for oh in 0..<output.height {
      for ow in 0..<output.width {
        for oc in 0..<outChannels { body(oh, ow, oc) }
      }
    }
  }

  /// Calls `body` with each index into the input, and that of the weight it meets.
  private func forEachTap(_ oh: Int, _ ow: Int, _ oc: Int, _ body: (Int, Int) -> Void) {
    let depth = inChannels / groups
    let firstChannel = oc / (outChannels / groups) * depth
    for kh in 0..<kernel.0 {
      for kw in 0..<kernel.1 {
        let ih = oh * stride.0 + kh * dilation.0 - padding.top
        let iw = ow * stride.1 + kw * dilation.1 - padding.left
        guard ih >= 0, ih < height, iw >= 0, iw < width else { continue }
        for ic in 0..<depth {
          body(
            (ih * width + iw) * inChannels + firstChannel + ic,
            ((oc * kernel.0 + kh) * kernel.1 + kw) * depth + ic)
        }
      }
    }
  }
}

/// `count` numbers from `first` to `last` at equal distances, as numpy's linspace.
func linspace(_ first: Double, _ last: Double, _ count: Int) -> [Float] {
  (0..<count).map { Float(first + (last - first) * Double($0) / Double(max(count - 1, 1))) }
}

/// The numbers of an array with its axes in another order, as numpy's transpose.
func permuted(_ values: [Float], _ sizes: [Int], _ axes: [Int]) -> [Float] {
  let newSizes = axes.map { sizes[$0] }
  let strides = sizes.indices.map { sizes[($0 + 1)...].reduce(1, *) }
  return (0..<values.count).map { flat in
    var (rest, source) = (flat, 0)
    for i in newSizes.indices.reversed() {
      source += rest % newSizes[i] * strides[axes[i]]
      rest /= newSizes[i]
    }
    return values[source]
  }
}
