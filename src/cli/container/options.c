/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/container/options.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/exit.h"
#include "src/cli/image/pull.h"
#include "src/util/names.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct container_create_options, f)

const struct opt container_process_rows[] = {
	LIST(0, "annotation", "KEY=VALUE", AT(annotation), "Add an annotation"),
	LIST('a', "attach", "STREAM", AT(attach), "Attach only to stdin, stdout or stderr"),
	STR(0, "conmon-pidfile", "FILE", AT(monitor_pidfile),
	    "Write the ID of the process that watches the container to a file", .complete = "file"),
	STR(0, "cidfile", "FILE", AT(cidfile),
	    "Write the container's ID to a file that must not exist"),
	STR(0, "detach-keys", "KEYS", AT(detach_keys), "Keys that detach from the container",
	    .man = "A comma-separated list of single characters and ctrl-X; the default is "
		   "ctrl-p,ctrl-q, an empty list "
		   "switches detaching off."),
	STR(0, "entrypoint", "COMMAND", AT(entrypoint),
	    "Run this instead of the image's entrypoint",
	    .man = "A program, or a JSON list of it and its first arguments. An empty value takes "
		   "the image's away."),
	LIST('e', "env", "NAME=VALUE", AT(env), "Set an environment variable",
	     .man = "NAME alone takes the caller's value, NAME* those of all whose names begin "
		    "so."),
	LIST(0, "env-file", "FILE", AT(env_file), "Read environment variables from a file",
	     .complete = "file"),
	TRI(0, "env-host", AT(env_host), "Pass the caller's whole environment"),
	CSV(0, "group-add", "GROUP", AT(group_add), "Add a supplementary group",
	    .man = "keep-groups, alone, keeps the caller's own."),
	STR('h', "hostname", "NAME", AT(hostname), "Set the container's host name"),
	TRI(0, "http-proxy", AT(http_proxy),
	    "Pass the caller's proxy variables (they are passed unless it is false)"),
	TRI(0, "init", AT(init), "Run an init that forwards signals and reaps processes"),
	STR(0, "init-path", "FILE", AT(init_path), "Take this program of the host for it",
	    .complete = "file",
	    .man = "With --init. It is called with -- and the command. Without it: init_path of "
		   "containers.conf(5), else cove's own."),
	FLAG('i', "interactive", AT(interactive), "Keep stdin open"),
	LIST('l', "label", "KEY=VALUE", AT(label), "Add a label"),
	LIST(0, "label-file", "FILE", AT(label_file), "Read labels from a file",
	     .complete = "file"),
	STR(0, "log-driver", "DRIVER", AT(log_driver),
	    "Where the output is logged (k8s-file when not said)",
	    .values = "k8s-file|json-file|none"),
	LIST(0, "log-opt", "KEY=VALUE", AT(log_opt), "Option of the log driver",
	     .man = "Keys: max-size, path."),
	STR(0, "name", "NAME", AT(name), "Name the container"),
	STR(0, "pidfile", "FILE", AT(pidfile), "Write the first process's ID to a file"),
	FLAG(0, "replace", AT(replace), "Remove a container of the same name first"),
	STR(0, "restart", "POLICY", AT(restart), "When to restart the container",
	    .values = "no|never"),
	FLAG(0, "rm", AT(rm), "Remove the container when it exits"),
	LIST(0, "secret", "SECRET[,KEY=VALUE...]", AT(secret), "Give it a secret",
	     .complete = "secret",
	     .man = "As a file, /run/secrets/SECRET (target=PATH: another place, below "
		    "/run/secrets unless it "
		    "is absolute; uid=, gid=, mode=: its owner and mode, by default 0, 0, 0444), "
		    "or with type=env as a variable (target=NAME: called so). Files are copied "
		    "when the container is made, variables looked up whenever it starts; neither "
		    "becomes part of an image."),
	STR(0, "stop-signal", "SIGNAL", AT(stop_signal), "Signal that stops the container"),
	INT(0, "stop-timeout", "SECONDS", AT(stop_timeout), -1, INT_MAX,
	    "Time from the stop signal to SIGKILL (10 when not given)", .init = -1),
	INT(0, "timeout", "SECONDS", AT(timeout), 0, INT_MAX,
	    "Kill the container when it has run so long",
	    .man = "Its exit code is 255 then. Each start counts anew."),
	FLAG('t', "tty", AT(tty), "Allocate a terminal"),
	STR(0, "tz", "ZONE", AT(tz), "Set the time zone",
	    .man = "A name below /usr/share/zoneinfo of the host, or local for the host's own: the "
		   "file appears as /etc/localtime."),
	STR(0, "umask", "MODE", AT(umask), "Set the umask (0022 when not said)"),
	STR(0, "kernel-memory", "SIZE", AT(kernel_memory), "Of other engines: no effect",
	    .hidden = 1),
	LIST(0, "env-merge", "KEY=VALUE", AT(env_merge),
	     "Set a variable by what the image says of it",
	     .man = "${NAME} and $NAME in VALUE stand for the variables of image and engine: "
		    "--env-merge 'PATH=${PATH}:/opt/bin'."),
	LIST(0, "unsetenv", "NAME", AT(unsetenv),
	     "Leave out a variable that the image or cove sets"),
	FLAG(0, "unsetenv-all", AT(unsetenv_all), "Leave out all of them"),
	STR('u', "user", "USER[:GROUP]", AT(user), "Run as this user"),
	STR('w', "workdir", "DIR", AT(workdir), "Working directory in the container"),
	END,
};

