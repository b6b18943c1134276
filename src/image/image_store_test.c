/* SPDX-License-Identifier: Apache-2.0 */
/* Records and files of images in a store of its own; layers are directories made by hand. */
#include "src/image/image_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/manifest.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

struct fixture {
	char path[64];
	char graph[80], run[80];
	struct engine *en;
	struct err e;
};

static void begin(struct fixture *f)
{
	struct engine_options o = { 0 };

	memset(f, 0, sizeof(*f));
	memcpy(f->path, "/tmp/cove-test-XXXXXX", 22);
	CHECK(mkdtemp(f->path) != NULL);
	(void)snprintf(f->graph, sizeof(f->graph), "%s/graph", f->path);
	(void)snprintf(f->run, sizeof(f->run), "%s/run", f->path);
	o.graphroot = f->graph;
	o.runroot = f->run;
	if (engine_open(&o, &f->en, &f->e) < 0)
		TEST_FAIL("%s", f->e.text);
}

static void end(struct fixture *f)
{
	f->en = engine_free(f->en);
	CHECK_INT(path_rmtree(AT_FDCWD, f->path), 0);
}

/* An image of N layers whose contents are the texts LAYERS. */
struct recipe {
	const char *layers[4];
	const char *label, *name;
	const char *lie; /* the config's first diff ID, when it is not true */
};

static char *config_of(const struct recipe *r)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *rootfs = json_object_new_object(), *ids = json_object_new_array();
	char id[SHA256_TEXT_LEN];

	for (size_t i = 0; i < 4 && r->layers[i]; i++) {
		sha256_text(r->layers[i], strlen(r->layers[i]), id);
		(void)json_object_array_add(ids,
					    json_object_new_string(i == 0 && r->lie ? r->lie : id));
	}
	json_put_str(o, "architecture", "amd64");
	json_put_str(o, "os", "linux");
	json_put_str(o, "created", "2020-01-02T03:04:05.5Z");
	json_put_str(o, "author", r->label ? r->label : "");
	json_put(rootfs, "diff_ids", ids);
	json_put(o, "rootfs", rootfs);
	return json_text(o);
}

static json_object *descriptor_json(const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();
	json_put_str(o, "mediaType", type);
	json_put_str(o, "digest", digest);
	json_put_int(o, "size", size);
	return o;
}

static char *manifest_of(const struct recipe *r, const char *config)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *layers = json_object_new_array();
	char id[SHA256_TEXT_LEN];

	sha256_text(config, strlen(config), id);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_OCI_MANIFEST);
	json_put(o, "config", descriptor_json(MEDIA_OCI_CONFIG, id, (int64_t)strlen(config)));
	for (size_t i = 0; i < 4 && r->layers[i]; i++) {
		sha256_text(r->layers[i], strlen(r->layers[i]), id);
		(void)json_object_array_add(
			layers, descriptor_json("application/vnd.oci.image.layer.v1.tar", id, 10));
	}
	json_put(o, "layers", layers);
	return json_text(o);
}

/* Make and publish it.  The ID, or NULL with the error in F. */
static char *publish(struct fixture *f, const struct recipe *r)
{
	scoped(mem) char *config = config_of(r);
	scoped(mem) char *manifest = manifest_of(r, config);
	scoped(mem) char *tmp = NULL;
	scoped(fd) int dir = -EBADF;
	scoped(fd) int lease = -EBADF;
	struct image_new_layer layers[4] = { 0 };
	char paths[4][128];
	struct image_publish p = { .manifest = manifest,
				   .manifest_len = strlen(manifest),
				   .manifest_type = MEDIA_OCI_MANIFEST,
				   .config = config,
				   .config_len = strlen(config),
				   .layers = layers,
				   .name = r->name };
	char *id = NULL;

	CHECK_INT(engine_tmpdir(f->en, &tmp, &dir, &lease, &f->e), 0);
	for (; p.n_layers < 4 && r->layers[p.n_layers]; p.n_layers++) {
		size_t i = p.n_layers;
		(void)snprintf(paths[i], sizeof(paths[i]), "tmp/%s/%zu", tmp, i);
		CHECK_INT(mkdirat(f->en->graph_fd, paths[i], 0700), 0);
		sha256_text(r->layers[i], strlen(r->layers[i]), layers[i].diff_id);
		layers[i].tree_size = 100;
		layers[i].tmp_path = paths[i];
	}
	if (image_publish(f->en, &p, &id, &f->e) < 0)
		id = NULL;
	engine_tmpdir_remove(f->en, tmp);
	return id;
}

