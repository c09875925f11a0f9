#!/bin/sh
# test-host.sh begin own|shared NAME COMMAND...: runs a command as if on a host of its own, so that what it does to mounts, processes and cgroups
# is seen by nobody beside it; the same of /run, /var/lib, and, with a network of its "own", of links and firewall. As root. /tmp and the
# checkout are the host's.
set -eu

# mount type options, of each cgroup hierarchy.
hierarchies() {
  while read -r _ path type options _; do
    case $type in cgroup | cgroup2) echo "$path $type $options" ;; esac
  done </proc/mounts
}

# This process joins a cgroup of that name in each hierarchy, which becomes the root of what it sees of it.
join_cgroups() {
  hierarchies | while read -r path _; do
    mkdir "$path/$1"
    if [ -e "$path/cpuset.cpus" ] && [ ! -s "$path/$1/cpuset.cpus" ]; then
      cat "$path/cpuset.cpus" >"$path/$1/cpuset.cpus"
      cat "$path/cpuset.mems" >"$path/$1/cpuset.mems"
    fi
    echo $$ >"$path/$1/cgroup.procs"
  done
}

remove_cgroups() {
  hierarchies | while read -r path _; do
    if [ -d "$path/$1" ]; then find "$path/$1" -depth -type d -exec rmdir {} +; fi
  done
}

mount_own() {
  hierarchies | while read -r path type options; do
    umount "$path"
    controllers=$(echo "$options" | tr , '\n' | grep -vxE 'rw|nosuid|nodev|noexec|relatime|nsdelegate|memory_recursiveprot' | paste -sd , -)
    mount -t "$type" ${controllers:+-o "$controllers"} "$type" "$path"
    # In version 2 a cgroup with processes gives its children no controllers.
    if [ "$type" = cgroup2 ]; then
      mkdir "$path/tests"
      echo $$ >"$path/tests/cgroup.procs"
    fi
  done
  mount -t tmpfs tmpfs /run
  # Plugins keep addresses and results below /var/lib, whoever calls them.
  mkdir -p /run/test-host/upper /run/test-host/work
  mount -t overlay -o lowerdir=/var/lib,upperdir=/run/test-host/upper,workdir=/run/test-host/work overlay /var/lib
  # unshare has made all mounts private; where the host shares its own, nodes count on it.
  if [ "$1" = shared ]; then mount --make-rshared /; fi
}

# Tests of host ports want an address that is not loopback's.
link_own() {
  ip link set lo up
  ip link add uplink type bridge
  ip address add 192.0.2.10/24 dev uplink
  ip link set uplink up
  ip route add default via 192.0.2.1
}

step=$1
network=$2
name=$3
propagation=${TEST_HOST_PROPAGATION-$(findmnt --noheadings --output PROPAGATION /)}
export TEST_HOST_PROPAGATION="$propagation"
shift 3
case $step in
begin)
  # Whoever is ended with it ends by itself; what it has made is removed after that.
  trap : INT TERM HUP
  status=0
  own_network=
  if [ "$network" = own ]; then own_network=--net; fi
  unshare --mount --pid $own_network --fork --kill-child --mount-proc "$0" join "$network" "$name" "$@" || status=$?
  remove_cgroups "$name"
  exit "$status"
  ;;
join)
  join_cgroups "$name"
  exec unshare --cgroup "$0" inside "$network" "$name" "$@"
  ;;
inside)
  mount_own "$propagation"
  if [ "$network" = own ]; then link_own; fi
  # The first process of a PID namespace reaps what others leave: a shell that waits does.
  "$@" &
  wait $!
  ;;
esac
