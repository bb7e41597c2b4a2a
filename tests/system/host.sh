#!/bin/bash
# A real systemd as PID 1 of a throw-away container over this machine's own root file system: overlayfs, and all writes
# go to a tmpfs. Boots in about half a second, without an image.
#
# Needs root, and of Debian:  apt-get install -y --no-install-recommends systemd dbus util-linux
#
#   host.sh run [OPTIONS] [--] CMD [ARG...]    boot, run CMD inside, tear down; exits with the status of CMD
#   host.sh hold [OPTIONS] STATEDIR            boot, print "ready PID", stay until stdin closes, tear down; ends with who
#                                              started it, also by SIGKILL
#   host.sh up [OPTIONS] STATEDIR              boot and leave running
#   host.sh exec STATEDIR [--] CMD [ARG...]    run CMD in a host that is up
#   host.sh down STATEDIR [--poweroff]         tear down; --poweroff: an orderly shutdown before
#   host.sh gc                                 remove what hosts have left whose starter was killed
#
# OPTIONS
#   --bind SRC[:DST]           SRC, read-write and live, at DST inside; may be repeated
#   --bind-ro SRC[:DST]        the same, read-only
#   --net private|host|NETNS   private (default): only lo; the machine's; or one of `ip netns`
#   --cgroup hybrid|v2         hybrid (default): memory, tasks and CPU can be limited; v2: with those controllers only
#                              that the kernel has not given to v1
#   --size SIZE                of the tmpfs that takes all writes (default 2g); a small one is a disk that fills
#   --keep DIR                 keep all writes in DIR, which must be on a tmpfs: booting again with it is a reboot
#   --boot-timeout SEC         default 20
#
# Inside, /etc/systemd/system is empty but for the boot target, and /run, /tmp and /var/tmp are fresh. A service that is
# not root's cannot use an interpreter below /root, nor one below the machine's /tmp.
set -eu
die() { echo "host.sh: $*" >&2; exit 125; }
[ "$(id -u)" = 0 ] || die "must be root"
SELF=$(readlink -f "$0")

######################################################################## inner: runs in the new namespaces, becomes PID 1
if [ "${1:-}" = __inner ]; then
    S=$2; CG=$3; SIZE=$4; NET=$5; KEEP=$6
    mount --make-rprivate /
    if [ -n "$KEEP" ]; then mount --bind "$KEEP" "$S/rw"; else mount -t tmpfs -o mode=755,size="$SIZE" sdtest "$S/rw"; fi
    mkdir -p "$S/rw/up" "$S/rw/work" "$S/rw/root"
    R=$S/rw/root
    # lowerdir=/ is the root file system only (not what is mounted on it)
    mount -t overlay -o "lowerdir=/,upperdir=$S/rw/up,workdir=$S/rw/work" sdtest "$R"
    if [ ! -e "$S/rw/booted" ]; then              # first boot of this overlay
    # --- identity and boot target (written to the overlay's upper dir, never to the machine)
    rm -f "$R/.dockerenv"; : > "$R/etc/fstab"; tr -d - < /proc/sys/kernel/random/uuid > "$R/etc/machine-id"; rm -f "$R/var/lib/dbus/machine-id"
    rm -rf "$R/etc/systemd/system"; mkdir -p "$R/etc/systemd/system"; rm -rf "$R/var/log/journal"
    for u in systemd-sysctl systemd-modules-load systemd-binfmt systemd-random-seed systemd-timesyncd systemd-udevd \
             systemd-journal-flush systemd-firstboot systemd-update-done ldconfig systemd-pstore console-getty; do
        ln -s /dev/null "$R/etc/systemd/system/$u.service"
    done
    for u in dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
             proc-sys-fs-binfmt_misc.automount apt-daily.timer apt-daily-upgrade.timer man-db.timer; do
        ln -s /dev/null "$R/etc/systemd/system/$u"
    done
    cat > "$R/etc/systemd/system/sdtest.target" <<T
