/// Returns the valid name that a person most likely meant, or nil if none is close.
///
/// Close means at most a third of the letters differ (Damerau-Levenshtein distance, case and
/// separators ignored), or one name begins with the other.
package func nearestName(to name: String, among valid: some Sequence<String>) -> String? {
  // Names come from files and callers: comparing very long ones would cost quadratic time.
  guard name.utf8.count <= 64 else { return nil }
  let wanted = normalized(name)
  guard !wanted.isEmpty else { return nil }
  var best: (name: String, distance: Int)?
  for candidate in valid where candidate.utf8.count <= 64 {
    let other = normalized(candidate)
    var distance = editDistance(wanted, other)
    if wanted.count >= 3,
      other.starts(with: wanted) || (other.count >= 3 && wanted.starts(with: other))
    {
      distance = min(distance, 1)
    }
    if distance <= max(1, max(wanted.count, other.count) / 3), distance < best?.distance ?? .max {
      best = (candidate, distance)
    }
  }
  return best?.name
}

private func normalized(_ name: String) -> [UInt8] {
  name.lowercased().utf8.filter { $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
}

private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var twoAgo = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var current = [i + 1]
    for (j, y) in b.enumerated() {
      var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (x == y ? 0 : 1))
      if i > 0, j > 0, x == b[j - 1], a[i - 1] == y { cost = min(cost, twoAgo[j - 1] + 1) }
      current.append(cost)
    }
    twoAgo = previous
    previous = current
  }
  return previous[b.count]
}
