import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The terminal that the command talks to.
enum Terminal {
  /// Whether standard error is a terminal, on which a line can be written over.
  static let isInteractive = isatty(STDERR_FILENO) == 1

  /// How many columns the terminal has; 80 where that cannot be told.
  static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes a line to standard error.
  static func printError(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

  /// Writes over the current line of the terminal.
  static func overwriteLine(_ line: String) {
    write("\r\u{1B}[2K" + line, to: STDERR_FILENO)
  }

  /// Removes the current line of the terminal.
  static func clearLine() { if isInteractive { overwriteLine("") } }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      bytes = bytes.dropFirst(count)
    }
  }
}

/// Turns the first interruption from the keyboard into a wish to stop; the second one ends the
/// process as usual.
enum Interruption {
  private static let wished = Atomic<Bool>(false)

  /// Whether somebody wants to stop.
  static var isWished: Bool { wished.load(ordering: .relaxed) }

  /// Starts to listen for interruptions.
  static func listen() {
    signal(SIGINT) { _ in
      Interruption.wished.store(true, ordering: .relaxed)
      signal(SIGINT, SIG_DFL)
    }
  }
}

/// Numbers and durations for people.
enum Format {
  /// A number with the given digits after the point, independent of the locale.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((abs(value) * scale).rounded())
    let whole = scaled / Int(scale)
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let fraction = String(scaled % Int(scale))
    return "\(sign)\(whole).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }

  /// A share as a percentage with one digit.
  static func percent(_ share: Double) -> String { fixed(share * 100, 1) + " %" }

  /// A duration as people say it: `42 s`, `3 min 20 s`, `2 h 5 min`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    if seconds < 10 { return fixed(seconds, 1) + " s" }
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// Text filled with spaces on the right.
  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
