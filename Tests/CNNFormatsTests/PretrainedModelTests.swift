import CNNKit
import CNNLayerKit
import Testing

@Suite struct PretrainedModelTests {
  @Test(arguments: ["", ".", "..", "../pets", "/pets", "a/b", ".pets", "a b", "pets\0", "ä", "\n"])
  func onlyPlainNamesAreLookedFor(name: String) {
    #expect(throws: CNNError.self) { try PretrainedModels.path(of: name) }
    do throws(CNNError) {
      _ = try PretrainedModels.path(of: name)
    } catch {
      #expect(error.code == .invalidArgument)
    }
  }

  @Test func whatIsNowhereIsAnErrorWithAllPlaces() throws {
    let folders = PretrainedModels.folders()
    // These tests run from where they were built.
    #expect(folders.contains { $0.hasSuffix("/share/cnn/models") })
    #expect(folders.last?.hasSuffix("/models") == true)
    #expect(folders.allSatisfy { $0.hasPrefix("/") })
    do throws(CNNError) {
      _ = try Model.pretrained("no-such-model_1.0")
      Issue.record("it was found")
    } catch {
      #expect(error.code == .inputOutput)
      for folder in folders {
        #expect(error.message.contains("\(folder)/no-such-model_1.0.cnn"))
      }
    }
  }
}
