import CNNKernelTypes

func makeOptimizerKernels() -> OptimizerKernels {
  OptimizerKernels()
}
