# The npm packages that the tests drive: tests/js/package-lock.json, installed into build/js. Sourced
# by the scripts; not run by itself.

# npm_need: installs them. Quick when nothing has changed.
npm_need() {
    local from=tests/js to=build/js

    cmp -s $from/package-lock.json $to/installed.json && return 0
    mkdir -p $to
    rm -f $to/installed.json
    cp $from/package.json $from/package-lock.json $from/.npmrc $to/ || return 1
    (cd $to && npm ci --no-progress >&2) || return 1
    cp $from/package-lock.json $to/installed.json
}
