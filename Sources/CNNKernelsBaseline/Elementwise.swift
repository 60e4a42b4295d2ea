import CNNKernelTypes

func makeElementwiseKernels() -> ElementwiseKernels {
  ElementwiseKernels()
}
