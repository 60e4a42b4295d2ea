import CNNKernels
import Testing

@Test func probeWorks() { #expect(probe(1) > 0) }
