/*
 * qemu_monitor_reply.c: replies to commands of an earlier connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "internal.h"
#include "qemu_monitor_reply.h"


/**
 * qemuMonitorReplyIsStale:
 * @reply: reply that was received
 * @command: command that waits for a reply, as it was sent; NULL if none does
 *
 * A libvirtd that was killed while QEMU was at work on a command, e.g. saving a
 * snapshot, leaves a reply behind. QEMU gives it to whoever connects next, before
 * it looks at the first command, which is always qmp_capabilities. Taken for the
 * reply to that one, all that follow would be taken for the wrong ones, too.
 *
 * Returns true when @reply has to be ignored. Reports no error.
 */
bool
qemuMonitorReplyIsStale(virJSONValue *reply,
                        const char *command)
{
    const char *id = virJSONValueObjectGetString(reply, "id");
    g_autofree char *quoted = g_strdup_printf("\"%s\"", NULLSTR(id));

    if (!id)
        return false;

    if (!command)
        return true;

    return strstr(command, "\"qmp_capabilities\"") && !strstr(command, quoted);
}
