// Trains a small network on handwritten digits, says how good it is, and saves it.
//
//     swift run -c release ExampleTrain digits.cnn
//
// The digits are part of the library, so there is nothing to download. A minute of reading:
// describe the network, give it parameters, train it, judge it by digits it has not seen, save it.

import CNNKit
import Glibc

func train() throws(CNNError) {
  // Layer types live in a registry; this adds the built-in ones.
  try registerBuiltinLayers()

  let training = try DatasetLoader.builtIn("digits")
  var testOptions = DatasetOptions()
  testOptions.part = .test
  let unseen = try DatasetLoader.builtIn("digits", options: testOptions)

  // A graph is only a description. Every layer takes the output of the one before it, unless it names
  // its inputs. Shapes are those of one sample: height, width, channels.
  let graph = Graph(
    input: training.sampleShape.sizes,
    layers: [
      Graph.Node(
        "conv1", type: "conv2d", ["out_channels": 16, "kernel_size": 3, "padding": "same"]),
      Graph.Node("relu1", type: "relu"),
      Graph.Node(
        "conv2", type: "conv2d", ["out_channels": 32, "kernel_size": 3, "padding": "same"]),
      Graph.Node("relu2", type: "relu"),
      Graph.Node("pool", type: "max_pool2d", ["kernel_size": 2]),
      Graph.Node("flatten", type: "flatten"),
      Graph.Node("logits", type: "linear", ["out_features": 10]),
    ])

  // The model is the graph with memory for its parameters. The same seed gives the same numbers.
  let model = try Model(graph, seed: 7)
  print(try ModelSummary(model).text)

  var options = TrainerOptions()
  options.epochs = 5
  options.training.optimizer = OptimizerSpecification("adam")
  options.training.learningRate = 0.002
  options.training.weightDecay = 1e-4

  // The model remembers class names and how pictures become its input, so that whoever loads the file
  // later treats pictures in the same way.
  let trainer = try Trainer(model: model, dataset: training, validation: unseen, options: options)
  try trainer.fit { progress in
    if progress.event == .epoch, let accuracy = progress.validationAccuracy {
      print(
        "epoch \(progress.epoch + 1) of \(progress.epochCount): loss \(progress.loss), "
          + "\(Int((100 * accuracy).rounded())) % of unseen digits right")
    }
    return .proceed  // `.cancel` would stop the run
  }

  let metrics = try evaluate(model, on: unseen)
  print("loss \(metrics.loss), accuracy \(metrics.accuracy ?? .nan) on \(metrics.count) digits")

  if CommandLine.arguments.count > 1 {
    let path = CommandLine.arguments[1]
    try model.save(to: path)
    print("saved \(path)")
  }
}

do throws(CNNError) {
  try train()
} catch {
  print(error.message)  // what was wrong, and what to do
  exit(1)
}
