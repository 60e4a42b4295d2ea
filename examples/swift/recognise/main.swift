// Says what a picture shows.
//
//     swift run -c release ExampleRecognise digits.cnn photo.png
//
// The model's file has everything in it: the graph, the parameters, how pictures become its input,
// and the names of the classes.

import CNNKit
import Glibc

guard CommandLine.arguments.count == 3 else {
  print("usage: ExampleRecognise MODEL PICTURE")
  exit(2)
}

// Errors are values of type `CNNError`; their message says what was wrong and what to do.
do throws(CNNError) {
  try registerBuiltinLayers()
  let recognizer = try Recognizer(Model.load(path: CommandLine.arguments[1]))
  for answer in try recognizer.classes(ofPictureAt: CommandLine.arguments[2], most: 3) {
    print("\(answer.label): \(answer.probability)")
  }
} catch {
  print(error.message)
  exit(1)
}
