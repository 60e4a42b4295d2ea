// CNNLayers
