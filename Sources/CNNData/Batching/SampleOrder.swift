import CNNLayerKit

/// A sample of an epoch.
struct DrawnSample: BitwiseCopyable {
  /// The index in the data set.
  var index: Int
  /// How many times the epoch has the same sample besides, before this one was counted.
  var repetition: Int
}

/// Which samples an epoch has, and in which order.
///
/// Without weights an epoch has every sample once. With weights it has `epochCount` samples, and
/// sample i is to be among them e(i) = `epochCount` · w(i) / Σ w times. It is so many times, rounded
/// down or up: every sample comes ⌊e(i)⌋ times, and for the rest, systematic sampling (Madow, 1949)
/// lays the remainders end to end and takes one at every whole number, from a random start. Samples
/// of the same class and weight are neighbours there, in a new random order in each epoch, so that
/// their number together is rounded once and not once each.
///
/// Safety: used by one thread at a time.
final class SampleOrder {
  /// The number of samples of an epoch.
  let epochCount: Int
  /// The epoch that was drawn last.
  let samples: BudgetedBuffer<DrawnSample>

  private let sampleCount: Int
  private let shuffles: Bool
  private let weighted: WeightedGroups?

  /// Prepares to draw.
  ///
  /// - Parameters:
  ///   - shuffles: Whether samples are drawn; otherwise an epoch has every sample once, in order,
  ///     whatever their weights.
  ///   - balancesClasses: Whether all classes are equally frequent; weights then decide within each.
  /// - Throws: `invalidArgument` for weights that are none, or classes that are to be balanced and
  ///   do not exist, `outOfMemory`.
  init(_ dataset: any Dataset, shuffles: Bool, balancesClasses: Bool) throws(CNNError) {
    sampleCount = dataset.count
    self.shuffles = shuffles
    guard shuffles || !balancesClasses else {
      throw .invalidArgument(
        "classes are balanced by drawing samples at random, and the samples were asked for in order; "
          + "leave out \"class_balance\" or let them be shuffled")
    }
    epochCount = try SampleOrder.epochCount(of: dataset, shuffles: shuffles)
    samples = try BudgetedBuffer(count: epochCount, for: "the order of the samples")
    let weights = shuffles ? dataset.sampleWeights : nil
    if shuffles, weights != nil || balancesClasses || epochCount != sampleCount {
      weighted = try WeightedGroups(
        dataset, weights: weights, balancesClasses: balancesClasses, epochCount: epochCount)
    } else {
      weighted = nil
    }
  }

  /// The number of samples in an epoch of a data set.
  static func epochCount(of dataset: any Dataset, shuffles: Bool) throws(CNNError) -> Int {
    guard shuffles, let count = dataset.samplesPerEpoch else { return dataset.count }
    guard count >= 1 else {
      throw .invalidArgument("an epoch of \(count) samples was asked for; it has at least 1")
    }
    return count
  }

  /// Draws the samples of an epoch.
  func draw(seed: UInt64, epoch: Int) {
    if let weighted {
      weighted.draw(seed: seed, epoch: epoch, into: samples)
    } else {
      for i in 0..<sampleCount { samples.pointer[i] = DrawnSample(index: i, repetition: 0) }
    }
    guard shuffles else { return }
    var random = SampleRandom(seed: seed, epoch: epoch, index: 0, purpose: .order)
    random.shuffle(samples.elements)
  }
}

/// Samples grouped by class and weight, with how often each is expected in an epoch.
private final class WeightedGroups {
  private let epochCount: Int
  /// The indices of the samples, group after group.
  private let members: BudgetedBuffer<Int>
  /// How often each member is expected.
  private let expected: BudgetedBuffer<Double>
  /// Where each group ends.
  private let ends: BudgetedBuffer<Int>
  private let groupCount: Int
  private let shuffled: BudgetedBuffer<Int>
  /// The expected counts without their whole parts, added up, and the whole number next to it.
  private let remainders: Double
  private let rest: Int
  /// The last member with a remainder, and the last one with a weight.
  private let lastRemainder: Int
  private let lastDrawn: Int

