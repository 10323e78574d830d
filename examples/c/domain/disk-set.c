/*
 * disk-set.c: choose the disks that storage migration copies
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#include <stdio.h>
#include <stdlib.h>
#include <libvirt/libvirt-disk-set.h>
#include <libvirt/virterror.h>

static int
chooseDisks(virDomainPtr dom, char **disks)
{
    if (virDomainDiskSetRemoveAll(dom, 0) < 0)
        return -1;

    for (; *disks; disks++) {
        if (virDomainDiskSetAdd(dom, *disks, 0) < 0)
            return -1;
    }

    return 0;
}

static int
printSet(virDomainPtr dom)
{
    int size = virDomainDiskSetSize(dom, 0);
    char **targets = NULL;
    int ntargets = -1;
    size_t i;

    if (size < 0)
        return -1;

    if ((targets = calloc(size, sizeof(*targets))))
        ntargets = virDomainDiskSetList(dom, targets, size, 0);

    for (i = 0; i < ntargets; i++) {
        printf("in the set: %s\n", targets[i]);
        free(targets[i]);
    }

    free(targets);
    return ntargets < 0 ? -1 : 0;
}

static int
printMigrateParams(virDomainPtr dom)
{
    virTypedParameterPtr params = NULL;
    int nparams = 0;
    int maxparams = 0;
    int ret = virDomainDiskSetMigrateParams(dom, &params, &nparams, &maxparams, 0);
    size_t i;

    /* Here virDomainMigrate3() would be called with these parameters and
     * VIR_MIGRATE_NON_SHARED_DISK. */
    for (i = 0; i < nparams; i++)
        printf("virDomainMigrate3: %s=%s\n", params[i].field, params[i].value.s);

    virTypedParamsFree(params, nparams);
    return ret;
}

static int
printSnapshotXML(virDomainPtr dom)
{
    char *xml = virDomainDiskSetSnapshotXML(dom, NULL, 0);

    if (!xml)
        return -1;

    /* Here virDomainSnapshotCreateXML() would be called with this XML. */
    printf("virDomainSnapshotCreateXML: %s\n", xml);
    free(xml);
    return 0;
}

int
main(int argc, char **argv)
{
    virConnectPtr conn = NULL;
    virDomainPtr dom = NULL;
    int ret = EXIT_FAILURE;

    if (argc < 3) {
        fprintf(stderr, "Usage: %s DOMAIN DISK...\n", argv[0]);
        return EXIT_FAILURE;
    }

    virEventRegisterDefaultImpl();

    if (!(conn = virConnectOpen(NULL)) ||
        !(dom = virDomainLookupByName(conn, argv[1]))) {
        fprintf(stderr, "Failed to find the domain: %s\n", virGetLastErrorMessage());
        goto cleanup;
    }

    if (chooseDisks(dom, argv + 2) < 0 ||
        printSet(dom) < 0 ||
        printMigrateParams(dom) < 0 ||
        printSnapshotXML(dom) < 0) {
        fprintf(stderr, "Failed to choose the disks: %s\n", virDomainDiskSetGetLastMessage());
        goto cleanup;
    }

    ret = EXIT_SUCCESS;

 cleanup:
    if (dom)
        virDomainFree(dom);
    if (conn)
        virConnectClose(conn);
    return ret;
}
