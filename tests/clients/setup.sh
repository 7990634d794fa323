#!/usr/bin/env bash
# Installs the real clients that tests/clients/main.rs runs.
#
# Usage: tests/clients/setup.sh [FOLDER]       (FOLDER: default target/clients)
#
# Leaves FOLDER/state/PART.ready or FOLDER/state/PART.missing for each part below; a missing one
# holds the reason. Runs again at little cost. Debian's packages go where apt puts them, with their
# daemons kept from starting; everything else goes into FOLDER. Needs root and apt for carbon-relay,
# carbon-c-relay, collectd, collectd-http, nc.openbsd and dropwizard, npm for statsd and kairosdb-npm,
# Python with venv for python and kairosdb-python, for graphite also cairo, which apt installs, for
# dropwizard a JDK besides, and for kairosdb and kairosdb-older Maven, which apt installs with a Java, and whatever
# repository it knows.
set -uo pipefail

folder=${1:-target/clients}
mkdir -p "$folder/state" || exit 1
folder=$(cd "$folder" && pwd)
state=$folder/state

# Two test runs at once would install over each other.
exec 9>"$folder/lock"
flock -w 600 9 || { echo "setup.sh: another set-up holds $folder/lock for 10 minutes" >&2; exit 1; }

ready() { rm -f "$state/$1.missing"; echo "${2:-}" >"$state/$1.ready"; }
missing() { rm -f "$state/$1.ready"; echo "$2" >"$state/$1.missing"; }

# The end of a log, as a reason on one line.
tail_of() { tail -n 3 "$1" | tr '\n' ' ' | cut -c1-300; }

# A Debian package must not start its daemon: policy-rc.d says no while we install.
policy=/usr/sbin/policy-rc.d
kept=$folder/policy-rc.d.kept
restore_policy() { if [ -e "$kept" ]; then mv -f "$kept" "$policy"; else rm -f "$policy"; fi; }
install_debian() {
    local log=$folder/apt.log status=0
    # Another clone's set-up may be at it, with a policy of its own.
    exec 8>/run/corelane-clients.lock
    flock -w 300 8 || { echo "another set-up holds /run/corelane-clients.lock" >"$log"; return 1; }
    if [ -e "$policy" ]; then cp -p "$policy" "$kept"; else rm -f "$kept"; fi
    trap restore_policy EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
    export DEBIAN_FRONTEND=noninteractive
    timeout 300 apt-get install -o DPkg::Lock::Timeout=120 -y --no-install-recommends "$@" >"$log" 2>&1 ||
        { timeout 120 apt-get update >"$log" 2>&1 &&
            timeout 300 apt-get install -o DPkg::Lock::Timeout=120 -y --no-install-recommends "$@" >>"$log" 2>&1; } || status=1
    restore_policy
    trap - EXIT
    return $status
}

declare -A package=([carbon-relay]=graphite-carbon [carbon-c-relay]=carbon-c-relay [collectd]=collectd-core [nc.openbsd]=netcat-openbsd)
jars=(/usr/share/java/metrics-core.jar /usr/share/java/metrics-graphite.jar /usr/share/java/slf4j-api.jar)
have_jars() { local jar; for jar in "${jars[@]}"; do [ -e "$jar" ] || return 1; done; }
wanted=()
for part in "${!package[@]}"; do
    command -v "$part" >/dev/null 2>&1 || wanted+=("${package[$part]}")
