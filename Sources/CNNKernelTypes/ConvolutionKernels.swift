/// Kernels for copying windows, depthwise convolution, bias and activation.
package struct ConvolutionKernels: Sendable {
  package init() {}
}
