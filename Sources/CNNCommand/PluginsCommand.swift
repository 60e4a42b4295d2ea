import ArgumentParser
import CNNGraph
import CNNLayerKit
import CNNPlugins

/// `cnn plugins`.
struct PluginsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plugins",
    abstract: "Show the plugins that are loaded, and what layers, losses and optimizers there are.",
    discussion: """
      Shows the plugins that --plugin and CNN_PLUGIN_PATH name, and the types they bring. With --all, \
      the built-in types are shown as well.

        cnn plugins --plugin ./swish.so
        cnn plugins --all
      """)

  @Flag(help: "Show every type, the built-in ones too.")
  var all = false

  @OptionGroup var common: CommonOptions

  func run() throws {
    try common.apply()
    try reportingErrors {
      let kinds: [(title: String, key: String, types: AttributeValue)] = [
        ("layer", "layer_types", try TypeListing.layerTypes()),
        ("loss", "loss_types", try TypeListing.lossTypes()),
        ("optimizer", "optimizer_types", try TypeListing.optimizerTypes()),
      ]
      if common.json {
        let members = kinds.map { ($0.key, AttributeValue.list(shown($0.types))) }
        print(
          JSONText.write(
            .object(["plugins": TypeListing.plugins()].merging(members) { first, _ in first })))
        return
      }
      for plugin in Plugin.loaded {
        print("\(plugin.id) \(plugin.version), interface \(plugin.abi), \(plugin.path)")
        if !plugin.summary.isEmpty { print("  \(plugin.summary)") }
      }
      if Plugin.loaded.isEmpty { print("no plugins are loaded") }
      for kind in kinds { for type in shown(kind.types) { show(type, kind.title) } }
    }
  }

  /// The types to show: all, or those that are not built in.
  private func shown(_ types: AttributeValue) -> [AttributeValue] {
    guard case .list(let types) = types else { return [] }
    return types.filter { type in
      guard case .object(let members) = type else { return false }
      return all || members["origin"] != .string(TypeOrigin.builtIn.description)
    }
  }

  private func show(_ type: AttributeValue, _ kind: String) {
    guard case .object(let members) = type, let name = members["name"]?.asString else { return }
    let version = members["version"]?.asInteger.map { " version \($0)" } ?? ""
    print("\(kind) \(name)\(version): \(members["summary"]?.asString ?? "")")
    guard case .list(let attributes)? = members["attributes"] else { return }
    for case .object(let attribute) in attributes {
      let preset = attribute["default"].map { ", default \($0)" } ?? ", required"
      print(
        "  \(attribute["name"]?.asString ?? ""): \(attribute["expects"]?.asString ?? "")\(preset). "
          + (attribute["summary"]?.asString ?? ""))
    }
  }
}
