#!/bin/sh
# Plugins and libraries that were compiled with different versions of cnn_plugin.h work together: see
# header_versions.py.
#
#     Tests/c/header_versions.sh LIBRARY
set -eu
library=${1:?usage: header_versions.sh LIBRARY}
exec python3 "$(dirname "$0")/header_versions.py" "$library"
