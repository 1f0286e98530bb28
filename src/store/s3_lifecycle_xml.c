#include "store/s3_lifecycle_xml.h"

#include <string.h>

#include "base/scoped.h"
#include "base/str.h"
#include "store/s3_xml.h"
#include "store/s3_xml_walk.h"

#define DAYS_MAX 36500

struct reading {
    struct s3_xml_walk walk;
    struct arena *mem;
    const char *id; /* ours */
    struct s3_lifecycle *out;
    struct buf others;

    const char *start; /* of the rule that is open */
    bool is_ours, is_changed, is_enabled;
    struct store_lifecycle rule;
};

static struct reading *reading_of(struct s3_xml_walk *walk)
{
    return container_of(walk, struct reading, walk);
}

/* ---- one rule ---- */

static void on_begin(struct s3_xml_walk *walk, unsigned depth, const char *name)
{
    struct reading *self = reading_of(walk);

    if (depth == 2 && strcmp(name, "Rule") == 0) {
        self->start = s3_xml_walk_at(walk);
        self->is_ours = self->is_changed = self->is_enabled = false;
        self->rule = (struct store_lifecycle){.prefix = ""};
    } else if (depth == 3 && strcmp(name, "Transition") == 0) {
        if (self->rule.count == STORE_TRANSITIONS_MAX)
            self->is_changed = true;
        else
            self->rule.transitions[self->rule.count++] =
                (struct store_transition){.storage_class = ""};
    }
}

/* Of the transition that came last. */
static void transition_part(struct reading *self, const char *name, const char *text)
{
    struct store_transition *last;
    uint64_t days;

    if (self->rule.count == 0 || self->is_changed)
        return;
    last = &self->rule.transitions[self->rule.count - 1];
    if (strcmp(name, "Days") == 0 && str_to_u64(str_from(text), DAYS_MAX, &days))
        last->days = (unsigned)days;
    else if (strcmp(name, "StorageClass") == 0)
        last->storage_class = arena_strdup(self->mem, text);
    else
        self->is_changed = true;
}

static void rule_part(struct reading *self, const char *name, const char *text)
{
    if (strcmp(name, "ID") == 0)
        self->is_ours = strcmp(text, self->id) == 0;
    else if (strcmp(name, "Status") == 0)
        self->is_enabled = strcmp(text, "Enabled") == 0;
    else if (strcmp(name, "Prefix") == 0) /* as it was said before there were filters */
        self->rule.prefix = arena_strdup(self->mem, text);
    else if (strcmp(name, "Filter") != 0 && strcmp(name, "Transition") != 0)
        self->is_changed = true;
}

static void rule_ended(struct reading *self)
{
    const char *end = s3_xml_walk_at(&self->walk);

    if (self->is_ours) {
        self->out->own = self->rule;
        self->out->is_changed = self->is_changed || !self->is_enabled;
        return;
    }
    /* END is where "</Rule>" begins, which is well-formed: a '>' follows. */
    buf_add(&self->others, self->start, (size_t)(strchr(end, '>') + 1 - self->start));
}

static void on_end(struct s3_xml_walk *walk, unsigned depth, const char *parent, const char *name,
                   const char *text)
{
    struct reading *self = reading_of(walk);

    if (depth == 2 && strcmp(name, "Rule") == 0)
        rule_ended(self);
    else if (depth == 3)
        rule_part(self, name, text);
    else if (depth == 4 && strcmp(parent, "Transition") == 0)
        transition_part(self, name, text);
    else if (depth == 4 && strcmp(parent, "Filter") == 0 && strcmp(name, "Prefix") == 0)
        self->rule.prefix = arena_strdup(self->mem, text);
    else if (depth >= 4)
        self->is_changed = true;
}

bool s3_lifecycle_parse(const char *bytes, size_t length, const char *id, struct arena *mem,
                        struct s3_lifecycle *out, struct error *err)
{
    scoped(buf_release) struct buf others = {0};
    const char *text = arena_strndup(mem, bytes, length); /* with a NUL, for strchr */
    struct s3_lifecycle found = {.own.prefix = ""};
    struct reading reading = {.walk = {.begun = on_begin, .ended = on_end}, .mem = mem, .id = id};
    bool ok;

    reading.out = &found;
    buf_init(&reading.others, S3_XML_MAX);
    ok = s3_xml_walk(&reading.walk, text, strlen(text)) && !reading.others.overflow &&
         strcmp(reading.walk.root, "LifecycleConfiguration") == 0;
    others = reading.others;
    if (!ok)
        return error_set(err, ERR_UNAVAILABLE, "the provider's lifecycle cannot be read");
    found.others = arena_strdup(mem, others.length ? others.bytes : "");
    *out = found;
    return true;
}

/* ---- writing ---- */

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : NULL;

        if (*text == '>')
            entity = "&gt;";
        if (entity)
            buf_add_text(out, entity);
        else
            buf_add(out, text, 1);
    }
}

static void add_own(const struct store_lifecycle *own, const char *id, struct buf *out)
{
    buf_printf(out, "<Rule><ID>%s</ID><Filter><Prefix>", id);
    add_escaped(out, own->prefix);
    buf_add_text(out, "</Prefix></Filter><Status>Enabled</Status>");
    for (size_t i = 0; i < own->count; i++)
        buf_printf(out, "<Transition><Days>%u</Days><StorageClass>%s</StorageClass></Transition>",
                   own->transitions[i].days, own->transitions[i].storage_class);
    buf_add_text(out, "</Rule>");
}

void s3_lifecycle_format(const struct s3_lifecycle *lifecycle, const char *id, struct buf *out)
{
    if (lifecycle->own.count == 0 && !*lifecycle->others)
        return;
    buf_add_text(out, "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    buf_add_text(out, lifecycle->others);
    if (lifecycle->own.count > 0)
        add_own(&lifecycle->own, id, out);
    buf_add_text(out, "</LifecycleConfiguration>");
}
