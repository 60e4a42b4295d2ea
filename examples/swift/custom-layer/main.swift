// A layer type of your own: Swish, y = x · sigmoid(beta · x) (Ramachandran, Zoph and Le 2017).
//
//     swift run -c release ExampleCustomLayer
//
// Once registered, it is a layer like the built-in ones: graphs name it, models with it are saved
// and loaded, gradient checks and the trainer work with it.

import CNNKit
import Glibc

/// Swish, any shape.
struct Swish: Layer {
  let outputs: [OutputDeclaration]
  let beta: Float

  // What graphs may say of the layer. The registry checks names, kinds and ranges, so that `create`
  // sees only values that fit. Types of your own have a reversed domain in front of their name.
  static let type = LayerType(
    "org.example.swish", summary: "x · sigmoid(beta · x).",
    attributes: [
      AttributeSpecification("beta", .number(0...100), default: 1, "The steepness.")
    ]
  ) { (attributes, inputs) throws(CNNError) in
    Swish(
      outputs: [OutputDeclaration(shape: inputs[0])], beta: Float(try attributes.number("beta")))
  }

  // The gradient is computed from the inputs alone, so the host may reuse the output's memory.
  var backwardReads: BackwardReads { [.inputs] }

  // Tensors hold all samples of the batch, one after the other.
  func forward(_ call: borrowing ForwardCall) throws(CNNError) {
    let (x, y) = (call.inputs[0], call.outputs[0])
    for index in x.indices { y[index] = x[index] / (1 + expf(-beta * x[index])) }
  }

  // Overwrites the gradient of the input. (Gradients of parameters would be added to.)
  func backward(_ call: borrowing BackwardCall) throws(CNNError) {
    let (x, gradOutput) = (call.inputs[0], call.outputGradients[0])
    let gradInput = call.inputGradients[0]
    // Empty when nobody wants it, as in the first layer of a network.
    for index in gradInput.indices {
      let sigmoid = 1 / (1 + expf(-beta * x[index]))
      let slope = sigmoid * (1 + beta * x[index] * (1 - sigmoid))
      gradInput[index] = gradOutput[index] * slope
    }
  }
}

func trainWithSwish() throws(CNNError) {
  try registerBuiltinLayers()
  try LayerRegistry.shared.register(Swish.type)

  let digits = try DatasetLoader.builtIn("digits")
  let model = try Model(
    Graph(
      input: digits.sampleShape.sizes,
      layers: [
        Graph.Node("conv", type: "conv2d", ["out_channels": 16, "kernel_size": 3]),
        Graph.Node("swish", type: "org.example.swish", ["beta": 1.5]),
        Graph.Node("flatten", type: "flatten"),
        Graph.Node("logits", type: "linear", ["out_features": 10]),
      ]))

  // Is `backward` the derivative of `forward`? This compares it with finite differences.
  let report = try GradientCheck().run(model)
  print("gradients are right: \(report.passed) (largest error \(report.largestError))")

  var options = TrainerOptions()
  options.epochs = 5
  let (validation, training) = try digits.stratifiedSplit(first: 0.2, seed: 1)
  let trainer = try Trainer(
    model: model, dataset: training, validation: validation, options: options)
  let history = try trainer.fit()
  for epoch in history.epochs {
    print("epoch \(epoch.epoch + 1): accuracy \(epoch.validationAccuracy ?? .nan)")
  }
}

do throws(CNNError) {
  try trainWithSwish()
} catch {
  print(error.message)
  exit(1)
}
