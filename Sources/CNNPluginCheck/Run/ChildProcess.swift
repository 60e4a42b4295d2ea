import Glibc

/// A run of this program for one check.
///
/// Safety: used by the one thread that made it.
struct ChildProcess {
  /// How a process ended.
  enum Ending: Equatable {
    case exited(Int32)
    case killed(signal: Int32)
    case tookTooLong
    case notStarted(String)
  }

  /// What is left of a process.
  struct Report {
    var ending = Ending.notStarted("")
    /// What was being done last.
    var note = ""
    /// What the handler of a signal said.
    var fault = ""
    /// The result as JSON, if the check ended.
    var result: String?
    /// What the plugin printed.
    var output = ""
  }

  /// Runs this program with other arguments and waits for its end.
  ///
  /// - Parameters:
  ///   - arguments: Without the program's name.
  ///   - timeLimit: The seconds after which the process is killed.
  static func run(_ arguments: [String], timeLimit: Double) -> Report {
    var report = Report()
    guard let results = Pipe(), let output = Pipe() else {
      report.ending = .notStarted("no pipe could be made: \(String(cString: strerror(errno)))")
      return report
    }
    defer {
      results.close()
      output.close()
    }
    guard let process = spawn(arguments, results, output, &report) else { return report }
    results.closeWriting()
    output.closeWriting()
    var lines = ""
    let inTime = collect(
      [results.reading, output.reading], until: now() + timeLimit
    ) { descriptor, text in
      if descriptor == results.reading {
        lines += text
      } else {
        report.output += text
        if report.output.utf8.count > 1 << 16 { report.output.removeFirst(1 << 15) }
      }
    }
    if !inTime { kill(process, SIGKILL) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    report.ending =
      !inTime ? .tookTooLong : signal == 0 ? .exited(status >> 8 & 0xff) : .killed(signal: signal)
    read(lines, into: &report)
    return report
  }

  private static func read(_ lines: String, into report: inout Report) {
    for line in lines.split(separator: "\n") {
      if line.hasPrefix("note ") { report.note = String(line.dropFirst(5)) }
      if line.hasPrefix("fault ") { report.fault = String(line.dropFirst(6)) }
      if line.hasPrefix("result ") { report.result = String(line.dropFirst(7)) }
    }
  }

  private static func spawn(
    _ arguments: [String], _ results: Pipe, _ output: Pipe, _ report: inout Report
  ) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output.writing, STDERR_FILENO)
    posix_spawn_file_actions_adddup2(&actions, results.writing, CheckProcess.descriptor)
    var texts = (["cnn"] + arguments).map { strdup($0) }
    defer { for text in texts { free(text) } }
    texts.append(nil)
    var process: pid_t = 0
    let status = posix_spawn(&process, "/proc/self/exe", &actions, nil, texts, environ)
    guard status == 0 else {
      report.ending = .notStarted(
        "the process could not be started: \(String(cString: strerror(status)))")
      return nil
    }
    return process
  }

  /// Reads until all writers are gone.
  ///
  /// - Returns: Whether that was in time.
  private static func collect(
    _ descriptors: [Int32], until end: Double, _ receive: (Int32, String) -> Void
  ) -> Bool {
    var open = descriptors
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    while !open.isEmpty {
      let left = end - now()
      guard left > 0 else { return false }
      var polls = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&polls, UInt(polls.count), Int32(min(left * 1000 + 1, 1e6))) > 0 else { continue }
      for poll in polls where poll.revents != 0 {
        let count = Glibc.read(poll.fd, &bytes, bytes.count)
        if count <= 0 {
          open.removeAll { $0 == poll.fd }
        } else {
          receive(poll.fd, String(decoding: bytes.prefix(count), as: UTF8.self))
        }
      }
    }
    return true
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Two ends of a pipe that no other program inherits.
private final class Pipe {
  let reading: Int32
  private(set) var writing: Int32

  init?() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    // Away from the numbers that the other program uses.
    let high = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 16) }
    for end in ends { Glibc.close(end) }
    guard high[0] >= 0, high[1] >= 0 else { return nil }
    (reading, writing) = (high[0], high[1])
  }

  func closeWriting() {
    if writing >= 0 { Glibc.close(writing) }
    writing = -1
  }

  func close() {
    closeWriting()
    Glibc.close(reading)
  }
}