done
have_jars || wanted+=(libdropwizard-metrics-java libslf4j-java)
have_cairo() { compgen -G '/usr/lib/*/libcairo.so.2' >/dev/null || compgen -G '/usr/lib*/libcairo.so.2' >/dev/null; }
have_cairo || wanted+=(libcairo2)
command -v mvn >/dev/null || wanted+=(maven)
# The package of collectd does not ask for what this plugin needs.
write_http=/usr/lib/collectd/write_http.so
have_write_http() { [ -e $write_http ] && ! ldd $write_http | grep -q 'not found'; }
have_write_http || wanted+=(libyajl2 libcurl3-gnutls)
reason=""
if [ ${#wanted[@]} -gt 0 ]; then
    if ! command -v apt-get >/dev/null; then
        reason="not installed, and there is no apt-get here"
    elif [ "$(id -u)" != 0 ]; then
        reason="not installed, and apt-get needs root: run 'apt-get install --no-install-recommends ${wanted[*]}'"
    else
        install_debian "${wanted[@]}" || reason="apt-get failed: $(tail_of "$folder/apt.log")"
    fi
fi
for part in "${!package[@]}"; do
    if command -v "$part" >/dev/null 2>&1; then ready "$part" "$(command -v "$part")"
    else missing "$part" "${reason:-${package[$part]} was installed but has no $part}"; fi
done
if have_write_http; then ready collectd-http $write_http
else missing collectd-http "${reason:-$write_http lacks a library}"; fi
if ! have_jars; then missing dropwizard "${reason:-libdropwizard-metrics-java was installed but lacks a jar}"
elif ! command -v javac >/dev/null; then missing dropwizard "there is no JDK here: javac is not on PATH"
else ready dropwizard "$(IFS=:; echo "${jars[*]}")"; fi

statsd=0.9.0
if [ -f "$folder/npm/node_modules/statsd/stats.js" ]; then ready statsd $statsd
elif ! command -v npm >/dev/null; then missing statsd "npm is not installed"
elif mkdir -p "$folder/npm" && (cd "$folder/npm" && echo '{"private":true}' >package.json &&
    timeout 180 npm install --ignore-scripts --no-audit --no-fund "statsd@$statsd" >"$folder/npm.log" 2>&1); then
    ready statsd $statsd
else missing statsd "npm install failed: $(tail_of "$folder/npm.log")"; fi

pip=(graphyte==1.7.1 graphitesend==0.10.0 graphitepusher==0.5.0 aiographite==0.2.0 pyformance==0.4)
if [ "$(cat "$folder/venv/installed" 2>/dev/null)" = "${pip[*]}" ]; then ready python "${pip[*]}"
elif ! command -v python3 >/dev/null; then missing python "python3 is not installed"
elif rm -rf "$folder/venv" && python3 -m venv "$folder/venv" >"$folder/pip.log" 2>&1 &&
    timeout 300 "$folder/venv/bin/pip" install --disable-pip-version-check -q "${pip[@]}" >>"$folder/pip.log" 2>&1; then
    echo "${pip[*]}" >"$folder/venv/installed"
    ready python "${pip[*]}"
else missing python "a Python venv with ${pip[*]} failed: $(tail_of "$folder/pip.log")"; fi

# The versions that graphite-web asks for, pinned; what it needs of setuptools newer Pythons lack.
web=(graphite-web==1.1.10 Django==3.0.14 django-tagging==0.4.3 whisper==1.1.10 cairocffi==1.7.1 cffi==2.1.1
    pyparsing==3.3.3 pytz==2026.6 six==1.17.0 urllib3==2.8.0 msgpack==1.2.4 sqlparse==0.6.1 asgiref==3.13.0
    setuptools==65.5.0)
venv=$folder/graphite
if ! have_cairo; then missing graphite "${reason:-libcairo2 was installed but has no library}"
elif [ "$(cat "$venv/installed" 2>/dev/null)" = "${web[*]}" ]; then ready graphite "${web[0]}"
elif ! command -v python3 >/dev/null; then missing graphite "python3 is not installed"
elif rm -rf "$venv" && python3 -m venv "$venv" >"$folder/graphite.log" 2>&1 &&
    timeout 300 "$venv/bin/pip" install --disable-pip-version-check -q "${web[@]}" >>"$folder/graphite.log" 2>&1; then
    echo "${web[*]}" >"$venv/installed"
    ready graphite "${web[0]}"
else missing graphite "a Python venv with ${web[*]} failed: $(tail_of "$folder/graphite.log")"; fi

# What speaks KairosDB, in places of its own: some of them have modules of one name.
pip=(potsdb==1.0.3 opentsdb-py==0.6.0 kairosdb-python==0.0.1 httpx==0.28.1 httpcore==1.0.9 h11==0.16.0 anyio==4.16.0
    pandas==3.1.1 numpy==2.4.6 python-dateutil==4.0.0 requests==2.34.2 urllib3==2.8.0)
apart=(python-kairosdb==0.2.1 opentsdb-client==0.6.1)
venv=$folder/kairosdb-python
install_apart() {
    local one
    for one in "${apart[@]}"; do
        timeout 120 "$venv/bin/pip" install --disable-pip-version-check -q --no-deps --target "$venv/apart/${one%%=*}" "$one" || return 1
    done
}
if [ "$(cat "$venv/installed" 2>/dev/null)" = "${pip[*]} ${apart[*]}" ]; then ready kairosdb-python "${pip[*]} ${apart[*]}"
elif ! command -v python3 >/dev/null; then missing kairosdb-python "python3 is not installed"
elif rm -rf "$venv" && python3 -m venv "$venv" >"$folder/kairosdb-python.log" 2>&1 &&
    timeout 300 "$venv/bin/pip" install --disable-pip-version-check -q "${pip[@]}" >>"$folder/kairosdb-python.log" 2>&1 &&
    install_apart >>"$folder/kairosdb-python.log" 2>&1; then
    echo "${pip[*]} ${apart[*]}" >"$venv/installed"
    ready kairosdb-python "${pip[*]} ${apart[*]}"
else missing kairosdb-python "a Python venv with ${pip[*]} ${apart[*]} failed: $(tail_of "$folder/kairosdb-python.log")"; fi

npm=(kairosdb@0.0.3 statsd-kairosdb-backend@0.0.2 statsd-opentsdb-backend@0.1.0)
if [ "$(cat "$folder/kairosdb-npm/installed" 2>/dev/null)" = "${npm[*]}" ]; then ready kairosdb-npm "${npm[*]}"
elif ! command -v npm >/dev/null; then missing kairosdb-npm "npm is not installed"
elif mkdir -p "$folder/kairosdb-npm" && (cd "$folder/kairosdb-npm" && echo '{"private":true}' >package.json &&
    timeout 180 npm install --ignore-scripts --no-audit --no-fund "${npm[@]}" >"$folder/kairosdb-npm.log" 2>&1); then
    echo "${npm[*]}" >"$folder/kairosdb-npm/installed"
    ready kairosdb-npm "${npm[*]}"
else missing kairosdb-npm "npm install failed: $(tail_of "$folder/kairosdb-npm.log")"; fi

# The real KairosDB: its jars, by the pom beside the tests that start it.
pom=$(dirname "${BASH_SOURCE[0]}")/kairosdb/pom.xml
jars=$folder/kairosdb
if cmp -s "$pom" "$jars/installed"; then ready kairosdb "$jars"
elif ! command -v java >/dev/null; then missing kairosdb "there is no Java here"
elif ! command -v mvn >/dev/null; then missing kairosdb "${reason:-there is no Maven here}"
elif rm -rf "$jars" && timeout 300 mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$jars" >"$folder/kairosdb.log" 2>&1; then
    cp "$pom" "$jars/installed"
    ready kairosdb "$jars"
else missing kairosdb "Maven did not get it: $(tail_of "$folder/kairosdb.log")"; fi

# Of older releases only the jar, for the configuration that each ships.
older=(1.0.0-1 1.1.3-1 1.2.1-1)
fetch_older() {
    local version plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy
    for version in "${older[@]}"; do
        timeout 120 mvn -q -B "$plugin" -Dartifact="org.kairosdb:kairosdb:$version" \
            -DoutputDirectory="$folder/kairosdb-older" || return 1
    done
}
if [ "$(cat "$folder/kairosdb-older/installed" 2>/dev/null)" = "${older[*]}" ]; then ready kairosdb-older "$folder/kairosdb-older"
elif ! command -v mvn >/dev/null; then missing kairosdb-older "${reason:-there is no Maven here}"
elif fetch_older >"$folder/kairosdb-older.log" 2>&1; then
    echo "${older[*]}" >"$folder/kairosdb-older/installed"
    ready kairosdb-older "$folder/kairosdb-older"
else missing kairosdb-older "Maven did not get it: $(tail_of "$folder/kairosdb-older.log")"; fi

for file in "$state"/*.missing; do
    [ -e "$file" ] && echo "missing $(basename "$file" .missing): $(cat "$file")"
done
exit 0
