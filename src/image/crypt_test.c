/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/testing.h"

TEST_MAIN
