/// The body of a parallel loop as two plain words that other threads may hold for a while.
///
/// Swift lets nobody keep a nonescaping closure, and `withoutActuallyEscaping` takes memory on each
/// call, which a loop that runs thousands of times a second must not. Such a closure is passed as
/// two words, its code and its context, and nobody counts references to it. So a function that
/// takes the closure and a function that takes two words are called in the same way, and seeing the
/// one as the other takes the closure apart, or puts it together, without touching its context.
/// The wrapping structures keep the functions in their natural form while they are cast.
///
/// Safety: the words are valid until the function that received the closure returns.
struct NonescapingBody {
  typealias Body = (_ chunk: Int, _ slot: Int) -> Void
  typealias Word = UnsafeRawPointer?

  private let code: Word
  private let context: Word

  /// Takes `body` apart and passes it on.
  static func with(
    _ body: Body, _ receive: (NonescapingBody) -> Void
  ) {
    let plain: @Sendable (Word, Word, (NonescapingBody) -> Void) -> Void = {
      $2(NonescapingBody(code: $0, context: $1))
    }
    let closure = unsafeBitCast(PlainReceiver(function: plain), to: ClosureReceiver.self)
    closure.function(body, receive)
  }

  /// Calls the closure.
  func callAsFunction(chunk: Int, slot: Int) {
    let closure: @Sendable (Body, Int, Int) -> Void = { $0($1, $2) }
    let plain = unsafeBitCast(ClosureCaller(function: closure), to: PlainCaller.self)
    plain.function(code, context, chunk, slot)
  }

  private struct PlainReceiver {
    let function: @Sendable (Word, Word, (NonescapingBody) -> Void) -> Void
  }
  private struct ClosureReceiver {
    let function: @Sendable (Body, (NonescapingBody) -> Void) -> Void
  }
  private struct ClosureCaller {
    let function: @Sendable (Body, Int, Int) -> Void
  }
  private struct PlainCaller {
    let function: @Sendable (Word, Word, Int, Int) -> Void
  }
}
