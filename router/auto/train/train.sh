#!/bin/sh
# Trains the classifier from data/*.txt and prints what it makes of the two sets of held-out files.  With --check only
# the latter.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
cmake -S "$root" -B "$root/build/release" -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$root/build/release" --target classifier >/dev/null
classifier=$root/build/release/classifier
if [ "${1:-}" != --check ]; then
    trained=$(find "$here/data" -name '*.txt' ! -name 'heldout_*' ! -name 'unseen_*' | LC_ALL=C sort)
    # shellcheck disable=SC2086  # names of ours, without blanks
    "$classifier" train "$here/../weights.bin" $trained
fi
for set in heldout unseen; do
    echo "$set:"
    "$classifier" check "$here/../weights.bin" "$here/data/$set"_*.txt
done
