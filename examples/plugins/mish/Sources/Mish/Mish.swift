import CNNLayerKit
import Glibc

/// Mish, y = x · tanh(ln(1 + exp(x))) (Misra 2020), any shape.
struct Mish: Layer {
  let outputs: [OutputDeclaration]

  static let type = LayerType(
    "org.example.mish", summary: "x · tanh(softplus(x))."
  ) { (_, inputs) throws(CNNError) in
    Mish(outputs: [OutputDeclaration(shape: inputs[0])])
  }

  // The gradient is computed from the inputs alone, so the host may reuse the output's memory.
  var backwardReads: BackwardReads { [.inputs] }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let (x, y) = (call.inputs[0], call.outputs[0])
    inChunks(of: x.count, call.services) { range in
      for index in range { y[index] = x[index] * tanhf(softplus(x[index])) }
    }
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    let (x, gradOutput) = (call.inputs[0], call.outputGradients[0])
    // Empty when nobody wants it, as in the first layer of a network.
    let gradInput = call.inputGradients[0]
    inChunks(of: gradInput.count, call.services) { range in
      for index in range {
        let t = tanhf(softplus(x[index]))
        let sigmoid = 1 / (1 + expf(-x[index]))
        gradInput[index] = gradOutput[index] * (t + x[index] * sigmoid * (1 - t * t))
      }
    }
  }

  private func softplus(_ x: Float) -> Float { max(x, 0) + log1pf(expf(-abs(x))) }

  /// Cuts the work by its size, so that the results do not depend on the number of threads.
  private func inChunks(of count: Int, _ services: LayerServices, _ body: (Range<Int>) -> Void) {
    let size = 4096
    services.parallelFor(chunks: (count + size - 1) / size) { chunk, _ in
      body(chunk * size..<min(count, (chunk + 1) * size))
    }
  }
}

/// What a program that loads the plugin calls.
@_cdecl("cnn_plugin_entry")
public func pluginEntry(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? {
  PluginDescription(
    "org.example.mish", version: "1.0.0", summary: "The activation function mish.",
    layers: [Mish.type]
  ).entry(host)
}