  init(
    _ dataset: any Dataset, weights: [Double]?, balancesClasses: Bool, epochCount: Int
  ) throws(CNNError) {
    let count = dataset.count
    let purpose = "the weights of \(count) samples"
    let classes = try BudgetedBuffer<Int>(count: count, for: purpose)
    let counts = try BudgetedBuffer<Double>(count: count, for: purpose)
    members = try BudgetedBuffer(count: count, for: purpose)
    expected = try BudgetedBuffer(count: count, for: purpose)
    ends = try BudgetedBuffer(count: count, for: purpose)
    shuffled = try BudgetedBuffer(count: count, for: purpose)
    self.epochCount = epochCount
    try WeightedGroups.check(weights, count: count)
    if balancesClasses { try WeightedGroups.readClasses(of: dataset, into: classes) }
    for i in 0..<count {
      members.pointer[i] = i
      counts.pointer[i] = weights?[i] ?? 1
    }
    WeightedGroups.scale(counts, classes, toSum: Double(epochCount))
    var order = members.elements
    order.sort {
      (classes.pointer[$0], counts.pointer[$0], $0) < (classes.pointer[$1], counts.pointer[$1], $1)
    }
    var groups = 0
    var whole = 0
    var sum = 0.0
    var lastRemainder = -1
    var lastDrawn = 0
    for position in 0..<count {
      let index = members.pointer[position]
      let share = counts.pointer[index]
      expected.pointer[position] = share
      whole += Int(share)
      if share > 0 { lastDrawn = position }
      if share > share.rounded(.down) { lastRemainder = position }
      sum += share - share.rounded(.down)
      let next = position + 1 < count ? members.pointer[position + 1] : index
      if position + 1 == count || classes.pointer[next] != classes.pointer[index]
        || counts.pointer[next] != share
      {
        ends.pointer[groups] = position + 1
        groups += 1
      }
    }
    groupCount = groups
    rest = max(0, epochCount - whole)
    remainders = sum
    self.lastRemainder = lastRemainder
    self.lastDrawn = lastDrawn
  }

  private static func check(_ weights: [Double]?, count: Int) throws(CNNError) {
    guard let weights else { return }
    guard weights.count == count else {
      throw .invalidArgument(
        "a data set of \(count) samples has weights for \(weights.count) of them")
    }
    for (index, weight) in weights.enumerated() where !(weight >= 0 && weight.isFinite) {
      throw .invalidArgument(
        "the weight of sample \(index) is \(weight), and must be finite and at least 0")
    }
    guard weights.contains(where: { $0 > 0 }) else {
      throw .invalidArgument("the weights of all \(count) samples are 0; give one a larger weight")
    }
  }

  private static func readClasses(
    of dataset: any Dataset, into classes: BudgetedBuffer<Int>
  ) throws(CNNError) {
    guard dataset.targets.contains(where: { if case .classes = $0.kind { true } else { false } })
    else {
      throw CNNError(
        .unsupported,
        "option \"class_balance\" needs a data set with classes, and this one has only numbers to "
          + "learn")
    }
    for i in 0..<classes.count { classes.pointer[i] = try dataset.label(at: i) }
  }

  /// Turns weights into expected counts, of which each class has the same part.
  private static func scale(
    _ counts: BudgetedBuffer<Double>, _ classes: BudgetedBuffer<Int>, toSum total: Double
  ) {
    // By the largest first, so that no sum overflows.
    let largest = counts.elements.max() ?? 1
    var masses: [Int: Double] = [:]
    for i in 0..<counts.count {
      counts.pointer[i] /= largest
      masses[classes.pointer[i], default: 0] += counts.pointer[i]
    }
    let present = Double(masses.values.count { $0 > 0 })
    for i in 0..<counts.count {
      let mass = masses[classes.pointer[i]] ?? 0
      let count = mass > 0 ? counts.pointer[i] / mass * (total / present) : 0
      // A whole number but for rounding is to be one.
      let nearest = count.rounded()
      counts.pointer[i] = abs(count - nearest) <= 1e-9 * nearest ? nearest : count
    }
  }

  /// Writes the samples of an epoch, those of a group side by side.
  func draw(seed: UInt64, epoch: Int, into output: BudgetedBuffer<DrawnSample>) {
    var random = SampleRandom(seed: seed, epoch: epoch, index: 1, purpose: .order)
    shuffled.pointer.update(from: members.pointer, count: members.count)
    var begin = 0
    for group in 0..<groupCount {
      let end = ends.pointer[group]
      random.shuffle(UnsafeMutableBufferPointer(rebasing: shuffled.elements[begin..<end]))
      begin = end
    }
    let start = Double(random.uniform())
    let scale = remainders > 0 ? Double(rest) / remainders : 0
    var sum = 0.0
    var taken = 0
    var written = 0
    for position in 0..<members.count {
      let count = expected.pointer[position]
      var times = Int(count)
      let remainder = count - count.rounded(.down)
      if remainder > 0 {
        sum += remainder
        let reached =
          position == lastRemainder ? rest : Int(min(Double(rest), sum * scale + start))
        if taken < reached {
          times += 1
          taken += 1
        }
      }
      for repetition in 0..<times where written < epochCount {
        output.pointer[written] = DrawnSample(
          index: shuffled.pointer[position], repetition: repetition)
        written += 1
      }
    }
    // Rounding of sums can lose a sample, if at all.
    while written < epochCount {
      output.pointer[written] = DrawnSample(
        index: shuffled.pointer[lastDrawn], repetition: written)
      written += 1
    }
  }
}
