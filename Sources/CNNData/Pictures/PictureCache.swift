import CNNImaging
import CNNLayerKit

/// Pictures that were decoded before, as long as they fit a number of bytes.
///
/// Nothing is ever thrown out: an epoch touches all pictures equally, so any choice is as good.
final class PictureCache: Sendable {
  private struct State {
    var pictures: [Int: Image] = [:]
    var remaining: Int
  }

  private let state: Locked<State>

  init(bytes: Int) {
    state = Locked(State(remaining: max(0, bytes)))
  }

  func picture(_ index: Int) -> Image? {
    state.withLock { $0.pictures[index] }
  }

  func keep(_ picture: Image, as index: Int) {
    let size = picture.width * picture.height * picture.channels
    state.withLock { state in
      // Half of what may be used at all is for those who cannot do without.
      guard size <= state.remaining, state.pictures[index] == nil,
        MemoryBudget.bytesInUse < MemoryBudget.limit / 2
      else { return }
      state.remaining -= size
      state.pictures[index] = picture
    }
  }
}