const struct opt container_network_rows[] = {
	CSV(0, "add-host", "NAME[;NAME...]:IP", AT(add_host), "Add a line to /etc/hosts",
	    .man = "host-gateway for IP means the host."),
	LIST(0, "dns", "ADDRESS", AT(dns), "Set a name server",
	     .man = "none: /etc/resolv.conf is the image's own."),
	LIST(0, "dns-option", "OPTION", AT(dns_option), "Set a resolver option",
	     .spellings = "dns-opt"),
	LIST(0, "dns-search", "DOMAIN", AT(dns_search), "Set a search domain"),
	LIST(0, "expose", "PORT", AT(expose), "Tell that the container listens on a port"),
	STR(0, "ip", "ADDRESS", AT(ip), "IPv4 address on its network"),
	STR(0, "ip6", "ADDRESS", AT(ip6), "IPv6 address on its network"),
	STR(0, "mac-address", "MAC", AT(mac_address), "Ethernet address on its network"),
	LIST(0, "network", "MODE|NAME[:KEY=VALUE...]", AT(network), "Network of the container",
	     .spellings = "net",
	     .man = "private (its own, with access to the outside), "
		    "pasta[:WORD,WORD...] (the same by the program pasta, with "
		    "words for its command line; one of November 2024 or later gives "
		    "the host the address 169.254.1.2), none, host, container:NAME, "
		    "ns:PATH, or bridge networks: bridge (the default one) and "
		    "names of networks, several by repeating the option. private "
		    "takes options as in private:mtu=1500,cidr=10.9.0.0/24 (accel, "
		    "allow_host_loopback, cidr, enable_ipv6, mtu, outbound_addr, "
		    "outbound_addr6, port_handler). private:accel makes TCP "
		    "connections to the outside with sockets of the host, as fast "
		    "as the host's own ones, to the same addresses as without it; "
		    "published ports and connections to addresses of the private "
		    "network itself go their usual way. It costs isolation: "
		    "programs see the host's address as their own, can learn its "
		    "interfaces, and can keep ports of the host occupied, on which "
		    "nobody is heard; the container's routes, packet filters, "
		    "memory limit and network statistics do not know of these "
		    "connections; and a connected socket that is passed on to a "
		    "program outside the container is the host's. A socket that is "
		    "bound, watched by epoll or has a duplicate before it connects "
		    "stays in the container's network; one that is shared with "
		    "another process must not connect. A socket whose connection "
		    "has failed connects to the outside only. There is no TCP fast "
		    "open and no io_uring; who connects to a Unix socket sees the "
		    "engine as its listener; and programs started by exec cannot "
		    "trace those of the container. Should cove-accel be killed, "
		    "another one goes on; when that is killed as well, connect and "
		    "listen fail with ENOSYS. It takes cove's own runtime, a user "
		    "who is not root, and Linux 6.7 with Landlock. "
		    "private:port_handler=accel does all that, and lets servers in "
		    "the container listen on published TCP ports of the host by "
		    "themselves, without a relay between. It costs this, too: who "
		    "connects from the host's own loopback appears as 127.0.0.1, so "
		    "a server that trusts that address trusts every user of the "
		    "host; the server's own address is the host's, with the host's "
		    "port; IPv6 comes to servers that listen on IPv6 only; and "
		    "containers that share this one's network (container:NAME) do "
		    "not reach such a server by loopback, nor can they serve a port "
		    "that this one has served. A port whose container port is "
		    "published more than once, or whose socket is watched by epoll "
		    "or has a duplicate before it listens, is served by the relay "
		    "as without it; one that is shared with another process must not "
		    "listen. A network takes the keys ip, ip6, mac, alias "
		    "and interface_name: --network front:ip=10.89.0.5,alias=web. "
		    "The default is private."),
	CSV(0, "network-alias", "NAME", AT(network_alias), "Further name on its networks"),
	STR(0, "hosts-file", "FILE", AT(hosts_file), "What /etc/hosts begins with",
	    .complete = "file",
	    .man = "A path of the host, image for the image's own, none for nothing. Without it: "
		   "base_hosts_file of containers.conf(5), else the host's /etc/hosts."),
	FLAG(0, "no-healthcheck", AT(no_healthcheck), "Do not check the health as the image says",
	     .man = "Nor is it checked without this."),
	FLAG(0, "no-hostname", AT(no_hostname), "Leave the image's /etc/hostname alone"),
	TRI(0, "no-hosts", AT(no_hosts), "Leave the image's /etc/hosts alone"),
	LIST('p', "publish", "[[IP:]HOST:]PORT[/PROTO]", AT(publish),
	     "Publish a port or a range of ports",
	     .man = "Without HOST a free port is taken. PROTO is tcp or udp."),
	FLAG('P', "publish-all", AT(publish_all), "Publish all exposed ports on free ports"),
	EXCLUDES("no-hosts", "hosts-file"),
	END,
};

