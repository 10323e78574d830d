/*
 * diskflagsfuzzworld.h: a domain with mixed disks and images that remember
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */

#pragma once

#include "diskflagsfuzz.h"
#include "domain_conf.h"

typedef struct _testFuzzWorld testFuzzWorld;

testFuzzWorld *
testFuzzWorldNew(const testFuzzInput *input);

void
testFuzzWorldFree(testFuzzWorld *world);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(testFuzzWorld, testFuzzWorldFree);

virDomainObj *
testFuzzWorldGetDomain(testFuzzWorld *world);

virDomainDef *
testFuzzWorldNewDefinition(const testFuzzWorld *world);

void
testFuzzWorldSetTag(testFuzzWorld *world,
                    const char *tag);

void
testFuzzWorldMoveOn(testFuzzWorld *world);

bool
testFuzzWorldHolds(const testFuzzWorld *world,
                   const char *disk);

bool
testFuzzWorldHoldsMemory(const testFuzzWorld *world,
                         const char *disk);

void
testFuzzWorldSave(testFuzzWorld *world,
                  const char *disk,
                  bool memory);

int
testFuzzWorldDelete(testFuzzWorld *world,
                    const char *disk);

bool
testFuzzWorldSaysOf(const testFuzzWorld *world,
                    const char *what,
                    const char *disk);
