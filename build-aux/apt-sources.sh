# shellcheck shell=bash
# apt-sources.sh - the machine's apt sources, for another release of Debian
#
# Usage: . build-aux/apt-sources.sh; print_apt_sources SUITE
#
# Where a machine gets Debian from is its administrator's choice: packages and
# sources of any release come from the same mirrors, checked by the same keys.

# Prints "URI SUITE KEY" for each pair of the machine's .sources files, separated by
# tabs; KEY is what Signed-By says, the newlines of a key in the file as "\v".
list_deb822() {
    awk '
        function flush_stanza(    nuris, nsuites, uri, suite, i, j) {
            if (enabled) {
                nuris = split(uris, uri)
                nsuites = split(suites, suite)
                for (i = 1; i <= nuris; i++)
                    for (j = 1; j <= nsuites; j++)
                        printf "%s\t%s\t%s\n", uri[i], suite[j], key
            }
            uris = suites = key = field = ""
            enabled = 1
        }
        BEGIN { enabled = 1 }
        FNR == 1 { flush_stanza() }
        /^#/ { next }
        /^[ \t]*$/ { flush_stanza(); next }
        /^[ \t]/ {
            if (field == "signed-by") key = key "\v" $0
            else if (field == "uris") uris = uris " " $0
            else if (field == "suites") suites = suites " " $0
            next
        }
        {
            field = tolower($0); sub(/[ \t]*:.*/, "", field)
            value = $0; sub(/^[^:]*:[ \t]*/, "", value); sub(/[ \t]+$/, "", value)
            if (field == "uris") uris = value
            else if (field == "suites") suites = value
            else if (field == "signed-by") key = value
            else if (field == "enabled" && tolower(value) ~ /^(no|false|without|off|disable|0)$/) enabled = 0
        }
        END { flush_stanza() }
    ' "$@"
}

# The same for one-line lists.
list_one_line() {
    awk '$1 == "deb" || $1 == "deb-src" {
        key = ""
        if (match($0, /\[[^]]*\]/)) {
            options = substr($0, RSTART + 1, RLENGTH - 2)
            $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
            if (match(options, /signed-by=[^ ]+/))
                key = substr(options, RSTART + 10, RLENGTH - 10)
        }
        printf "%s\t%s\t%s\n", $2, $3, key
    }' "$@"
}

list_machine_sources() {
    local main parts file one_line=() deb822=()
    eval "$(apt-config shell main Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    for file in "$main" "$parts"/*.list; do
        [[ ! -s $file ]] || one_line+=("$file")
    done
    for file in "$parts"/*.sources; do
        [[ ! -s $file ]] || deb822+=("$file")
    done
    ((${#one_line[@]} == 0)) || list_one_line "${one_line[@]}"
    ((${#deb822[@]} == 0)) || list_deb822 "${deb822[@]}"
}

# The pockets of a release that the machine has; sid has none.
convert_suites() {
    awk -F '\t' -v wanted="$1" '
        {
            suite = $2
            pocket = match(suite, /(-updates|-security|\/updates)$/) ? substr(suite, RSTART) : ""
            sub(/(-updates|-security|\/updates)$/, "", suite)
            if (suite !~ /^((old)*stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)$/)
                next
            if (pocket == "/updates") pocket = "-security"
            if (pocket != "" && wanted == "sid")
                next
            if (seen[$1, pocket]++)
                next
            if (!($1 in suites)) order[++n] = $1
            suites[$1] = suites[$1] " " wanted pocket
            keys[$1] = $3
        }
        END {
            for (i = 1; i <= n; i++) {
                uri = order[i]
                printf "Types: deb deb-src\nURIs: %s\nSuites:%s\nComponents: main\n", uri, suites[uri]
                # A mirror may have no newer index of what changes each day.
                if (wanted == "sid") print "Check-Valid-Until: no"
                if (keys[uri] != "") {
                    gsub(/\v/, "\n", keys[uri])
                    print "Signed-By:" (keys[uri] ~ /^\n/ ? "" : " ") keys[uri]
                }
                print ""
            }
        }'
}

# print_apt_sources SUITE: as .sources file; fails where the machine has none of
# Debian's.  LDF_MIRROR names a mirror to take instead.
print_apt_sources() {
    local suite=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg found
    if [[ -n ${LDF_MIRROR-} ]]; then
        [[ -e $keyring ]] || keyring=
        found=$(printf '%s\t%s\t%s\n' "$LDF_MIRROR" "$suite" "$keyring" \
            "$LDF_MIRROR" "$suite-updates" "$keyring" |
            sed "s/^\([^\t]*\t\)$suite/\1stable/" | convert_suites "$suite")
    elif type -P apt-config >/dev/null; then
        found=$(list_machine_sources | convert_suites "$suite")
    fi
    [[ -n ${found-} ]] || return 1
    printf '%s\n' "$found"
}
