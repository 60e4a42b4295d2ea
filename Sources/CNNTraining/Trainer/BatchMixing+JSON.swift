import CNNData
import CNNLayerKit

extension BatchMixing {
  /// Reads the options "mixup" and "cutmix"; nil if there is neither.
  ///
  /// - Throws: `unknownName` for unknown keys, `invalidArgument` for unfit values.
  init?(_ options: OptionReader) throws(CNNError) {
    let keys = ["alpha", "probability"]
    self.init()
    if let members = try options.options("mixup", valid: keys) {
      var mixup = Mixup()
      mixup.alpha = try members.alpha() ?? mixup.alpha
      mixup.probability = try members.number("probability", in: 0...1) ?? mixup.probability
      self.mixup = mixup
    }
    if let members = try options.options("cutmix", valid: keys) {
      var cutmix = CutMix()
      cutmix.alpha = try members.alpha() ?? cutmix.alpha
      cutmix.probability = try members.number("probability", in: 0...1) ?? cutmix.probability
      self.cutmix = cutmix
    }
    if mixup == nil, cutmix == nil { return nil }
  }
}

extension BatchMixing.Mixup {
  var value: AttributeValue { ["alpha": .number(alpha), "probability": .number(probability)] }
}

extension BatchMixing.CutMix {
  var value: AttributeValue { ["alpha": .number(alpha), "probability": .number(probability)] }
}

extension OptionReader {
  fileprivate func alpha() throws(CNNError) -> Double? {
    try number("alpha", in: 0...1000, excludingLowest: true)
  }
}
