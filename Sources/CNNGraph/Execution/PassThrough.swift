import CNNKernels
import CNNLayerKit

/// Passes everything on, in both directions: what a layer does that is an identity when predicting.
struct PassThrough: Layer {
  let outputs: [OutputDeclaration]

  init(_ layer: any Layer) { outputs = layer.outputs }

  var backwardReads: BackwardReads { [] }
  var supportsInPlace: Bool { true }

  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    copy(call.inputs[0], call.outputs[0], call.services)
  }

  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    copy(call.outputGradients[0], call.inputGradients[0], call.services)
  }

  private func copy(
    _ source: UnsafeMutableBufferPointer<Float>, _ target: UnsafeMutableBufferPointer<Float>,
    _ services: LayerServices
  ) {
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    Elementwise.copy(
      from, to, count: min(source.count, target.count), slots: services.concurrency)
  }
}
