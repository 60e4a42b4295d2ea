import CNNImaging
import CNNLayerKit

/// How many bytes of pictures may be kept, by one cache or several together.
final class CacheAllowance: Sendable {
  /// The number in the beginning.
  let bytes: Int
  private let remaining: Locked<Int>

  init(bytes: Int) {
    self.bytes = bytes
    remaining = Locked(max(0, bytes))
  }

  /// Takes so many bytes, if there are as many.
  func take(_ size: Int) -> Bool {
    remaining.withLock { remaining in
      guard size <= remaining else { return false }
      remaining -= size
      return true
    }
  }

  /// Gives bytes back.
  func giveBack(_ size: Int) {
    remaining.withLock { $0 += size }
  }
}

/// Pictures that were decoded before, as long as they fit a number of bytes.
///
/// Nothing is ever thrown out: an epoch touches all pictures equally, so any choice is as good.
final class PictureCache: Sendable {
  private struct State {
    var pictures: [Int: Image] = [:]
    var bytes = 0
  }

  /// What the pictures are counted against.
  let allowance: CacheAllowance
  private let state = Locked(State())

  init(_ allowance: CacheAllowance) {
    self.allowance = allowance
  }

  deinit {
    allowance.giveBack(state.withLock { $0.bytes })
  }

  func picture(_ index: Int) -> Image? {
    state.withLock { $0.pictures[index] }
  }

  func keep(_ picture: Image, as index: Int) {
    let size = picture.width * picture.height * picture.channels
    state.withLock { state in
      // Half of what may be used at all is for those who cannot do without.
      guard state.pictures[index] == nil, MemoryBudget.bytesInUse < MemoryBudget.limit / 2,
        allowance.take(size)
      else { return }
      state.bytes += size
      state.pictures[index] = picture
    }
  }
}
