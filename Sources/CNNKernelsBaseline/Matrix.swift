import CNNKernelTypes

func makeMatrixKernels() -> MatrixKernels {
  MatrixKernels()
}
