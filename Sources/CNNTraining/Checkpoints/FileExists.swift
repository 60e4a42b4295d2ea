#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whether there is something at `path`.
func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
