import CNNKernelTypes

func makeReductionKernels() -> ReductionKernels {
  ReductionKernels()
}