const struct opt container_storage_rows[] = {
	LIST(0, "device", "HOST[:PATH][:rwm]", AT(device), "Give a device of the host"),
	LIST(0, "mount", "type=TYPE,KEY=VALUE...", AT(mount), "Mount a file system",
	     .man = "Types: bind, volume, tmpfs, ramfs, devpts. A volume that is not there is made "
		    "with volume-label=KEY=VALUE and volume-opt=KEY=VALUE (each as often as "
		    "needed; see cove-volume-create(1)), or with nocreate not at all."),
	TRI(0, "read-only", AT(read_only), "Make the root file system read-only"),
	FLAG(0, "read-only-tmpfs", AT(read_only_tmpfs),
	     "With --read-only: writable tmpfs on /run, /tmp, /var/tmp", .def = "true"),
	STR(0, "shm-size", "SIZE", AT(shm_size), "Size of /dev/shm (64m when not said)"),
	LIST(0, "tmpfs", "DIR[:OPTIONS]", AT(tmpfs), "Mount a tmpfs"),
	LIST('v', "volume", "[SOURCE:]DIR[:OPTIONS]", AT(volume),
	     "Mount a directory of the host or a named volume",
	     .man = "SOURCE that begins with / or . is a path of the host and must exist; another "
		    "one is a volume, made when "
		    "there is none (with nocreate that is an error). DIR alone gets a volume "
		    "that goes with the container, by `rm --volumes` or --rm."),
	LIST(0, "volumes-from", "CONTAINER[:OPTIONS]", AT(volumes_from),
	     "Mount what another container has mounted", .complete = "container",
	     .man = "Its volumes and directories of the host, where nothing else is mounted. The "
		    "option ro makes them read-only; rw and z say nothing new."),
	STR(0, "image-volume", "KIND", AT(image_volume), "What the image's VOLUMEs become",
	    .values = "anonymous|bind|tmpfs|ignore", .def = "anonymous",
	    .man = "anonymous (also called bind): volumes without a name; tmpfs: what is gone when "
		   "the container ends; ignore: nothing."),
	END,
};

