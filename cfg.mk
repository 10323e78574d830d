# What 'make syntax-check' leaves out; gnulib's maint.mk has the rules.

# Files that stand in libvirt's tree and edits of libvirt's files are judged
# there, by libvirt's own rules: 'make libvirt-syntax-check'.
VC_LIST_ALWAYS_EXCLUDE_REGEX = \
  ^(docs|examples|include|po|scripts|src|tests|tools)/|\.patch$$

# Rules for portable shell, and for programs documented by help2man: our
# scripts are bash, run by GNU tools, and shellcheck reads them.
local-checks-to-skip = \
  sc_prohibit_test_double_equal \
  sc_two_space_separator_in_usage \
  sc_unportable_grep_q

# error() is jq's there, and what it says is for developers.
exclude_file_name_regexp--sc_unmarked_diagnostics = ^bench\.d/