[Unit]
Description=test host
Requires=basic.target
After=basic.target dbus.socket
Wants=dbus.socket multi-user.target
T
    # multi-user.target: only what the test itself enables (everything in /etc was removed above)
    ln -s sdtest.target "$R/etc/systemd/system/default.target"
    mkdir -p "$R/etc/systemd/journald.conf.d"
    printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\n' > "$R/etc/systemd/journald.conf.d/sdtest.conf"
    : > "$S/rw/booted"; fi
    # --- API file systems
    mount -t proc -o nosuid,nodev,noexec proc "$R/proc"
    for p in sys irq bus sysrq-trigger; do          # global kernel knobs: read-only
        [ -e "$R/proc/$p" ] && { mount --bind "$R/proc/$p" "$R/proc/$p"; mount -o remount,bind,ro,nosuid,nodev,noexec "$R/proc/$p"; }
    done
    if [ "$NET" = host ]; then mount --rbind /sys "$R/sys" 2>/dev/null; umount -l "$R/sys/fs/cgroup"; mount -o remount,bind,ro "$R/sys"
    else mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$R/sys"; fi
    mount -t tmpfs -o mode=755,nosuid,size=4m tmpfs "$R/dev"
    for n in null zero full random urandom tty; do mknod -m 666 "$R/dev/$n" c $(stat -c '0x%t 0x%T' "/dev/$n"); done
    mkdir "$R/dev/pts" "$R/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec devpts "$R/dev/pts"; ln -s pts/ptmx "$R/dev/ptmx"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$R/dev/shm"
    ln -s /proc/self/fd "$R/dev/fd"; for i in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${i%:*}" "$R/dev/${i#*:}"; done
    : > "$R/dev/console"; mount --bind "$S/console.log" "$R/dev/console"
    for t in run tmp var/tmp; do mount -t tmpfs -o mode=$([ $t = run ] && echo 755 || echo 1777),nosuid,nodev,size="$SIZE" tmpfs "$R/$t"; done
    # --- cgroups: only our own sub-tree is visible (cgroup namespace)
    if [ "$CG" = v2 ]; then
        mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$R/sys/fs/cgroup"
    else
        mount -t tmpfs -o mode=755,nosuid,nodev,noexec cgroup "$R/sys/fs/cgroup"
        while IFS=: read -r _ ctl _; do
            case $ctl in
                '') d=unified ty=cgroup2 o= ;;
                name=*) d=${ctl#name=} ty=cgroup o=,none,$ctl ;;
                *) d=$ctl ty=cgroup o=,$ctl ;;
            esac
            mkdir "$R/sys/fs/cgroup/$d"; mount -t $ty -o "nosuid,nodev,noexec$o" cgroup "$R/sys/fs/cgroup/$d"
        done < /proc/self/cgroup
    fi
    # --- binds asked for
    while IFS='|' read -r mode src dst; do
        [ -n "$mode" ] || continue
        if [ -d "$src" ]; then mkdir -p "$R$dst"; else mkdir -p "$(dirname "$R$dst")"; touch "$R$dst"; fi
        mount --bind "$src" "$R$dst"; [ "$mode" = rw ] || mount -o remount,bind,ro "$R$dst"
    done < "$S/binds"
    # --- hostname (UTS namespace), then switch root and become systemd
    hostname "$(cat "$S/name")"; cp "$S/name" "$R/etc/hostname"
    printf '127.0.0.1 localhost %s\n::1 localhost\n' "$(cat "$S/name")" > "$R/etc/hosts"
    drop=$(cat "$S/drop")
    cd "$R"; mkdir -p .oldroot; pivot_root . .oldroot; cd /
    umount -l /.oldroot; rmdir /.oldroot
    mount --make-rshared /          # as on a booted machine; LoadCredential= and mount propagation need it
    ulimit -Hn 1048576 2>/dev/null || true
    exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb container=sdtest \
        setpriv --bounding-set="$drop" --inh-caps="$drop" /lib/systemd/systemd --unit=default.target --show-status=no --log-target=journal 3<&- </dev/null
fi