const struct opt container_security_rows[] = {
	LIST(0, "cap-add", "CAPABILITY", AT(cap_add), "Add a capability"),
	LIST(0, "cap-drop", "CAPABILITY", AT(cap_drop), "Take a capability away"),
	CSV(0, "cgroup-conf", "KEY=VALUE", AT(cgroup_conf), "Set a file of the cgroup (v2)",
	    .man = "For what has no option of its own: memory.high=1073741824."),
	STR(0, "cgroup-parent", "PATH", AT(cgroup_parent),
	    "Slice or cgroup that the container's cgroup is made in"),
	STR(0, "cgroups", "MODE", AT(cgroups), "Whether the container has a cgroup of its own",
	    .def = "enabled", .values = "enabled|disabled|no-conmon|split",
	    .man = "no-conmon and split are the same as enabled: the monitor is never in the "
		   "container's cgroup."),
	STR(0, "cgroupns", "MODE", AT(cgroupns),
	    "Cgroup namespace: private, host, ns:PATH, container:NAME"),
	CSV(0, "device-cgroup-rule", "\"TYPE MAJ:MIN ACCESS\"", AT(device_cgroup_rule),
	    "Allow devices by number (as root)"),
	STR(0, "ipc", "MODE", AT(ipc),
	    "IPC namespace: private, host, none, shareable, ns:PATH, container:NAME"),
	FLAG(0, "oom-kill-disable", AT(oom_kill_disable),
	     "Do not kill for want of memory (cgroup v1)"),
	INT(0, "oom-score-adj", "NUMBER", AT(oom_score_adj), -1000, 1000,
	    "Likelihood of being killed for memory",
	    .given = OPT_GIVEN(struct container_create_options, oom_score_adj_given)),
	STR(0, "pid", "MODE", AT(pid), "PID namespace: private, host, ns:PATH, container:NAME"),
	TRI(0, "privileged", AT(privileged),
	    "Give all capabilities that the caller's range allows, hide nothing"),
	LIST(0, "security-opt", "OPTION", AT(security_opt), "Security option",
	     .man = "no-new-privileges[=BOOL], seccomp=FILE, seccomp=unconfined, apparmor=PROFILE, "
		    "mask=PATH, unmask=PATH, "
		    "unmask=ALL, systempaths=unconfined, label=disable. The built-in seccomp "
		    "profile lets 32-bit "
		    "programs in 64-bit x86 images make sockets by socket(2) only, not by "
		    "socketcall(2), whose address family no filter can see."),
	LIST(0, "sysctl", "NAME=VALUE", AT(sysctl),
	     "Set a kernel parameter of the container's namespaces"),
	CSV(0, "ulimit", "NAME=SOFT[:HARD]", AT(ulimit), "Set a resource limit",
	    .man = "host gives the container the limits of the caller."),
	STR(0, "userns", "MODE", AT(userns),
	    "User namespace: host, private, keep-id, container:NAME",
	    .man = "keep-id: the caller has its own number inside, and a name where the image has "
		   "a passwd file. The first container from an image so copies its layers, because "
		   "their files belong to somebody else then; the copies go with the image."),
	STR(0, "uts", "MODE", AT(uts), "UTS namespace: private, host, ns:PATH, container:NAME"),
	END,
};

