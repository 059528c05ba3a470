#!/usr/bin/env bash
# A container engine for the compose test on a Debian machine that has none, and base images made on the spot.
#
#   engine.sh up FOLDER     start it; prints the environment that docker needs to find it, as NAME=value lines
#   engine.sh down FOLDER   stop it and leave nothing behind
#
# The base images carry the names the project's Dockerfile and compose file ask for, so both are tested as users run
# them. Needs root and a reachable Debian mirror; downloads go through apt alone.
set -euo pipefail

action=${1:?up or down}
folder=$(realpath -m "${2:?a folder for everything the engine writes}")
project=$(realpath "$(dirname "$0")/../..")
socket=unix://$folder/docker.sock
export DOCKER_HOST=$socket DOCKER_CONFIG=$folder/config DEBIAN_FRONTEND=noninteractive

install_engine() {
	command -v dockerd >/dev/null && command -v mmdebstrap >/dev/null && command -v iptables >/dev/null && return
	apt-get update -qq
	apt-get install -qq -y --no-install-recommends docker.io iptables mmdebstrap
}

# The mirror that this machine's own packages come from.
debian_mirror() {
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'ORIGIN: Debian' 'COMPONENT: main' |
		awk -v codename="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$1 == codename { print $2; exit }'
}

# Compose v2 and buildx come from Debian 13: Debian 12's compose is version 1 and knows no `name:`. An apt of its own
# keeps the machine's package lists as they are.
install_plugins() {
	local apt=$folder/apt plugins=$DOCKER_CONFIG/cli-plugins
	[ -x "$plugins/docker-compose" ] && return
	mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$plugins"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) trixie main" >"$apt/sources.list"
	local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists"
		-o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
	apt-get "${options[@]}" update -qq
	(cd "$apt" && apt-get "${options[@]}" download -qq docker-compose docker-buildx)
	for package in "$apt"/*.deb; do
		dpkg-deb -x "$package" "$apt/unpacked"
	done
	find "$apt/unpacked" -type f \( -name docker-compose -o -name docker-buildx \) -perm -u+x -exec cp {} "$plugins" \;
}

# Remember what the engine changes on the machine, so that `down` can put it back.
start_engine() {
	sysctl -n net.ipv4.ip_forward >"$folder/ip_forward"
	iptables -S FORWARD 2>/dev/null | head -n 1 >"$folder/forward_policy" || true
	dockerd --data-root "$folder/data" --exec-root "$folder/exec" -p "$folder/pid" -H "$socket" \
		>"$folder/dockerd.log" 2>&1 &
	for _ in $(seq 300); do
		docker info >/dev/null 2>&1 && return
		sleep 0.1
	done
	tail -n 20 "$folder/dockerd.log" >&2
	exit 1
}

make_images() {
	local debian=$folder/debian.tar context=$folder/context
	docker image inspect python:3.11-slim-bookworm >/dev/null 2>&1 && return
	mmdebstrap --quiet --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates bookworm "$debian" \
		"$(debian_mirror)"
	docker import "$debian" debian-with-python >/dev/null
	rm "$debian"
	mkdir -p "$context/certificates" "$context/builder"
	find /usr/local/share/ca-certificates -name '*.crt' -exec cp {} "$context/certificates" \;
	cp "$project/fabric_network/external_builder.py" "$context/builder"
	for step in detect build release; do
		printf '#!/bin/sh\nexec python3 /opt/hyperledger/ccaas_builder/external_builder.py %s "$@"\n' "$step" \
			>"$context/builder/$step"
	done
	chmod +x "$context"/builder/*
	cat >"$context/Dockerfile" <<-'END'
		FROM debian-with-python AS python
		COPY certificates /usr/local/share/ca-certificates
		RUN update-ca-certificates && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
		ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt
	END
	docker build --quiet --tag python:3.11-slim-bookworm "$context"
	# Fabric's programs come out of the stage of our own Dockerfile that builds them.
	docker build --quiet --target programs --tag fabric-programs "$project"
	cat >"$context/Dockerfile" <<-'END'
		FROM fabric-programs AS programs
		FROM python:3.11-slim-bookworm AS orderer
		COPY --from=programs /opt/fabric/bin/orderer /usr/local/bin/
		CMD ["orderer"]
		FROM python:3.11-slim-bookworm AS peer
		COPY --from=programs /opt/fabric/bin/peer /usr/local/bin/
		COPY builder/external_builder.py /opt/hyperledger/ccaas_builder/
		COPY builder/detect builder/build builder/release /opt/hyperledger/ccaas_builder/bin/
		CMD ["peer", "node", "start"]
	END
	docker build --quiet --target orderer --tag hyperledger/fabric-orderer:3.1.1 "$context"
	docker build --quiet --target peer --tag hyperledger/fabric-peer:3.1.1 "$context"
}

stop_engine() {
	[ -f "$folder/pid" ] || return 0
	local pid
	pid=$(cat "$folder/pid")
	kill "$pid" 2>/dev/null || true
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

clean_up() {
	awk -v folder="$folder/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount --lazy
	ip link delete docker0 2>/dev/null || true
	for table in filter nat; do
		iptables -t "$table" -S 2>/dev/null | grep -E '^-A .*(DOCKER|docker0|br-[0-9a-f]{12})' | sed 's/^-A/-D/' |
			while read -r -a rule; do iptables -t "$table" "${rule[@]}" || true; done
		iptables -t "$table" -S 2>/dev/null | sed -n 's/^-N \(DOCKER.*\)/\1/p' |
			while read -r chain; do iptables -t "$table" -F "$chain" && iptables -t "$table" -X "$chain" || true; done
	done
	[ ! -s "$folder/forward_policy" ] || iptables $(cat "$folder/forward_policy")
	[ ! -s "$folder/ip_forward" ] || sysctl -qw "net.ipv4.ip_forward=$(cat "$folder/ip_forward")"
	rm -rf "$folder"
}

case $action in
up)
	mkdir -p "$folder"
	install_engine >&2
	install_plugins >&2
	start_engine
	make_images >&2
	printf '%s\n' "DOCKER_HOST=$DOCKER_HOST" "DOCKER_CONFIG=$DOCKER_CONFIG"
	;;
down)
	stop_engine
	clean_up
	;;
*)
	echo "engine.sh up FOLDER or engine.sh down FOLDER" >&2
	exit 2
	;;
esac
