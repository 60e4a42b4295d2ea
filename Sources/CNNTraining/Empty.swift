// CNNTraining
