#!/bin/sh
# Compares what the library exports with what the headers declare, in both directions, and checks that
# the library needs nothing of Swift and nothing that is not on every machine.
#
#     Tests/c/symbols.sh LIBRARY [HEADERS]
set -eu
library=${1:?usage: symbols.sh LIBRARY [HEADERS]}
headers=${2:-$(dirname "$0")/../../include}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# Declarations: the preprocessor drops the comments, a declaration begins at a line's beginning. The
# function with a body, cnn_shape_count, is in the header alone, cnn_plugin_entry in plugins.
${CC:-cc} -E -P "$headers/cnn_plugin.h" | tr '\n' ' ' | grep -oE '\bcnn_[a-z0-9_]+\(' |
  tr -d '(' | grep -vxE "cnn_shape_count|cnn_plugin_entry" |
  sort -u >"$work/declared"
nm -D --defined-only "$library" | awk '{ print $3 }' | sort -u >"$work/exported"

status=0
missing=$(comm -23 "$work/declared" "$work/exported")
if [ -n "$missing" ]; then
  echo "declared in $headers, missing in $library:" $missing >&2
  status=1
fi
extra=$(comm -13 "$work/declared" "$work/exported")
if [ -n "$extra" ]; then
  echo "exported by $library, not declared in $headers:" $extra >&2
  status=1
fi
ldd "$library" >"$work/needed"
foreign=$(awk '{ print $1 }' "$work/needed" |
  grep -vE '^(linux-vdso|/lib.*/ld-linux|(libc|libm|libstdc\+\+|libgcc_s|libdl|libpthread)\.so)' ||
  true)
if [ -n "$foreign" ] || grep -qi swift "$work/needed"; then
  echo "$library needs more than libc, libm, libstdc++ and libgcc:" >&2
  cat "$work/needed" >&2
  status=1
fi
[ "$status" -eq 0 ] && echo "$(wc -l <"$work/declared") functions declared and exported"
exit "$status"
