# shellcheck shell=bash
# overlay.sh - what assemble-tree, refresh and make-patch know of the trees
#
# The overlay is what this project lays over libvirt's tree: below the
# directories that mirror libvirt's, and the edits of files at libvirt's root
# and in its build-aux, where this project has scripts of its own, too.
# A file PATH.patch is the edit of libvirt's own file PATH; every other file is
# new and stands whole at the path that it takes in libvirt.
#
# An assembled tree is a git checkout: the tag "pristine" is libvirt's source,
# refs/disk-flags/assembled the overlay on top of it as last assembled, and
# refs/disk-flags/overlay the overlay's own files at that time, so git itself
# tells what was edited since, in the tree and in the overlay.

# shellcheck disable=SC2034 # used by the scripts that source this file
readonly overlay_directories=(docs examples include po scripts src tests tools)
readonly assembled=refs/disk-flags/assembled
readonly assembled_overlay=refs/disk-flags/overlay
readonly pristine=refs/tags/pristine

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# The assembled tree that a script works on, an absolute path; the script sets it.
tree=

# Every git command of these scripts on the tree's repository, with the files
# of another directory: none of the user's settings may change what is stored.
tree_git_with() {
    local directory=$1
    shift
    git -C "$directory" --git-dir="$tree/.git" --work-tree="$directory" \
        -c core.autocrlf=false -c core.excludesFile=/dev/null \
        -c core.quotePath=false -c core.safecrlf=false -c commit.gpgSign=false "$@"
}

# The same with the tree's own files.
tree_git() {
    tree_git_with "$tree" "$@"
}

# Prints the overlay's files, tracked or not yet, each ended by a NUL.
list_overlay() {
    local top=$1 path
    git -C "$top" ls-files -z --cached --others --exclude-standard --deduplicate -- \
        "${overlay_directories[@]}" ':(glob)*.patch' ':(glob)build-aux/*.patch' |
        while IFS= read -r -d '' path; do
            if [[ -e $top/$path || -L $top/$path ]]; then
                printf '%s\0' "$path"
            fi
        done
}

# Prints which source a libvirt tree is: its version, Debian's when it has one.
revision_of() {
    local source=$1
    if [[ -f $source/debian/changelog ]]; then
        sed -n 's/^libvirt (\([^)]*\)).*/libvirt \1/p;q' "$source/debian/changelog"
    else
        sed -n "s/^ *version: *'\([^']*\)'.*/libvirt \1/p;T;q" "$source/meson.build"
    fi
}

# Prints the git tree, in TREE's repository, of the overlay's own files.
overlay_snapshot() {
    local top=$1 index
    index=$(mktemp -u)
    list_overlay "$top" |
        GIT_INDEX_FILE=$index tree_git_with "$top" update-index --add -z --stdin
    GIT_INDEX_FILE=$index tree_git write-tree
    rm -f "$index"
}

# Prints the git tree of what stands in TREE now, new files included.
worktree_snapshot() {
    local index
    index=$(mktemp)
    cp "$tree/.git/index" "$index"
    GIT_INDEX_FILE=$index tree_git add -A
    GIT_INDEX_FILE=$index tree_git write-tree
    rm -f "$index"
}
