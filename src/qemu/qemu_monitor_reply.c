/*
 * qemu_monitor_reply.c: replies to commands of an earlier connection
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "qemu_monitor_reply.h"
#define LIBVIRT_QEMU_MONITOR_PRIV_H_ALLOW
#include "qemu_monitor_priv.h"
#include "virlog.h"

#define VIR_FROM_THIS VIR_FROM_QEMU

VIR_LOG_INIT("qemu.qemu_monitor_reply");


/**
 * qemuMonitorReplyAwait:
 * @command: command that is about to be sent
 *
 * Returns the id of @command, owned by it, if it is the first one of a connection,
 * qmp_capabilities, and NULL if it is another. Reports no error.
 */
const char *
qemuMonitorReplyAwait(virJSONValue *command)
{
    if (STRNEQ_NULLABLE(virJSONValueObjectGetString(command, "execute"), "qmp_capabilities"))
        return NULL;

    return virJSONValueObjectGetString(command, "id");
}


/**
 * qemuMonitorReplyIsStale:
 * @reply: reply that was received
 * @waiting: message that waits for a reply; NULL if none does
 *
 * A libvirtd that was killed while QEMU was at work on a command, e.g. saving a
 * snapshot, leaves a reply behind. QEMU gives it to whoever connects next, before
 * it looks at the first command. Taken for the reply to that one, all that follow
 * would be taken for the wrong ones, too.
 *
 * Returns true when @reply has to be ignored, which is logged. Reports no error.
 */
bool
qemuMonitorReplyIsStale(virJSONValue *reply,
                        const qemuMonitorMessage *waiting)
{
    const char *id = virJSONValueObjectGetString(reply, "id");

    if (!id || (waiting && (!waiting->greetingID || STREQ(id, waiting->greetingID))))
        return false;

    VIR_WARN("ignoring a reply to the command '%s' of an earlier connection", id);
    return true;
}
