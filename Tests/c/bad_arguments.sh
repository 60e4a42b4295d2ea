#!/bin/sh
# Calls every function of cnn.h with arguments that make no sense, each in a child process that
# must not die. The calls are written from the header: see bad_arguments.py.
#
#     Tests/c/bad_arguments.sh LIBRARY [FUNCTION...]
set -eu
library=${1:?usage: bad_arguments.sh LIBRARY [FUNCTION...]}
shift
library=$(cd "$(dirname "$library")" && pwd)/$(basename "$library")
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 "$here/bad_arguments.py" "$here/../../include/cnn.h" >"$work/calls.h"
${CC:-cc} -std=c99 -Wall -Wextra -pedantic -Werror -O1 -g ${CFLAGS:-} -I"$here/../../include" -I"$work" \
  "$here/support/bad_arguments.c" -o "$work/bad_arguments" "$library" -lpthread -lm
${CC:-cc} -std=c99 -fPIC -shared -I"$here/../../include" "$here/support/empty_plugin.c" \
  -o "$work/plugin.so"
# Some calls write files of the names they are given: there, not here.
cd "$work"
export CNN_MODEL_PATH="$work" # where the model is that the calls write and load by its name
LD_LIBRARY_PATH="$(dirname "$library"):${LD_LIBRARY_PATH:-}" "$work/bad_arguments" "$work" "$@"