const struct opt container_image_rows[] = {
	STR(0, "arch", "ARCH", AT(arch), "Architecture of the image to take",
	    .spellings = "override-arch"),
	STR(0, "authfile", "FILE", AT(authfile), "Credentials of registries", .complete = "file"),
	STR(0, "cert-dir", "DIR", AT(cert_dir), "Certificates and keys for the registry",
	    .complete = "dir"),
	STR(0, "creds", "USER[:PASSWORD]", AT(creds), "Credentials for the registry"),
	LIST(0, "decryption-key", "FILE[:PASSWORD]", AT(decryption_keys), DECRYPTION_KEY_HELP,
	     .complete = "file", .man = DECRYPTION_KEY_MAN),
	FLAG(0, "disable-content-trust", AT(content_trust), "Pull without Docker's content trust",
	     .man = "cove has none; the option is there for scripts that give it."),
	STR(0, "os", "OS", AT(os), "Operating system of the image to take",
	    .spellings = "override-os"),
	STR(0, "platform", "OS/ARCH", AT(platform), "Platform of the image to take"),
	STR(0, "pull", "POLICY", AT(pull), "When to pull the image", .def = "missing",
	    .complete = "always|missing|never|newer"),
	FLAG('q', "quiet", AT(quiet), "Show no progress of a pull"),
	PULL_RETRY_ROWS,
	STR(0, "rootfs", "PATH[:O]", AT(rootfs),
	    "Use a directory as the root file system instead of an image", .complete = "dir",
	    .man = "With :O changes go to the container, and the directory stays as it is."),
	STR(0, "signature-policy", "FILE", AT(signature_policy),
	    "Use this policy instead of policy.json", .complete = "file", .hidden = 1),
	TRI(0, "tls-verify", AT(tls_verify), "Verify the registry's certificate"),
	STR(0, "variant", "VARIANT", AT(variant), "Variant of the architecture",
	    .spellings = "override-variant"),
	EXCLUDES("platform", "arch"),
	EXCLUDES("platform", "os"),
	EXCLUDES("platform", "variant"),
	END,
};

void container_warn(const char *text)
{
	(void)fprintf(stderr, "%s\n", text);
}

static int each_name(struct engine *en, char *const *names, int print, int rule,
		     int (*fn)(struct engine *en, const char *ref, void *arg, struct err *e),
		     void *arg, struct err *e)
{
	int status = 0;
	for (; names && *names; names++) {
		int r = fn(en, *names, arg, e);
		if (r < 0)
			status = exit_failed((enum exit_rule)rule, status, e);
		else if (print && r == 0)
			(void)printf("%s\n", *names);
	}
	return status;
}

/* A name that does not exist spoils the whole command before anything is done, unless FN takes it
 * lightly (--ignore). */
static int check_names(struct engine *en, char *const *names,
		       int (*fn)(struct engine *en, const char *ref, void *arg, struct err *e),
		       void *arg, struct err *e)
{
	for (; *names; names++) {
		scoped(container) struct container *c = NULL;
		int r = container_find(en, *names, &c, e);
		if (r < 0)
			err_clear(e);
		if (r == -ENOENT && (r = fn(en, *names, arg, e)) < 0)
			return r;
	}
	return 0;
}

int container_each(struct engine *en, char *const *names, int all, int latest, int print, int rule,
		   int (*fn)(struct engine *en, const char *ref, void *arg, struct err *e),
		   void *arg, struct err *e)
{
	scoped(strv) char **ids = NULL;
	int r = 0;

	if ((all || latest) && names && names[0])
		return err_set(e, -EINVAL, "--all and --latest cannot be used together with names");
	if (latest) {
		scoped(container) struct container *c = NULL;
		r = container_latest(en, &c, e);
		if (r < 0)
			return r;
		if (strv_add(&ids, c->id) < 0)
			return err_errno(e, ENOMEM, "list containers");
		return each_name(en, ids, print, rule, fn, arg, e);
	}
	if (all) {
		struct container **list = NULL;
		size_t n = 0;
		r = container_list(en, 1, &list, &n, e);
		for (size_t i = 0; i < n && r >= 0; i++)
			if (strv_add(&ids, list[i]->id) < 0)
				r = err_errno(e, ENOMEM, "list containers");
		container_list_free(list, n);
		return r < 0 ? r : each_name(en, ids, print, rule, fn, arg, e);
	}
	if (!names || !names[0])
		return err_set(e, -EINVAL, "you must provide at least one name or id");
	r = names[1] ? check_names(en, names, fn, arg, e) : 0;
	if (r < 0)
		return exit_failed((enum exit_rule)rule, 0, e);
	return each_name(en, names, print, rule, fn, arg, e);
}

void complete_containers(struct engine *en, const char *prefix)
{
	struct container **list = NULL;
	struct err ignored;
	size_t n = 0;

	if (container_list(en, 1, &list, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strncmp(list[i]->name, prefix, strlen(prefix)) == 0)
			(void)printf("%s\n", list[i]->name);
		if (*prefix && strncmp(list[i]->id, prefix, strlen(prefix)) == 0)
			(void)printf("%.*s\n", ID_SHORT_LEN, list[i]->id);
	}
	container_list_free(list, n);
}
