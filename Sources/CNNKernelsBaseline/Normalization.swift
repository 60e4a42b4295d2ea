import CNNKernelTypes

func makeNormalizationKernels() -> NormalizationKernels {
  NormalizationKernels()
}
