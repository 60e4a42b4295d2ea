// CNNFormats
