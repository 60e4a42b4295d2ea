import CNNKernels
import CNNKit
import Foundation
import Testing

/// Everything that a strong recipe has, at once, killed and resumed.
@Suite struct RecipeResumeTests {
  private func options(_ path: String, resume: Bool, workers: Int) throws -> TrainerOptions {
    var options = try TrainerOptions(
      json: """
        {"batch_size": 8, "learning_rate": 0.01, "epochs": 3, "seed": 5, "class_balance": true,
        "mixup": {"alpha": 0.4, "probability": 0.5}, "cutmix": {"probability": 0.3},
        "ema": {"decay": 0.8}, "augment": {"random_crop": {"padding": 1}}, "clip_norm": 2,
        "loss": {"type": "softmax_cross_entropy", "label_smoothing": 0.1}, "accuracy_samples": 9,
        "optimizer": "nesterov", "weight_decay": 1e-3, "checkpoint": "", "checkpoint_every": 3,
        "schedule": {"type": "cosine", "warmup_epochs": 1}}
        """)
    options.checkpointPath = path
    options.resume = resume
    options.workers = workers
    return options
  }

  /// Trains, with another class twice as frequent as the others; `killAfter` keeps what was on disk.
  private func run(
    _ folder: TemporaryFolder, _ name: String, seed: UInt64 = 1, threads: Int = 2,
    killAfter: Int? = nil, resume: Bool = false, validates: Bool = true,
    change: (inout TrainerOptions) -> Void = { _ in }
  ) throws -> Model {
    let before = ThreadPool.threadCount
    ThreadPool.setThreadCount(threads)
    defer { ThreadPool.setThreadCount(before) }
    let model = try makeModel(smallNetwork(), seed: seed)
    let uneven = try Subset(stripes(60), indices: (0..<60).filter { $0 % 3 == 0 || $0 % 2 == 0 })
    var options = try options(folder.path(name), resume: resume, workers: threads - 1)
    change(&options)
    let trainer = try Trainer(
      model: model, dataset: uneven, validation: validates ? stripes(20, seed: 8) : nil,
      options: options)
    var steps = 0
    do throws(CNNError) {
      try trainer.fit { progress in
        guard progress.event == .step else { return .proceed }
        steps += 1
        guard steps == killAfter else { return .proceed }
        try? FileManager.default.copyItem(atPath: folder.path(name), toPath: folder.path("kept"))
        return .cancel
      }
    } catch {
      guard error.code == .cancelled, killAfter != nil else { throw error }
      try? FileManager.default.removeItem(atPath: folder.path("cancelled"))
      try FileManager.default.moveItem(atPath: folder.path(name), toPath: folder.path("cancelled"))
      try FileManager.default.moveItem(atPath: folder.path("kept"), toPath: folder.path(name))
    }
    return model
  }

  @Test(arguments: [3, 5, 6, 11], [true, false])
  func aKilledRunEndsWithTheSameBytes(step: Int, validates: Bool) throws {
    let folder = try TemporaryFolder()
    let whole = try run(folder, "whole", validates: validates)
    _ = try run(folder, "killed", threads: 1, killAfter: step, validates: validates)
    #expect(try folder.bytes("killed") != folder.bytes("whole"))
    let resumed = try run(
      folder, "killed", seed: 77, threads: 3, resume: true, validates: validates)
    #expect(try folder.bytes("killed") == folder.bytes("whole"))
    #expect(try numbers(of: resumed) == numbers(of: whole))
    try FileManager.default.removeItem(atPath: folder.path("killed"))
    try FileManager.default.moveItem(
      atPath: folder.path("cancelled"), toPath: folder.path("killed"))
    let again = try run(folder, "killed", seed: 78, resume: true, validates: validates)
    #expect(try folder.bytes("killed") == folder.bytes("whole"))
    #expect(try numbers(of: again) == numbers(of: whole))
    // Resuming what is finished gives the average once more.
    let finished = try run(folder, "killed", seed: 79, resume: true, validates: validates)
    #expect(try numbers(of: finished) == numbers(of: whole))
  }

  @Test func resumingRefusesOtherRecipes() throws {
    let folder = try TemporaryFolder()
    _ = try run(folder, "a")
    func error(_ change: @escaping (inout TrainerOptions) -> Void) -> String {
      failure { _ = try run(folder, "a", resume: true, change: change) }?.message ?? "no error"
    }
    #expect(error { $0.ema = nil }.contains("\"ema\""))
    #expect(error { $0.ema = .init(decay: 0.9) }.contains("\"ema\""))
    #expect(error { $0.mixing = .init(cutmix: .init(probability: 0.3)) }.contains("\"mixup\""))
    let other = BatchMixing(
      mixup: .init(alpha: 0.4, probability: 0.5), cutmix: .init(alpha: 2, probability: 0.3))
    #expect(error { $0.mixing = other }.contains("\"cutmix\""))
    #expect(error { $0.classBalance = false }.contains("\"class_balance\""))
    #expect(error { $0.training.schedule.warmupEpochs = 0.5 }.contains("\"schedule\""))
    #expect(error { $0.training.losses = LossSpecification.defaults }.contains("\"loss\""))
    #expect(error { _ in } == "no error")
  }
}
