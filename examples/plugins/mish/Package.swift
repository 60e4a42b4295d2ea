// swift-tools-version: 6.2
import PackageDescription

// A plugin written in Swift. From this folder:
//
//     swift build -c release
//     cnn plugin-check .build/release/libmish.so
let package = Package(
  name: "mish",
  products: [.library(name: "mish", type: .dynamic, targets: ["Mish"])],
  dependencies: [
    // Elsewhere: .package(url: "…/cnn", from: "0.1.0")
    .package(name: "cnn", path: "../../..")
  ],
  targets: [
    .target(
      name: "Mish",
      dependencies: [.product(name: "CNNLayerKit", package: "cnn")],
      linkerSettings: [
        // The Swift runtime inside, and nothing visible but the one function, so that the plugin
        // runs in any program and its runtime meets no other.
        .unsafeFlags(
          [
            "-static-stdlib", "-use-ld=lld", "-Xlinker", "--exclude-libs=ALL", "-Xlinker",
            "--version-script=\(Context.packageDirectory)/exports.map", "-Xlinker", "--gc-sections",
          ], .when(platforms: [.linux]))
      ])
  ]
)
