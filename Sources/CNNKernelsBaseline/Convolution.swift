import CNNKernelTypes

func makeConvolutionKernels() -> ConvolutionKernels {
  ConvolutionKernels()
}
