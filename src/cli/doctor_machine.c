#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/doctor.h"
#include "crypto/digest.h"
#include "media/media.h"

/* No machine of today is older than this program: 2024-01-01. */
#define YEAR_2024_US (INT64_C(1704067200) * US_PER_S)

static void check_clock(struct doctor *doctor)
{
    char text[TIME_RFC3339_SIZE];
    int64_t now_us = clock_now_us(&clock_system);
    int64_t before_us = clock_monotonic_us();

    time_to_rfc3339(now_us, text);
    if (now_us < YEAR_2024_US)
        doctor_fault(doctor, DOCTOR_FAIL, "clock", "set it, and keep it right with NTP",
                     "it says %s", text);
    else if (clock_monotonic_us() < before_us)
        doctor_fault(doctor, DOCTOR_FAIL, "clock", "look at the machine or its hypervisor",
                     "the steady clock goes backwards");
    else
        doctor_ok(doctor, "clock", "%s", text);
}

/* The server raises its own limit as far as it may. */
static void check_open_files(struct doctor *doctor)
{
    uint64_t connections = config_number(doctor->config, "server", "max_connections");
    uint64_t uploads = config_number(doctor->config, "server", "max_uploads");
    uint64_t wanted = connections + 2 * uploads + 64;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        doctor_fault(doctor, DOCTOR_WARN, "open files", "look at the limits of this user",
                     "the limit cannot be read");
    else if (limit.rlim_max < wanted)
        doctor_fault(doctor, DOCTOR_WARN, "open files",
                     "raise it (ulimit -Hn, LimitNOFILE= of systemd), or lower "
                     "server.max_connections",
                     "at most %" PRIu64 "; server.max_connections and server.max_uploads may need "
                     "%" PRIu64,
                     (uint64_t)limit.rlim_max, wanted);
    else
        doctor_ok(doctor, "open files", "at most %" PRIu64, (uint64_t)limit.rlim_max);
}

/* The fast making against the reference, over more than one block and a broken one. */
static void check_digests(struct doctor *doctor)
{
    scoped(digest_release) struct digest *best = digest_new(DIGEST_BEST);
    scoped(digest_release) struct digest *reference = digest_new(DIGEST_REFERENCE);
    struct digests ours, theirs;
    uint8_t bytes[4099];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 131 + (i >> 8));
    digest_update(best, bytes, sizeof bytes);
    digest_update(reference, bytes, sizeof bytes);
    digest_peek(best, &ours);
    digest_peek(reference, &theirs);
    if (memcmp(&ours, &theirs, sizeof ours) != 0)
        doctor_fault(doctor, DOCTOR_FAIL, "digests", "test this machine's memory and processor",
                     "%s computes MD5 or SHA-256 wrongly", digest_making_name(best));
    else
        doctor_ok(doctor, "digests", "MD5 and SHA-256 by %s", digest_making_name(best));
}

/* ---- media ---- */

#define WAV_HEAD_BYTES 44
#define WAV_RATE_HZ 8000
#define WAV_SAMPLES 4000 /* half a second, 8 bits */
#define WAV_BYTES (WAV_HEAD_BYTES + WAV_SAMPLES)
#define WAV_MS (WAV_SAMPLES * 1000 / WAV_RATE_HZ)

static void put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* Half a second of PCM. */
static void make_wav(uint8_t wav[static WAV_BYTES])
{
    memset(wav, 0x80, WAV_BYTES);
    memcpy(wav, "RIFF....WAVEfmt ", 16);
    put_u32(wav + 4, WAV_BYTES - 8);
    put_u32(wav + 16, 16);
    put_u32(wav + 20, 1 | 1U << 16); /* PCM, one channel */
    put_u32(wav + 24, WAV_RATE_HZ);
    put_u32(wav + 28, WAV_RATE_HZ);  /* bytes a second */
    put_u32(wav + 32, 1 | 8U << 16); /* bytes a frame, bits a sample */
    memcpy(wav + 36, "data", 4);
    put_u32(wav + 40, WAV_SAMPLES);
}

static bool probe_wav(struct doctor *doctor, struct media_facts *facts, struct error *err)
{
    const struct media_options options = {
        .processes = 1,
        .memory_bytes = config_number(doctor->config, "media", "memory"),
        .timeout_ms = config_number(doctor->config, "media", "timeout"),
    };
    scoped(media_pool_release) struct media_pool *pool = NULL;
    scoped(fd_close) int fd = memfd_create("doctor.wav", MFD_CLOEXEC);
    uint8_t wav[WAV_BYTES];

    if (fd < 0)
        return error_errno(err, "a file in memory");
    make_wav(wav);
    return fs_write_at(fd, wav, sizeof wav, 0, "a file in memory", err) &&
           media_pool_open(&options, &pool, err) &&
           media_probe(pool, fd, sizeof wav, "doctor.wav", doctor->mem, facts, err);
}

static void check_media(struct doctor *doctor)
{
    static const char advice[] = "look at the media section of the configuration, the installed "
                                 "libav libraries and what seccomp allows here";
    struct media_facts facts;
    struct error err;

    if (!probe_wav(doctor, &facts, &err))
        doctor_fault(doctor, DOCTOR_FAIL, "media process", advice, "%s", err.log);
    else if (strcmp(facts.file_type, "wav") != 0 || facts.duration_ms != WAV_MS)
        doctor_fault(doctor, DOCTOR_FAIL, "media process", advice,
                     "%d ms of WAV were taken for %" PRId64 " ms of %s", WAV_MS, facts.duration_ms,
                     facts.file_type);
    else
        doctor_ok(doctor, "media process", "starts and reads audio");
}

void doctor_check_machine(struct doctor *doctor)
{
    check_clock(doctor);
    check_open_files(doctor);
    check_digests(doctor);
    check_media(doctor);
}
