// CNNGraph
