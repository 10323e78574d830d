# What 'make syntax-check' leaves out; gnulib's maint.mk has the rules.

# Files that stand in libvirt's tree and edits of libvirt's files are judged
# there, by libvirt's own rules: 'make libvirt-syntax-check'.
VC_LIST_ALWAYS_EXCLUDE_REGEX = \
  ^(docs|examples|include|po|scripts|src|tests|tools)/|\.patch$$|\.png$$

# Rules for portable shell, and for programs documented by help2man: our
# scripts are bash, run by GNU tools, and shellcheck reads them.
local-checks-to-skip = \
  sc_prohibit_test_double_equal \
  sc_two_space_separator_in_usage \
  sc_unportable_grep_q

# The programs of the benchmarks and of the lab's guest print figures, nothing to be
# translated; they and a library of the lab's are compiled without a configuration of
# their own; error() is jq's there.
exclude_file_name_regexp--sc_bindtextdomain = ^(bench\.d|lab\.d/guest)/
exclude_file_name_regexp--sc_error_message_uppercase = ^bench\.d/
exclude_file_name_regexp--sc_require_config_h = ^(bench\.d|lab\.d/guest|lab\.d/squashed)/
exclude_file_name_regexp--sc_require_config_h_first = ^(bench\.d|lab\.d/guest|lab\.d/squashed)/
exclude_file_name_regexp--sc_unmarked_diagnostics = ^bench\.d/

# The licence is as the FSF writes it.
exclude_file_name_regexp--sc_fsf_postal = ^COPYING\.LESSER$$

# A setting of libvirt's is spelled so.
exclude_file_name_regexp--sc_file_system = ^lab\.d/tests/migrate-safety\.bats$$|^src/qemu/qemu_migration_disks\.c$$