/* Entries of a directory of the store. */
static int count(struct fixture *f, const char *dir)
{
	int fd = openat(f->en->graph_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	scoped(dir) DIR *d = fdopendir(fd);

	for (struct dirent *de; d && (de = readdir(d));)
		n += de->d_name[0] != '.';
	return n;
}

static void check_found(struct fixture *f, const char *ref, const char *id)
{
	scoped(image) struct image *i = NULL;
	int r = image_find(f->en, ref, &i, &f->e);

	if (!id)
		CHECK_INT(r, -ENOENT);
	else if (r < 0)
		TEST_FAIL("%s: %s", ref, f->e.text);
	else
		CHECK_STR(i->id, id);
}

TEST(images_are_found_as_podman_finds_them)
{
	static const struct recipe hub = {
		{ "l1" }, "hub", "docker.io/library/busybox:latest", NULL
	};
	static const struct recipe other = {
		{ "l1", "l2" }, "other", "quay.io/team/tool:v2", NULL
	};
	static const struct recipe local = { { "l3" }, "local", "localhost/tool:v2", NULL };
	scoped(mem) char *a = NULL;
	scoped(mem) char *b = NULL;
	scoped(mem) char *c = NULL;
	scoped(image) struct image *i = NULL;
	scoped(mem) char *by_digest = NULL;
	struct fixture f;
	char prefix[16];

	begin(&f);
	a = publish(&f, &hub);
	b = publish(&f, &other);
	c = publish(&f, &local);
	CHECK(a && b && c);
	check_found(&f, "busybox", a);
	check_found(&f, "busybox:latest", a);
	check_found(&f, "library/busybox", a);
	check_found(&f, "docker.io/busybox", a);
	check_found(&f, "docker.io/library/busybox:latest", a);
	check_found(&f, "busybox:1", NULL);
	check_found(&f, "usybox", NULL);
	check_found(&f, "quay.io/busybox", NULL);
	check_found(&f, "team/tool:v2", b);
	check_found(&f, "tool:v2", c); /* localhost comes first */
	check_found(&f, "tool", NULL);
	check_found(&f, a, a);
	(void)snprintf(prefix, sizeof(prefix), "%.12s", b);
	check_found(&f, prefix, b);
	prefix[2] = '\0';
	check_found(&f, prefix, NULL);
	check_found(&f, "UPPER", NULL);
	check_found(&f, "", NULL);
	check_found(&f, "a b", NULL);
	check_found(&f, "x'; DROP TABLE image; --", NULL);
	CHECK_INT(image_find(f.en, "quay.io/team/tool:v2", &i, &f.e), 0);
	if (i) {
		CHECK_INT(i->size, 200);
		CHECK_INT(i->created, 1577934245);
		CHECK_INT(strv_len(i->layers), 2);
		by_digest = str_printf("quay.io/team/tool@%s", i->manifest_digest);
		check_found(&f, by_digest, b);
		check_found(&f, i->manifest_digest, b);
		CHECK_STR(i->digests[0], by_digest);
		free(by_digest);
		by_digest = str_printf("quay.io/team/other@%s", i->manifest_digest);
		check_found(&f, by_digest, NULL);
	}
	(void)image_find(f.en, "nosuch", &i, &f.e);
	CHECK_STR(f.e.text, "nosuch: image not known");
	end(&f);
}

TEST(layers_are_shared_and_go_with_their_last_image)
{
	static const struct recipe one = { { "base", "one" }, NULL, "localhost/one:latest", NULL };
	static const struct recipe two = { { "base", "two" }, NULL, "localhost/two:latest", NULL };
	static const struct recipe twice = {
		{ "base", "x", "base" }, NULL, "localhost/twice:latest", NULL
	};
	struct image_remove_result r = { 0 };
	struct fixture f;
	scoped(mem) char *a = NULL;
	scoped(mem) char *b = NULL;
	scoped(mem) char *again = NULL;

	begin(&f);
	a = publish(&f, &one);
	b = publish(&f, &two);
	CHECK_INT(count(&f, "layers"), 3);
	CHECK_INT(count(&f, "blobs/sha256"), 4);
	again = publish(&f, &one);
	CHECK(again && a && strcmp(again, a) == 0);
	CHECK_INT(count(&f, "layers"), 3);
	CHECK_INT(image_remove(f.en, "one", 0, &r, &f.e), 0);
	CHECK_INT(count(&f, "layers"), 2);
	CHECK_INT(count(&f, "blobs/sha256"), 2);
	CHECK_STR(r.untagged ? r.untagged[0] : NULL, "localhost/one:latest");
	CHECK_STR(r.deleted ? r.deleted[0] : NULL, a);
	image_remove_result_done(&r);
	CHECK_INT(image_remove(f.en, b, 0, &r, &f.e), 0);
	CHECK_INT(count(&f, "layers"), 0);
	CHECK_INT(count(&f, "blobs/sha256"), 0);
	CHECK_INT(count(&f, "tmp"), 0);
	image_remove_result_done(&r);
	free(again);
	again = publish(&f, &twice);
	CHECK(again != NULL);
	CHECK_INT(count(&f, "layers"), 2);
	end(&f);
}

TEST(lying_configs_are_refused_and_leave_nothing)
{
	static const struct recipe lie = {
		{ "base" },
		NULL,
		"localhost/lie:latest",
		"sha256:0000000000000000000000000000000000000000000000000000000000000000"
	};
	struct fixture f;

	begin(&f);
	CHECK(publish(&f, &lie) == NULL);
	CHECK_INT(f.e.code, -EBADMSG);
	CHECK(strstr(f.e.text, "its config says") != NULL);
	CHECK_INT(count(&f, "layers"), 0);
	CHECK_INT(count(&f, "tmp"), 0);
	check_found(&f, "lie", NULL);
	end(&f);
}

TEST(names_move_and_images_keep_until_their_last_name)
{
	static const struct recipe one = { { "base", "one" }, NULL, "localhost/one:latest", NULL };
	static const struct recipe two = { { "base", "two" }, NULL, "localhost/two:latest", NULL };
	struct image_remove_result r = { 0 };
	struct fixture f;
	scoped(mem) char *a = NULL;
	scoped(mem) char *b = NULL;

	begin(&f);
	a = publish(&f, &one);
	b = publish(&f, &two);
	CHECK_INT(image_tag(f.en, "one", "quay.io/x/y", &f.e), 0);
	CHECK_INT(image_tag(f.en, "one", "short", &f.e), 0);
	check_found(&f, "quay.io/x/y:latest", a);
	check_found(&f, "localhost/short", a);
	CHECK_INT(image_tag(f.en, "one", "Bad Name", &f.e), -EINVAL);
	CHECK_INT(image_tag(f.en, "nosuch", "x", &f.e), -ENOENT);
	CHECK_INT(image_tag(f.en, "two", "short", &f.e), 0);
	check_found(&f, "short", b);
	CHECK_INT(image_remove(f.en, a, 0, &r, &f.e), -EEXIST); /* two names */
	CHECK_INT(image_remove(f.en, "one", 0, &r, &f.e), 0);
	CHECK(r.deleted == NULL);
	check_found(&f, "y", a);
	image_remove_result_done(&r);
	CHECK_INT(image_untag(f.en, "two", "nosuch", &f.e), -ENOENT);
	CHECK_INT(image_untag(f.en, "two", NULL, &f.e), 0);
	check_found(&f, "two", NULL);
	check_found(&f, b, b);
	end(&f);
}

TEST(images_in_use_are_not_removed)
{
	static const struct recipe one = { { "base" }, NULL, "localhost/one:latest", NULL };
	struct image_remove_result r = { 0 };
	struct fixture f;
	scoped(mem) char *a = NULL;

	begin(&f);
	a = publish(&f, &one);
	CHECK_INT(store_exec(
			  engine_store(f.en, &f.e), &f.e,
			  "INSERT INTO container (id, name, image_id, image_name, created, "
			  "command, labels, ports, spec, state)"
			  " VALUES ('c0ffee', 'c', ?, 'one', 0, '[]', '{}', '[]', '{}', 'created')",
			  "s", a),
		  1);
	CHECK_INT(image_remove(f.en, "one", 0, &r, &f.e), -EBUSY);
	CHECK(str_starts(f.e.text, "image used by c0ffee: image is in use by a container: "));
	CHECK_INT(image_remove(f.en, "one", 1, &r, &f.e), -EBUSY);
	CHECK_INT(image_tag(f.en, "one", "two", &f.e), 0);
	CHECK_INT(image_remove(f.en, "two", 0, &r, &f.e), 0); /* only the name */
	image_remove_result_done(&r);
	check_found(&f, "one", a);
	end(&f);
}

TEST(what_a_crash_left_is_collected_unless_somebody_publishes)
{
	static const struct recipe one = { { "base" }, NULL, "localhost/one:latest", NULL };
	struct fixture f;
	scoped(mem) char *a = NULL;
	int lock;

	begin(&f);
	a = publish(&f, &one);
	CHECK_INT(mkdirat(f.en->graph_fd, "layers/0123456789abcdef", 0700), 0);
	CHECK_INT(path_replace(f.en->graph_fd, "blobs/orphan", "x", 1, 0600, 0, &f.e), 0);
	CHECK_INT(renameat(f.en->graph_fd, "blobs/orphan", f.en->graph_fd, "blobs/sha256/orphan"),
		  0);
	lock = image_publish_lock(f.en, &f.e);
	CHECK(lock >= 0);
	image_collect(f.en);
	CHECK_INT(count(&f, "layers"), 2);
	fd_close(lock);
	image_collect(f.en);
	CHECK_INT(count(&f, "layers"), 1);
	CHECK_INT(count(&f, "blobs/sha256"), 2);
	check_found(&f, "one", a);
	end(&f);
}

TEST(a_damaged_blob_is_named_and_the_others_are_listed)
{
	static const struct recipe one = { { "base" }, "1", "localhost/one:latest", NULL };
	static const struct recipe two = { { "base" }, "2", "localhost/two:latest", NULL };
	struct image_remove_result r = { 0 };
	struct image **list = NULL;
	scoped(image) struct image *i = NULL;
	struct fixture f;
	scoped(mem) char *a = NULL;
	scoped(mem) char *b = NULL;
	scoped(mem) char *path = NULL;
	size_t n = 0;

	begin(&f);
	a = publish(&f, &one);
	b = publish(&f, &two);
	CHECK(a && b);
	path = str_printf("blobs/sha256/%s", a ? a : "");
	CHECK_INT(unlinkat(f.en->graph_fd, path, 0), 0);
	CHECK_INT(symlinkat("/etc/passwd", f.en->graph_fd, path), 0);
	CHECK_INT(image_find(f.en, "one", &i, &f.e), -EBADMSG);
	CHECK(a && strstr(f.e.text, a) != NULL);
	CHECK_INT(image_list(f.en, &list, &n, &f.e), 0);
	CHECK_INT(n, 1);
	image_list_free(list, n);
	CHECK_INT(unlinkat(f.en->graph_fd, path, 0), 0);
	CHECK_INT(image_find(f.en, "one", &i, &f.e), -EBADMSG);
	CHECK(strstr(f.e.text, "missing") != NULL);
	CHECK_INT(image_remove(f.en, "one", 1, &r, &f.e), 0);
	image_remove_result_done(&r);
	CHECK_INT(image_list(f.en, &list, &n, &f.e), 0);
	CHECK_INT(n, 1);
	image_list_free(list, n);
	end(&f);
}

TEST_MAIN
