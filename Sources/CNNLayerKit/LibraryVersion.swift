/// The version of the library, as files record it and `cnn_version` returns it.
package let libraryVersion = "0.1.0"
