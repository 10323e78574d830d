# What it means when checks of a case failed.  Sourced by the campaign.
# shellcheck shell=bash

# breaches DIRECTORY: the checks that failed in a case, in alphabetical order.
# Cleaning goes wrong where something is left, which another check has told then.
breaches() {
    local names
    [ -e "$1/breached" ] || return 0
    names=$(sed '/^cleaning$/d' "$1/breached" | sort | xargs)
    echo "${names:-$(xargs < "$1/breached")}"
}

# can_be_stocks NAME BREACHES: whether the case is worth a run without our change.
# Nothing can be said of one that missed its phase or died.
can_be_stocks() { [[ " $2 " != *" phase "* && " $2 " != *" died "* ]]; }

# verdict_of BREACHES STOCK-BREACHES: a check that fails with our change only is a
# breach, whatever else fails.
verdict_of() {
    if [ -z "$1" ]; then
        echo ok
    elif [ -z "$(comm -23 <(tr ' ' '\n' <<< "$1") <(tr ' ' '\n' <<< "$2"))" ]; then
        echo "libvirt's own: $1"
    else
        echo "BREACH: $1"
    fi
}
