import ArgumentParser
import CNNKit

@main struct CNN: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "cnn")
  func run() { print(CNN.configuration.commandName ?? "") }
}
