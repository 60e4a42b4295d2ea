// CNNLayerKit
