#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Secrets by podman and by cove: output and exit status.
load ../setup
load compare

setup() {
	compare_setup
	printf hidden >"$T/word"
	podman_like secret create probe "$T/word" >/dev/null 2>&1 || skip "podman keeps no secrets here"
	podman_like secret rm probe >/dev/null
}

plain() {
	sed -E 's/\b[0-9a-f]{25,64}\b/ID/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}.[0-9:.]+/TIME/g; s/(Less than a|About an?|[0-9]+) [a-z]+ ago/AGE/g
		s|"path": "[^"]*"|"path": "PATH"|; s/^ +//; s/  +/ /g; s/`(cove|podman) /`/' |
		if [[ ${sentence[1]} = ls ]]; then sort; else cat; fi # podman's order is another each time
}

@test "secret: sentences that scripts use" {
	same secret create one "$T/word"
	same secret create one "$T/word"
	same secret create --label a=b -l c two "$T/word"
	same secret create three /dev/null
	same secret create three
	same secret create -d vault three "$T/word"
	same secret create -d shell --driver-opts list=a three "$T/word"
	same secret create -l =b three "$T/word"
	same secret create --env three NO_SUCH_VARIABLE
	same secret ls
	same secret ls -q
	same secret ls --noheading
	same secret ls --format '{{.Name}}: {{.Driver}}'
	same secret ls --format 'table {{.Name}} {{.Driver}}'
	same secret ls --filter name=tw --format '{{.Name}}'
	same secret ls --filter nosuch=x
	same secret ls --filter word
	same secret inspect one two
	same secret inspect --pretty two
	same secret inspect --format '{{.Spec.Name}} {{.Spec.Labels}} {{.Spec.Driver.Name}}' one two
	same secret inspect nosuch
	same secret inspect nosuch one nosuch2
	same secret rm nosuch
	same secret rm
	same secret rm -a one
	no_differences
}

@test "secret: in containers" {
	same secret create s "$T/word"
	same run --rm --network none --secret s busybox cat /run/secrets/s
	same run --rm --network none --secret s,target=a/b,uid=7,gid=8,mode=0640 busybox stat -c '%a %u %g' /run/secrets/a/b
	same run --rm --network none --secret s,target=/opt/s busybox ls -l /opt/s
	same run --rm --network none --secret s,type=env busybox sh -c 'echo $s'
	same run --rm --network none --secret s,type=env,target=V -e V=x busybox sh -c 'echo $V'
	same run --rm --network none --secret s,type=other busybox true
	same run --rm --network none --secret s,mode=8 busybox true
	same run --rm --network none --secret s,word busybox true
	same run --rm --network none --secret s,type=env,gid=1 busybox true
	same run --rm --network none --secret type=mount,target=x busybox true
	same run --rm --network none --secret nosuch busybox true
	same create --name c --network none --secret s --secret s,type=env busybox cat /run/secrets/s
	same inspect --format '{{range .Config.Secrets}}{{.Name}} {{.UID}} {{.Mode}}{{end}}' c
	same secret rm s
	cove start -a c && die "started without its variable"
	podman_like start -a c && die "podman starts it"
	same secret create s "$T/word"
	same start -a c
	same rm c
	no_differences
}
