# The one list of Debian packages that AudioTricks needs, and how they get there. Sourced by the
# scripts; not run by itself.

# What builds and runs the server.
packages_build="gcc libc6-dev meson ninja-build pkg-config python3 node-llhttp libsqlite3-dev libpq-dev
    libcurl4-openssl-dev libssl-dev libavformat-dev libavcodec-dev libavutil-dev
    libswresample-dev libchromaprint-dev libjansson-dev libzstd-dev zlib1g-dev libseccomp-dev
    libinih-dev libexpat1-dev ca-certificates"

# Comes with Node.js itself where that is not Debian's, and cannot be installed beside it.
packages_npm=$(command -v npm >/dev/null || echo npm)

# What its tests need besides: test runners, and programs that make audio in every format.
packages_test="libcmocka-dev python3-pytest python3-pytest-xdist python3-requests python3-jsonschema
    python3-boto3 ceph-mon ceph-osd radosgw ceph-common postgresql pgbouncer python3-psycopg2 haproxy
    nginx-light openssl curl strace sqlite3 procps systemd bash-completion clang-format-14 universal-ctags
    ffmpeg sox libsox-fmt-all flac lame opus-tools vorbis-tools speex wavpack espeak-ng
    libchromaprint-tools pocketsphinx pocketsphinx-en-us chromium nodejs $packages_npm"

# What the benchmark needs besides.
packages_bench="nginx-light wrk ffmpeg sox lame flac strace nodejs $packages_npm"

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "$0: must be root, or sudo must be there, to install packages: $*" >&2
        return 1
    fi
}

# packages_missing NAME…: prints those that are not installed.
packages_missing() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}\n' "$name" 2>/dev/null | grep -q '^ii' || echo "$name"
    done
}

# packages_need NAME…: installs what is missing. Quick when nothing is.
packages_need() {
    local missing
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    echo "installing:" $missing >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >&2 || return 1
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
        $missing >&2
}
