import CNNKernelTypes

func makePoolingKernels() -> PoolingKernels {
  PoolingKernels()
}
