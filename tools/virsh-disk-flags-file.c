/*
 * virsh-disk-flags-file.c: flags of disks in a file
 *
 * The file is what "domblkflags --json" prints, so that it can be kept under version
 * control and given back. Of each disk the target and the flags count; what the flags
 * would lead to is known and passed over. Any other key is an error: a flag that is
 * spelt wrong would not be obeyed in silence.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <config.h>

#include "virsh-disk-flags-file.h"

#include "virfile.h"
#include "virhash.h"
#include "virstring.h"

static const char *const virshDiskFlagsFileDiskKeys[] = {
    "target", "source", "format", "migrate", "snapshot", "backup", NULL
};

static const char *const virshDiskFlagsFileFlagKeys[] = {
    "flag", "selected", "reason", "location", "needs-shared-storage", "refused", NULL
};


/**
 * virshDiskFlagsFileRead:
 * @ctl: virsh control structure
 * @path: name of the file
 *
 * Returns the array that the file has, to be freed by the caller, or NULL with an error
 * printed.
 */
virJSONValue *
virshDiskFlagsFileRead(vshControl *ctl,
                       const char *path)
{
    g_autoptr(virJSONValue) disks = NULL;
    g_autofree char *text = NULL;

    if (virFileReadAll(path, VSH_MAX_XML_FILE, &text) < 0 ||
        !(disks = virJSONValueFromString(text))) {
        vshSaveLibvirtError();
        return NULL;
    }

    if (!virJSONValueIsArray(disks)) {
        vshError(ctl, _("file '%1$s' has no array of disks: give back what 'domblkflags --json' prints"),
                 path);
        return NULL;
    }

    return g_steal_pointer(&disks);
}


static int
virshDiskFlagsFileCheckKeys(vshControl *ctl,
                            virJSONValue *object,
                            const char *target,
                            const char *const *known)
{
    int nkeys = virJSONValueObjectKeysNumber(object);
    size_t i;

    for (i = 0; i < nkeys; i++) {
        const char *key = virJSONValueObjectGetKey(object, i);

        if (g_strv_contains(known, key))
            continue;

        vshError(ctl, _("unknown key '%1$s' of disk '%2$s': give back what 'domblkflags --json' prints"),
                 key, target);
        return -1;
    }

    return 0;
}


static int
virshDiskFlagsFileParseFlag(vshControl *ctl,
                            virJSONValue *disk,
                            const char *flag,
                            virDiskSetWish *wish)
{
    virJSONValue *object = virJSONValueObjectGet(disk, flag);
    virDiskSetRequest *request = wish->requests + wish->nrequests;
    virJSONValue *value;
    bool isTrue = false;

    if (!object)
        return 0;

    if (!virJSONValueIsObject(object) ||
        !(value = virJSONValueObjectGet(object, "flag"))) {
        vshError(ctl, _("'%1$s' of disk '%2$s' has no key 'flag': write true, false or null there"),
                 flag, wish->name);
        return -1;
    }

    if (virshDiskFlagsFileCheckKeys(ctl, object, wish->name, virshDiskFlagsFileFlagKeys) < 0)
        return -1;

    request->flag = flag;

    if (virJSONValueObjectGetByType(object, "flag", VIR_JSON_TYPE_NULL)) {
        request->value = VIR_DISK_SET_FLAG_ABSENT;
    } else if (virJSONValueGetBoolean(value, &isTrue) == 0) {
        request->value = isTrue ? VIR_DISK_SET_FLAG_TRUE : VIR_DISK_SET_FLAG_FALSE;
    } else if (STREQ(flag, "migrate") &&
               STREQ_NULLABLE(virJSONValueGetString(value), "recreate")) {
        request->value = VIR_DISK_SET_FLAG_RECREATE;
    } else {
        vshError(ctl, _("the flag '%1$s' of disk '%2$s' is neither true nor false nor null"),
                 flag, wish->name);
        return -1;
    }

    wish->nrequests++;
    return 0;
}


static int
virshDiskFlagsFileParseDisk(vshControl *ctl,
                            const char *path,
                            virJSONValue *disk,
                            virDiskSetWish *wish)
{
    if (!disk || !virJSONValueIsObject(disk) ||
        !(wish->name = virJSONValueObjectGetString(disk, "target"))) {
        vshError(ctl, _("a disk in file '%1$s' has no key 'target': give back what 'domblkflags --json' prints"),
                 path);
        return -1;
    }

    if (virshDiskFlagsFileCheckKeys(ctl, disk, wish->name, virshDiskFlagsFileDiskKeys) < 0 ||
        virshDiskFlagsFileParseFlag(ctl, disk, "migrate", wish) < 0 ||
        virshDiskFlagsFileParseFlag(ctl, disk, "snapshot", wish) < 0 ||
        virshDiskFlagsFileParseFlag(ctl, disk, "backup", wish) < 0)
        return -1;

    return 0;
}


/**
 * virshDiskFlagsFileParse:
 * @ctl: virsh control structure
 * @path: name of the file, for errors
 * @disks: what was read from it; has to outlive the result
 * @nwishes: filled with the number of wishes
 *
 * A flag that is null is to be removed; one that is not mentioned stays.
 *
 * Returns what the flags are to be, to be freed by the caller, or NULL with an error
 * printed.
 */
virDiskSetWish *
virshDiskFlagsFileParse(vshControl *ctl,
                        const char *path,
                        virJSONValue *disks,
                        size_t *nwishes)
{
    size_t ndisks = virJSONValueArraySize(disks);
    g_autofree virDiskSetWish *wishes = g_new0(virDiskSetWish, ndisks + 1);
    g_autoptr(GHashTable) targets = virHashNew(NULL);
    size_t i;

    for (i = 0; i < ndisks; i++) {
        if (virshDiskFlagsFileParseDisk(ctl, path, virJSONValueArrayGet(disks, i), wishes + i) < 0)
            return NULL;

        if (!g_hash_table_add(targets, g_strdup(wishes[i].name))) {
            vshError(ctl, _("disk '%1$s' is given more than once in file '%2$s': at most once is allowed"),
                     wishes[i].name, path);
            return NULL;
        }
    }

    *nwishes = ndisks;
    return g_steal_pointer(&wishes);
}
