import CImageCodecs

public func imageProbe() -> UInt { image_codecs_probe() }
