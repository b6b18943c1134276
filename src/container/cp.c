/* SPDX-License-Identifier: Apache-2.0 */
/* Two roles and a pipe: `tree` packs the one side, `layer` unpacks on the other.  Each is locked
 * into the root of its side, a container's or a directory of the host; what lies behind which name
 * is looked up once before, so that the rules of `cp` can be applied, and once more by the roles,
 * whatever a container has done with its links meanwhile. */
#include "src/container/cp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer.h"
#include "overlay/tree_role.h"
#include "src/container/view.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

struct end {
	struct engine *en;
	char *ref;   /* of a container, or NULL: the host */
	char *path;  /* in a container absolute */
	char *shown; /* as the user has it */
	int is_stream;
	struct view own, *view; /* own, or the other end's when it is the same container */
	struct view_look look;
	int dir_fd; /* host: the directory that the role is locked into */
};
#define END_NONE                                   \
	{                                          \
		.own = VIEW_NONE, .dir_fd = -EBADF \
	}

static void scoped_end(struct end *x)
{
	free(x->ref);
	free(x->path);
	free(x->shown);
	view_done(&x->own);
	fd_close(x->dir_fd);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* What begins with "." or "/" is never a container. */
static int parse(const char *arg, struct end *ret, struct err *e)
{
	const char *colon = *arg == '.' || *arg == '/' ? NULL : strchr(arg, ':');

	ret->path = strdup(colon ? colon + 1 : arg);
	ret->shown = ret->path ? strdup(ret->path) : NULL;
	ret->ref = colon ? strndup(arg, (size_t)(colon - arg)) : NULL;
	if (!ret->shown || (colon && !ret->ref))
		return err_errno(e, ENOMEM, "copy");
	if (ret->ref && !*ret->ref) {
		free(ret->ref);
		ret->ref = NULL;
	}
	return 0;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* PATH without its last component ("." where there is none), owned. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Does it ask for what is in the directory? */
static int is_contents(const char *path)
{
	return strcmp(last_name(path), ".") == 0;
}

static int is_dir(const struct end *x)
{
	return x->look.found == 1 && S_ISDIR(x->look.mode);
}

static const char *why(int r)
{
	return r == -ENOENT    ? "no such file or directory"
	       : r == -ENOTDIR ? "not a directory"
	       : r == -EACCES  ? "permission denied"
			       : strerror(-r);
}

static int not_found(const struct end *x, int r, struct err *e)
{
	if (!x->ref)
		return err_set(e, r, "\"%s\" could not be found on the host: %s", x->shown, why(r));
	return err_set(e, r, "\"%s\" could not be found on container %s: %s", x->shown, x->ref,
		       why(r));
}

/* ---- looking --------------------------------------------------------------------------------- */

static int look_at_host(const char *path, struct view_look *ret)
{
	struct stat st;

	*ret = (struct view_look){ .found = 1 };
	if (stat(path, &st) == 0)
		ret->mode = st.st_mode; /* also of an open pipe, which has no path */
	if (!ret->mode || !realpath(path, ret->path)) {
		ret->found = -errno;
		(void)snprintf(ret->path, sizeof(ret->path), "%s", path);
	}
	return 0;
}

static int look_at(struct end *x, const char *path, struct view_look *ret, struct err *e)
{
	return x->ref ? view_look(x->view, path, ret, e) : look_at_host(path, ret);
}

/* Podman's rule: a relative path begins where the container's process would. */
static int make_absolute(struct end *x, struct err *e)
{
	const char *workdir = x->view->spec->workdir;
	char *path;

	if (x->path[0] == '/')
		return 0;
	path = str_printf("%s/%s", workdir && strcmp(workdir, "/") != 0 ? workdir : "", x->path);
	free(x->path);
	x->path = path;
	return path ? 0 : err_errno(e, ENOMEM, "copy");
}

static int open_end(struct engine *en, struct end *x, struct end *other, struct err *e)
{
	int r;

	x->en = en;
	x->is_stream = !x->ref && (strcmp(x->path, "-") == 0 ||
				   (!other && strcmp(x->path, "/dev/stdin") == 0));
	if (!x->ref)
		return 0;
	/* A container that does not run is mounted once, also when it is on both sides. */
	if (other && other->view) {
		scoped(container) struct container *c = NULL;
		r = container_find(en, x->ref, &c, e);
		if (r == 0 && strcmp(c->id, other->view->c->id) == 0) {
			x->view = other->view;
			return make_absolute(x, e);
		}
		err_clear(e);
	}
	x->view = &x->own;
	r = view_open(en, x->ref, &x->own, e);
	if (r == 0)
		return make_absolute(x, e);
	return r == -ENOENT ? err_set(e, r, "container \"%s\" does not exist", x->ref) : r;
}

static int look_at_source(struct end *x, struct err *e)
{
	int r = x->is_stream ? 0 : look_at(x, x->path, &x->look, e);

	if (r < 0 || x->is_stream)
		return r;
	return x->look.found == 1 ? 0 : not_found(x, x->look.found, e);
}

/* ---- the rules ------------------------------------------------------------------------------- */

struct copy {
	const struct cp_options *o;
	struct end *from, *to;
	char *name; /* what the source is called there; "" for contents alone */
	char *base; /* the directory it gets into, without links */
};

/* The destination is not there: the source gets its name, in the directory above. */
static int into_parent(struct copy *c, struct err *e)
{
	struct end *to = c->to;
	scoped(mem) char *parent = NULL;
	struct view_look above;
	int r;

	if (to->look.found != -ENOENT || str_ends(to->path, "/"))
		return not_found(to, to->look.found, e);
	if (c->from->is_stream)
		return err_set(e, -EINVAL,
			       "destination must be a directory when copying from stdin");
	parent = parent_of(to->look.path);
	if (!parent)
		return err_errno(e, ENOMEM, "copy");
	r = look_at(to, parent, &above, e);
	if (r < 0)
		return r;
	if (above.found == 1 && !S_ISDIR(above.mode))
		above.found = -ENOTDIR;
	if (above.found != 1)
		return not_found(to, above.found, e);
	c->name = strdup(last_name(to->look.path));
	c->base = strdup(above.path);
	to->look.uid = above.uid;
	to->look.gid = above.gid;
	to->look.user = above.user;
	return c->name && c->base ? 0 : err_errno(e, ENOMEM, "copy");
}

/* Podman's rule: a source on the host keeps the name it was given by, one in a container that of
 * the file behind its links. */
static char *source_name(const struct end *from)
{
	scoped(mem) char *clean = from->ref ? NULL : path_clean(from->path);
	const char *name = clean ? last_name(clean) : NULL;

	if (from->is_stream || (is_dir(from) && is_contents(from->path)))
		return strdup("");
	/* "..", "/" and the like say nothing of a name. */
	if (!name || !*name || strcmp(last_name(from->path), "..") == 0)
		name = last_name(from->look.path);
	return strdup(name);
}

static int into_directory(struct copy *c, struct err *e)
{
	c->name = source_name(c->from);
	c->base = strdup(c->to->look.path);
	return c->name && c->base ? 0 : err_errno(e, ENOMEM, "copy");
}

static int over_file(struct copy *c, struct err *e)
{
	if (!c->to->ref && !S_ISREG(c->to->look.mode))
		return err_set(e, -EINVAL,
			       "invalid destination: \"%s\" must be a directory or a regular file",
			       c->to->path);
	if (c->from->is_stream || is_dir(c->from))
		return err_set(e, -EINVAL, "destination must be a directory when copying %s",
			       c->from->is_stream ? "from stdin" : "a directory");
	c->name = strdup(last_name(c->to->look.path));
	c->base = parent_of(c->to->look.path);
	return c->name && c->base ? 0 : err_errno(e, ENOMEM, "copy");
}

/* A directory into itself would never end. */
static int refuse_itself(const struct copy *c, struct err *e)
{
	const struct end *from = c->from, *to = c->to;

	if (!is_dir(from) || from->view != to->view || !path_is_below(c->base, from->look.path))
		return 0;
	return err_set(e, -EINVAL, "cannot copy the directory \"%s\" into itself, \"%s\"",
		       from->path, to->path);
}

/* What would be left out anyway, told when it is all there is. */
static int refuse_special(const struct copy *c, struct err *e)
{
	const struct end *from = c->from, *to = c->to;
	mode_t type = from->look.mode & S_IFMT;

	if (from->is_stream || (type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK))
		return 0;
	if (type != S_IFSOCK && (to->is_stream || (to->ref && userns_is_host_root())))
		return 0;
	return err_set(e, -EINVAL, "\"%s\" is a %s, which cannot be copied", from->path,
		       type == S_IFSOCK ? "socket" : "device");
}

static int decide(struct copy *c, struct err *e)
{
	struct end *to = c->to;
	int r = refuse_special(c, e);

	if (r < 0)
		return r;
	if (to->is_stream) {
		c->name = source_name(c->from);
		return c->name ? 0 : err_errno(e, ENOMEM, "copy");
	}
	r = look_at(to, to->path, &to->look, e);
	if (r < 0)
		return r;
	/* An open pipe of the host is there without a path. */
	r = is_dir(to)						 ? into_directory(c, e)
	    : to->look.found == 1 || (!to->ref && to->look.mode) ? over_file(c, e)
								 : into_parent(c, e);
	if (r == 0)
		r = refuse_itself(c, e);
	if (r == 0 && to->ref && c->o->archive && to->look.user.code < 0) {
		*e = to->look.user;
		r = e->code;
	}
	return r;
}

/* ---- the copy -------------------------------------------------------------------------------- */

static int enter(void *arg, struct err *e)
{
	struct end *x = arg;
	int r;

	if (x->ref)
		return view_enter(x->view, e);
	r = userns_enter(x->en->run_fd, e);
	return r < 0 ? r : x->dir_fd;
}

static int open_host(struct end *x, const char *dir, struct err *e)
{
	x->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return x->dir_fd < 0 ? err_sys(e, "open %s", dir) : 0;
}

/* "copy" and its words: see tree_role.h. */
static int start_reader(const struct copy *c, int out, struct tree_reader *ret, struct err *e)
{
	struct end *from = c->from;
	scoped(mem) char *dir = parent_of(from->look.path);
	const char *path = from->look.path + 1;
	char ids[2][12] = { "0", "0" }, owner[32] = "";
	char kind[4], word[] = "copy", here[] = ".";
	char *args[] = { word, kind, ids[0], ids[1], owner, c->name, NULL, NULL };
	int r = dir ? 0 : err_errno(e, ENOMEM, "copy");

	if (from->ref) {
		(void)snprintf(kind, sizeof(kind), "ns");
		(void)snprintf(ids[0], sizeof(ids[0]), "%u", (unsigned)from->view->self_uid);
		(void)snprintf(ids[1], sizeof(ids[1]), "%u", (unsigned)from->view->self_gid);
		if (c->o->archive)
			(void)snprintf(owner, sizeof(owner), "%u:%u", (unsigned)from->look.uid,
				       (unsigned)from->look.gid);
	} else if (r == 0) {
		(void)snprintf(kind, sizeof(kind), "dir");
		r = open_host(from, dir, e);
		path = last_name(from->look.path);
	}
	args[6] = *path ? (char *)path : here;
	return r < 0 ? r : tree_reader_start_with(ret, enter, from, out, args, e);
}

static int start_writer(const struct copy *c, int in, struct layer_writer *ret, struct err *e)
{
	struct end *to = c->to;
	struct layer_copy copy = { .is_host = !to->ref,
				   .is_powerless = !to->ref && !userns_is_root(),
				   .overwrite = c->o->overwrite,
				   .base = "" };
	int r = 0;

	if (to->ref) {
		copy.is_mount_ns = 1;
		copy.base = strcmp(c->base, "/") == 0 ? "" : c->base;
		copy.chown = c->o->archive;
		copy.uid = to->look.uid;
		copy.gid = to->look.gid;
		copy.self_uid = to->view->self_uid;
		copy.self_gid = to->view->self_gid;
	} else {
		r = open_host(to, c->base, e);
	}
	return r < 0 ? r : layer_copy_start(ret, enter, to, in, &copy, e);
}

static int finish_writer(const struct copy *c, struct layer_writer *w, struct err *e)
{
	struct layer_result got = { .size = 0 };
	int r = layer_writer_finish(w, &got, e);

	if (r == 0 && c->from->is_stream && !got.size)
		r = -EBADMSG; /* whatever was to write the archive failed */
	if (r == 0)
		return 0;
	if (r == -EBADMSG && c->from->is_stream)
		return err_set(e, r,
			       "source must be a (compressed) tar archive when copying from stdin");
	if (r == -EEXIST)
		(void)err_in(e, "error creating \"%s/%s\"",
			     c->to->ref && strcmp(c->base, "/") != 0 ? c->base : "", c->name);
	return err_in(e, c->to->ref ? "copying to container" : "copying to host");
}

static int write_stream(const struct copy *c, struct err *e)
{
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	int r = start_reader(c, STDOUT_FILENO, &reader, e);

	if (r == 0)
		r = tree_reader_finish(&reader, e);
	return r < 0 ? err_in(e, "copying from container") : 0;
}

static int read_stream(const struct copy *c, struct err *e)
{
	struct layer_writer w = LAYER_WRITER_NONE;
	int r = start_writer(c, STDIN_FILENO, &w, e);

	if (r == 0)
		r = finish_writer(c, &w, e);
	layer_writer_end(&w);
	return r;
}

static int pass(const struct copy *c, struct layer_writer *w, struct tree_reader *reader,
		struct err *e)
{
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	struct err writing = { 0 };
	int r = fd_pipe(&in, &out, e), wrote;

	if (r < 0)
		return r;
	(void)fcntl(out, F_SETPIPE_SZ, 1 << 20); /* 64 KiB work, too */
	r = start_reader(c, out, reader, e);
	fd_close(take_fd(&out));
	if (r == 0)
		r = start_writer(c, in, w, e);
	fd_close(take_fd(&in));
	if (r < 0)
		return r;
	wrote = finish_writer(c, w, &writing);
	r = tree_reader_finish(reader, e);
	if (r < 0)
		(void)err_in(e, c->from->ref ? "copying from container" : "copying from host");
	return err_of_pipe(r, wrote, &writing, e);
}

static int pass_on(const struct copy *c, struct err *e)
{
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	struct layer_writer w = LAYER_WRITER_NONE;
	int r = pass(c, &w, &reader, e);

	layer_writer_end(&w);
	return r;
}

int container_cp(struct engine *en, const char *source, const char *destination,
		 const struct cp_options *o, struct err *e)
{
	scoped(end) struct end from = END_NONE;
	scoped(end) struct end to = END_NONE;
	struct copy c = { .o = o, .from = &from, .to = &to };
	int r = parse(source, &from, e);

	if (r == 0)
		r = parse(destination, &to, e);
	if (r == 0 && (!*from.path || !*to.path))
		return err_set(e, -EINVAL,
			       "invalid arguments \"%s\", \"%s\": you must specify paths", source,
			       destination);
	if (r == 0 && !from.ref && !to.ref)
		return err_set(
			e, -EINVAL,
			"invalid arguments \"%s\", \"%s\": one of them must name a container",
			source, destination);
	if (r == 0)
		r = open_end(en, &from, NULL, e);
	if (r == 0)
		r = look_at_source(&from, e);
	if (r == 0)
		r = open_end(en, &to, &from, e);
	engine_store_close(en);
	if (r == 0)
		r = decide(&c, e);
	if (r == 0)
		r = to.is_stream     ? write_stream(&c, e)
		    : from.is_stream ? read_stream(&c, e)
				     : pass_on(&c, e);
	free(c.name);
	free(c.base);
	return r;
}