######################################################################## outer
cg_list() { # "MOUNTPOINT REL" of this process in every mounted hierarchy
    while IFS=: read -r _ ctl rel; do
        case $ctl in
            '') mp=$(findmnt -rn -t cgroup2 -o TARGET | head -1) ;;
            name=*) mp=$(findmnt -rn -t cgroup -o TARGET,OPTIONS | awk -v c="$ctl" '$2 ~ "(^|,)" c "(,|$)"{print $1; exit}') ;;
            *) mp=$(findmnt -rn -t cgroup -o TARGET,OPTIONS | awk -v c="${ctl%%,*}" '$2 ~ "(^|,)" c "(,|$)"{print $1; exit}') ;;
        esac
        [ -z "$mp" ] || echo "$mp${rel%/}"
    done < /proc/self/cgroup
}
up() {
    NET=private; CG=hybrid; SIZE=2g; BT=20; KEEP=; BINDS=()
    while [ $# -gt 1 ]; do case $1 in
        --bind|--bind-ro) m=rw; [ "$1" = --bind ] || m=ro; s=${2%%:*}; d=${2#*:}; s=$(readlink -f "$s"); [ "${2#*:}" != "$2" ] || d=$s; BINDS+=("$m|$s|$d"); shift 2 ;;
        --net) NET=$2; shift 2 ;; --cgroup) CG=$2; shift 2 ;; --size) SIZE=$2; shift 2 ;; --keep) mkdir -p "$2"; KEEP=$(readlink -f "$2"); shift 2 ;; --boot-timeout) BT=$2; shift 2 ;;
        *) die "unknown option $1" ;; esac; done
    grep -qv '^0::' /proc/self/cgroup || CG=v2          # host has no v1 hierarchies at all
    S=$1; mkdir -p "$S/rw"; S=$(readlink -f "$S"); id=sdtest-$$
    echo "$id" > "$S/name"; : > "$S/console.log"; printf '%s\n' "${BINDS[@]:-}" > "$S/binds"
    # capabilities that reach beyond the container (clock, modules, raw I/O, ...) are dropped
    drop=-sys_time,-sys_module,-sys_rawio,-syslog,-wake_alarm,-mac_admin,-mac_override,-block_suspend
    [ "$NET" != host ] || drop=$drop,-net_admin
    echo "$drop" > "$S/drop"
    # one child cgroup below our own in each hierarchy: systemd never touches anything above it
    cg_list | while read -r base; do
        [ -e "$base/cgroup.clone_children" ] && [ -e "$base/cpuset.cpus" ] && NEEDCPUSET=1 || NEEDCPUSET=
        mkdir "$base/$id"
        if [ -n "$NEEDCPUSET" ]; then cat "$base/cpuset.cpus" > "$base/$id/cpuset.cpus"; cat "$base/cpuset.mems" > "$base/$id/cpuset.mems"; echo 1 > "$base/$id/cgroup.clone_children"; fi
        echo "$base/$id" >> "$S/cgroups"
    done
    ns=(--mount --uts --ipc --pid --cgroup); pre=()
    case $NET in private) ns+=(--net) ;; host) ;; *) pre=(nsenter "--net=/run/netns/$NET") ;; esac
    ( while read -r c; do echo $BASHPID > "$c/cgroup.procs"; done < "$S/cgroups"
      cd /; exec ${PDEATH:-} "${pre[@]}" unshare "${ns[@]}" --fork --kill-child=KILL --propagation private \
        bash "$SELF" __inner "$S" "$CG" "$SIZE" "$NET" "$KEEP" ) >> "$S/console.log" 2>&1 < /dev/null &
    echo $! > "$S/unshare.pid"; disown
    end=$((SECONDS+BT))
    while :; do                                        # leader = the namespace's PID 1
        L=$(cat "/proc/$(cat "$S/unshare.pid")/task/$(cat "$S/unshare.pid")/children" 2>/dev/null | tr -d ' ') || L=
        [ -n "$L" ] && [ "$(cat "/proc/$L/comm" 2>/dev/null)" = systemd ] && [ -S "/proc/$L/root/run/systemd/private" ] && break
        kill -0 "$(cat "$S/unshare.pid")" 2>/dev/null && [ $SECONDS -lt $end ] || { cat "$S/console.log" >&2; down "$S"; die "systemd did not start"; }
        sleep 0.02
    done
    echo "$L" > "$S/leader.pid"
    st=$(timeout "$BT" "$SELF" exec "$S" systemctl is-system-running --wait) || true
    case $st in running|degraded) ;; *) cat "$S/console.log" >&2; down "$S"; die "boot ended in state '$st'" ;; esac
    echo "$st" > "$S/state"
}
sdexec() {
    S=$1; shift; [ "${1:-}" != -- ] || shift
    L=$(cat "$S/leader.pid")
    # commands join the container's init.scope, so they die with it
    ( cd /; while read -r c; do [ -d "$c/init.scope" ] && t=$c/init.scope || t=$c; echo $BASHPID > "$t/cgroup.procs" 2>/dev/null || true; done < "$S/cgroups"
      drop=$(cat "$S/drop")
      # env: a builtin (kill!) would run in this sh, which is still in the pid namespace outside
      # --no-fork + a plain sh: nsenter's own fork stops itself (and hangs `systemctl poweroff`) when its child is SIGSTOPped
      exec nsenter --no-fork -t "$L" -m -u -i -n -p -C --wdns=/ -- setpriv --bounding-set="$drop" --inh-caps="$drop" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LANG=C.UTF-8 TERM=dumb SYSTEMD_PAGER= SYSTEMD_COLORS=0 container=sdtest /bin/sh -c 'env "$@"; exit $?' sh "$@" )
}
ours() { # is the process named in file $1 ours (no pid reuse) and alive (not a zombie its parent has yet to reap)?
    [ -s "$S/$1" ] && grep -qs "/$(cat "$S/name")" "/proc/$(cat "$S/$1")/cgroup" && ! grep -qs '^State:.Z' "/proc/$(cat "$S/$1")/status"; }
