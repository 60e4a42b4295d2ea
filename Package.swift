// swift-tools-version: 6.2
import PackageDescription

// Every target of the package, from the ground up. Arrows only point down; docs/architecture.md
// says what each module is for.

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

// The vector kernels are compiled twice from the same files: once for the baseline of the
// architecture, once (through a symbolic link to the folder) with AVX2 and FMA. The running
// machine decides which one is used. Elsewhere than on x86-64 both are the same code.
#if arch(x86_64)
  let avx2Settings: [SwiftSetting] = [
    .unsafeFlags(["-Xcc", "-march=x86-64-v3"]), .define("CNN_FMA"),
  ]
#else
  let avx2Settings: [SwiftSetting] = []
#endif

// OpenBLAS, libpng, libjpeg and zlib are linked as archives, so that the shared library carries
// private copies and needs nothing installed where it runs.
let staticLibraries: [LinkerSetting] = [
  .linkedLibrary(":libopenblas.a", .when(platforms: [.linux])),
  .linkedLibrary("m"),
]
let staticCodecs: [LinkerSetting] = [
  .linkedLibrary(":libpng16.a", .when(platforms: [.linux])),
  .linkedLibrary(":libjpeg.a", .when(platforms: [.linux])),
  .linkedLibrary(":libz.a", .when(platforms: [.linux])),
]

// A missing archive is to be an error when linking instead of when loading. A sanitized library has
// undefined symbols by design: the sanitizer's runtime is in the program.
let whenNotSanitized =
  Context.environment["CNN_SANITIZER"] == nil ? ["-Xlinker", "-z", "-Xlinker", "defs"] : []

// Flags of the shared library alone: the Swift runtime inside it, and only `cnn_` names visible.
let sharedLibrary: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-static-stdlib", "-use-ld=lld",
      "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/CNNCAPI/exports.map",
      "-Xlinker", "--exclude-libs=ALL",
      "-Xlinker", "-soname=libcnn.so.0",
      "-Xlinker", "--gc-sections", "-Xlinker", "--wrap=stderr",
      // See `startNoThreads` in CNNKernels.
      "-Xlinker", "--wrap=blas_thread_init",
      // Threads of the pool outlive every call, so the library must not be unmapped under them.
      "-Xlinker", "-z", "-Xlinker", "nodelete",
      "-l_FoundationCShims", "-l_FoundationCollections", "-lswiftSynchronization",
    ] + whenNotSanitized, .when(platforms: [.linux]))
]

// The command carries the Swift runtime like the shared library, so that it runs where no toolchain
// is installed.
let command: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-static-stdlib", "-use-ld=lld", "-Xlinker", "--gc-sections", "-l_FoundationCShims",
      "-l_FoundationCollections", "-lswiftSynchronization",
    ], .when(platforms: [.linux]))
]

// Every module lists what it imports and what that is made of. One that is left out is found all the
// same, but a change of its types would not compile again what uses them, and then both would
// disagree about where things are in memory.
let basics: [Target.Dependency] = ["CNNKernelTypes", "CNNKernels", "CNNLayerKit", "CCNN"]
let everything: [Target.Dependency] =
  basics + [
    "CNNLayers", "CNNGraph", "CNNImaging", "CNNData", "CNNFormats", "CNNTraining", "CNNModels",
    "CNNPlugins", "CNNExplain",
  ]

func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil,
  exclude: [String] = [], settings: [SwiftSetting] = [], linking: [LinkerSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: path, exclude: exclude,
    swiftSettings: strict + settings, linkerSettings: linking)
}

// A program that shows a use of `CNNKit`. It is built with this package and runs in the tests; it is
// no product, so packages that depend on this one do not build it.
func example(_ name: String, path: String) -> Target {
  .executableTarget(
    name: name, dependencies: everything + ["CNNKit"], path: "examples/swift/\(path)",
    swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "cnn",
  products: [
    .library(name: "CNNKit", targets: ["CNNKit"]),
    .library(name: "CNNLayerKit", targets: ["CNNLayerKit"]),
    .library(name: "cnn", type: .dynamic, targets: ["CNNCAPI"]),
    .executable(name: "cnn-command", targets: ["CNNCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: nil, providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CProcessor"),
    .systemLibrary(name: "CVector"),
    .systemLibrary(name: "CHeap"),
    .target(name: "CForkRepair"),
    .systemLibrary(name: "CCNN", path: "include"),
    .target(
      name: "CImageCodecs",
      linkerSettings: staticCodecs),
    module("CNNKernelTypes"),
    module("CNNKernelsBaseline", ["CVector", "CNNKernelTypes"]),
    module("CNNKernelsAVX2", ["CVector", "CNNKernelTypes"], settings: avx2Settings),
    module(
      "CNNKernels",
      ["COpenBLAS", "CProcessor", "CNNKernelTypes", "CNNKernelsBaseline", "CNNKernelsAVX2"],
      linking: staticLibraries),
    module("CNNLayerKit", ["CCNN"]),
    module("CNNLayers", basics),
    module("CNNGraph", basics),
    module("CNNImaging", ["CNNLayerKit", "CCNN", "CImageCodecs"]),
    module("CNNData", basics + ["CNNImaging"]),
    module("CNNTraining", basics + ["CNNGraph", "CNNImaging", "CNNData", "CNNFormats"]),
    module("CNNFormats", basics + ["CNNGraph"]),
    module("CNNModels", basics + ["CNNGraph"]),
    module("CNNExplain", basics + ["CNNGraph", "CNNImaging"]),
    module(
      "CNNPlugins",
      basics + ["CNNGraph", "CNNImaging", "CNNData", "CNNFormats", "CNNTraining"]),
    module("CNNPluginCheck", everything + ["CHeap"]),
    module("CNNKit", everything),
    module(
      "CNNCAPI", everything + ["CNNKit", "CForkRepair"],
      exclude: ["exports.map"], linking: sharedLibrary),
    .executableTarget(
      name: "CNNCommand",
      dependencies: everything + [
        "CNNKit", "CNNPluginCheck",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict, linkerSettings: command),
    example("ExampleTrain", path: "train"),
    example("ExampleRecognise", path: "recognise"),
    example("ExampleCustomLayer", path: "custom-layer"),
    tests(
      "CNNImagingTests", ["CNNImaging", "CNNLayerKit", "CCNN"], exclude: ["make_fixtures.py"]),
    tests("CNNDataTests", basics + ["CNNData", "CNNImaging"]),
    tests("CNNFormatsTests", everything + ["CNNKit"]),
    tests("CNNModelsTests", everything + ["CNNKit"]),
    tests("CNNGraphTests", everything + ["CNNKit"]),
    tests("CNNKernelsTests", ["CNNKernels", "CNNKernelTypes"]),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    tests("CNNTrainingTests", everything + ["CNNKit", "CAllocationCounter"]),
    tests("CNNLayersTests", everything),
    tests("CNNExplainTests", everything + ["CNNKit"]),
  ]
)
