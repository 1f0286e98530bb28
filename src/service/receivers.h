/*
 * Which receivers webhooks may reach. Whoever may make a webhook must not thereby reach what only
 * this machine can: loopback, private and link-local networks, the metadata service of a cloud.
 *
 * A name says nothing of where it leads, and may lead elsewhere the next time. What counts is the
 * address at the moment of connecting (receivers_allow); receivers_check only tells the user early.
 */
#ifndef SERVICE_RECEIVERS_H
#define SERVICE_RECEIVERS_H

#include <sys/socket.h>

#include "base/error.h"
#include "base/scoped.h"

struct receivers;

/* ALLOW_PRIVATE is "false", "true", or networks that may be reached though they are private
 * ("10.1.0.0/16, ::1"). Fails with ERR_INVALID. */
bool receivers_new(const char *allow_private, struct receivers **out, struct error *err);
void receivers_free(struct receivers *receivers);
DEFINE_RELEASE(receivers, struct receivers)

/* Whether a connection to ADDRESS may be made. */
bool receivers_allow(const struct receivers *receivers, const struct sockaddr *address);

/* Whether URL may be a webhook's: http or https, a host, no user and no fragment, and no address
 * (in any notation, or "localhost") that may not be reached. Fails with ERR_INVALID. */
bool receivers_check(const struct receivers *receivers, const char *url, struct error *err);

#endif
