import ArgumentParser
import CNNKernels
import CNNKit
import CNNLayerKit
import CNNLayers
import CNNPlugins

/// The command.
@main
struct CNNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cnn",
    abstract: "Convolutional neural networks on the CPU: train them, use them.",
    discussion: """
      A first session, with the handwritten digits that are part of the program:

        cnn train --data digits --model resnet_small --epochs 10 --output digits.cnn
        cnn evaluate digits.cnn --data digits --part test
        cnn predict digits.cnn photo.png

      The model that comes with the program tells cats, dogs and neither:

        cnn predict photo.jpg

      Results go to standard output, progress and messages to standard error. With --json the \
      results are JSON for other programs.

      Exit codes: 0 all went well; 1 something failed while working; 64 the command line makes no \
      sense; 65 a file does not hold what it should; 66 a file cannot be read or written; 71 not \
      enough memory; 130 interrupted.
      """,
    version: libraryVersion,
    subcommands: [
      TrainCommand.self, FinetuneCommand.self, PredictCommand.self, EvaluateCommand.self,
      CalibrateCommand.self, ConvertCommand.self, SummaryCommand.self, ExplainCommand.self,
      BenchCommand.self, PluginsCommand.self, PluginCheckCommand.self,
    ])
}

/// Options that every subcommand has.
struct CommonOptions: ParsableArguments {
  @Option(
    help: "Threads to compute with; results do not depend on it. (default: one per processor)")
  var threads: Int?

  @Flag(help: "Print results as JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Load a plugin first; may be repeated.",
      discussion: """
        A shared object with layer types, losses or optimizers. It runs with all your rights: load \
        what you trust. Files and folders (of which each .so is loaded) in the environment variable \
        CNN_PLUGIN_PATH, separated by colons, come before.
        """, valueName: "file"),
    completion: .file(extensions: ["so"]))
  var plugin: [String] = []

  /// Applies the settings of the process.
  func apply() throws {
    try registerBuiltinLayers()
    if let threads {
      guard (1...64).contains(threads) else {
        throw ValidationError("--threads is from 1 to 64, got \(threads)")
      }
      ThreadPool.setThreadCount(threads)
    }
    try reportingErrors {
      try PluginFiles.loadFromEnvironment()
      for path in plugin { try Plugin.load(path: path) }
    }
  }
}

/// Runs the body of a subcommand; an error of the library is printed and becomes an exit code.
func reportingErrors<Result>(_ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as CNNError {
    Terminal.printError("cnn: \(error.message)")
    throw error.exitCode
  }
}

extension CNNError {
  /// The exit code that tells scripts what went wrong.
  var exitCode: ExitCode {
    switch code {
    case .invalidArgument, .unknownName, .shapeMismatch, .unsupported: ExitCode(64)
    case .malformedData: ExitCode(65)
    case .inputOutput: ExitCode(66)
    case .outOfMemory: ExitCode(71)
    case .cancelled: ExitCode(130)
    case .busy, .nonFinite, .layerFailed, .internal: ExitCode(1)
    }
  }
}
