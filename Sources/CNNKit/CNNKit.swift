@_exported import CNNData
@_exported import CNNFormats
@_exported import CNNGraph
@_exported import CNNImaging
@_exported import CNNLayerKit
@_exported import CNNLayers
@_exported import CNNModels
@_exported import CNNTraining
