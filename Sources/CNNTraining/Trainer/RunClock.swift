#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Measures how fast a run is.
struct RunClock {
  /// Samples and steps done in this run.
  var samples = 0
  var steps = 0
  private let start = now()
  private var epochStart = now()
  private var windowStart = now()
  private var windowSamples = 0
  private var epochFirstSample = 0
  private var rate = 0.0

  /// Seconds since the run began.
  var seconds: Double { now() - start }
  /// Seconds since the epoch began.
  var epochSeconds: Double { now() - epochStart }

  mutating func beginEpoch() {
    epochStart = now()
    epochFirstSample = samples
    // What validation took is no part of how fast samples are trained.
    windowStart = epochStart
    windowSamples = samples
  }

  /// The rate of this epoch so far.
  var epochRate: Double { Double(samples - epochFirstSample) / max(1e-9, epochSeconds) }

  /// The rate of the last half second or more.
  mutating func samplesPerSecond() -> Double {
    let time = now()
    if time - windowStart >= 0.5 || rate == 0 {
      rate = Double(samples - windowSamples) / max(1e-9, time - windowStart)
      windowStart = time
      windowSamples = samples
    }
    return rate
  }

  /// How long so many steps will take if they are as fast as those so far, validation included.
  func secondsLeft(steps left: Double) -> Double {
    steps == 0 ? 0 : seconds / Double(steps) * max(0, left)
  }
}

private func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