down() {
    S=$1; [ -s "$S/name" ] || { rm -rf --one-file-system "${S:?}/rw" && rmdir "$S" 2>/dev/null || echo "host.sh: no test host at $S" >&2; return 0; }
    if [ "${2:-}" = --poweroff ] && ours leader.pid; then
        L=$(cat "$S/leader.pid"); kill -s RTMIN+4 "$L" 2>/dev/null || true
        for _ in $(seq 500); do kill -0 "$L" 2>/dev/null || break; sleep 0.02; done
    fi
    for f in leader.pid unshare.pid; do ours $f && kill -KILL "$(cat "$S/$f")" 2>/dev/null || true; done
    # killing PID 1 of the namespace kills everything in it and frees its mounts
    for _ in $(seq 250); do ours unshare.pid || break; sleep 0.02; done
    if [ -s "$S/cgroups" ]; then
        while read -r c; do
            for _ in $(seq 100); do [ -d "$c" ] || break; find "$c" -depth -type d -exec rmdir {} + 2>/dev/null || true; [ -d "$c" ] && sleep 0.02; done
        done < "$S/cgroups"
    fi
    rm -rf --one-file-system "$S"
}
case ${1:-} in
    up) shift; up "$@" ;;
    exec) shift; rc=0; sdexec "$@" || rc=$?; exit $rc ;;
    down) shift; down "$@" ;;
    gc) for d in /run/sdtest.*; do [ -s "$d/name" ] || continue; S=$d; ours leader.pid || ours unshare.pid || down "$d"; done ;;
    run) shift; OPTS=()
        while [ $# -gt 0 ]; do case $1 in --) shift; break ;; --*) OPTS+=("$1" "$2"); shift 2 ;; *) break ;; esac; done
        [ $# -gt 0 ] || die "run: no command"
        PDEATH="setpriv --pdeathsig KILL"     # nothing survives even a SIGKILL of this script
        ST=$(mktemp -d /run/sdtest.XXXXXX); trap 'down "$ST"' EXIT; trap 'exit 130' INT TERM HUP
        up "${OPTS[@]}" "$ST"; rc=0; sdexec "$ST" "$@" || rc=$?; exit $rc ;;
    hold) shift; ST=${!#}; PDEATH="setpriv --pdeathsig KILL"; trap 'down "$ST"' EXIT; trap 'exit 130' INT TERM HUP
        up "$@"; echo "ready $(cat "$ST/leader.pid")"; cat > /dev/null ;;
    *) sed -n '2,/^set -eu/p' "$SELF" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
