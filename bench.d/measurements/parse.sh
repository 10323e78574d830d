#!/bin/bash
# What parsing and formatting costs a domain that does not use the flags.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/parser.sh
. "$LDF_TOP/bench.d/parser.sh"

compare parse "parse and format 1,000 disks without flags" instructions 1.01 \
    ours "ours" stock "stock"
compare parse-as-linked "the same, with glibc's string functions" instructions null \
    ours-as-linked "ours" stock-as-linked "stock"

make_parsers
domain_of_disks "$BENCH_SCRATCH/parse/plain.xml"

measure() {
    local side=${1%-as-linked} preload=$plain_strings count
    [[ $1 == "$side" ]] || preload=
    count=$(instructions "$side" "$BENCH_SCRATCH/parse/plain.xml" "$BENCH_SCRATCH/parse/$1.xml" "$preload")
    sample "$1" "$2" "$count"
}

in_turns 3 measure ours stock ours-as-linked stock-as-linked
cmp "$BENCH_SCRATCH/parse/ours.xml" "$BENCH_SCRATCH/parse/stock.xml" >&2 ||
    ldf_die "the two trees make different XML of a domain without flags"
