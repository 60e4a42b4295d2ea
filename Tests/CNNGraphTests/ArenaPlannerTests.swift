import CNNGraph
import CNNLayerKit
import Testing

@Suite("arena planner")
struct ArenaPlannerTests {
  @Test("buffers that live together never overlap, and little is wasted", arguments: 1...40)
  func random(seed: Int) throws {
    var random = SeededRandom(UInt64(seed))
    var planner = ArenaPlanner()
    var sizes: [Int] = []
    var lifetimes: [ClosedRange<Int>] = []
    for _ in 0..<Int.random(in: 1...60, using: &random) {
      let start = Int.random(in: 0...40, using: &random)
      var lifetime = start...(start + Int.random(in: 0...8, using: &random))
      let size = Int.random(in: 0...5000, using: &random)
      let index = planner.add(size: size, lifetime: lifetime)
      #expect(index == sizes.count)
      if Int.random(in: 0...3, using: &random) == 0 {
        let other = (start + 2)...(start + 12)
        planner.extend(index, over: other)
        lifetime =
          min(lifetime.lowerBound, other.lowerBound)...max(lifetime.upperBound, other.upperBound)
      }
      sizes.append(size)
      lifetimes.append(lifetime)
    }
    let (offsets, total) = try planner.solve()
    for a in sizes.indices where sizes[a] > 0 {
      #expect(offsets[a] >= 0 && offsets[a] + sizes[a] <= total)
      #expect(offsets[a] % ArenaPlanner.granularity == 0)
      for b in sizes.indices where b > a && sizes[b] > 0 && lifetimes[a].overlaps(lifetimes[b]) {
        #expect(
          offsets[a] + sizes[a] <= offsets[b] || offsets[b] + sizes[b] <= offsets[a],
          "\(a) and \(b) share memory")
      }
    }
    // No plan can do with less than what lives at the worst moment.
    let rounded = sizes.map { ($0 + 15) / 16 * 16 }
    let bound =
      (0...60).map { time in
        zip(rounded, lifetimes).reduce(0) { $0 + ($1.1.contains(time) ? $1.0 : 0) }
      }.max() ?? 0
    #expect(total >= bound)
    #expect(Double(total) <= 1.35 * Double(bound), "\(total) where \(bound) is the least")
  }

  @Test("equal requests give equal plans, and chains take the two largest neighbours")
  func chain() throws {
    func plan() throws -> (offsets: [Int], size: Int) {
      var planner = ArenaPlanner()
      for (time, size) in [160, 320, 480, 160, 64].enumerated() {
        _ = planner.add(size: size, lifetime: time...(time + 1))
      }
      return try planner.solve()
    }
    #expect(try plan().offsets == plan().offsets)
    #expect(try plan().size == 800)
  }

  @Test("more than can be addressed is an error")
  func overflow() throws {
    var planner = ArenaPlanner()
    for _ in 0..<4 { _ = planner.add(size: Shape.maximumCount / 2, lifetime: 0...1) }
    let error = #expect(throws: CNNError.self) { try planner.solve() }
    #expect(error?.code == .outOfMemory)
  }
}
