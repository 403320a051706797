#!/bin/sh
# A fake of the command line of dev containers: "makes" containers for the fake of Docker.
set -eu
echo "devcontainer $*" >>"$FAKE_STATE/calls"
verb="$1"
folder=
shift
while [ "$#" -gt 0 ]; do
    [ "$1" != --workspace-folder ] || folder="$2"
    shift
done
name="$(basename "$folder")"
file="$folder/.devcontainer/devcontainer.json"
if [ ! -f "$file" ]; then
    echo '{"outcome":"error","message":"Dev container config ('"$file"') not found."}'
    exit 1
fi
case "$verb" in
up)
    echo '{"type":"text","level":3,"timestamp":1,"text":"making '"$name"'"}' >&2
    rm -rf "$FAKE_STATE/containers/id-$name"
    mkdir -p "$FAKE_STATE/containers/id-$name/root"
    # The changed file is older than the container that was made from it.
    created="$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)"
    cat >"$FAKE_STATE/containers/id-$name/json" <<JSON
{"Id":"id-$name","Created":"$created","Name":"/$name","State":{"Status":"running","Running":true},
"Config":{"Image":"base","Labels":{"devcontainer.local_folder":"$folder","devcontainer.config_file":"$file"}},
"Mounts":[{"Source":"$folder","Destination":"/workspaces/$name"}],"NetworkSettings":{"Ports":{}}}
JSON
    echo '{"outcome":"success","containerId":"id-'"$name"'","remoteUser":"ann"}'
    ;;
read-configuration)
    customization="$(cat "$file")"
    echo '{"workspace":{"workspaceFolder":"/workspaces/'"$name"'"},"mergedConfiguration":{"remoteUser":"ann","customizations":{"coder":['"$customization"']}}}'
    ;;
esac
