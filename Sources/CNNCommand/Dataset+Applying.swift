import CNNData
import CNNImaging
import CNNLayerKit

extension Dataset {
  /// The same samples with another preprocessing; unchanged if they are no pictures.
  func applying(_ preprocessing: Preprocessing) throws(CNNError) -> any Dataset {
    if self.preprocessing == preprocessing { return self }
    if let pictures = self as? any PictureDataset { return try pictures.replacing(preprocessing) }
    if let subset = self as? Subset { return try subset.replacing(preprocessing) }
    return self
  }
}
