/*
 * riacho init, validate, schema, manual.
 */
#include "cmd/cmd_setup.h"

#include "base/fs.h"
#include "base/logger.h"
#include "base/mem.h"
#include "base/str.h"
#include "river/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

const struct cmd_option schema_options[] = {
    {"markdown", 0, NULL, "Writes the reference page in place of the JSON Schema."},
    {NULL, 0, NULL, NULL},
};

/* Never overwrites: what is there is somebody's work. */
static int write_new_file(const char *path, const char *text, struct err *err)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const size_t size = strlen(text);

    if (fd < 0 && errno == EEXIST) {
        err_set(err, ERR_USAGE, "\"%s\" is there already", path);
        return err_hint(err, "Give another folder: riacho init DIR.");
    }
    if (fd < 0)
        return err_errno(err, "could not make \"%s\"", path);
    if (write(fd, text, size) != (ssize_t)size || close(fd) != 0)
        return err_errno(err, "could not write \"%s\"", path);
    return 0;
}

int cmd_init(const struct cmd_line *line, struct err *err)
{
    const char *dir = line->arg_count ? line->args[0] : ".";
    char *path = mem_fmt("%s/pipeline.yaml", dir);
    int made = fs_make_dirs(dir, 0777, err);

    if (made == 0)
        made = write_new_file(path, pipeline_template(), err);
    if (made == 0)
        log_info("wrote %s\nnext: riacho validate %s, then riacho run %s", path, path, path);
    free(path);
    return made;
}

int cmd_validate(const struct cmd_line *line, struct err *err)
{
    AUTO(pipeline) pipeline = {0};
    AUTO(faults) faults = {0};
    AUTO(buf) text = {0};
    const int valid = pipeline_read(&pipeline, line->args[0], &faults, err);

    if (line->json) {
        faults_put_json(&faults, &text);
        puts(buf_text(&text));
    } else
        faults_print(&faults, stderr);
    TRY(valid);
    if (!line->json && !line->quiet)
        printf("%s: pipeline \"%s\" is valid\n", line->args[0], pipeline.name);
    return 0;
}

int cmd_schema(const struct cmd_line *line, struct err *err)
{
    AUTO(buf) text = {0};

    (void)err;
    if (cmd_flag(line, "markdown"))
        pipeline_put_reference(&text);
    else
        pipeline_put_schema(&text);
    fputs(buf_text(&text), stdout);
    return 0;
}

int cmd_manual(const struct cmd_line *line, struct err *err)
{
    const char *format = line->args[0];
    AUTO(buf) text = {0};

    if (str_same(format, "markdown"))
        cmd_put_markdown(&text);
    else if (str_same(format, "man"))
        cmd_put_man(&text);
    else
        TRY(cmd_put_completion(&text, format, err));
    fputs(text.data, stdout);
    return 0;
}
