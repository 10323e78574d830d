/*
 * disk_set_message.c: why the last call of the disk-set library failed
 *
 * Setting libvirt's error is not part of its public API, so that what this
 * library refuses by itself needs a place of its own. A message is the calling
 * thread's, as libvirt's errors are.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "disk_set_message.h"

static GPrivate virDiskSetMessage = G_PRIVATE_INIT(g_free);


/**
 * virDiskSetMessageReset:
 *
 * Forgets the message and libvirt's last error: what is there after the call
 * that begins now is its own.
 */
void
virDiskSetMessageReset(void)
{
    g_private_replace(&virDiskSetMessage, NULL);
    virResetLastError();
}


/**
 * virDiskSetMessageSet:
 * @format: format of the message, translated
 *
 * Sets the message; the arguments may be taken from the one it replaces.
 */
void
virDiskSetMessageSet(const char *format,
                     ...)
{
    va_list args;
    char *message;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);

    g_private_replace(&virDiskSetMessage, message);
}


/**
 * virDiskSetMessageTake:
 *
 * Makes the text of libvirt's last error the message, for the caller's
 * convenience. The error itself stays as it is.
 */
void
virDiskSetMessageTake(void)
{
    virDiskSetMessageSet("%s", virGetLastErrorMessage());
}


/**
 * virDiskSetMessageGet:
 *
 * Returns the message, valid until the next call of the library in this thread,
 * or NULL when there is none.
 */
const char *
virDiskSetMessageGet(void)
{
    return g_private_get(&virDiskSetMessage);
}
