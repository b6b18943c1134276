/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/image_parent.h"

#include <string.h>

#include "src/util/json.h"
#include "src/util/testing.h"

/* An image of LAYERS and STEPS, one character each; in a history, upper case means no layer. */
static struct image make(char *id, const char *layers, const char *steps)
{
	json_object *config = json_object_new_object(), *rootfs = json_object_new_object();
	json_object *ids = json_object_new_array(), *history = json_object_new_array();

	for (const char *s = layers; *s; s++)
		(void)json_object_array_add(ids, json_object_new_string_len(s, 1));
	for (const char *s = steps; *s; s++) {
		json_object *step = json_object_new_object();

		json_put(step, "created_by", json_object_new_string_len(s, 1));
		json_put_bool(step, "empty_layer", *s >= 'A' && *s <= 'Z');
		(void)json_object_array_add(history, step);
	}
	json_put(rootfs, "diff_ids", ids);
	json_put(config, "rootfs", rootfs);
	json_put(config, "history", history);
	return (struct image){ .id = id, .config = config };
}

TEST(parents_have_the_lowest_layers_and_all_but_the_last_step)
{
	char a[] = "a", b[] = "b", c[] = "c", d[] = "d", x[] = "x", bare[] = "bare";
	struct image base = make(a, "1", "f"), empty = make(b, "1", "fE"),
		     more = make(c, "12", "fEg"), far = make(d, "1234", "fEgHij"),
		     other = make(x, "12", "fXg"), none = make(bare, "1", "");
	struct image *list[] = { &far, &more, &other, &none, &empty, &base };
	struct err e = { 0 };

	CHECK_INT(image_parents_fill(list, ARRAY_LEN(list), &e), 0);
	CHECK(base.parent == NULL);
	CHECK_STR(empty.parent, "a");
	CHECK_STR(more.parent, "b");
	CHECK(other.parent == NULL); /* another step, and one more layer than its own two steps */
	CHECK(far.parent == NULL);
	CHECK(none.parent == NULL);
	CHECK_INT(base.children, 1);
	CHECK_INT(empty.children, 1);
	CHECK_INT(more.children, 0);
	CHECK_INT((int)image_stands_on(&far, &more), 3);
	CHECK_INT((int)image_stands_on(&far, &base), 1);
	CHECK_INT((int)image_stands_on(&base, &far), 0);
	CHECK_INT((int)image_stands_on(&far, &far), 0);
	CHECK_INT((int)image_stands_on(&far, &none), 0);
	CHECK(image_is_dangling(&more));
	CHECK(!image_is_dangling(&empty));
	for (size_t k = 0; k < ARRAY_LEN(list); k++) {
		json_free(list[k]->config);
		free(list[k]->parent);
	}
}
