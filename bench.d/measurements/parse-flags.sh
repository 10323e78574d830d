#!/bin/bash
# What parsing and formatting the flags costs, against what stock libvirt has
# that comes next to them: the snapshot attribute.
. "$(dirname "${BASH_SOURCE[0]}")/../measure.sh"
# shellcheck source=bench.d/parser.sh
. "$LDF_TOP/bench.d/parser.sh"

compare parse-flags "parse and format 1,000 disks with both flags" instructions 1.05 \
    ours "ours" stock "stock, snapshot='no' on each"

make_parsers
domain_of_disks "$BENCH_SCRATCH/parse/ours-in.xml" \
    "<flags><migrate>true</migrate><snapshot>false</snapshot></flags>"
domain_of_disks "$BENCH_SCRATCH/parse/stock-in.xml" "" " snapshot='no'"

measure() {
    local count
    count=$(instructions "$1" "$BENCH_SCRATCH/parse/$1-in.xml" "$BENCH_SCRATCH/parse/$1.xml" "$plain_strings")
    sample "$1" "$2" "$count"
}

in_turns 3 measure ours stock
[[ $(grep -c '<flags>' "$BENCH_SCRATCH/parse/ours.xml") == 1000 && $(grep -c "snapshot='no'" "$BENCH_SCRATCH/parse/stock.xml") == 1000 ]] ||
    ldf_die "flags or attributes did not come out of the parser"
