@_exported import CNNLayerKit
@_exported import CNNLayers
@_exported import CNNGraph
@_exported import CNNTraining
@_exported import CNNImaging
@_exported import CNNData
@_exported import CNNFormats
@_exported import CNNModels
