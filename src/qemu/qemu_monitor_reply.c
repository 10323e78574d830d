/*
 * qemu_monitor_reply.c: which replies belong to the command that waits
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
 * qemuMonitorReplyIsStale:
 * @reply: reply that was received
 * @waiting: message that waits for a reply; NULL if none does
 *
 * A libvirtd that was killed while QEMU was at work on a command, e.g. saving a
 * snapshot, leaves a reply behind. QEMU gives it to whoever connects next. Taken
 * for the reply to the command that waits, all that follow would be taken for the
 * wrong ones, too. What has no id, as an error about a command that QEMU could not
 * read, is never stale.
 *
 * Returns true when @reply has to be ignored, which is logged. Reports no error.
 */
bool
qemuMonitorReplyIsStale(virJSONValue *reply,
                        const qemuMonitorMessage *waiting)
{
    const char *id = virJSONValueObjectGetString(reply, "id");

    if (!id || (waiting && STREQ_NULLABLE(id, waiting->id)))
        return false;

    VIR_WARN("ignoring a reply to the command '%s', which waits for none", id);
    return true;
}
