# The rows as a Markdown table that is read as well on a terminal.
#
# Usage: jq -r -f table.jq RESULTS

def digits($count): pow(10; $count) as $power |
    . * $power | round | tostring | (("0" * ($count + 1 - length)) // "") + . |
    .[:length - $count] + "." + .[length - $count:];

def shown($unit):
    if . == null then "-"
    elif $unit == "instructions" then "\(. / 1e6 | digits(1)) M"
    elif $unit == "microseconds" then "\(. / 1e3 | digits(1)) ms"
    elif $unit == "seconds" then "\(digits(2)) s"
    elif $unit == "bytes" then "\(. / 1048576 | digits(1)) MiB"
    else error("no way to show the unit \($unit)") end;

def columns:
    .unit as $unit |
    [
        .row,
        .title,
        (.ours.median | shown($unit)),
        "\(.base.median | shown($unit)) \(.base.is)",
        (.ratio | if . == null then "-" else digits(3) end),
        (.interval | if . == null then "-" else map(digits(3)) | join("-") end),
        (.goal | if . == null then "-" else "≤ \(digits(2))" end),
        (.verdict | if IN("missed", "failed", "unclear") then ascii_upcase else . end)
    ];

def padded($widths): [., $widths] | transpose | map(.[0] + " " * (.[1] - (.[0] | length))) | "| \(join(" | ")) |";

[["name", "measured", "ours", "against", "ratio", "95 % interval", "goal", "verdict"]] +
    [.rows[] | columns] |
(transpose | map(map(length) | max)) as $widths |
(.[0] | padded($widths)), "|\($widths | map("-" * (. + 2)) | join("|"))|", (.[1:][] | padded($widths))
