/*
 * The thread that tells webhooks of events.
 *
 * It makes deliveries of what is new in the event log, one for each webhook that wants it, and
 * sends those that are due: of one lane (an upload) one after the other, of one webhook at most
 * settings.webhooks.at_once beside each other, all of them on one libcurl multi handle, so that a
 * receiver that is slow holds up nobody else. All that must outlast a crash is in the catalog:
 * whatever has not been recorded as delivered is sent again.
 */
#ifndef JOBS_WEBHOOK_SENDER_H
#define JOBS_WEBHOOK_SENDER_H

#include "service/app.h"

struct webhook_sender;

/* Fails with ERR_UNAVAILABLE if there can be no thread. libcurl is first touched when there is a
 * webhook. */
bool webhook_sender_start(struct app *app, struct webhook_sender **out, struct error *err);
/* What is under way is cut off, and sent again after the next start. */
void webhook_sender_free(struct webhook_sender *sender);
DEFINE_RELEASE(webhook_sender, struct webhook_sender)

/* How long after its ATTEMPTSth failure (from 1) a delivery is tried again: FIRST_US, doubling up
 * to three hours, with CHANCE (any number) moving it by a fifth at most. */
int64_t webhook_backoff_us(int64_t first_us, int64_t attempts, uint32_t chance);

#endif
