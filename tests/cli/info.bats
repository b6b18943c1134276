#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../setup

@test "info tells the directories in use, in three forms" {
	run_cove info
	like "$output" "graphRoot: $XDG_DATA_HOME/cove"
	like "$output" "runRoot: $XDG_RUNTIME_DIR/cove"
	run_cove info --format '{{.Store.GraphRoot}} {{.Host.Security.Rootless}}'
	is "$output" "$XDG_DATA_HOME/cove true"
	run_cove --root "$T/other" info --format '{{.Store.GraphRoot}}'
	is "$output" "$T/other"
	run_cove info --format '{{.Host.OCIRuntime.Name}} {{.Host.NetworkBackend}} {{.Host.DatabaseBackend}}'
	is "$output" "cove-runtime cove sqlite"
	is "$(cove --runtime /usr/bin/crun info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}')" "crun /usr/bin/crun"
	run_cove info --format '{{.Host.LogDriver}} {{.Host.Conmon.Path}} {{.Host.RootlessNetworkCmd}} {{.Store.VolumePath}} {{index .Plugins.Network 0}} {{.Host.NetworkBackendInfo.DNS.Version}}'
	like "$output" "^k8s-file /.*/cove-monitor cove-net $XDG_DATA_HOME/cove/volumes bridge [0-9]"
	mkdir -p "$T/bin"
	printf '#!/bin/sh\n' >"$T/bin/slirp4netns"
	chmod +x "$T/bin/slirp4netns"
	PATH=$T/bin:$PATH run_cove info --format '{{.Host.Slirp4NetNS.Executable}}'
	is "$output" "$T/bin/slirp4netns"
	printf '[network]\ndefault_rootless_network_cmd = "pasta"\n' >"$T/c.conf"
	CONTAINERS_CONF=$T/c.conf run_cove info --format '{{.Host.RootlessNetworkCmd}}'
	is "$output" pasta
	need jq
	is "$(cove info --format json | jq -r .store.graphRoot)" "$XDG_DATA_HOME/cove"
	run_cove 125 info --format '{{.Host.Nope}}'
	like "$output" "can't evaluate field Nope"
}

@test "version speaks JSON and templates" {
	need jq
	is "$(cove version --format json | jq -r .Client.Version)" "$(cove version --format '{{.Client.Version}}')"
}
