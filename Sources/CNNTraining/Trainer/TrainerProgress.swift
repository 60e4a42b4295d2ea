/// How far a run of training has come.
public struct TrainerProgress: Hashable, Sendable {
  /// What has just happened.
  public enum Event: Hashable, Sendable {
    /// A step is done.
    case step
    /// An epoch is done, validation included.
    case epoch
  }

  /// What a callback wants.
  public enum Decision: Hashable, Sendable {
    /// Go on.
    case proceed
    /// Stop the run; it can be resumed from its checkpoint.
    case cancel
  }

  /// What has just happened.
  public var event: Event
  /// The epoch, from 0.
  public var epoch: Int
  /// How many epochs there will be at most.
  public var epochCount: Int
  /// Steps done in this epoch.
  public var step: Int
  /// Steps in an epoch.
  public var stepCount: Int
  /// The loss of this step; at the end of an epoch the mean over its samples.
  public var loss: Double
  /// The learning rate of this step.
  public var learningRate: Double
  /// The share of right answers in this epoch so far; nil without classes.
  public var accuracy: Double?
  /// The loss on the validation data; nil without such data, and in steps.
  public var validationLoss: Double?
  /// The share of right answers on the validation data; nil without such data, and in steps.
  public var validationAccuracy: Double?
  /// Samples trained per second, lately.
  public var samplesPerSecond: Double
  /// Seconds since the run began.
  public var seconds: Double
  /// An estimate of the seconds until the last epoch ends.
  public var secondsLeft: Double
}
