# Counts instructions, which do not depend on what else the machine does.
# Sourced after measure.sh.
# shellcheck shell=bash

# Byte by byte: see bench.d/strings.c.
plain_strings=$BENCH_SCRATCH/strings.so

make_plain_strings() {
    mkdir -p "$BENCH_SCRATCH"
    gcc -O2 -shared -fPIC -fno-builtin -fno-tree-loop-distribute-patterns \
        -o "$plain_strings" "$LDF_TOP/bench.d/strings.c"
}

# instructions_in FILE: what callgrind counted.
instructions_in() { awk '$1 == "totals:" { print $2 }' "$1"; }
