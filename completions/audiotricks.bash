# bash completion for audiotricks; made by `audiotricks completion bash`.
# Use: source <(audiotricks completion bash)
_audiotricks()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='serve worker upload ls info get rm undelete sessions jobs quota usage cache workspace user token operator events webhooks config store verify doctor migrate completion help'
    local options='' words='' files=0 path=${COMP_WORDS[1]-}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
        return
    fi
    case $before in
    --on-duplicate)
        mapfile -t COMPREPLY < <(compgen -W 'link return reject' -- "$word")
        return
        ;;
    --role)
        mapfile -t COMPREPLY < <(compgen -W 'reader writer admin operator' -- "$word")
        return
        ;;
    --token-file | --config | --output | -o)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --data)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    esac
    case $path in
    help) words=$commands ;;
    completion) words=bash ;;
    sessions | jobs | quota | cache | workspace | user | token | operator | webhooks | store)
        ((COMP_CWORD == 2)) || path="$path ${COMP_WORDS[2]-}"
        ;;
    esac
    case $path in
    'serve')
        options=' --no-jobs --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'worker')
        options=' --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'upload')
        options=' --parallel --connections --chunked-from --name --on-duplicate --no-skip --any --server --token-file --data --workspace --retries --json --help'
        files=1
        ;;
    'ls')
        options=' --status --trash --type --sha256 --after --before --sort --limit --all --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'info')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'get')
        options=' --output --force --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'rm')
        options=' --permanent --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'undelete')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'sessions')
        options='--help'
        words='ls rm'
        ;;
    'sessions ls')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'sessions rm')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'jobs')
        options='--help'
        words='ls show cancel retry'
        ;;
    'jobs ls')
        options=' --kind --status --upload --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'jobs show')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'jobs cancel')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'jobs retry')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'quota')
        options='--help'
        words='show set'
        ;;
    'quota show')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'quota set')
        options=' --storage --files --file-size --monthly-uploads --retention-days --archive-days --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'usage')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'cache')
        options='--help'
        words='stats clear'
        ;;
    'cache stats')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'cache clear')
        options=' --type --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'workspace')
        options='--help'
        words='ls add rename rm'
        ;;
    'workspace ls')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'workspace add')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'workspace rename')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'workspace rm')
        options=' --force --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'user')
        options='--help'
        words='ls add disable enable rm'
        ;;
    'user ls')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'user add')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'user disable')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'user enable')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'user rm')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'token')
        options='--help'
        words='ls add revoke'
        ;;
    'token ls')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'token add')
        options=' --role --user --name --expires --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'token revoke')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'operator')
        options='--help'
        words='ls add replace revoke'
        ;;
    'operator ls')
        options=' --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'operator add')
        options=' --name --expires --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'operator replace')
        options=' --all --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'operator revoke')
        options=' --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'events')
        options=' --since --types --limit --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'webhooks')
        options='--help'
        words='ls add rm test'
        ;;
    'webhooks ls')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'webhooks add')
        options=' --events --description --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'webhooks rm')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'webhooks test')
        options=' --server --token-file --data --workspace --retries --json --help'
        files=0
        ;;
    'config')
        options=' --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'store')
        options='--help'
        words='lifecycle adopt class restore'
        ;;
    'store lifecycle')
        options=' --set --transitions --remove --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'store adopt')
        options=' --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'store class')
        options=' --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'store restore')
        options=' --days --tier --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'verify')
        options=' --quota --stores --content --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'doctor')
        options=' --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'migrate')
        options=' --from --config --json --help --listen --data --database --server-base-url --server-trusted-proxies --server-cors-origins --server-workers-max --server-stop-grace --server-socket-mode --server-accel-prefix --server-head-timeout --server-idle-timeout --server-min-body-rate --server-min-send-rate --server-max-connections --server-max-connections-per-address --server-node-lease --server-sweep-every --server-max-uploads --uploads-accept --uploads-formats --uploads-max-file-size --uploads-chunk-threshold --uploads-max-chunk-duration --uploads-session-ttl --uploads-shared-staging --chunks-format --chunks-sample-rate --chunks-channels --chunks-bits --chunks-boundaries --chunks-overlap --chunks-max-bytes --quota-max-storage-bytes --quota-max-file-count --quota-max-file-size --quota-max-monthly-uploads --media-processes --media-memory --media-timeout --media-work-timeout --cache-ttl --cache-max-bytes-per-workspace --cache-max-entry-bytes --cache-compress-above --cache-keep-after-purge --jobs-enabled --jobs-workers --jobs-lease --jobs-retry-delay --jobs-keep --jobs-waiting-max --jobs-scratch --events-keep-days --events-max-streams --events-max-streams-per-workspace --webhooks-allow-private --webhooks-timeout --webhooks-retry-for --webhooks-retry-first --webhooks-keep-days --webhooks-max-per-workspace --webhooks-at-once --log-level --log-format'
        files=0
        ;;
    'completion')
        options=' --json --help'
        files=0
        ;;
    'help')
        options=' --json --help'
        files=0
        ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif ((files)); then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    fi
}
complete -o filenames -o bashdefault -F _audiotricks audiotricks
