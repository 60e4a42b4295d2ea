import Glibc
import Synchronization

/// Says in words what a plugin did when the processor stopped it: which array it ran over the end of.
///
/// Only in the processes that checks have for themselves. The handler uses nothing but memory that was
/// written before, and `write`.
enum FaultHandler {
  /// What lies where, for the handler.
  struct Region {
    /// The mapping, guards included.
    var start: UInt = 0
    var end: UInt = 0
    /// The array within.
    var firstByte: UInt = 0
    var lastByte: UInt = 0
    /// The name of the array; never freed.
    var name: UnsafePointer<CChar>?
  }

  private static let capacity = 4096
  /// The code of a fault without an address (`SI_KERNEL`).
  private static let siKernel: Int32 = 0x80
  private static let isReporting = Atomic<Bool>(false)
  /// Where to look for a free place first.
  private nonisolated(unsafe) static var next = 0
  private nonisolated(unsafe) static let regions: UnsafeMutablePointer<Region> = {
    let regions = UnsafeMutablePointer<Region>.allocate(capacity: capacity)
    regions.initialize(repeating: Region(), count: capacity)
    return regions
  }()

  /// Starts to listen to signals, on a stack of its own.
  static func install() {
    _ = regions
    let size = 1 << 16
    var stack = stack_t()
    stack.ss_sp = malloc(size)
    stack.ss_size = size
    sigaltstack(&stack, nil)
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = { _, info, context in
      FaultHandler.report(info, context)
    }
    action.sa_flags = Int32(SA_SIGINFO) | Int32(SA_ONSTACK)
    for signal in [SIGSEGV, SIGBUS] { sigaction(signal, &action, nil) }
  }

  /// Makes an array known; not thread-safe.
  ///
  /// - Returns: The number to forget it by.
  static func add(_ region: Region) -> Int? {
    for _ in 0..<capacity {
      next = (next + 1) % capacity
      guard regions[next].start == 0 else { continue }
      regions[next] = region
      return next
    }
    return nil
  }

  /// Forgets an array; not thread-safe.
  static func remove(_ index: Int) { regions[index] = Region() }

  private static func report(
    _ info: UnsafeMutablePointer<siginfo_t>?, _ context: UnsafeMutableRawPointer?
  ) {
    // Threads that come second wait until the process is gone.
    while isReporting.exchange(true, ordering: .relaxed) { pause() }
    for signal in [SIGSEGV, SIGBUS] { Glibc.signal(signal, SIG_DFL) }
    guard let info else { return }
    guard info.pointee.si_code != siKernel else {
      return write(
        "fault it expects numbers at multiples of more than 4 bytes, or goes where no memory can be\n"
      )
    }
    let address = UInt(bitPattern: info.pointee._sifields._sigfault.si_addr)
    write("fault ")
    write(isWrite(context) ? "it writes " : "it reads ")
    for index in 0..<capacity {
      let region = regions[index]
      guard address >= region.start, address < region.end, let name = region.name else { continue }
      if address < region.firstByte {
        write("in front of ")
      } else if address >= region.lastByte {
        write("behind the end of ")
      }
      write(name)
      if address >= region.firstByte, address < region.lastByte {
        write(", which it may only read")
      }
      write("\n")
      return
    }
    write(address < 4096 ? "through a null pointer\n" : "where no memory is\n")
  }

  /// Whether the processor was writing, where that can be told.
  private static func isWrite(_ context: UnsafeMutableRawPointer?) -> Bool {
    #if arch(x86_64)
      guard let context else { return true }
      let registers = context.assumingMemoryBound(to: ucontext_t.self).pointee.uc_mcontext.gregs
      return withUnsafeBytes(of: registers) { bytes in
        // The error code of a page fault: bit 1 says that it was a write.
        bytes.bindMemory(to: Int64.self)[19] & 2 != 0
      }
    #else
      return true
    #endif
  }

  private static func write(_ text: StaticString) {
    _ = Glibc.write(CheckProcess.descriptor, text.utf8Start, text.utf8CodeUnitCount)
  }

  private static func write(_ text: UnsafePointer<CChar>) {
    _ = Glibc.write(CheckProcess.descriptor, text, strlen(text))
  }
}
